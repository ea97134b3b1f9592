"""The intake: where channels put what they received, committed before they acknowledge it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from bot import conversations, inbox, leases
from bot.channels.base import IntakeUnavailable, RawEvent
from bot.crashpoints import crash_point
from bot.errors import DatabaseUnavailable
from bot.text import one_line
from bot.transaction import Transaction
from bot.types import UtcDateTime
from bot.wake import Wake
from bot.writer import Writer

T = TypeVar("T")

#: most bytes of an unreadable body that are kept
_KEPT = 100_000


class Bookmark(SQLModel, table=True):
    """Where a channel reads on."""

    __tablename__ = "bookmark"

    channel: str = Field(primary_key=True, max_length=80)
    position: str = Field(max_length=400)


class Quarantine(SQLModel, table=True):
    """A body that could not even be stored as an event."""

    __tablename__ = "quarantine"

    id: int | None = Field(default=None, primary_key=True)
    channel: str = Field(max_length=40)
    external_id: str = Field(default="", max_length=200)
    body: bytes
    reason: str = Field(max_length=200)
    at: datetime = Field(sa_type=UtcDateTime)


_BOOKMARK = Bookmark.__table__  # type: ignore[attr-defined]


class SpineIntake:
    """The :class:`bot.channels.base.Intake` of a running process."""

    def __init__(self, writer: Writer, wake: Wake, owner: str, lease_s: float) -> None:
        self._writer = writer
        self._wake = wake
        self._owner = owner
        self._lease = timedelta(seconds=lease_s)

    async def store(self, channel: str, events: Sequence[RawEvent]) -> int:
        """Store events and their journal rows in one commit; return how many were new."""
        if not events:
            return 0
        crash_point("before_intake_commit")
        new = await self._write(lambda tx: _store(tx, channel, events))
        crash_point("after_intake_commit")
        hold = max((event.hold_s for event in events), default=0.0)
        if hold:
            asyncio.get_running_loop().call_later(hold + 0.01, self._wake.call, "inbox")
        return new

    async def quarantine(self, channel: str, external_id: str, body: bytes, reason: str) -> None:
        """Keep an unreadable body where an operator can see it."""

        def keep(tx: Transaction) -> None:
            tx.session.add(
                Quarantine(
                    channel=channel,
                    external_id=one_line(external_id, 200),
                    body=body[:_KEPT],
                    reason=one_line(reason, 200),
                    at=tx.now,
                )
            )
            tx.journal("quarantined", {"channel": channel, "reason": reason, "bytes": len(body)})

        await self._write(keep)

    async def lead(self, name: str) -> int | None:
        """Take or renew a role; return its epoch, or None while another process has it."""
        return await self._write(
            lambda tx: leases.take(tx.connection, name, self._owner, tx.lease_now, self._lease)
        )

    async def bookmark(self, channel: str) -> str:
        """Return where to read on, "" at first."""
        return await self._write(lambda tx: _position(tx.connection, channel))

    async def move_bookmark(self, channel: str, position: str) -> None:
        """Remember where to read on."""
        await self._write(lambda tx: _move(tx.connection, channel, position))

    async def _write(self, run: Callable[[Transaction], T]) -> T:
        try:
            return await self._writer.write(run)
        except DatabaseUnavailable as error:
            raise IntakeUnavailable("the event could not be stored") from error


def _store(tx: Transaction, channel: str, events: Sequence[RawEvent]) -> int:
    new = inbox.insert(tx.connection, channel, events, tx.now)
    wakes: dict[str, datetime] = {}
    for event in new:
        moment = tx.now + timedelta(seconds=event.hold_s)
        wakes[event.ordering_key] = min(moment, wakes.get(event.ordering_key, moment))
        tx.journal(
            "received",
            {"channel": channel, "external_id": event.external_id, "event": dict(event.body)},
            conversation=event.ordering_key,
        )
    if wakes:
        conversations.wake(tx.connection, wakes, tx.now)
        tx.woken.add("inbox")
    return len(new)


def _position(connection: Connection, channel: str) -> str:
    found = connection.scalar(select(_BOOKMARK.c.position).where(_BOOKMARK.c.channel == channel))
    return str(found or "")


def _move(connection: Connection, channel: str, position: str) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_BOOKMARK)
    statement = statement.on_conflict_do_update(
        index_elements=["channel"], set_={"position": statement.excluded.position}
    )
    connection.execute(statement, {"channel": channel, "position": position})
