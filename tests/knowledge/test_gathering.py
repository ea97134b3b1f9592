"""Missed questions find the gap they belong to: likeness, languages, restarts, many gaps."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import faiss
import numpy as np
import pytest
from sqlmodel import Session, SQLModel, create_engine, select

from knowledge import gap_questions, gaps, gathering
from knowledge.embedder import BundledEmbedder, Kind, Vectors
from knowledge.errors import GapError, UnknownGap
from knowledge.gap_questions import Asked, Missed
from knowledge.gaps import Gap
from knowledge.gathering import Gatherer, Placed, _Graph, likeness_floor
from tests.knowledge.twins import LetterEmbedder
from tests.scenarios.topics import Topics

NOW = dt.datetime(2026, 5, 4, 8, 30, tzinfo=dt.UTC)


@pytest.fixture
def session() -> Session:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    return Session(engine)


def missed(session: Session, *texts: str, asker: str = "", case: str = "") -> None:
    """Write questions down, each of a citizen of its own unless one is named."""
    for n, text in enumerate(texts):
        asked = Asked(text, Missed.UNANSWERED, asker or f"{text}{n}", case)
        assert gap_questions.record(session, asked, NOW + dt.timedelta(seconds=n))


def gather(session: Session, gatherer: Gatherer) -> list[Placed]:
    """Gather all there is, a batch at a time."""
    done = []
    while batch := gatherer.prepare(session):
        done.append(gatherer.place(session, batch))
    return done


def nothing(_text: str, _lang: str) -> str | None:
    """Know no article."""
    return None


def titles(session: Session) -> list[tuple[str, int]]:
    return [(gap.title, gap.citizens) for gap in gaps.listing(session)]


@pytest.mark.parametrize(
    "alike",
    [
        ("居住证怎么办理", "怎么办理居住证", "請問居住證怎麼辦理？"),
        ("How do I renew my passport?", "how can I renew my passport"),
    ],
)
def test_the_bundled_encoder_puts_the_same_question_together(
    session: Session, embedder: BundledEmbedder, alike: tuple[str, ...]
) -> None:
    missed(session, *alike)
    gather(session, Gatherer(embedder, nothing))
    assert titles(session) == [(alike[0], len(alike))]


@pytest.mark.parametrize(
    "other",
    [
        ("居住证怎么办理", "路灯坏了找谁修", "老人免费乘车卡在哪里领"),
        ("How do I renew my passport?", "Who repairs a broken street lamp?"),
        ("居住证怎么办理", "How do I get a residence permit?"),
    ],
)
def test_the_bundled_encoder_keeps_other_questions_and_languages_apart(
    session: Session, embedder: BundledEmbedder, other: tuple[str, ...]
) -> None:
    missed(session, *other)
    gather(session, Gatherer(embedder, nothing))
    assert [count for _, count in titles(session)] == [1] * len(other)


def test_likeness_means_the_same_with_every_encoder(embedder: BundledEmbedder) -> None:
    class Narrow(BundledEmbedder):
        """The same encoder with everything pushed towards one direction, as some models are."""

        def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
            vectors = super().encode(texts, kind) * 0.5
            vectors[:, 0] += 1.0
            unit: Vectors = vectors / (vectors**2).sum(axis=1, keepdims=True) ** 0.5
            return unit

    assert 0.7 < likeness_floor(embedder, "zh") < 0.85
    assert likeness_floor(Narrow(), "zh") > 0.9


def test_nothing_is_encoded_again_after_a_restart(session: Session) -> None:
    topics = Topics()
    topics.about("dog", "a dog", "one dog")
    missed(session, "a dog", "a cat")
    gather(session, Gatherer(topics, nothing))
    topics.encoded.clear()
    missed(session, "one dog")
    gather(session, Gatherer(topics, nothing))
    assert titles(session) == [("a dog", 2), ("a cat", 1)]
    assert not {"a dog", "a cat"} & set(topics.encoded)


def test_a_changed_model_encodes_every_gap_anew_before_it_gathers(session: Session) -> None:
    missed(session, "a dog", "a cat")
    gather(session, Gatherer(LetterEmbedder(), nothing))
    topics = Topics()
    topics.about("dog", "a dog", "one dog")
    missed(session, "one dog")
    gather(session, Gatherer(topics, nothing))
    assert titles(session) == [("a dog", 2), ("a cat", 1)]
    assert set(session.exec(select(Gap.model))) == {"topics/1"}


def test_two_new_questions_of_one_batch_meet(session: Session) -> None:
    topics = Topics()
    topics.about("dog", "a dog", "one dog")
    missed(session, "a dog", "one dog")
    (done,) = gather(session, Gatherer(topics, nothing))
    assert (done.opened, done.joined) == ([1], [1])


def test_a_batch_that_comes_twice_places_its_questions_once(session: Session) -> None:
    gatherer = Gatherer(Topics(), nothing)
    missed(session, "a dog", "a cat")
    batch = gatherer.prepare(session)
    assert batch is not None
    assert gatherer.place(session, batch).questions == 2
    assert gatherer.place(session, batch).questions == 0
    assert len(session.exec(select(Gap)).all()) == 2


def test_a_question_that_an_article_answers_opens_no_gap(session: Session) -> None:
    missed(session, "a dog", "a cat")
    (done,) = gather(session, Gatherer(Topics(), lambda text, _: "x" if "dog" in text else None))
    assert done.answered == 1
    assert titles(session) == [("a cat", 1)]


@pytest.mark.parametrize("reason", [Missed.NOT_HELPFUL, Missed.UNSOLVED])
def test_an_answer_that_was_no_help_closes_no_gap(session: Session, reason: Missed) -> None:
    gap_questions.record(session, Asked("a dog", reason, "x", "K7Q2M"), NOW)
    gather(session, Gatherer(Topics(), lambda *_: "article"))
    assert titles(session) == [("a dog", 1)]


def test_what_has_no_words_is_no_question(session: Session) -> None:
    for text in ("", "???", "👍"):
        assert not gap_questions.record(session, Asked(text, Missed.UNANSWERED, "x", ""), NOW)


def test_a_merged_gap_sends_its_questions_on(session: Session) -> None:
    topics = Topics()
    topics.about("dog", "a dog", "one dog")
    topics.about("hound", "a hound", "one hound")
    gatherer = Gatherer(topics, nothing)
    missed(session, "a dog", "a hound")
    gather(session, gatherer)
    gaps.merge(session, 1, 2)
    missed(session, "one hound")
    gather(session, gatherer)
    assert titles(session) == [("a dog", 3)]
    missed(session, "one hound", asker="late")
    gather(session, Gatherer(topics, nothing))
    assert titles(session) == [("a dog", 4)]


def test_a_question_can_be_moved_to_another_gap_and_to_a_new_one(session: Session) -> None:
    topics = Topics()
    topics.about("dog", "a dog", "one dog", "a fox")
    gatherer = Gatherer(topics, nothing)
    missed(session, "a dog", "one dog", "a fox", "a cat")
    gather(session, gatherer)
    assert titles(session) == [("a dog", 3), ("a cat", 1)]
    topics.about("fox", "a fox")
    gaps.move(session, 3, None)
    gaps.move(session, 2, 2)
    assert sorted(titles(session)) == [("a cat", 2), ("a dog", 1), ("a fox", 1)]
    missed(session, "a fox", asker="another")
    gather(session, gatherer)
    assert dict(titles(session))["a fox"] == 2


def test_a_gap_whose_first_question_left_is_named_and_found_by_what_stayed(
    session: Session,
) -> None:
    topics = Topics()
    topics.about("dog", "a dog", "a fox")
    missed(session, "a fox", "a dog")
    gather(session, Gatherer(topics, nothing))
    topics.about("fox", "a fox")
    gaps.move(session, 1, None)
    assert sorted(titles(session)) == [("a dog", 1), ("a fox", 1)]
    topics.about("dog", "one dog")
    missed(session, "one dog")
    gather(session, Gatherer(topics, nothing))
    assert dict(titles(session)) == {"a dog": 2, "a fox": 1}


def test_an_emptied_gap_closes(session: Session) -> None:
    missed(session, "a dog", "a cat")
    gather(session, Gatherer(Topics(), nothing))
    gaps.move(session, 1, 2)
    assert titles(session) == [("a cat", 2)]
    assert gaps.get(session, 1).why == "its last question was moved"


def test_what_cannot_be_is_refused_in_one_sentence(session: Session) -> None:
    missed(session, "居住证怎么办", "How do I get a permit?")
    gather(session, Gatherer(Topics(), nothing))
    refusals: tuple[Callable[[], Gap], ...] = (
        lambda: gaps.merge(session, 1, 1),
        lambda: gaps.merge(session, 1, 2),
        lambda: gaps.move(session, 1, 2),
        lambda: gaps.move(session, 1, 1),
        lambda: gaps.move(session, 9, 1),
        lambda: gaps.merge(session, 1, 9),
    )
    for refused in refusals:
        with pytest.raises(GapError) as caught:
            refused()
        assert "\n" not in str(caught.value)
    with pytest.raises(UnknownGap, match="kb gaps"):
        gaps.get(session, 9)


def test_closed_gaps_do_not_hide_a_live_one(session: Session) -> None:
    topics = Topics()
    gatherer = Gatherer(topics, nothing)
    dog, other = topics.encode(["a dog", "noise"], "query")
    beside = dog + 0.4 * other
    beside /= np.linalg.norm(beside)
    for vector in (beside, *[dog] * (gathering.NEAR + 4)):
        missed(session, "a dog")
        (question,) = gap_questions.pending(session, 1)
        gaps.open_for(session, question, vector.tobytes(), topics.fingerprint)
    missed(session, "a cat")
    gather(session, gatherer)  # takes all of them into its graph
    for gap_id in range(2, gathering.NEAR + 6):
        gaps.close(session, gap_id, "test")
    missed(session, "a dog", asker="late")
    gather(session, gatherer)
    assert gaps.get(session, 1).citizens == 2


def test_the_work_for_a_question_hardly_grows_with_the_gaps() -> None:
    graph, random = _Graph(32), np.random.default_rng(1)

    def unit(count: int) -> Vectors:
        vectors = random.standard_normal((count, 32)).astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def cost() -> int:
        """Distances worked out for a hundred searches."""
        statistics: Any = faiss.cvar
        statistics.hnsw_stats.reset()
        for vector in unit(100):
            assert len(graph.near(vector)) == gathering.NEAR
        return int(statistics.hnsw_stats.ndis)

    costs = []
    for step in range(4):
        for n, vector in enumerate(unit(2_000)):
            graph.add(step * 2_000 + n, vector)
        costs.append(cost())
    assert costs[3] < 1.5 * costs[0], "with a comparison to every gap it would be four times"
