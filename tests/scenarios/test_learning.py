"""What the desk cannot answer today it learns: question → gap → official's words → article."""

from typing import Any

import pytest
from sqlmodel import SQLModel, select

from admin import learning, waiting
from admin.officials import Role
from bot.context import Outcome
from bot.messages import MessageKind
from bot.outbox import Delivery
from knowledge import articles, gap_questions, gaps, suggested_answers
from knowledge.drafts import ArticleStatus
from knowledge.errors import GapError
from knowledge.gap_questions import GapQuestion
from knowledge.gaps import Gap
from knowledge.revisions import Act
from knowledge.search import Knowledge
from knowledge.suggested_answers import SuggestedAnswer
from tests.knowledge.twins import LetterEmbedder
from tests.scenarios.office import PlayedOffice, in_main_chat, labels, to_citizen, to_topic

DOG, HOUND = "Is my dog taxed?", "Do I pay tax for a hound?"


def found(office: PlayedOffice, table: type[SQLModel]) -> list[Any]:
    """Return all rows of a table, in order."""
    with office.database.session() as session:
        return list(session.exec(select(table).order_by(table.id)))  # type: ignore[attr-defined]


def gap_rows(office: PlayedOffice) -> list[tuple[str, int]]:
    """Return title and number of citizens of the gaps, the most asked first."""
    office.gather()
    with office.database.session() as session:
        return [(gap.title, gap.citizens) for gap in gaps.listing(session)]


def drafted(office: PlayedOffice) -> articles.Article:
    """Return the article that was drafted for the first gap."""
    with office.database.session() as session:
        return articles.get(session, "gap-1")


def publish(office: PlayedOffice, article: str = "gap-1") -> list[str]:
    """Publish a gap's article and answer who waits; return the cases that waited."""
    with office.database.transaction() as tx:
        act = Act("editor", tx.now)
        articles.set_status(tx.session, article, ArticleStatus.PUBLISHED, act)
        (gap,) = learning.close_published(tx, "editor")
        numbers = waiting.of_gap(tx.session, gap)
    for number in numbers:
        with office.database.transaction() as tx:
            assert waiting.answer(tx, office.desk, number, gaps.get(tx.session, gap.key))
    return numbers


# --- questions gather --------------------------------------------------------------------------


async def test_citizens_who_ask_the_same_are_one_gap_and_each_counts_once(
    office: PlayedOffice,
) -> None:
    office.topics.about("dog tax", DOG, HOUND)
    await office.handed_off(DOG)
    await office.handed_off("When is the lake cleaned?", who="c2")
    await office.handed_off(HOUND, who="c3")
    await office.citizen(f"/human {DOG}")
    assert gap_rows(office) == [(DOG, 2), ("When is the lake cleaned?", 1)]
    assert [q.gap_id for q in found(office, GapQuestion)] == [1, 2, 1, 1]


async def test_each_way_of_missing_a_question_is_noted(office: PlayedOffice) -> None:
    office.library.offers["child"] = ("school", "permit")
    await office.handed_off(DOG, who="c1")
    await office.citizen("child", who="c2")
    await office.press("None of these: ask an official", "c2")
    await office.citizen("How do I get a residence permit?", who="c3")
    await office.press("Not helpful", "c3")
    number = await office.handed_off(HOUND, who="c4")
    await office.official("No.", number)
    await office.press("Not solved", "c4")
    office.gather()
    assert [(q.text, q.reason) for q in found(office, GapQuestion)] == [
        (DOG, "unanswered"),
        ("child", "none_of_these"),
        ("How do I get a residence permit?", "not_helpful"),
        (HOUND, "unanswered"),
        (HOUND, "unsolved"),
    ]
    assert len(gap_rows(office)) == 4


@pytest.mark.parametrize("words", ["/human", "人工"])
async def test_who_only_wants_a_person_has_asked_nothing(office: PlayedOffice, words: str) -> None:
    await office.citizen(words)
    assert office.ended() is Outcome.HANDED_OFF
    assert found(office, GapQuestion) == []


