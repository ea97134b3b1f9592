"""Decisions are remembered as long as nothing they depend on moves, and no longer."""

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlmodel import Session

from knowledge import articles
from knowledge.decisions import Decision
from knowledge.drafts import ArticleStatus, Draft
from knowledge.embedder import Kind, Vectors
from knowledge.memory import Asking, Memory
from knowledge.search import Knowledge, Reason
from tests.knowledge.conftest import ACT, office
from tests.knowledge.twins import LetterEmbedder

TODAY = dt.date(2026, 5, 4)
PUBLISHED = ArticleStatus.PUBLISHED


@pytest.fixture
def letters() -> LetterEmbedder:
    return LetterEmbedder()


@pytest.fixture
def desk(letters: LetterEmbedder) -> Knowledge:
    known = Knowledge(letters, today=lambda: TODAY)
    known.load(office())
    letters.encoded.clear()
    return known


def timeless(decision: Decision) -> Decision:
    return replace(decision, ms=0.0)


def test_the_same_question_is_decided_once_and_told_the_same(
    desk: Knowledge, letters: LetterEmbedder
) -> None:
    first, again = desk.ask("借书证呢", "zh"), desk.ask(" 借书证\u200b呢\n", "zh")
    assert letters.encoded == ["借书证呢"]
    assert timeless(again) == timeless(first)
    assert timeless(again).to_record() == timeless(first).to_record()
    assert again.ms < first.ms


def test_what_was_remembered_is_what_would_be_decided_anew(desk: Knowledge) -> None:
    texts = ["借书证呢", "狗要登记吗", "old sofa", "???"]
    remembered = [timeless(desk.ask(t)) for t in texts for _ in range(2)][1::2]
    desk.load(office())
    assert [timeless(desk.ask(t)) for t in texts] == remembered


@pytest.mark.parametrize(
    "ask",
    [
        lambda known: known.ask("借书证哪"),
        lambda known: known.ask("借书证呢", "en"),
        lambda known: known.ask("借书证呢", depth=1),
    ],
    ids=["text", "language", "depth"],
)
def test_another_asking_is_decided_by_itself(
    desk: Knowledge, letters: LetterEmbedder, ask: object
) -> None:
    desk.ask("借书证呢")
    assert callable(ask)
    ask(desk)
    assert len(letters.encoded) == 2


def test_a_new_version_is_asked_anew(session: Session, letters: LetterEmbedder) -> None:
    known = Knowledge(letters, today=lambda: TODAY)
    known.refresh(session)
    assert known.ask("借书证怎么办理").reason is Reason.NO_ARTICLES
    articles.save(session, office()[0], ACT, PUBLISHED)
    session.commit()
    known.refresh(session)
    assert known.ask("借书证怎么办理").match is not None
    articles.save(session, replace(office()[0], answer="请到二楼。"), ACT, PUBLISHED)
    session.commit()
    known.refresh(session)
    found = known.ask("借书证怎么办理").match
    assert found is not None
    assert found.answer == "请到二楼。"


def test_what_is_loaded_replaces_what_was_remembered_whatever_its_version(
    desk: Knowledge,
) -> None:
    desk.ask("借书证怎么办理")
    desk.load([], kb_version=desk.kb_version)
    assert desk.ask("借书证怎么办理").reason is Reason.NO_ARTICLES


def test_a_new_day_is_asked_anew(letters: LetterEmbedder) -> None:
    days = [TODAY]
    known = Knowledge(letters, today=lambda: days[0])
    known.load([replace(office()[0], valid_to=TODAY)])
    assert known.ask("借书证怎么办理").match is not None
    days[0] += dt.timedelta(days=1)
    assert known.ask("借书证怎么办理").reason is Reason.NO_ARTICLES


def test_the_memory_is_bounded_and_forgets_what_was_not_asked_for_longest(
    desk: Knowledge,
) -> None:
    memory, made = Memory(most=3), []

    def ask(text: str) -> Decision:
        def decide() -> Decision:
            made.append(text)
            return desk.ask(text)

        return memory.recall(Asking(text, "zh", 3, TODAY, desk.thresholds), decide)

    for text in ("甲", "乙", "丙", "甲", "丁", "甲", "乙"):
        ask(text)
    assert made == ["甲", "乙", "丙", "丁", "乙"]
    assert len(memory) == 3


def test_a_failure_is_not_remembered(desk: Knowledge) -> None:
    class Once(LetterEmbedder):
        def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
            """Fail for the first question."""
            found = super().encode(texts, kind)
            if kind == "query" and self.encoded.count("借书证呢") == 1:
                raise OSError("no memory")
            return found

    known = Knowledge(Once(), today=lambda: TODAY)
    known.load(office())
    with pytest.raises(OSError, match="no memory"):
        known.ask("借书证呢")
    assert known.ask("借书证呢").candidates


def test_a_crowd_is_answered_right_while_the_knowledge_is_swapped(desk: Knowledge) -> None:
    """Two editions of the articles take turns; an answer must fit the version it names."""

    def edition(number: int) -> list[Draft]:
        return [replace(a, answer=f"{a.id} edition {number}") for a in office()]

    questions = [(a.id, q) for a in office() for q in (a.question, *a.phrasings) if q] * 30
    desk.load(edition(0), 0)
    with ThreadPoolExecutor(16) as pool:
        asked = [(a, pool.submit(desk.ask, q)) for a, q in questions]
        for number in range(1, 12):
            desk.load(edition(number), number)
        found = [(a, f.result()) for a, f in asked]
    for article, decision in found:
        assert decision.match is not None
        assert decision.match.answer == f"{article} edition {decision.kb_version}"
    assert desk.ask(office()[0].question).kb_version == 11
