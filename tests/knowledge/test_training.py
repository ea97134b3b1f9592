"""Learning the weights: on planted examples it finds what was planted."""

import json

import numpy as np

from knowledge.calibration import read_weights
from knowledge.ranker import RANK_FEATURES
from knowledge.training.fit import Example, learn, to_json

TELLING = RANK_FEATURES.index("dense_best")
TEACHING = RANK_FEATURES.index("taught")


def planted(n: int, seed: int, taught: bool = False) -> list[Example]:
    """Questions whose right article has the higher likeness; every third has none."""
    chance = np.random.default_rng(seed)
    found = []
    for number in range(n):
        features = chance.uniform(0.1, 0.5, (5, len(RANK_FEATURES)))
        right = np.zeros(5, dtype=np.bool_)
        if number % 3:
            right[number % 5] = True
            features[number % 5, TELLING] = chance.uniform(0.6, 0.9)
        features[:, TEACHING] = 2 * right - 1.0 if taught else 0.0
        found.append(Example("ab"[number % 2], features, right, taught))
    return found


def test_what_tells_gets_the_weight() -> None:
    learned = learn(planted(300, seed=1), taught=False)
    assert learned.rank.argmax() == TELLING
    fresh = [e for e in planted(90, seed=2) if e.right.any()]
    hits = [e.right[(e.features @ learned.rank).argmax()] for e in fresh]
    assert np.mean(hits) > 0.95
    assert (learned.right[:-1] >= 0).all()


def test_what_phrasings_teach_counts_only_where_they_do() -> None:
    seen = [*planted(300, seed=4), *planted(300, seed=5, taught=True)]
    plain, taught = learn(seen, taught=False), learn(seen, taught=True)
    assert plain.right[3] == 0
    assert taught.right[3] > 0, "its vote is heard beside that of the ranking"
    assert (taught.right[:-1] >= 0).all()


def test_the_file_is_read_as_it_was_written() -> None:
    seen = [*planted(300, seed=3), *planted(300, seed=6, taught=True)]
    text = to_json(seen)
    assert to_json(seen) == text
    weights = read_weights(json.loads(text))
    assert weights.name.startswith("ranker-")
    for judge in (weights.plain, weights.taught):
        assert judge.calibration.thresholds(0.05).answer < 1
