"""The tables and small rules below the desk."""

from datetime import UTC, datetime

import pytest

from admin import case_numbers, notes
from admin.cases import ENDED, TRANSITIONS, Case, CaseStatus, HandoffReason, move
from admin.chat_buttons import GROUNDS
from admin.chat_commands import COMMANDS
from admin.command_words import Typed, nearest, parse
from admin.permissions import RULES, Act
from admin.refusals import ActRefused
from admin.texts import say
from bot.text import clean, one_line, shortened

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def case(status: CaseStatus) -> Case:
    """Return a case that stands somewhere."""
    return Case(
        number="K7Q2M",
        secret_hash="",
        status=status,
        reason=HandoffReason.FAILURE,
        conversation="web/a/",
        department="x",
        opened_at=NOW,
        last_citizen_at=NOW,
    )


def test_every_status_is_in_the_table_and_can_be_left() -> None:
    assert set(TRANSITIONS) == set(CaseStatus)
    assert all(TRANSITIONS.values())


def test_every_end_can_be_reopened_and_every_running_case_ended() -> None:
    for status, ways in TRANSITIONS.items():
        assert ways & ENDED or status in ENDED
        assert ways & {CaseStatus.OPEN, CaseStatus.ASSIGNED} or status == CaseStatus.OPEN


@pytest.mark.parametrize("status", CaseStatus)
@pytest.mark.parametrize("to", CaseStatus)
def test_a_case_moves_only_as_the_table_says(status: CaseStatus, to: CaseStatus) -> None:
    one = case(status)
    if to is status:
        assert not move(one, to, NOW)
    elif to in TRANSITIONS[status]:
        assert move(one, to, NOW)
        assert (one.ended_at is not None) == (to in ENDED)
    else:
        with pytest.raises(ActRefused):
            move(one, to, NOW)
        assert one.status == status


def test_every_act_has_a_rule() -> None:
    assert set(RULES) == set(Act)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_everything_that_is_shown_has_its_sentence(language: str) -> None:
    keys = [f"status.{s}" for s in CaseStatus] + [f"reason.{r}" for r in HandoffReason]
    keys += [f"handed_off.{r}" for r in HandoffReason] + [f"command.{name}" for name in COMMANDS]
    keys += [f"ground.{g}" for g in GROUNDS]
    assert not set(keys) - set(say.sentences[language])


@pytest.mark.parametrize(
    ("text", "public", "internal"),
    [
        ("hello", "hello", ""),
        ("// a\nb", "", "// a\nb"),
        ("a\n//b\nc", "a\nc", "//b"),
        ("a\r\n／／b", "a", "／／b"),
        ("a\u2028//b", "a", "//b"),
        ("see https://example.org", "see https://example.org", ""),
        ("\n\n//a", "", "//a"),
        ("", "", ""),
    ],
)
def test_notes_are_split_from_words(text: str, public: str, internal: str) -> None:
    assert notes.split(text) == notes.Spoken(public, internal)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("/claim", Typed("claim")),
        ("/Close@huiying_bot  done and\nover ", Typed("close", "done and\nover")),
        (" ／status", Typed("status")),
        ("//note", None),
        ("/", None),
        ("hello /claim", None),
        ("", None),
    ],
)
def test_commands_are_parsed(text: str, typed: Typed | None) -> None:
    assert parse(text) == typed


def test_the_nearest_commands_come_first() -> None:
    assert nearest("clsoe", COMMANDS)[0] == "close"
    assert nearest("xyzzy", COMMANDS) == list(COMMANDS)


def test_a_code_fits_only_its_case() -> None:
    code = case_numbers.new_code()
    stored = case_numbers.hashed("K7Q2M", code)
    assert case_numbers.matches("K7Q2M", code, stored)
    assert not case_numbers.matches("K7Q2N", code, stored)
    assert not case_numbers.matches("K7Q2M", "\ud800", stored)


def test_hidden_characters_are_dropped_and_emoji_kept() -> None:
    assert clean("a\u202eb\u2066c\u200bd\x00e\ufeff") == "abcde"
    assert clean("👨\u200d👩\u200d👧 ok") == "👨\u200d👩\u200d👧 ok"
    assert clean("x\ud800y") == "x\ufffdy"
    assert clean("a\r\nb\u2029c\td") == "a\nb\nc\td"


def test_lines_are_shortened_with_a_mark() -> None:
    assert one_line(" a\n b ", 10) == "a b"
    assert one_line("abcdef", 4) == "abc…"
    assert shortened("ab\ncd", 3) == "ab…"
