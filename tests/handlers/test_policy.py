"""What a citizen gets, step by step of the policy."""

import pytest

from bot.context import Outcome
from bot.messages import MessageKind
from handlers.emergency import speaks_of_danger
from tests.scenarios.office import PlayedOffice, labels, photo, to_citizen, to_topic


async def test_an_unsure_question_offers_choices(office: PlayedOffice) -> None:
    office.library.offers["child"] = ("school", "permit")
    sent = await office.citizen("child")
    assert office.ended() is Outcome.OFFERED
    assert labels(sent[0]) == [
        "How do I enrol my child in school?",
        "How do I get a residence permit?",
        "None of these: ask an official",
    ]
    sent = await office.press("How do I enrol my child in school?")
    assert office.ended() is Outcome.ANSWERED
    assert "Apply in June." in sent[0].text


async def test_the_journal_gets_all_that_is_needed_to_decide_again(office: PlayedOffice) -> None:
    await office.citizen("child")
    kept = {name: office.why[name] for name in ("question", "lang", "day", "kb_version")}
    assert kept == {"question": "child", "lang": "en", "day": "2026-03-02", "kb_version": 1}


async def test_none_of_these_goes_to_an_official(office: PlayedOffice) -> None:
    office.library.offers["child"] = ("school", "permit")
    await office.citizen("child")
    await office.press("None of these: ask an official")
    assert office.ended() is Outcome.HANDED_OFF
    assert (office.case().reason, office.case().question) == ("declined_answer", "child")


async def test_not_helpful_goes_to_an_official_once(office: PlayedOffice) -> None:
    await office.citizen("How do I get a residence permit?")
    token = office.token("Not helpful", office.sent()[0].address)
    await office.press("Not helpful")
    assert office.case().question == "How do I get a residence permit?"
    await office.citizen(kind=MessageKind.BUTTON, button=token)
    assert office.ended() is Outcome.HANDLED
    assert office.cases() == 1
    assert office.journal("feedback") == [{"article": "permit", "helpful": False}]


async def test_helpful_is_thanked_for_and_counted(office: PlayedOffice) -> None:
    await office.citizen("How do I get a residence permit?")
    assert to_citizen(await office.press("Helpful")) == ["Thank you for telling us."]
    assert office.journal("feedback") == [{"article": "permit", "helpful": True}]


@pytest.mark.parametrize("words", ["/human", "转人工", "Talk to a person!", "人工"])
async def test_a_person_can_be_asked_for(office: PlayedOffice, words: str) -> None:
    await office.citizen(words)
    assert office.ended() is Outcome.HANDED_OFF
    assert office.case().reason == "customer_request"


@pytest.mark.parametrize("words", ["/human", "转人工", "/status", "/help"])
async def test_an_edit_is_read_like_a_new_message_until_a_case_runs(
    office: PlayedOffice, words: str
) -> None:
    said = to_citizen(await office.citizen(words))
    edited = to_citizen(await office.citizen(words, "c2", kind=MessageKind.EDIT), "c2")
    assert [text[:10] for text in edited] == [text[:10] for text in said]
    number = await office.handed_off(who="c3")
    (shown,) = await office.citizen(words, "c3", external_id="1", kind=MessageKind.EDIT)
    assert office.ended() is Outcome.RELAYED
    assert words in to_topic([shown], number)[0]


async def test_asking_for_a_person_takes_the_last_question_along(office: PlayedOffice) -> None:
    await office.citizen("How do I get a residence permit?")
    await office.citizen("/human")
    assert office.case().question == "How do I get a residence permit?"


@pytest.mark.parametrize("way", ["Not helpful", "Ask an official", "None of these", "/human"])
async def test_a_picture_goes_with_its_question_to_the_official(
    office: PlayedOffice, way: str
) -> None:
    office.library.offers["child"] = ("school", "permit")
    offered = way == "None of these"
    question = "child" if offered else "How do I get a residence permit?"
    await office.citizen(question, attachments=(photo(),))
    if way.startswith("/"):
        sent = await office.citizen(way)
    else:
        sent = await office.press(way + ": ask an official" if offered else way)
    assert office.case().question == question
    shown = [m.attachments for m in sent if m.address == office.desk.topic(office.case().number)]
    assert (photo(),) in shown


