"""Several people at one desk: one winner, no double work, nothing said by strangers."""

from admin.officials import Role
from bot import threads
from bot.context import Outcome
from bot.messages import MessageKind, Sender
from tests.scenarios.office import PlayedOffice, in_main_chat, labels, to_citizen, to_topic


async def test_the_second_to_claim_is_told_who_has_it(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.press("Claim", "o1", case=number)
    sent = await office.official("/claim", number, who="o2")
    assert office.ended() is Outcome.REFUSED
    assert "Desk 1" in to_topic(sent, number)[0]
    assert office.case().holder == 1
    assert office.journal("case_refused")[-1]["why"] == "held"


async def test_the_words_of_a_second_official_do_not_reach_the_citizen(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    await office.official("/claim", number)
    sent = await office.official("I say no.", number, who="o2")
    assert to_citizen(sent) == []
    assert "Desk 1" in to_topic(sent, number)[0]


async def test_writing_first_claims_the_case(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("Yes.", number, who="o2")
    assert office.case().holder == 2


async def test_a_manager_may_act_on_anybodys_case(office: PlayedOffice) -> None:
    office.enrol("m1", "Head", Role.MANAGER)
    number = await office.handed_off()
    await office.official("/claim", number)
    sent = await office.official("I answer for Desk 1.", number, who="m1")
    assert len(to_citizen(sent)) == 1
    assert office.case().holder == 1


async def test_an_editor_may_note_but_not_answer(office: PlayedOffice) -> None:
    office.enrol("e1", "Editor", Role.EDITOR)
    number = await office.handed_off()
    assert to_citizen(await office.official("Yes.", number, who="e1")) == []
    assert office.ended() is Outcome.REFUSED
    await office.official("// worth an article", number, who="e1")
    assert office.journal("case_note")[0]["text"] == "// worth an article"


async def test_transfer_to_a_colleague_and_to_a_department(office: PlayedOffice) -> None:
    office.enrol("t1", "Tax desk", department="Tax")
    number = await office.handed_off()
    await office.official("/claim", number)
    sent = await office.official("/transfer Tax", number)
    assert (office.case().department, office.case().holder) == ("Tax", None)
    assert "now with Tax" in to_citizen(sent)[0]
    await office.official("/claim", number, who="t1")
    await office.press("Transfer", "t1", case=number)
    await office.press("Desk 2", "t1", case=number)
    assert (office.case().department, office.case().holder) == ("值班室", 2)


async def test_a_transfer_to_where_the_case_is_changes_nothing(office: PlayedOffice) -> None:
    number = await office.handed_off()
    for target in ("值班室", "Desk 1"):
        sent = await office.official(f"/transfer {target}", number)
        assert [text.endswith("nothing was changed.") for text in to_topic(sent, number)] == [True]
        assert to_citizen(sent) == []
        await office.official("/claim", number)


async def test_the_citizen_hears_of_another_department_only(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("/claim", number)
    assert to_citizen(await office.official("/transfer Desk 2", number)) == []
    assert office.case().holder == 2


async def test_a_case_does_not_go_to_somebody_who_cannot_answer(office: PlayedOffice) -> None:
    office.enrol("e1", "Editor", Role.EDITOR)
    number = await office.handed_off()
    await office.official("/claim", number)
    sent = await office.official("/transfer Editor", number)
    assert "Editor may not answer" in to_topic(sent, number)[0]
    assert to_citizen(sent) == []
    assert office.case().holder == 1
    (asked,) = await office.press("Transfer", "o1", case=number)
    assert labels(asked) == ["Desk 2"]


async def test_a_transfer_to_nobody_changes_nothing(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("/claim", number)
    sent = await office.official("/transfer Atlantis", number)
    assert "值班室" in to_topic(sent, number)[0]
    assert office.case().holder == 1
    assert office.journal("case_transferred") == []


async def test_a_released_case_can_be_claimed_by_another(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("/claim", number)
    await office.press("Release", "o1", case=number)
    assert office.case().status == "open"
    await office.official("/claim", number, who="o2")
    assert office.case().holder == 2


async def test_strangers_are_refused_and_never_relayed(office: PlayedOffice) -> None:
    number = await office.handed_off()
    forged = Sender("o1", verified=False)
    for sender in (Sender("stranger"), forged):
        for text in ("Pay me.", "/close done", "/claim"):
            sent = await office.official(text, number, sender=sender)
            assert office.ended() is Outcome.REFUSED
            assert to_citizen(sent) == []
            assert len(to_topic(sent, number)) == 1
    assert office.case().status == "open"
    assert len(office.journal("case_refused")) == 6


async def test_a_strangers_press_does_nothing(office: PlayedOffice) -> None:
    number = await office.handed_off()
    sent = await office.press("Send answer 1", "stranger", case=number)
    assert to_citizen(sent) == []
    assert office.case().holder is None


async def test_talk_in_the_main_chat_goes_nowhere_and_is_hinted_at_once(
    office: PlayedOffice,
) -> None:
    await office.handed_off()
    first = await office.official("Lunch?")
    assert len(in_main_chat(first)) == 1
    assert await office.official("Noodles.") == []


async def test_where_there_are_no_topics_words_to_nobody_are_hinted_at_again(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    with office.database.transaction() as tx:
        root = office.sent_id("Is my dog taxed?")
        threads.remember(tx.connection, office.desk.topic(number), "", root, tx.now)
    assert len(in_main_chat(await office.official("Yes, it is."))) == 1
    assert await office.official("And the cat too.") == []
    assert len(in_main_chat(await office.official("No!", who="o2"))) == 1
    office.clock.advance(minutes=10)
    assert len(in_main_chat(await office.official("Hello?"))) == 1


async def test_where_there_are_no_topics_a_reply_to_the_card_counts(office: PlayedOffice) -> None:
    number = await office.handed_off()
    card = office.sent_id("Is my dog taxed?")
    sent = await office.official("Yes.", reply_to=card)
    assert to_citizen(sent) == [f"值班室 · {number}\nYes."]


async def test_where_there_are_no_topics_the_cards_buttons_still_work(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    token = office.token("Claim", office.desk.topic(number))
    await office.official(kind=MessageKind.BUTTON, button=token)
    assert office.case().holder == 1


async def test_answering_another_cases_message_in_this_topic_is_refused(
    office: PlayedOffice,
) -> None:
    first = await office.handed_off("Is my dog taxed?")
    other_card = office.sent_id("Is my dog taxed?")
    second = await office.handed_off("Is my cat taxed?", who="c2")
    sent = await office.official("Yes.", second, reply_to=other_card)
    assert office.ended() is Outcome.REFUSED
    assert to_citizen(sent, "c1") == to_citizen(sent, "c2") == []
    assert first != second


async def test_an_unclaimed_case_is_called_out_until_somebody_takes_it(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    assert in_main_chat(office.wait(minutes=29)) == []
    called = office.wait(minutes=2)
    assert number in in_main_chat(called)[0]
    assert labels(called[0]) == ["Claim"]
    await office.press("Claim", "o2", case="")
    assert office.case().holder == 2
    assert in_main_chat(office.wait(days=3)) == []


async def test_a_claimed_case_is_not_called_out(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("/claim", number)
    assert office.wait(days=1) == []


async def test_calls_grow_rarer(office: PlayedOffice) -> None:
    await office.handed_off()
    assert (
        len(in_main_chat(office.wait(hours=24))) == 6
    )  # after 30, 90, 210, 450, 930 and 1,410 minutes


async def test_unknown_commands_name_the_nearest(office: PlayedOffice) -> None:
    number = await office.handed_off()
    sent = await office.official("/clame", number)
    assert "/claim" in to_topic(sent, number)[0]
    assert to_citizen(sent) == []


async def test_help_lists_every_command(office: PlayedOffice) -> None:
    sent = await office.official("/help@huiying_bot")
    for name in ("/claim", "/close", "/transfer", "/who", "/reopen", "/note"):
        assert name in in_main_chat(sent)[0]


async def test_status_and_who_in_topic_and_main_chat(office: PlayedOffice) -> None:
    number = await office.handed_off()
    assert number in in_main_chat(await office.official("/status"))[0]
    assert "Desk 2" in in_main_chat(await office.official("/who"))[0]
    await office.official("/claim", number, who="o2")
    assert "Desk 2" in to_topic(await office.official("/who", number), number)[0]
    assert "in work" in to_topic(await office.official("/status", number), number)[0]
