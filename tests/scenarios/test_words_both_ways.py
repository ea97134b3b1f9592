"""What passes between citizen and official: words, files, edits, and what must never pass."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admin import case_events
from bot.context import Outcome
from bot.messages import MessageKind, SpanKind
from tests.scenarios.office import PlayedOffice, photo, to_citizen, to_topic

#: ways to hide the two slashes of a note
DISGUISES = (
    "//",
    " //",
    "\t//",
    "／／",
    "/／",
    "\u200b//",
    "/\u200b/",
    "\u202e//",
    "\u3000//",
    "/ /",
)


async def test_a_note_stays_here(office: PlayedOffice) -> None:
    number = await office.handed_off()
    for mark in DISGUISES:
        sent = await office.official(f"{mark} he is a nuisance", number)
        assert to_citizen(sent) == [], mark
    assert len(office.journal("case_note")) == len(DISGUISES)


async def test_note_lines_are_cut_out_of_an_answer(office: PlayedOffice) -> None:
    number = await office.handed_off()
    sent = await office.official("Yes, 30 a year.\n// check with Tax\nPay by March.", number)
    assert to_citizen(sent) == [f"值班室 · {number}\nYes, 30 a year.\nPay by March."]


async def test_a_message_that_begins_with_a_note_is_one(office: PlayedOffice) -> None:
    number = await office.handed_off()
    sent = await office.official("// ask Tax\ntheir number is 555", number)
    assert to_citizen(sent) == []


async def test_a_picture_with_a_note_stays_here(office: PlayedOffice) -> None:
    number = await office.handed_off()
    sent = await office.official("// his file", number, attachments=(photo(),))
    assert to_citizen(sent) == []
    assert office.case().status == "open"


async def test_an_edit_cannot_turn_a_note_into_an_answer(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("// he is a nuisance", number, external_id="7")
    sent = await office.official("he is a nuisance", number, external_id="7", kind=MessageKind.EDIT)
    assert to_citizen(sent) == []


async def test_an_edited_answer_goes_out_as_a_correction(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("30 a year.", number, external_id="7")
    sent = await office.official("40 a year.", number, external_id="7", kind=MessageKind.EDIT)
    assert to_citizen(sent) == [f"Correction · 值班室 · {number}\n40 a year."]
    assert office.journal("case_corrected")[0]["earlier"] == "30 a year."
    assert office.journal("case_replied")[0]["text"] == "30 a year."


async def test_an_answer_edited_into_a_note_is_not_sent_again(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("30 a year.", number, external_id="7")
    sent = await office.official("// oops", number, external_id="7", kind=MessageKind.EDIT)
    assert to_citizen(sent) == []
    assert "cannot be taken back" in to_topic(sent, number)[0]


async def test_an_edit_of_what_was_never_sent_is_refused(office: PlayedOffice) -> None:
    number = await office.handed_off()
    sent = await office.official("Yes", number, external_id="404", kind=MessageKind.EDIT)
    assert to_citizen(sent) == []
    assert "never sent" in to_topic(sent, number)[0]


async def test_pictures_go_both_ways(office: PlayedOffice) -> None:
    number = await office.handed_off()
    sent = await office.citizen("here it is", attachments=(photo(),))
    assert next(m.attachments for m in sent if m.attachments) == (photo(),)
    sent = await office.official("", number, attachments=(photo("map.png"),))
    assert [m.attachments[0].name for m in sent if m.address.chat == "c1"] == ["map.png"]


async def test_the_citizens_edit_shows_both_versions(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.citizen("on Monday", external_id="8")
    sent = await office.citizen("on Tuesday", external_id="8", kind=MessageKind.EDIT)
    shown = to_topic(sent, number)[0]
    assert "on Monday" in shown
    assert "on Tuesday" in shown
    assert to_citizen(sent) == []


async def test_an_edit_of_the_question_itself_shows_both_versions(office: PlayedOffice) -> None:
    number = await office.handed_off("Is my dog taxed?", external_id="9")
    sent = await office.citizen("Is my cat taxed?", external_id="9", kind=MessageKind.EDIT)
    assert "Is my dog taxed?" in to_topic(sent, number)[0]
    assert office.case().question == "Is my dog taxed?"


async def test_a_picture_the_citizen_replaced_is_shown(office: PlayedOffice) -> None:
    number = await office.handed_off()
    for caption in ("", "my form"):
        old, new = photo(file="old"), photo(file=f"new {caption}")
        await office.citizen(caption, external_id=caption or "8", attachments=(old,))
        edit = {"external_id": caption or "8", "kind": MessageKind.EDIT}
        (shown,) = await office.citizen(caption, attachments=(new,), **edit)
        assert shown.address == office.desk.topic(number)
        assert shown.text.startswith("The citizen replaced a photo or file")
        assert shown.attachments == (new,)
        assert await office.citizen(caption, attachments=(new,), **edit) == []


async def test_a_picture_an_official_replaced_goes_out_as_a_correction(
    office: PlayedOffice,
) -> None:
    number = await office.handed_off()
    for caption in ("", "your form"):
        old, new = photo(file="old"), photo(file="new")
        edit = {"external_id": caption or "7", "kind": MessageKind.EDIT}
        await office.official(caption, number, external_id=caption or "7", attachments=(old,))
        assert await office.official(caption, number, attachments=(old,), **edit) == []
        sent = await office.official(caption, number, attachments=(new,), **edit)
        (correction,) = (m for m in sent if m.address.chat == "c1")
        head = f"Correction · 值班室 · {number}"
        assert correction.text == (f"{head}\n{caption}" if caption else head)
        assert correction.attachments == (new,)
        (words,) = to_citizen(await office.official("Better.", number, attachments=(new,), **edit))
        assert words == f"{head}\nBetter."
        sent = await office.official("// not this", number, attachments=(old,), **edit)
        assert to_citizen(sent) == []


@pytest.mark.parametrize(
    ("captions", "sent"),
    [
        (("your form", "// his record"), "0"),
        (("// his record", "your form"), "1"),
        (("// his record", "", "your form", ""), "23"),
        (("", "your form", "// his record\nhe is known here", ""), "01"),
        (("", "// his record"), ""),
        (("", ""), "01"),
    ],
)
async def test_the_file_of_a_note_in_an_album_stays_here(
    office: PlayedOffice, captions: tuple[str, ...], sent: str
) -> None:
    number = await office.handed_off()
    files = [photo(file=str(n)) for n in range(len(captions))]
    out = await office.album(number, *zip(captions, files, strict=True))
    reached = [m for m in out if m.address.chat == "c1"]
    assert "".join(a.file_id for m in reached for a in m.attachments) == sent
    assert not any("record" in m.text or "known" in m.text for m in reached)
    noted = [row["text"] for row in office.journal("case_note")]
    assert noted == [c for c in captions if c.startswith("//")]


async def test_a_note_in_an_album_cannot_be_edited_into_an_answer(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.album(number, ("your form", photo()), ("// his record", photo(file="2")))
    with office.database.session() as session:
        (note,) = (e for e in case_events.of_case(session, number) if e.kind == "note")
    edit = {"external_id": note.external_id, "kind": MessageKind.EDIT}
    sent = await office.official("his record", number, attachments=(photo(file="2"),), **edit)
    assert to_citizen(sent) == []
    assert "nothing was sent" in to_topic(sent, number)[0]


async def test_each_picture_of_an_album_can_be_replaced(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.album(number, ("page one", photo(file="1")), ("", photo(file="2")))
    with office.database.session() as session:
        first, second = case_events.of_case(session, number)[-2:]
    for event, file in ((first, "1"), (second, "2")):
        edit = {"external_id": event.external_id, "kind": MessageKind.EDIT}
        same = await office.official(event.text, number, attachments=(photo(file=file),), **edit)
        assert same == []
        new = photo(file=f"better {file}")
        sent = await office.official(event.text, number, attachments=(new,), **edit)
        assert [m.attachments for m in sent if m.address.chat == "c1"] == [(new,)]


async def test_a_withdrawn_message_is_told_of(office: PlayedOffice) -> None:
    number = await office.handed_off()
    sent = await office.citizen(kind=MessageKind.WITHDRAWN)
    assert "withdrew" in to_topic(sent, number)[0]


async def test_the_citizens_words_are_quoted_and_harmless(office: PlayedOffice) -> None:
    sent = await office.citizen("Is \u202etaxed\u202c my dog\x00?\ud800")
    card = next(m for m in sent if m.card)
    quote = next(s for s in card.spans if s.kind is SpanKind.QUOTE)
    assert card.text[quote.offset : quote.offset + quote.length] == "Is taxed my dog?\ufffd"


async def test_a_file_name_cannot_be_turned_round(office: PlayedOffice) -> None:
    await office.handed_off()
    sent = await office.citizen("", attachments=(photo("bill\u202efdp.exe"),))
    assert [m.attachments[0].name for m in sent if m.attachments] == ["billfdp.exe"]


async def test_passed_on_is_said_once_in_a_while(office: PlayedOffice) -> None:
    await office.handed_off()
    said = [to_citizen(await office.citizen(f"and {n}")) for n in range(3)]
    assert [len(texts) for texts in said] == [1, 0, 0]
    office.wait(minutes=11)
    assert len(to_citizen(await office.citizen("still there?"))) == 1


async def test_an_official_cannot_write_into_an_ended_case(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.official("/close answered", number)
    sent = await office.official("One more thing.", number)
    assert office.ended() is Outcome.REFUSED
    assert to_citizen(sent) == []
    await office.official("/reopen", number)
    assert to_citizen(await office.official("One more thing.", number)) != []


COMMANDS = ("", "", "", "/close ", "/note ", "/transfer ", "/who ")
LINES = st.one_of(
    st.text(max_size=20).filter(lambda text: "SECRET" not in text),
    st.builds(lambda mark, rest: f"{mark}SECRET{rest}", st.sampled_from(DISGUISES), st.text()),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=st.lists(LINES, max_size=4), as_edit=st.booleans(), command=st.sampled_from(COMMANDS))
async def test_no_line_with_slashes_ever_reaches_a_citizen(
    office: PlayedOffice, lines: list[str], as_edit: bool, command: str
) -> None:
    number = await office.handed_off(who="c9")
    await office.official("fine", number, external_id="77")
    text = command + "\n".join(lines)
    kind = MessageKind.EDIT if as_edit else MessageKind.TEXT
    sent = await office.official(text, number, external_id="77", kind=kind)
    assert not any("SECRET" in words for words in to_citizen(sent, "c9")), text
    for words in to_citizen(sent, "c9"):
        assert not any(line.strip().startswith("//") for line in words.splitlines())
    if not office.case(number).is_over:
        await office.official("/close done", number)