async def test_a_picture_outlasts_a_choice_that_did_not_help(office: PlayedOffice) -> None:
    office.library.offers["child"] = ("school", "permit")
    await office.citizen("child", attachments=(photo(),))
    await office.press("How do I enrol my child in school?")
    sent = await office.press("Not helpful")
    assert (photo(),) in [m.attachments for m in sent]


async def test_danger_is_signposted_first_and_then_answered(office: PlayedOffice) -> None:
    sent = await office.citizen("my house is on fire, who pays?")
    assert to_citizen(sent)[0] == "Call 110 or 120 now."
    assert office.ended() is Outcome.HANDED_OFF


async def test_danger_is_heard_beyond_the_limit_of_messages(office: PlayedOffice) -> None:
    for _ in range(25):
        await office.citizen("/help")
        office.clock.advance(seconds=-5)
    sent = await office.citizen("my house is on fire")
    assert office.ended() is Outcome.REFUSED
    assert to_citizen(sent)[0] == "Call 110 or 120 now."


@pytest.mark.parametrize("length", [8_001, 100_000])
async def test_danger_is_heard_in_a_text_too_long_to_read(
    office: PlayedOffice, length: int
) -> None:
    for who, text in (("c1", "gas leak! ".ljust(length, "x")), ("c2", "gas leak!".rjust(length))):
        sent = await office.citizen(text.replace("  ", "x "), who=who)
        assert to_citizen(sent, who)[0] == "Call 110 or 120 now."
        assert office.ended() is Outcome.REFUSED


async def test_the_emergency_numbers_are_not_repeated_all_the_time(office: PlayedOffice) -> None:
    numbers = "Call 110 or 120 now."
    assert numbers in to_citizen(await office.citizen("gas leak!"))
    assert numbers not in to_citizen(await office.citizen("gas leak!"))
    assert office.why["emergency"]
    assert numbers in to_citizen(await office.citizen("gas leak!", who="c2"), "c2")
    office.clock.advance(minutes=10)
    assert numbers in to_citizen(await office.citizen("gas leak!"))


async def test_danger_is_heard_when_nothing_else_can_be_decided(office: PlayedOffice) -> None:
    sent = await office.citizen("my house is on fire", attempt=3)
    assert office.ended() is Outcome.FAILED
    assert to_citizen(sent)[0] == "Call 110 or 120 now."


@pytest.mark.parametrize(
    "text",
    [
        "我不想活了",
        "着火了！",
        "I want to KILL MYSELF",
        "a gas leak!",
        "厨房里有煤气味",
        "I smell gas",
    ],
)
def test_words_of_danger(text: str) -> None:
    assert speaks_of_danger(text)


@pytest.mark.parametrize("text", ["火灾保险怎么买", "fire insurance", "自助办理", "suicidewatch"])
def test_words_that_only_look_like_danger(text: str) -> None:
    assert not speaks_of_danger(text)


@pytest.mark.parametrize("text", ["", "\x00\x00", "\u202e\u200b", "   "])
async def test_nothing_to_read(office: PlayedOffice, text: str) -> None:
    sent = await office.citizen(text)
    assert office.ended() is Outcome.REFUSED
    assert len(to_citizen(sent)) == 1


@pytest.mark.parametrize("text", ["字" * 100_000, "😀" * 10_000, "x" * 8_001])
async def test_far_too_much_to_read(office: PlayedOffice, text: str) -> None:
    sent = await office.citizen(text)
    assert office.ended() is Outcome.REFUSED
    assert str(len(text)) in to_citizen(sent)[0]
    assert office.library.asked == []


@pytest.mark.parametrize("text", ["😀😀😀", "？！", "..."])
async def test_no_word_is_no_question(office: PlayedOffice, text: str) -> None:
    await office.citizen(text)
    assert office.ended() is Outcome.REFUSED
    assert office.cases() == 0


@pytest.mark.parametrize(
    "text",
    [
        "\ud800 where?",
        "a\x00b where?",
        "\u202ereversed?",
        "%s {number} {0} where?",
        "z" + "\u0301" * 500,
    ],
)
async def test_hostile_characters_reach_the_official_unharmed(
    office: PlayedOffice, text: str
) -> None:
    number = await office.handed_off(text)
    assert to_topic(office.sent(), number) != []
    assert "\x00" not in office.case().question


