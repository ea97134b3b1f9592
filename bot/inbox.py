"""The inbox: what platforms gave us, stored before it is acknowledged, handled once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    literal_column,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from bot.channels.base import RawEvent
from bot.transaction import Transaction
from bot.types import UtcDateTime

#: waiting to be decided
PENDING = "pending"
#: decided; ``outcome`` says how
DONE = "done"
#: cannot be translated or decided; an operator can look at it
QUARANTINED = "quarantined"


class InboxRow(SQLModel, table=True):
    """One raw event. Unique per channel and external id; a repeat finds its place taken."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("channel", "external_id"),
        UniqueConstraint("channel", "alternate_id"),
        Index(
            "inbox_pending",
            "conversation",
            "id",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    )
    channel: str = Field(max_length=40)
    external_id: str = Field(max_length=200)
    alternate_id: str | None = Field(default=None, max_length=200)
    conversation: str = Field(max_length=200)
    body: str = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=UtcDateTime)
    not_before: datetime = Field(sa_type=UtcDateTime)
    status: str = Field(default=PENDING, max_length=12)
    attempts: int = 0
    outcome: str = Field(default="", max_length=20)
    reason: str = Field(default="", max_length=200)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


@dataclass(frozen=True, slots=True)
class Pending:
    """A stored event that waits to be decided."""

    id: int
    channel: str
    external_id: str
    conversation: str
    body: dict[str, Any]
    received_at: datetime
    not_before: datetime
    attempts: int


_TABLE = InboxRow.__table__  # type: ignore[attr-defined]


_INSERT = {
    dialect.__name__.rpartition(".")[2]: dialect.insert(_TABLE)
    .on_conflict_do_nothing()
    .returning(_TABLE.c.external_id)
    for dialect in (sqlite, postgresql)
}


def encode(body: Any) -> str:
    """Write a raw body as ASCII JSON: NULs and lone surrogates survive as escapes."""
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"))


def insert(
    connection: Connection, channel: str, events: Sequence[RawEvent], now: datetime
) -> list[RawEvent]:
    """Store new events, return those that were new, in order."""
    statement = _INSERT[connection.dialect.name]
    # A platform may repeat an event inside one batch; only the first may count as new.
    first: dict[str, RawEvent] = {}
    for event in events:
        first.setdefault(event.external_id, event)
    rows = [_row(channel, event, now) for event in first.values()]
    new = set(connection.scalars(statement, rows))
    return [event for external_id, event in first.items() if external_id in new]


def _row(channel: str, event: RawEvent, now: datetime) -> dict[str, Any]:
    return {
        "channel": channel,
        "external_id": event.external_id,
        "alternate_id": event.alternate_id or None,
        "conversation": event.ordering_key,
        "body": encode(event.body),
        "received_at": now,
        "not_before": now + timedelta(seconds=event.hold_s),
        "status": PENDING,
        "attempts": 0,
        "outcome": "",
        "reason": "",
    }


_PENDING_COLUMNS = (
    _TABLE.c.id,
    _TABLE.c.channel,
    _TABLE.c.external_id,
    _TABLE.c.conversation,
    _TABLE.c.body,
    _TABLE.c.received_at,
    _TABLE.c.not_before,
    _TABLE.c.attempts,
)


# Built once: building a statement costs more than running it. The status is written out (not
# bound), or SQLite could not use the partial index.
_NEXT = (
    select(*_PENDING_COLUMNS)
    .where(
        _TABLE.c.conversation == bindparam("key"),
        _TABLE.c.status == literal_column(f"'{PENDING}'"),
    )
    .order_by(_TABLE.c.id)
    .limit(bindparam("most"))
)
_keys = func.unnest(bindparam("keys", type_=ARRAY(String))).table_valued("key").render_derived()
_of_key = (
    select(*_PENDING_COLUMNS)
    .where(
        _TABLE.c.conversation == _keys.c.key,
        _TABLE.c.status == literal_column(f"'{PENDING}'"),
    )
    .order_by(_TABLE.c.id)
    .limit(bindparam("most"))
    .lateral("head")
)
_NEXT_OF_ALL = select(_of_key).select_from(_keys.join(_of_key, true())).order_by(_of_key.c.id)
_SETTLE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row"), _TABLE.c.status == PENDING)
    .values(
        status=bindparam("new_status"),
        outcome=bindparam("new_outcome"),
        reason=bindparam("new_reason"),
        decided_at=bindparam("moment"),
    )
)


def pending(connection: Connection, keys: Sequence[str], limit: int) -> dict[str, list[Pending]]:
    """Return the oldest undecided events of each conversation, in order, at most ``limit`` each."""
    found: dict[str, list[Pending]] = {key: [] for key in keys}
    if connection.dialect.name == "postgresql":
        rows = connection.execute(_NEXT_OF_ALL, {"keys": list(keys), "most": limit}).all()
    else:  # a statement costs no round trip here
        rows = [
            row for key in keys for row in connection.execute(_NEXT, {"key": key, "most": limit})
        ]
    for row in rows:
        found[row.conversation].append(_pending(row))
    return found


def _pending(r: Any) -> Pending:
    return Pending(
        r.id,
        r.channel,
        r.external_id,
        r.conversation,
        json.loads(r.body),
        r.received_at,
        r.not_before,
        r.attempts,
    )


def settle(tx: Transaction, ids: Sequence[int], status: str, outcome: str, reason: str) -> None:
    """Mark events decided (or quarantined).

    The transaction fails when one is decided already: a commit whose answer was lost is run again.
    """
    for row_id in ids:
        values = {
            "row": row_id,
            "new_status": status,
            "new_outcome": outcome,
            "new_reason": reason[:200],
            "moment": tx.now,
        }
        tx.require(_SETTLE, values, f"{row_id:020}")


def postpone(connection: Connection, ids: Sequence[int], not_before: datetime) -> None:
    """Count a failed try and wait until ``not_before``."""
    connection.execute(
        update(_TABLE)
        .where(_TABLE.c.id.in_(ids))
        .values(attempts=_TABLE.c.attempts + 1, not_before=not_before)
    )
