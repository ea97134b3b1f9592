"""The citizen's side: number and code, /status, following, solved or not, blocked and back."""

import re

from bot.context import Outcome
from bot.messages import MessageKind
from bot.outbox import Delivery
from tests.scenarios.office import PlayedOffice, labels, to_citizen, to_topic


def code_in(text: str, number: str) -> str:
    """Return the secret code from the sentence that tells it."""
    found = re.search(rf"/status {number} (\w{{8}})\b", text)
    assert found is not None
    return found[1]


async def asked(office: PlayedOffice) -> tuple[str, str]:
    """Open a case; return its number and code."""
    sent = await office.citizen("Is my dog taxed?")
    number = office.case().number
    return number, code_in(to_citizen(sent)[0], number)


async def test_status_tells_how_it_stands_without_naming_the_official(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    await office.official("/claim", number)
    text = to_citizen(await office.citizen("/status"))[0]
    assert text == f"{number} · in work · 值班室 · since 2026-03-02 17:00"
    assert "Desk 1" not in text


async def test_status_without_a_case(office: PlayedOffice) -> None:
    assert to_citizen(await office.citizen("/status")) == ["You have no open case."]


async def test_status_tells_of_the_case_that_ended_last(office: PlayedOffice) -> None:
    for question in ("Is my dog taxed?", "Is my cat taxed?"):
        number = await office.handed_off(question)
        await office.official("/close Answered by mail.", number)
    (text,) = to_citizen(await office.citizen("/status"))
    assert text == f"{number} · closed · 值班室 · since 2026-03-02 17:00"
    running = await office.handed_off()
    (text,) = to_citizen(await office.citizen("/status"))
    assert text.startswith(running)


async def test_how_a_case_stands_can_be_asked_again_and_again(office: PlayedOffice) -> None:
    number = await office.handed_off()
    for _ in range(40):
        (text,) = to_citizen(await office.citizen("/status"))
        assert text.startswith(number)
        office.clock.advance(seconds=-5)
    for _ in range(100):
        await office.citizen("/status")
        office.clock.advance(seconds=-5)
    assert office.ended() is Outcome.REFUSED


async def test_another_citizen_sees_nothing(office: PlayedOffice) -> None:
    await office.handed_off()
    assert to_citizen(await office.citizen("/status", who="c2"), "c2") == ["You have no open case."]


async def test_the_code_of_a_case_is_hidden_in_the_journal_of_what_is_sent(
    office: PlayedOffice,
) -> None:
    number, code = await asked(office)
    queued = [row["text"] for row in office.journal("queued")]
    assert not any(code in text for text in queued)
    assert any(f"/status {number} ····" in text for text in queued)


async def test_number_and_code_move_the_case_to_another_channel(office: PlayedOffice) -> None:
    number, code = await asked(office)
    sent = await office.citizen(f"/status {number.lower()} {code}", who="w1", channel="web")
    assert number in to_citizen(sent, "w1")[0]
    assert "another channel" in to_citizen(sent, "c1")[0]
    sent = await office.official("Yes.", number)
    assert to_citizen(sent, "c1") == []
    assert [m.address.channel for m in sent if m.address.chat == "w1"] == ["web"]
    assert office.journal("case_followed")[0]["earlier"] == "telegram/c1/"
    sent = await office.citizen("Thanks", who="w1", channel="web")
    assert any("Thanks" in text for text in to_topic(sent, number))


async def test_the_old_place_can_no_longer_end_the_case(office: PlayedOffice) -> None:
    number, code = await asked(office)
    await office.official("Yes.", number)
    await office.citizen(f"/status {number} {code}", who="w1", channel="web")
    sent = await office.press("Solved")
    assert "another channel" in to_citizen(sent)[0]
    assert not office.case().is_over


async def test_wrong_codes_shut_the_case_for_an_hour(office: PlayedOffice) -> None:
    number, code = await asked(office)
    for _ in range(5):
        sent = await office.citizen(f"/status {number} WRONGONE", who="thief")
        assert len(to_citizen(sent, "thief")) == 1
    await office.citizen(f"/status {number} {code}", who="thief")
    assert office.case().conversation == "telegram/c1/"
    office.wait(minutes=61)
    await office.citizen(f"/status {number} {code}", who="w1", channel="web")
    assert office.case().conversation == "web/w1/"


async def test_an_unknown_number_sounds_like_a_wrong_code(office: PlayedOffice) -> None:
    number, _ = await asked(office)
    wrong_code = await office.citizen(f"/status {number} WRONGONE", who="c2")
    wrong_number = await office.citizen("/status ZZZZ2 WRONGONE", who="c3")
    assert to_citizen(wrong_code, "c2") == to_citizen(wrong_number, "c3")


async def test_not_solved_goes_on_with_the_same_official(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("Yes.", number)
    sent = await office.press("Not solved")
    assert office.case().status == "assigned"
    assert office.case().holder == 1
    assert any("not solved" in text for text in to_topic(sent, number))


async def test_not_solved_after_closing_reopens(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("/close answered", number)
    await office.press("Not solved")
    assert office.case().status == "assigned"
    sent = await office.citizen("I still do not know.")
    assert office.ended() is Outcome.RELAYED
    assert to_topic(sent, number) != []


async def test_closing_again_over_the_citizens_no_is_a_state_of_its_own(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    await office.official("/close answered", number)
    await office.press("Not solved")
    await office.official("/close nothing more we can do", number)
    assert office.case().status == "unsolved"


async def test_a_case_is_not_closed_without_a_ground(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("/close", number)
    assert office.case().status == "open"
    await office.press("Close", "o1", case=number)
    await office.press("It is not a matter of this office.", "o1", case=number)
    assert office.case().ground == "It is not a matter of this office."


async def test_is_it_solved_is_asked_once_per_turn(office: PlayedOffice) -> None:
    number = await office.handed_off()
    first = [m for m in await office.official("Yes.", number) if m.address.chat == "c1"]
    second = [m for m in await office.official("Gladly.", number) if m.address.chat == "c1"]
    assert labels(first[0]) == ["Solved", "Not solved"]
    assert labels(second[0]) == []


async def test_pressing_solved_twice_changes_nothing_twice(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("Yes.", number)
    await office.press("Solved")
    sent = await office.press("Solved")
    assert to_topic(sent, number) == []
    assert len(office.journal("case_citizen_solved")) == 1


async def test_blocked_and_back(office: PlayedOffice) -> None:
    number = await office.handed_off()
    sent = await office.citizen("kicked", kind=MessageKind.LEFT)
    assert "blocked" in to_topic(sent, number)[0]
    sent = await office.citizen("I am back")
    assert any("can be reached again" in text for text in to_topic(sent, number))
    sent = await office.citizen("really")
    assert not any("can be reached again" in text for text in to_topic(sent, number))


async def test_a_failed_delivery_is_told_in_the_topic(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("Yes, 30 a year.", number)
    told = to_topic(office.undelivered(Delivery.DEAD, "blocked"), number)
    assert len(told) == 1
    assert "Yes, 30 a year." in told[0]
    told = to_topic(office.undelivered(Delivery.UNCERTAIN, "no answer"), number)
    assert "not certain" in told[0]
    assert office.undelivered(Delivery.SENT, "") == []


async def test_a_code_that_did_not_arrive_is_shown_to_nobody_else(office: PlayedOffice) -> None:
    sent = await office.citizen("/human Is my dog taxed?")
    number = office.case().number
    code = code_in(to_citizen(sent)[0], number)
    told = to_topic(office.undelivered(Delivery.DEAD, "blocked"), number)
    assert f"{number}. Code ····" in told[0]
    for texts in (told, map(str, office.journal("case_delivery_failed"))):
        assert not any(code[:4] in text for text in texts)


async def test_an_answer_that_cannot_be_sent_becomes_a_case(office: PlayedOffice) -> None:
    await office.citizen("How do I get a residence permit?")
    sent = office.undelivered(Delivery.DEAD, "bad request", reachable=True)
    case = office.case()
    assert (case.reason, case.question) == ("failure", "How do I get a residence permit?")
    assert case.number in to_citizen(sent)[0]
    assert "Not delivered" in to_topic(sent, case.number)[-1]
    sent = office.undelivered(Delivery.DEAD, "bad request", reachable=True)
    assert [text for text in to_topic(sent, case.number) if "Not delivered" in text]
    assert to_citizen(sent) == []
    assert office.cases() == 1


async def test_what_an_official_has_had_is_not_handed_over_again(office: PlayedOffice) -> None:
    number = await office.handed_off()
    for ended in (False, True):
        if ended:
            await office.official("/close Done.", number)
        await office.citizen("/lang en")
        office.undelivered(Delivery.DEAD, "bad request", reachable=True)
    assert office.cases() == 2
    assert office.case().question == ""
    assert office.journal("case_citizen_wrote") == []


async def test_who_has_left_before_any_case_is_left_alone(office: PlayedOffice) -> None:
    await office.citizen("How do I get a residence permit?")
    assert office.undelivered(Delivery.DEAD, "blocked") == []
    assert office.undelivered(Delivery.UNCERTAIN, "no answer", reachable=True) == []
    assert office.cases() == 0


async def test_a_button_pressed_while_a_case_runs_is_replied_to(office: PlayedOffice) -> None:
    await office.citizen("How do I get a residence permit?")
    number = await office.handed_off()
    await office.citizen("and the cat?")  # told that it was passed on
    for label in ("Not helpful", "Ask an official"):
        assert any(number in text for text in to_citizen(await office.press(label))), label
    assert any(number in text for text in to_citizen(await office.citizen("/human And a bird?")))
    assert office.cases() == 1


async def test_every_citizen_gets_only_their_own_answers(office: PlayedOffice) -> None:
    numbers = {}
    for n in range(6):
        numbers[f"c{n}"] = await office.handed_off(f"Question {n}?", who=f"c{n}")
    for who, number in numbers.items():
        sent = await office.official(f"To {who}, about #{numbers['c0']} ~{numbers['c1']}", number)
        reached = {m.address.chat for m in sent if m.address.chat != office.desk.chat}
        assert reached == {who}


async def test_a_send_button_sends_the_published_article_once(office: PlayedOffice) -> None:
    number = await office.handed_off()
    token = office.token("Send answer 1", office.desk.topic(number))
    for expected in (1, 0):
        sent = await office.official(kind=MessageKind.BUTTON, button=token, case=number)
        assert len(to_citizen(sent)) == expected
    assert "Bring your identity card" in "".join(m.text for m in office.sent())


async def test_a_second_question_joins_the_running_case(office: PlayedOffice) -> None:
    await office.handed_off()
    await office.citizen("/human And my cat?")
    assert office.cases() == 1


async def test_numbers_are_unique_and_readable(office: PlayedOffice) -> None:
    numbers = {await office.handed_off(who=f"c{n}") for n in range(20)}
    assert len(numbers) == 20
    assert all(re.fullmatch("[2-9A-HJKMNP-Z]{5}", number) for number in numbers)