async def test_what_an_article_answers_by_now_is_no_gap(office: PlayedOffice) -> None:
    await office.citizen("How do I get a residence permit?")
    await office.press("Ask an official")
    assert gap_rows(office) == []
    assert [q.placed for q in found(office, GapQuestion)] == [True]


async def test_personal_data_never_reaches_a_gap(office: PlayedOffice) -> None:
    secret = "13800138000"
    number = await office.handed_off(f"My name is John Smith, {secret}: is my dog taxed?")
    await office.official(f"Call me: {secret}\n// phoned {secret}", number)
    office.gather()
    (question,), (gap,) = found(office, GapQuestion), found(office, Gap)
    (answer,) = found(office, SuggestedAnswer)
    assert question.text == "My name is [name], [phone]: is my dog taxed?"
    assert gap.title == "is my dog taxed?"
    assert answer.text == "Call me: [phone]"
    assert office.case().person not in question.asker


# --- answers are suggested ---------------------------------------------------------------------


async def test_what_solved_a_case_is_suggested_first(office: PlayedOffice) -> None:
    office.topics.about("dog tax", DOG, HOUND, "Dogs and tax?")
    for who, question, reply, verdict in (
        ("c1", DOG, "Yes, 50 a year.", "Solved"),
        ("c2", HOUND, "Ask the vet.", "Not solved"),
        ("c3", "Dogs and tax?", "I think so.", ""),
    ):
        number = await office.handed_off(question, who=who)
        await office.official(reply, number)
        if verdict:
            await office.press(verdict, who)
    office.gather()
    with office.database.session() as session:
        ranked = [(a.text, a.verdict) for a in suggested_answers.of_gap(session, 1)]
    assert ranked == [
        ("Yes, 50 a year.", "solved"),
        ("I think so.", ""),
        ("Ask the vet.", "unsolved"),
    ]


async def test_a_correction_takes_the_place_of_the_first_words(office: PlayedOffice) -> None:
    number = await office.handed_off(DOG)
    await office.official("Yes, 5 a year.", number, external_id="r1")
    await office.official("Yes, 50 a year.", number, external_id="r1", kind=MessageKind.EDIT)
    assert [a.text for a in found(office, SuggestedAnswer)] == ["Yes, 50 a year."]


