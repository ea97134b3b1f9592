"""The journal: every exchange, append-only, each row sealed to the one before it.

``hash = SHA-256(prev ‖ canonical(seq, at, kind, conversation, person, subject, body_hash))`` and
``body_hash = SHA-256(salt ‖ body)``, the salt standing beside the body: the chain commits to a
body without containing it, so that erasing one later cannot break the proof of the others. Plain
hashes of short texts could be guessed; salted ones cannot once the salt is gone. A salt has a fixed
form, so that nothing can pass from a body into its salt.

Triggers in the database refuse UPDATE, DELETE, and on SQLite a REPLACE in an INSERT. A chain alone
proves nothing against somebody who can rewrite the whole database: keep its head elsewhere
(``journal verify`` prints it).
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Text,
    bindparam,
    insert,
    select,
    text,
)
from sqlmodel import Field, SQLModel

from bot.types import UtcDateTime

#: previous hash of the first row
GENESIS = "0" * 64

_SALT = re.compile(r"[0-9a-f]{32}")
#: no sequence number is as low; a forged row could stand below the first
_BEFORE_ALL = -(2**63)
#: PostgreSQL advisory lock that gives out the sequence; any fixed number of our own
_CHAIN_LOCK = 0x48554959


class JournalRow(SQLModel, table=True):
    """One sealed row. ``body`` is JSON; ``subject`` names a case, article or message."""

    __tablename__ = "journal"

    seq: int = Field(
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
        )
    )
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str = Field(max_length=40, index=True)
    conversation: str = Field(default="", max_length=200, index=True)
    person: str = Field(default="", max_length=40)
    subject: str = Field(default="", max_length=80, index=True)
    body: str = Field(sa_type=Text)
    salt: str = Field(max_length=32)
    body_hash: str = Field(max_length=64)
    prev: str = Field(max_length=64)
    hash: str = Field(max_length=64)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be journalled, before it gets its place in the chain."""

    kind: str
    body: dict[str, Any]
    conversation: str = ""
    person: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found. ``bad_row`` is the first broken sequence number."""

    rows: int
    head: str
    bad_row: int | None = None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Say whether the whole chain holds."""
        return self.bad_row is None


_TABLE = JournalRow.__table__  # type: ignore[attr-defined]
_HEAD = select(_TABLE.c.seq, _TABLE.c.hash).order_by(_TABLE.c.seq.desc()).limit(1)
_INSERT = insert(_TABLE)


def append(connection: Connection, entries: Sequence[Entry], at: datetime) -> None:
    """Seal ``entries`` onto the chain, in order, inside the caller's transaction."""
    if not entries:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": _CHAIN_LOCK})
    head = connection.execute(_HEAD).first()
    seq, prev = (head.seq, head.hash) if head else (0, GENESIS)
    rows = []
    for entry in entries:
        seq += 1
        row = _sealed(entry, seq, at, prev)
        prev = row["hash"]
        rows.append(row)
    connection.execute(_INSERT, rows)


def _sealed(entry: Entry, seq: int, at: datetime, prev: str) -> dict[str, Any]:
    body = json.dumps(entry.body, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    salt = secrets.token_hex(16)
    row = {
        "seq": seq,
        "at": at,
        "kind": entry.kind,
        "conversation": entry.conversation,
        "person": entry.person,
        "subject": entry.subject,
        "body": body,
        "salt": salt,
        "body_hash": _body_hash(salt, body),
        "prev": prev,
    }
    row["hash"] = _row_hash(row)
    return row


def _body_hash(salt: str, body: str) -> str:
    return hashlib.sha256(f"{salt}{body}".encode()).hexdigest()


def _row_hash(row: Any) -> str:
    # Length-prefixed fields: no two different rows share one canonical form.
    fields = (
        row["seq"],
        row["at"].isoformat(timespec="microseconds"),
        row["kind"],
        row["conversation"],
        row["person"],
        row["subject"],
        row["body_hash"],
    )
    canonical = "".join(f"{len(s)}:{s}" for s in map(str, fields))
    return hashlib.sha256((row["prev"] + canonical).encode()).hexdigest()


def rows(connection: Connection, after: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the rows after ``after`` in order, a thousand at a time, so memory stays flat."""
    page = select(_TABLE).where(_TABLE.c.seq > bindparam("after")).order_by(_TABLE.c.seq)
    last = None
    while last != after:
        last = after
        for row in connection.execute(page.limit(1000), {"after": after}).mappings():
            yield dict(row)
            after = row["seq"]


def newest(connection: Connection, kind: str, limit: int) -> Iterator[dict[str, Any]]:
    """Yield the last ``limit`` rows of a kind, the newest first."""
    query = select(_TABLE).where(_TABLE.c.kind == kind).order_by(_TABLE.c.seq.desc()).limit(limit)
    for row in connection.execute(query).mappings():
        yield dict(row)


def find(connection: Connection, seq: int) -> dict[str, Any] | None:
    """Return the row of this number, None when there is none."""
    row = connection.execute(select(_TABLE).where(_TABLE.c.seq == seq)).mappings().first()
    return None if row is None else dict(row)


def verify(connection: Connection, head: str = "") -> Verdict:
    """Prove the chain from its first row; name the first row that does not hold.

    ``head`` is a hash that was kept elsewhere: some row must still have it, or the end was cut off
    or the whole chain was written anew.
    """
    seq, prev, met = 0, GENESIS, not head
    try:
        for row in rows(connection, _BEFORE_ALL):
            reason = _fault(row, seq + 1, prev)
            if reason:
                return Verdict(seq, prev, bad_row=row["seq"], reason=reason)
            seq, prev = row["seq"], row["hash"]
            met = met or prev == head
    except (ValueError, TypeError):  # SQLite keeps whatever is written into a column
        return Verdict(seq, prev, bad_row=seq + 1, reason="it cannot be read")
    if not met:
        return Verdict(seq, prev, bad_row=seq + 1, reason="no row has the head that was kept")
    return Verdict(seq, prev)


def _fault(row: dict[str, Any], expected_seq: int, prev: str) -> str:
    if row["seq"] != expected_seq:
        return f"row {expected_seq} is missing"
    if row["prev"] != prev:
        return "it does not follow from the row before it"
    salted = _SALT.fullmatch(row["salt"]) is not None
    if not salted or row["body_hash"] != _body_hash(row["salt"], row["body"]):
        return "its content was changed"
    if row["hash"] != _row_hash(row):
        return "its header was changed"
    return ""