async def test_too_fast_is_refused_and_said_once(office: PlayedOffice) -> None:
    answers = []
    for _ in range(60):
        sent = await office.citizen("/help")
        office.clock.advance(seconds=-5)
        answers.append((office.ended(), len(sent)))
    refused = [n for outcome, n in answers if outcome is Outcome.REFUSED]
    assert len(refused) == 35
    assert sum(refused) == 1
    await office.citizen("/help", who="c2")
    assert office.ended() is Outcome.HANDLED
    office.wait(seconds=60)
    await office.citizen("/help")
    assert office.ended() is Outcome.HANDLED


async def test_a_running_case_takes_more_and_says_when_it_was_too_much(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    relayed, told, held = 0, 0, 0
    for n in range(120):
        sent = await office.citizen(f"part {n}", attachments=(photo(),))
        office.clock.advance(seconds=-5)
        relayed += office.ended() is Outcome.RELAYED
        told += any("too fast" in text for text in to_citizen(sent))
        held += any("not passed on" in text for text in to_topic(sent, number))
    assert (relayed, told, held) == (105, 1, 1)
    assert len(office.journal("case_citizen_wrote")) == 105
    await office.citizen("/help")
    assert office.ended() is Outcome.HANDLED
    office.wait(seconds=60)
    await office.citizen("the rest")
    assert office.ended() is Outcome.RELAYED


async def test_a_picture_alone_can_be_passed_on(office: PlayedOffice) -> None:
    await office.citizen(attachments=(photo(),))
    assert office.ended() is Outcome.REFUSED
    sent = await office.press("Ask an official")
    assert office.case().reason == "unsupported_request"
    assert [m.attachments for m in sent if m.attachments] == [(photo(),)]


async def test_start_greets_and_follows_a_link(office: PlayedOffice) -> None:
    assert "Test City" in to_citizen(await office.citizen("/start"))[0]
    sent = await office.citizen("/start a_school")
    assert "Apply in June." in to_citizen(sent)[1]
    assert len(await office.citizen("/start a_unknown")) == 1
    await office.citizen("/start human")
    assert office.cases() == 1


async def test_unknown_commands_name_the_nearest(office: PlayedOffice) -> None:
    sent = await office.citizen("/statsu")
    assert "/status" in to_citizen(sent)[0]
    assert "/enroll" not in to_citizen(sent)[0]


async def test_the_language_follows_the_writing_and_the_choice(office: PlayedOffice) -> None:
    sent = await office.citizen("狗要交税吗？", language="")
    assert "已转人工" in to_citizen(sent)[0]
    await office.citizen("/lang en", who="c2", language="zh-hans")
    sent = await office.citizen("狗要交税吗？", who="c2", language="zh-hans")
    assert "Your case is" in to_citizen(sent, "c2")[0]


async def test_one_latin_word_does_not_change_the_language(office: PlayedOffice) -> None:
    await office.citizen("怎么办居住证？")
    assert "转人工" in to_citizen(await office.citizen("OK"))[0]


async def test_groups_are_not_answered_in_public(office: PlayedOffice) -> None:
    sent = await office.citizen("How do I get a residence permit?", private=False)
    assert to_citizen(sent) == ["To protect your privacy, please ask me in a private chat."]
    assert await office.citizen("Hello?", private=False) == []
    assert office.library.asked == []


async def test_forged_and_foreign_buttons_do_nothing(office: PlayedOffice) -> None:
    await office.citizen("How do I get a residence permit?")
    token = office.token("Not helpful", office.sent()[0].address)
    for stolen in (token, "made-up"):
        await office.citizen(who="c2", kind=MessageKind.BUTTON, button=stolen)
        assert office.ended() is Outcome.REFUSED
    assert office.cases() == 0


async def test_what_cannot_be_decided_goes_to_an_official(office: PlayedOffice) -> None:
    office.library.broken = RuntimeError("index gone")
    with pytest.raises(RuntimeError):
        await office.citizen("How do I get a residence permit?")
    sent = await office.citizen("How do I get a residence permit?", attempt=3)
    assert office.ended() is Outcome.FAILED
    assert office.case().reason == "failure"
    assert "not lost" in to_citizen(sent)[0]
