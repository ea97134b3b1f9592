"""The journal refuses change, and verification names the row wherever somebody got past that."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot import journal
from bot.db import Database
from bot.journal import GENESIS, Entry, Verdict, _row_hash

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROWS = 7


def append(database: Database, *entries: Entry) -> None:
    with database.writing() as connection:
        journal.append(connection, entries, AT)


def verify(database: Database) -> Verdict:
    with database.session() as session:
        return journal.verify(session.connection())


def found(database: Database) -> list[dict[str, Any]]:
    with database.session() as session:
        return list(journal.rows(session.connection()))


def tamper(database: Database, *statements: str) -> None:
    """Change rows as somebody does who owns the database: with the triggers gone."""
    with database.writing() as connection:
        if database.is_sqlite:
            for verb in ("update", "delete", "replace"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS journal_no_{verb}"))
        else:
            connection.execute(text("ALTER TABLE journal DISABLE TRIGGER USER"))
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.fixture
def sealed(database: Database) -> Database:
    """A journal of seven rows."""
    entries = [
        Entry("decided", {"n": n, "text": "问"}, f"web/c{n}/", "p", "K7") for n in range(ROWS)
    ]
    append(database, *entries[:3])
    append(database, *entries[3:])
    return database


def test_an_empty_journal_holds(database: Database) -> None:
    assert verify(database) == Verdict(0, GENESIS)


def test_rows_are_chained_in_order(sealed: Database) -> None:
    verdict, rows = verify(sealed), found(sealed)
    assert verdict == Verdict(ROWS, rows[-1]["hash"])
    assert verdict.ok
    assert [row["prev"] for row in rows] == [GENESIS, *(row["hash"] for row in rows[:-1])]
    assert [json.loads(row["body"])["n"] for row in rows] == list(range(ROWS))
    assert len({row["salt"] for row in rows}) == ROWS


def test_the_same_entry_twice_gets_two_seals(database: Database) -> None:
    append(database, Entry("note", {"a": 1}), Entry("note", {"a": 1}))
    first, second = found(database)
    assert first["body_hash"] != second["body_hash"]


def test_nothing_to_append_writes_nothing(sealed: Database) -> None:
    append(sealed)
    assert verify(sealed).rows == ROWS


def test_rows_can_be_read_from_any_place(sealed: Database) -> None:
    with sealed.session() as session:
        assert [r["seq"] for r in journal.rows(session.connection(), 5)] == [6, 7]


def test_a_long_journal_is_read_in_pages(database: Database) -> None:
    for _ in range(3):
        append(database, *(Entry("note", {"n": n}) for n in range(700)))
    assert verify(database).rows == 2100


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET body = '{}' WHERE seq = 2",
        "UPDATE journal SET kind = kind",
        "DELETE FROM journal WHERE seq = 7",
        "DELETE FROM journal",
    ],
)
def test_the_database_refuses_to_change_a_row(sealed: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), sealed.writing() as connection:
        connection.execute(text(statement))
    assert verify(sealed).rows == ROWS


@pytest.mark.parametrize("values", ["*", "seq, at, 'x', '', '', '', '{}', '', '', '', ''"])
def test_the_database_refuses_to_replace_a_row(sealed: Database, values: str) -> None:
    """On PostgreSQL a row can only be replaced by an UPDATE."""
    statement = (
        f"INSERT OR REPLACE INTO journal SELECT {values} FROM journal WHERE seq = 2"
        if sealed.is_sqlite
        else "INSERT INTO journal SELECT * FROM journal WHERE seq = 2 "
        "ON CONFLICT (seq) DO UPDATE SET body = '{}'"
    )
    with pytest.raises(DBAPIError, match="append-only"), sealed.writing() as connection:
        connection.exec_driver_sql(statement)
    assert verify(sealed).rows == ROWS


def test_the_database_refuses_to_empty_the_table(sealed: Database) -> None:
    if sealed.is_sqlite:
        return  # SQLite has no TRUNCATE
    with pytest.raises(DBAPIError, match="append-only"), sealed.writing() as connection:
        connection.execute(text("TRUNCATE journal"))


BODY, HEADER, ORDER = "content was changed", "header was changed", "does not follow"
CHANGES = [
    ("body = '{\"n\": 99}'", BODY),
    ("body = body || ' '", BODY),
    ("salt = 'ffffffffffffffffffffffffffffffff'", BODY),
    ("salt = upper(salt)", BODY),
    (f"body_hash = '{GENESIS}'", BODY),
    ("at = '2026-03-02 09:00:00.000001'", HEADER),
    ("kind = 'queued'", HEADER),
    ("conversation = 'web/mallory/'", HEADER),
    ("person = 'q'", HEADER),
    ("subject = 'K8'", HEADER),
    (f"hash = '{GENESIS}'", HEADER),
    (f"prev = '{GENESIS}'", ORDER),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_a_changed_row_is_named(sealed: Database, change: str, reason: str) -> None:
    tamper(sealed, f"UPDATE journal SET {change} WHERE seq = 4")
    verdict = verify(sealed)
    assert (verdict.bad_row, verdict.rows) == (4, 3)
    assert reason in verdict.reason


@pytest.mark.parametrize(
    "change",
    [
        "salt = salt || body, body = ''",
        "salt = salt || '{', body = substr(body, 2)",
        "body = salt || body, salt = ''",
        "body = substr(salt, 32) || body, salt = substr(salt, 1, 31)",
    ],
)
def test_a_body_and_a_salt_that_borrow_from_each_other_are_named(
    sealed: Database, change: str
) -> None:
    if not sealed.is_sqlite:
        with sealed.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE journal ALTER COLUMN salt TYPE text")
    tamper(sealed, f"UPDATE journal SET {change} WHERE seq = 4")
    verdict = verify(sealed)
    assert (verdict.bad_row, verdict.reason) == (4, "its content was changed")


def test_a_field_that_borrows_from_its_neighbour_is_named(sealed: Database) -> None:
    tamper(sealed, "UPDATE journal SET person = 'pK', subject = '7' WHERE seq = 4")
    assert verify(sealed).bad_row == 4


def test_a_row_rewritten_with_its_own_seal_breaks_the_next(sealed: Database) -> None:
    row = found(sealed)[3] | {"subject": "K8"}
    tamper(sealed, f"UPDATE journal SET subject = 'K8', hash = '{_row_hash(row)}' WHERE seq = 4")
    verdict = verify(sealed)
    assert verdict.bad_row == 5
    assert ORDER in verdict.reason


def test_a_removed_row_is_named(sealed: Database) -> None:
    tamper(sealed, "DELETE FROM journal WHERE seq = 4")
    verdict = verify(sealed)
    assert verdict.bad_row == 5
    assert verdict.reason == "row 4 is missing"


def test_a_removed_first_row_is_named(sealed: Database) -> None:
    tamper(sealed, "DELETE FROM journal WHERE seq = 1")
    assert verify(sealed).reason == "row 1 is missing"


def test_a_removed_row_whose_gap_was_closed_is_named(sealed: Database) -> None:
    tamper(
        sealed,
        "DELETE FROM journal WHERE seq = 4",
        "UPDATE journal SET seq = 4 WHERE seq = 5",
    )
    verdict = verify(sealed)
    assert verdict.bad_row == 4
    assert ORDER in verdict.reason


def test_a_removed_end_shows_against_a_head_kept_elsewhere(sealed: Database) -> None:
    head = verify(sealed).head
    tamper(sealed, "DELETE FROM journal WHERE seq = 7")
    assert verify(sealed).head != head


def test_swapped_rows_are_named(sealed: Database) -> None:
    tamper(
        sealed,
        "UPDATE journal SET seq = 100 WHERE seq = 3",
        "UPDATE journal SET seq = 3 WHERE seq = 4",
        "UPDATE journal SET seq = 4 WHERE seq = 100",
    )
    assert verify(sealed).bad_row == 3


COPY = (
    "INSERT INTO journal (seq, at, kind, conversation, person, subject, body, salt, body_hash, "
    "prev, hash) SELECT {seq}, at, kind, conversation, person, subject, body, salt, body_hash, "
    "{prev}, hash FROM journal WHERE seq = {source}"
)


@pytest.mark.parametrize(("seq", "bad"), [(ROWS + 1, ROWS + 1), (ROWS + 5, ROWS + 5), (0, 0)])
def test_a_forged_row_is_named(sealed: Database, seq: int, bad: int) -> None:
    tamper(sealed, COPY.format(seq=seq, prev="prev", source=ROWS))
    assert verify(sealed).bad_row == bad


def test_a_forged_row_that_follows_well_is_named(sealed: Database) -> None:
    tamper(sealed, COPY.format(seq=ROWS + 1, prev="hash", source=ROWS))
    verdict = verify(sealed)
    assert verdict.bad_row == ROWS + 1
    assert HEADER in verdict.reason


@pytest.mark.parametrize("change", ["at = 'yesterday'", "at = 7", "body = x'00ff'", "hash = 7"])
def test_a_row_that_cannot_be_read_is_named(sealed: Database, change: str) -> None:
    if not sealed.is_sqlite:
        return  # PostgreSQL's columns hold what their type says
    tamper(sealed, f"UPDATE journal SET {change} WHERE seq = 4")
    assert verify(sealed).bad_row == 4


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
            st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_body_is_kept_as_it_is(contents: list[tuple[str, dict[str, str]]]) -> None:
    database = Database.open("sqlite://")
    try:
        journal.JournalRow.__table__.create(database.engine)  # type: ignore[attr-defined]
        append(database, *(Entry("note", body, subject=s) for s, body in contents))
        assert [json.loads(r["body"]) for r in found(database)] == [b for _, b in contents]
        assert verify(database).ok
    finally:
        database.close()


def test_two_writers_make_one_chain(database: Database) -> None:
    for n in range(10):
        append(database, Entry("note", {"n": n}))
        with database.transaction() as tx:
            tx.journal("other", {"n": n})
    assert verify(database).rows == 20


def test_a_transaction_that_fails_leaves_no_row(database: Database) -> None:
    def fails() -> None:
        with database.transaction() as tx:
            tx.journal("note", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert verify(database).rows == 0
