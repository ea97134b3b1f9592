"""The main story: a question answered; a hard one handed to an official, answered, ended."""

from bot.context import Outcome
from tests.scenarios.office import PlayedOffice, labels, to_citizen, to_topic


async def test_a_known_question_is_answered_word_for_word(office: PlayedOffice) -> None:
    sent = await office.citizen("How do I get a residence permit?")
    assert office.ended() is Outcome.ANSWERED
    assert "Bring your identity card and the lease to any service hall." in sent[0].text
    assert "Residence rules https://example.org/permit" in sent[0].text
    assert "Registration" in sent[0].text
    assert labels(sent[0]) == ["Helpful", "Not helpful", "Ask an official"]
    assert office.cases() == 0


async def test_the_journal_can_say_why(office: PlayedOffice) -> None:
    await office.citizen("How do I get a residence permit?")
    assert office.why["article"] == "permit"
    assert office.why["thresholds"] == {"answer": 0.8, "offer": 0.4}
    assert office.why["kb_version"] == 1
    assert office.why["model"] == "by heart"


async def test_a_hard_question_goes_to_an_official_and_back(office: PlayedOffice) -> None:
    sent = await office.citizen("Is my dog taxed?")
    assert office.ended() is Outcome.HANDED_OFF
    case = office.case()
    number = case.number
    assert case.department == "值班室"
    assert number in to_citizen(sent)[0]
    assert "/status" in to_citizen(sent)[0]
    card = next(m for m in sent if m.card == f"case:{number}")
    assert "Is my dog taxed?" in card.text
    assert card.thread_title == f"{number} Is my dog taxed?"
    assert labels(card) == ["Send answer 1", "Send answer 2", "Claim", "Transfer", "Close"]

    sent = await office.press("Claim", "o1", case=number)
    assert "Desk 1" in to_topic(sent, number)[0]
    assert office.case().status == "assigned"

    sent = await office.official("Yes, 30 a year.", number)
    assert office.ended() is Outcome.RELAYED
    assert to_citizen(sent) == [f"值班室 · {number}\nYes, 30 a year."]
    assert office.case().status == "answered"

    sent = await office.citizen("Where do I pay?")
    assert office.ended() is Outcome.RELAYED
    assert any("Where do I pay?" in text for text in to_topic(sent, number))
    assert office.library.asked == ["Is my dog taxed?"]
    assert office.case().status == "assigned"

    await office.official("At the tax office.", number)
    sent = await office.official("/close answered", number)
    assert "Is it solved?" in to_citizen(sent)[0]
    assert office.case().status == "closed"

    sent = await office.press("Solved")
    assert office.case().status == "solved"
    assert any("solved" in text for text in to_topic(sent, number))

    await office.citizen("How do I get a residence permit?")
    assert office.ended() is Outcome.ANSWERED


async def test_every_act_is_in_the_journal(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("/claim", number)
    await office.official("Yes.", number)
    await office.official("// nice dog", number)
    await office.official("/transfer Desk 2", number)
    await office.official("/close answered", number, who="o2")
    await office.official("/reopen", number, who="o2")
    for kind in ("opened", "claimed", "replied", "note", "transferred", "closed", "reopened"):
        assert len(office.journal(f"case_{kind}")) == 1, kind
