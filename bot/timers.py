"""Timers: things to do at a moment, kept as rows, fired once and not early.

A timer names a ``kind``; the composition root says which function a kind runs. The function runs
inside the same transaction that marks the timer fired, so its effects happen exactly once.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Text, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from bot.types import UtcDateTime


class TimerRow(SQLModel, table=True):
    """One timer. ``key`` is unique: setting it again moves it."""

    __tablename__ = "timer"
    __table_args__ = (
        Index(
            "timer_due",
            "due_at",
            sqlite_where=text("fired_at IS NULL"),
            postgresql_where=text("fired_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    )
    key: str = Field(unique=True, max_length=160)
    kind: str = Field(max_length=40)
    subject: str = Field(default="", max_length=80, index=True)
    payload: str = Field(default="{}", sa_type=Text)
    due_at: datetime = Field(sa_type=UtcDateTime)
    fired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that is due."""

    id: int
    key: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    due_at: datetime
    attempts: int


_TABLE = TimerRow.__table__  # type: ignore[attr-defined]


def set_timer(
    connection: Connection,
    key: str,
    kind: str,
    due_at: datetime,
    subject: str = "",
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Set the timer ``key``, or move it (and make it live again) if it exists."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_TABLE)
    fresh = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "kind": fresh.kind,
            "due_at": fresh.due_at,
            "payload": fresh.payload,
            "fired_at": None,
            "attempts": 0,
        },
    )
    connection.execute(
        statement,
        {
            "key": key,
            "kind": kind,
            "subject": subject,
            "payload": json.dumps(dict(payload or {}), ensure_ascii=True),
            "due_at": due_at,
            "attempts": 0,
        },
    )


def cancel(connection: Connection, key: str, now: datetime) -> None:
    """Make sure the timer ``key`` does not fire any more."""
    connection.execute(
        update(_TABLE).where(_TABLE.c.key == key, _TABLE.c.fired_at.is_(None)).values(fired_at=now)
    )


def cancel_subject(connection: Connection, subject: str, now: datetime) -> None:
    """Cancel every live timer of a subject (a case that ended)."""
    connection.execute(
        update(_TABLE)
        .where(_TABLE.c.subject == subject, _TABLE.c.fired_at.is_(None))
        .values(fired_at=now)
    )


def due(connection: Connection, now: datetime, limit: int) -> list[Timer]:
    """Lock and return due timers, earliest first; another process skips the locked ones."""
    rows = connection.execute(
        select(_TABLE)
        .where(_TABLE.c.fired_at.is_(None), _TABLE.c.due_at <= now)
        .order_by(_TABLE.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [
        Timer(r.id, r.key, r.kind, r.subject, json.loads(r.payload), r.due_at, r.attempts)
        for r in rows
    ]


def next_due(connection: Connection) -> datetime | None:
    """Return the moment of the earliest live timer."""
    return connection.scalar(
        select(_TABLE.c.due_at)
        .where(_TABLE.c.fired_at.is_(None))
        .order_by(_TABLE.c.due_at)
        .limit(1)
    )


def mark_fired(connection: Connection, timer_id: int, now: datetime) -> None:
    """Write down that the timer fired."""
    connection.execute(update(_TABLE).where(_TABLE.c.id == timer_id).values(fired_at=now))


def postpone(connection: Connection, timer_id: int, due_at: datetime) -> None:
    """Count a failed try and come back at ``due_at``."""
    connection.execute(
        update(_TABLE)
        .where(_TABLE.c.id == timer_id)
        .values(due_at=due_at, attempts=_TABLE.c.attempts + 1)
    )


#: what a timer kind runs: ``fire(transaction, timer)``
Fire = Callable[[Any, Timer], None]
