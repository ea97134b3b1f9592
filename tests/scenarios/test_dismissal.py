"""An official leaves or may no longer answer: their cases wait for somebody else."""

from admin import appointments, officials
from admin.officials import Role
from bot.context import Outcome
from tests.scenarios.office import PlayedOffice, in_main_chat, to_citizen, to_topic


def dismiss(office: PlayedOffice, official: int) -> None:
    """Dismiss somebody as the operator does."""
    with office.database.transaction() as tx:
        appointments.dismiss(tx, office.desk, official)


async def test_the_cases_of_a_dismissed_official_are_called_out_again(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    await office.official("I look into it.", number)
    dismiss(office, 1)
    assert (office.case().holder, office.case().status) == (None, "open")
    assert office.journal("case_released")[0]["dismissed"] == 1
    assert "unclaimed" in to_topic(office.delivered(), number)[0]
    assert number in in_main_chat(office.wait(minutes=31))[0]
    assert len(to_citizen(await office.official("Yes.", number, who="o2"))) == 1
    assert office.case().holder == 2


async def test_what_others_hold_and_what_has_ended_stays_as_it_is(office: PlayedOffice) -> None:
    ended = await office.handed_off()
    await office.official("/close Done.", ended)
    others = await office.handed_off("Is my cat taxed?", who="c2")
    await office.official("/claim", others, who="o2")
    dismiss(office, 1)
    assert (office.case(ended).holder, office.case(ended).status) == (1, "closed")
    assert office.case(others).holder == 2
    assert office.journal("case_released") == []


async def test_a_case_left_with_somebody_dismissed_can_be_taken_by_anyone(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    await office.official("/claim", number)
    with office.database.transaction() as tx:
        officials.dismiss(tx, 1)
    await office.official("/claim", number, who="o2")
    assert office.ended() is Outcome.HANDLED
    assert office.case().holder == 2


async def test_the_cases_of_an_official_who_becomes_an_editor_are_called_out_again(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    await office.official("I look into it.", number)
    with office.database.transaction() as tx:
        code = officials.new_code(tx, "Desk 1", Role.EDITOR, "值班室")
    sent = await office.citizen(f"/enroll {code}", who="o1")
    assert (office.case().holder, office.case().status) == (None, "open")
    assert office.journal("case_released")[0]["role"] == "editor"
    assert "unclaimed" in to_topic(sent, number)[0]
    assert number in in_main_chat(office.wait(minutes=31))[0]


async def test_a_case_left_with_somebody_who_cannot_answer_can_be_taken_by_anyone(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    await office.official("/claim", number)
    office.enrol("o1", "Desk 1", Role.EDITOR)
    assert len(to_citizen(await office.official("Yes.", number, who="o2"))) == 1
    assert office.case().holder == 2
