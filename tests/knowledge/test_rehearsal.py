"""What a publish would change, found out before it happens."""

from dataclasses import replace

import pytest
from sqlmodel import Session

from knowledge import questions
from knowledge.decisions import Outcome
from knowledge.drafts import Draft
from knowledge.embedder import BundledEmbedder
from knowledge.errors import ArticleError
from knowledge.questions import TestQuestion
from knowledge.rehearsal import PastQuestion, Verdict, rehearse
from knowledge.remembering import RememberingEmbedder
from knowledge.search import Knowledge, Reason
from tests.knowledge.conftest import ACT, office
from tests.knowledge.test_search import TODAY
from tests.knowledge.twins import LetterEmbedder

CARD, DOG = office()[0], office()[1]


def known(*drafts: Draft) -> Knowledge:
    knowledge = Knowledge(LetterEmbedder(), today=lambda: TODAY)
    knowledge.load(drafts)
    return knowledge


def own(number: int, text: str, *articles: str) -> TestQuestion:
    expected = str(list(articles)).replace("'", '"')
    return TestQuestion(id=number, text=text, expected=expected, at=ACT.at, who="li")


def test_a_test_question_that_would_fail_is_found() -> None:
    before = known(CARD, DOG)
    found = rehearse(
        before,
        before.over([DOG]),
        [own(1, CARD.question, CARD.id), own(2, DOG.question, DOG.id), own(3, "宇宙多大", "x")],
        [],
    )
    assert [t.number for t in found.broken] == [1]
    assert [t.number for t in found.failing] == [1, 3]
    assert found.broken[0].tried.before == Verdict(Outcome.ANSWERED, (CARD.id,))


def test_a_question_that_must_stay_unanswered_breaks_when_it_is_answered() -> None:
    before = known(DOG)
    found = rehearse(before, before.over([CARD, DOG]), [own(1, CARD.question)], [])
    assert [t.number for t in found.broken] == [1]


def test_past_questions_that_would_get_something_else_are_told() -> None:
    before = known(CARD, DOG)
    past = [PastQuestion(CARD.question), PastQuestion(DOG.question), PastQuestion("😀")]
    found = rehearse(before, before.over([DOG]), [], past)
    (changed,) = found.changed
    assert changed.text == CARD.question
    assert changed.before.articles == (CARD.id,)
    assert changed.after.outcome is not Outcome.ANSWERED
    assert found.to_json()["past"] == 3


def test_choices_in_another_order_are_the_same_to_a_citizen() -> None:
    one, other = Verdict(Outcome.OFFERED, ("a", "b")), Verdict(Outcome.OFFERED, ("b", "a"))
    assert one.same_as(other)
    assert not one.same_as(Verdict(Outcome.OFFERED, ("a", "c")))
    assert not one.same_as(Verdict(Outcome.ANSWERED, ("a",)))


@pytest.mark.parametrize(
    ("verdict", "expected", "passes"),
    [
        (Verdict(Outcome.ANSWERED, ("a",)), ("a",), True),
        (Verdict(Outcome.ANSWERED, ("a",)), ("b", "a"), True),
        (Verdict(Outcome.OFFERED, ("b", "a")), ("a",), True),
        (Verdict(Outcome.ANSWERED, ("b",)), ("a",), False),
        (Verdict(Outcome.HANDED_OFF), ("a",), False),
        (Verdict(Outcome.ANSWERED, ("a",)), (), False),
        (Verdict(Outcome.OFFERED, ("a",)), (), True),
        (Verdict(Outcome.HANDED_OFF), (), True),
    ],
)
def test_what_passes(verdict: Verdict, expected: tuple[str, ...], passes: bool) -> None:
    assert verdict.passes(expected) is passes


def test_other_articles_leave_the_knowledge_as_it_is() -> None:
    before = known(CARD)
    after = before.over([DOG], kb_version=7)
    assert after.ask(DOG.question).kb_version == 7
    assert before.ask(DOG.question).match is None
    assert after.model == before.model
    assert after.thresholds == before.thresholds
    later = before.over([replace(CARD, valid_to=TODAY)], today=TODAY.replace(year=2027))
    assert later.ask(CARD.question).reason is Reason.NO_ARTICLES


def test_a_text_is_encoded_once_whoever_asks() -> None:
    letters = LetterEmbedder()
    before = Knowledge(RememberingEmbedder(letters), today=lambda: TODAY)
    before.load([CARD, DOG])
    rehearse(
        before, before.over([CARD]), [own(1, "借书")], [PastQuestion("借书"), PastQuestion("狗")]
    )
    before.load([CARD, DOG])
    assert len(letters.encoded) == len(set(letters.encoded))


def test_a_remembered_vector_is_the_embedders_own(embedder: BundledEmbedder) -> None:
    remembering = RememberingEmbedder(embedder)
    texts = ["借书证", "library card", "借书证"]
    for _ in range(2):
        vectors = remembering.encode(texts, "query")
        assert vectors.shape == (3, embedder.dim)
        assert abs(vectors - embedder.encode(texts, "query")).max() < 1e-5
    assert remembering.encode([], "query").shape == (0, embedder.dim)
    assert remembering.fingerprint == embedder.fingerprint


def test_test_questions_are_kept_changed_and_taken_away(session: Session) -> None:
    row, is_new = questions.put(session, " 借书证，\n怎么办？ ", ["a", "b", "a"], ACT)
    assert (row.text, row.articles, is_new) == ("借书证， 怎么办？", ("a", "b"), True)
    again, is_new = questions.put(session, "借书证， 怎么办？", [], ACT)
    assert (again.id, again.articles, is_new) == (row.id, (), False)
    questions.put(session, "借书证怎么办", [], ACT, lang="en")
    assert len(questions.listing(session)) == 2
    assert row.id is not None
    questions.remove(session, row.id)
    assert [t.lang for t in questions.listing(session)] == ["en"]
    with pytest.raises(ArticleError, match="kb test list"):
        questions.remove(session, 99)


@pytest.mark.parametrize(
    ("text", "why"),
    [("？！", "no words"), ("a\x00", "no words"), ("a\ud800", "no words"), ("x" * 601, "longer")],
)
def test_a_test_question_nobody_can_search_for_is_refused(
    session: Session, text: str, why: str
) -> None:
    with pytest.raises(ArticleError, match=why):
        questions.put(session, text, [], ACT)
