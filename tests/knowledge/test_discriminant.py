"""What phrasings teach: which differences matter, and how sure to be, in this knowledge."""

import numpy as np
import pytest

from knowledge import discriminant
from knowledge.discriminant import BOUND, Discriminant, learn
from knowledge.embedder import Vectors

ARTICLES, PHRASINGS, DIM = 30, 8, 24
#: directions in which articles differ; in the others phrasings of one article differ far more
TELLING = 6


class Asked:
    """Made knowledge: articles apart in few directions, phrasings apart in all the others."""

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        self.means = np.zeros((2 * ARTICLES, DIM))
        self.means[:, :TELLING] = self._chance.normal(size=(2 * ARTICLES, TELLING))

    def phrase(self, articles: np.ndarray) -> Vectors:
        """Return unit vectors of shape (len(articles), DIM)."""
        noise = self._chance.normal(size=(len(articles), DIM))
        noise[:, :TELLING] *= 0.25
        found = self.means[articles] + noise
        vectors: Vectors = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
        return vectors


@pytest.fixture(scope="module")
def asked() -> Asked:
    return Asked(seed=1)


@pytest.fixture(scope="module")
def known(asked: Asked) -> tuple[Vectors, np.ndarray, Discriminant]:
    owners = np.repeat(np.arange(ARTICLES), PHRASINGS)
    vectors = asked.phrase(owners)
    found = learn(vectors, owners, ARTICLES)
    assert found is not None
    return vectors, owners, found


def test_it_finds_the_article_where_likeness_does_not(
    asked: Asked, known: tuple[Vectors, np.ndarray, Discriminant]
) -> None:
    vectors, owners, taught = known
    wanted = np.tile(np.arange(ARTICLES), 10)
    questions = asked.phrase(wanted)
    nearest = owners[(questions @ vectors.T).argmax(axis=1)]
    found = np.array([taught.log_odds(q).argmax() for q in questions])
    assert np.mean(found == wanted) > np.mean(nearest == wanted) + 0.1


def test_its_odds_mean_about_what_they_say(
    asked: Asked, known: tuple[Vectors, np.ndarray, Discriminant]
) -> None:
    """Half of what is asked has no article here; nobody has told it which."""
    wanted = np.tile(np.arange(2 * ARTICLES), 20)
    odds = np.array([known[2].log_odds(q) for q in asked.phrase(wanted)])
    right = odds.argmax(axis=1) == wanted
    stated = 1 / (1 + np.exp(-odds.max(axis=1)))
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        part = (stated >= low) & (stated < high)
        assert part.sum() > 30
        assert right[part].mean() == pytest.approx(stated[part].mean(), abs=0.2)


def test_the_odds_are_bounded(known: tuple[Vectors, np.ndarray, Discriminant]) -> None:
    odds = known[2].log_odds(np.full(DIM, 50.0, dtype=np.float32))
    assert np.isfinite(odds).all()
    assert np.abs(odds).max() <= BOUND


def test_one_question_an_article_teaches_nothing(asked: Asked) -> None:
    owners = np.arange(ARTICLES)
    assert learn(asked.phrase(owners), owners, ARTICLES) is None
    assert learn(np.zeros((0, DIM), np.float32), np.zeros(0, np.int64), 0) is None


def test_an_article_without_phrasings_stands_beside_the_others(asked: Asked) -> None:
    owners = np.repeat(np.arange(ARTICLES), PHRASINGS)
    found = learn(asked.phrase(owners), owners, ARTICLES + 3)
    assert found is not None
    wanted = np.arange(ARTICLES)
    odds = np.array([found.log_odds(q) for q in asked.phrase(wanted)])
    assert odds.shape == (ARTICLES, ARTICLES + 3)
    assert np.allclose(odds[:, ARTICLES:], found.bias), "nothing speaks for it or against it"
    assert np.mean(odds.argmax(axis=1) == wanted) > 0.5


def test_equal_phrasings_are_no_fault() -> None:
    owners = np.repeat(np.arange(ARTICLES), PHRASINGS)
    vectors = np.eye(DIM + ARTICLES, dtype=np.float32)[owners]
    found = learn(vectors, owners, ARTICLES)
    assert found is not None
    assert np.isfinite(found.log_odds(vectors[0])).all()


def test_the_trial_of_a_large_knowledge_is_bounded(
    known: tuple[Vectors, np.ndarray, Discriminant], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, owners, whole = known
    monkeypatch.setattr(discriminant, "TRIALS", ARTICLES * len(owners) // 2)
    found = learn(vectors, owners, ARTICLES)
    assert found is not None
    assert found.slope == pytest.approx(whole.slope, rel=0.5)