async def test_an_article_that_was_sent_is_shown_but_not_drafted_again(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off(DOG)
    await office.official("/send 1", number)
    office.gather()
    assert [a.article for a in found(office, SuggestedAnswer)] == ["permit"]
    sent = await office.official("/draft", number)
    assert "nothing to draft" in to_topic(sent, number)[0]


async def test_nothing_is_learned_from_a_case_whose_question_was_not_missed(
    office: PlayedOffice,
) -> None:
    await office.citizen("/human")
    await office.official("How can I help?", office.case().number)
    assert found(office, SuggestedAnswer) == []


# --- drafting in the admin chat ----------------------------------------------------------------


async def test_a_reply_becomes_a_draft_with_one_command(office: PlayedOffice) -> None:
    office.topics.about("dog tax", DOG, HOUND)
    await office.handed_off(HOUND, who="c2")
    number = await office.handed_off(DOG)
    await office.official("Yes, 50 a year.\n// says the statute", number)
    office.gather()
    sent = await office.official("/draft", number)
    assert "gap-1" in to_topic(sent, number)[0]
    article = drafted(office)
    assert (article.question, article.answer) == (HOUND, "Yes, 50 a year.")
    assert (article.status, article.lang, article.department) == ("draft", "en", "值班室")
    assert article.source_title == "Answer by 值班室"
    assert str(article.date) == "2026-03-02"
    with office.database.session() as session:
        assert articles.phrasings(session)["gap-1"] == (DOG,)
        (revision,) = articles.history(session, "gap-1")
    assert (revision.who, revision.why) == ("Desk 1", f"gap 1, case {number}")
    assert office.journal("gap_drafted") == [{"who": "Desk 1", "article": "gap-1", "case": number}]
    assert office.journal("case_drafted")[0]["article"] == "gap-1"


async def test_the_card_offers_it_once_there_is_something_to_draft(office: PlayedOffice) -> None:
    number = await office.handed_off(DOG)
    office.gather()
    cards = [m for m in await office.official("Yes.", number) if m.card]
    assert labels(cards[-1])[-1] == "Make an article"
    sent = await office.press("Make an article", "o2", case=number)
    assert "gap-1" in to_topic(sent, number)[0]
    sent = await office.press("Make an article", "o1", case=number)
    assert "drafted already" in to_topic(sent, number)[0]
    assert office.journal("case_refused")[-1]["why"] == "no_draft"
    assert len(office.journal("gap_drafted")) == 1


async def test_an_editor_may_draft_and_a_stranger_may_not(office: PlayedOffice) -> None:
    office.enrol("e1", "Editor", Role.EDITOR)
    number = await office.handed_off(DOG)
    await office.official("Yes.", number)
    office.gather()
    await office.official("/draft", number, who="nobody")
    assert office.ended() is Outcome.REFUSED
    await office.press("Make an article", "nobody", case=number)
    assert office.journal("gap_drafted") == []
    await office.official("/draft", number, who="e1")
    assert office.journal("gap_drafted")[0]["who"] == "Editor"


async def test_what_is_not_gathered_yet_cannot_be_drafted_yet(office: PlayedOffice) -> None:
    number = await office.handed_off(DOG)
    await office.official("Yes.", number)
    sent = await office.official("/draft", number)
    assert "in no gap" in to_topic(sent, number)[0]


async def test_officials_see_what_is_asked_most(office: PlayedOffice) -> None:
    assert "There is no gap" in in_main_chat(await office.official("/gaps"))[0]
    office.topics.about("dog tax", DOG, HOUND)
    for who, question in (("c1", "When is the lake cleaned?"), ("c2", DOG), ("c3", HOUND)):
        await office.handed_off(question, who=who)
    office.gather()
    assert in_main_chat(await office.official("/gaps"))[0].splitlines() == [
        f"2 · asked by 2 · no answer yet: {DOG}",
        "1 · asked by 1 · no answer yet: When is the lake cleaned?",
    ]
    assert office.ended() is Outcome.HANDLED
    sent = await office.official("/gaps", who="nobody")
    assert DOG not in in_main_chat(sent)[0]


# --- publishing answers who waits --------------------------------------------------------------


async def test_publishing_answers_those_who_still_wait_and_nobody_else(
    office: PlayedOffice,
) -> None:
    asked = {who: f"Is dog {who} taxed?" for who in ("c1", "c2", "c3", "c4", "c5", "c6", "c7")}
    office.topics.about("dog tax", *asked.values())
    numbers = {who: await office.handed_off(text, who=who) for who, text in asked.items()}
    await office.official("Yes, 50 a year.", numbers["c1"])
    await office.citizen(who="c2", kind=MessageKind.WITHDRAWN)
    await office.citizen(who="c3", kind=MessageKind.LEFT)
    await office.official("/close It is not ours.", numbers["c4"])
    await office.press("Solved", "c4")
    await office.official("/claim", numbers["c5"])
    await office.official("No.", numbers["c6"])
    await office.press("Not solved", "c6")
    await office.handed_off("When is the lake cleaned?", who="c8")
    office.gather()
    await office.official("/draft", numbers["c1"])
    waited = publish(office)
    assert waited == [numbers["c5"], numbers["c6"], numbers["c7"]]
    sent = office.delivered()
    reached = [m.address.chat for m in sent if m.address.chat != office.desk.chat]
    assert reached == ["c5", "c6", "c7"]
    text = "Is dog c1 taxed?\n\nYes, 50 a year.\n\n"
    text += "Source: Answer by 值班室\n值班室 · 2026-03-02"
    for who in reached:
        assert to_citizen(sent, who) == [text]
        assert office.case(numbers[who]).status == "answered"
    told = to_topic(sent, numbers["c7"])
    assert "was sent to the citizen" in told[-1]
    assert {row["gap"] for row in office.journal("case_article_sent")} == {1}


async def test_who_has_been_answered_by_the_article_no_longer_waits(office: PlayedOffice) -> None:
    office.topics.about("dog tax", DOG, HOUND)
    first = await office.handed_off(DOG)
    second = await office.handed_off(HOUND, who="c2")
    await office.official("Yes.", first)
    office.gather()
    await office.official("/draft", first)
    assert publish(office) == [second]
    office.delivered()
    with office.database.transaction() as tx:
        gap = gaps.get(tx.session, 1)
        assert waiting.of_gap(tx.session, gap) == []
        assert not waiting.answer(tx, office.desk, second, gap)
    assert office.delivered() == []
    sent = await office.press("Not solved", "c2")
    assert office.case(second).status == "open"
    assert to_citizen(sent, "c2")


async def test_an_article_goes_where_the_case_is_answered_now(office: PlayedOffice) -> None:
    office.topics.about("dog tax", DOG, HOUND)
    first = await office.handed_off(DOG)
    sent = await office.citizen(HOUND, who="c2")
    second = office.case().number
    code = to_citizen(sent, "c2")[0].split(f"/status {second} ")[1][:8]
    await office.citizen(f"/status {second} {code}", who="w1", channel="web")
    await office.official("Yes.", first)
    office.gather()
    await office.official("/draft", first)
    publish(office)
    reached = [m.address.key for m in office.delivered() if m.address.chat != office.desk.chat]
    assert reached == ["web/w1/"]


async def test_an_article_in_another_language_is_sent_to_nobody(office: PlayedOffice) -> None:
    office.topics.about("dog tax", DOG, HOUND)
    first = await office.handed_off(DOG)
    second = await office.handed_off(HOUND, who="c2")
    await office.official("Yes.", first)
    office.gather()
    await office.official("/draft", first)
    with office.database.transaction() as tx:
        articles.get(tx.session, "gap-1").lang = "zh"
        act = Act("editor", tx.now)
        articles.set_status(tx.session, "gap-1", ArticleStatus.PUBLISHED, act)
        (gap,) = learning.close_published(tx, "editor")
        assert not waiting.answer(tx, office.desk, second, gap)


async def test_a_message_that_was_lost_leaves_its_citizen_to_the_officials(
    office: PlayedOffice,
) -> None:
    office.topics.about("dog tax", DOG, HOUND)
    first = await office.handed_off(DOG)
    await office.handed_off(HOUND, who="c2")
    office.undelivered(Delivery.DEAD, "blocked")  # c2 has blocked us
    await office.official("Yes.", first)
    office.gather()
    await office.official("/draft", first)
    assert publish(office) == []


# --- the index ---------------------------------------------------------------------------------


async def test_citizens_words_never_enter_the_index_by_themselves(office: PlayedOffice) -> None:
    knowledge = Knowledge(LetterEmbedder())

    def indexed() -> set[str]:
        with office.database.session() as session:
            knowledge.refresh(session)
        return {entry.text for entry in knowledge.snapshot.corpus.entries}

    before = indexed()
    office.topics.about("dog tax", DOG, HOUND)
    await office.handed_off(HOUND, who="c2")
    number = await office.handed_off(DOG)
    await office.official("Yes, 50 a year.", number)
    office.gather()
    await office.official("/draft", number)
    assert indexed() == before
    publish(office)
    assert indexed() - before == {DOG, HOUND, "Yes, 50 a year."}


# --- what the editor decides -------------------------------------------------------------------


async def test_a_closed_gap_gathers_no_more(office: PlayedOffice) -> None:
    office.topics.about("dog tax", DOG, HOUND)
    await office.handed_off(DOG)
    office.gather()
    with office.database.transaction() as tx:
        learning.close(tx, 1, "editor", "not our matter")
    await office.handed_off(HOUND, who="c2")
    assert gap_rows(office) == [(HOUND, 1)]
    assert office.journal("gap_closed")[0]["why"] == "not our matter"
    with office.database.transaction() as tx, pytest.raises(GapError, match="closed"):
        learning.close(tx, 1, "editor", "again")


async def test_the_question_of_a_case_finds_its_gap(office: PlayedOffice) -> None:
    number = await office.handed_off(DOG)
    office.gather()
    with office.database.session() as session:
        gap = gaps.of_case(session, number)
        assert gap is not None
        assert gap.title == DOG
        assert gap_questions.missed_in(session, number)
        assert not gap_questions.missed_in(session, "NONE2")
