"""The outbox: what is to be sent, in order per place, until the platform has it.

States::

    queued ──► sending ──► sent
      ▲           │
      │           ├──► uncertain ──(one marked repeat)──► sent | uncertain, settled
      └───────────┤
                  └──► dead        refused, unreachable, or out of tries

``lane`` is the address key: inside a lane only the oldest unsettled row may be sent. ``settled``
says that nothing more will be tried; a settled row never blocks its lane.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    Text,
    bindparam,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)
from sqlmodel import Field, SQLModel

from bot.errors import LeaseLost
from bot.messages import OutgoingMessage, outgoing_from_json
from bot.types import UtcDateTime


class Delivery(StrEnum):
    """What became of an outgoing message."""

    #: waits for its turn
    QUEUED = "queued"
    #: handed to the platform; no answer yet
    SENDING = "sending"
    #: the platform has it
    SENT = "sent"
    #: sent, but nobody answered: it may have arrived
    UNCERTAIN = "uncertain"
    #: will not be sent; an official knows
    DEAD = "dead"


#: No row is put off for longer. One that seems to be was written before the clock was set back,
#: and may go.
HORIZON = timedelta(minutes=10)
#: newest rows in which a later part of a message is looked for
RECENT = 5_000
_OPEN_LITE, _OPEN = text("settled = 0"), text("NOT settled")
_CARD = text("card <> ''")
_LOST = text("status IN ('dead', 'uncertain')")


class OutboxRow(SQLModel, table=True):
    """One outgoing message."""

    __tablename__ = "outbox"
    __table_args__ = (
        # Both hold only what may still be sent: small, however long the history.
        Index("outbox_open_lane", "lane", "id", sqlite_where=_OPEN_LITE, postgresql_where=_OPEN),
        Index("outbox_open", "channel", "id", sqlite_where=_OPEN_LITE, postgresql_where=_OPEN),
        Index("outbox_external", "place", "external_id"),
        Index("outbox_subject", "subject"),
        Index("outbox_card", "lane", "card", "id", sqlite_where=_CARD, postgresql_where=_CARD),
        Index("outbox_lost", "status", sqlite_where=_LOST, postgresql_where=_LOST),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    )
    channel: str = Field(max_length=40)
    lane: str = Field(max_length=200)
    #: the platform's chat it was last handed to, ``channel/chat``: external ids are unique in it
    place: str = Field(max_length=170)
    card: str = Field(default="", max_length=80)
    subject: str = Field(default="", max_length=80)
    body: str = Field(sa_type=Text)
    status: str = Field(default=Delivery.QUEUED, max_length=10)
    settled: bool = False
    epoch: int = 0
    attempts: int = 0
    #: sends that were never answered; the next copy is marked
    copies: int = 0
    #: external ids of parts already sent, when a split message broke off; "" for one in a chat
    #: that has moved since
    parts: str = Field(default="[]", sa_type=Text)
    external_id: str = Field(default="", max_length=120)
    queued_at: datetime = Field(sa_type=UtcDateTime)
    not_before: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str = Field(default="", max_length=200)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A row taken for sending."""

    id: int
    lane: str
    subject: str
    message: OutgoingMessage
    attempts: int
    copies: int
    parts: tuple[str, ...]
    queued_at: datetime
    #: of the delivery that took it
    epoch: int = 0
    #: the platform's chat, ``channel/chat``
    place: str = ""

    @property
    def chat(self) -> str:
        """The platform's id of the chat it is handed to."""
        return self.place.partition("/")[2]


_TABLE = OutboxRow.__table__  # type: ignore[attr-defined]
_INSERT = insert(_TABLE)


def lane_of(message: OutgoingMessage) -> str:
    """Return the lane: the address, or a lane of its own for the answer to a button press."""
    if message.answers_press:
        return f"{message.address.channel}/press/{message.answers_press}"[:200]
    return message.address.key


def moment_after(seconds: float, now: datetime) -> datetime:
    """Return the moment ``seconds`` from now, or the end of the horizon if that comes first."""
    return now + min(timedelta(seconds=seconds), HORIZON)


def new_row(message: OutgoingMessage, subject: str, now: datetime) -> dict[str, Any]:
    """Return the values of a fresh row."""
    return {
        "channel": message.address.channel,
        "lane": lane_of(message),
        "place": message.address.place,
        "card": message.card,
        "subject": subject,
        "body": json.dumps(message.to_json(), ensure_ascii=True, separators=(",", ":")),
        "status": Delivery.QUEUED,
        "settled": False,
        "epoch": 0,
        "attempts": 0,
        "copies": 0,
        "parts": "[]",
        "external_id": "",
        "queued_at": now,
        "not_before": now,
        "error": "",
    }


def insert_rows(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Queue rows, in order."""
    if rows:
        connection.execute(_INSERT, list(rows))


_earlier = _TABLE.alias("earlier")
# Statements are built once: building one costs more than running it. ``settled = false()`` is
# written out (not bound), or SQLite could not use the partial indexes.
_HEADS = (
    select(_TABLE)
    .where(
        _TABLE.c.settled == false(),
        _TABLE.c.channel == bindparam("channel"),
        _TABLE.c.status != Delivery.SENDING.value,
        or_(_TABLE.c.not_before <= bindparam("now"), _TABLE.c.not_before > bindparam("horizon")),
        ~exists().where(
            _earlier.c.lane == _TABLE.c.lane,
            _earlier.c.settled == false(),
            _earlier.c.id < _TABLE.c.id,
        ),
    )
    .order_by(_TABLE.c.id)
    .limit(bindparam("most"))
)
_MARK = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row"))
    .values(
        status=Delivery.SENDING.value,
        epoch=bindparam("holder"),
        attempts=_TABLE.c.attempts + 1,
        place=bindparam("there"),
        parts=bindparam("all_parts"),
    )
)
_PUT_OFF = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row"))
    .values(not_before=bindparam("moment", type_=UtcDateTime()))
)
# The condition of the partial index is written out, or SQLite could not use it.
_LAST_CARD = (
    select(_TABLE.c.external_id)
    .where(
        _TABLE.c.lane == bindparam("lane"),
        _TABLE.c.card == bindparam("card"),
        _CARD,
        _TABLE.c.place == bindparam("there"),
        _TABLE.c.external_id != "",
    )
    .order_by(_TABLE.c.id.desc())
    .limit(1)
)
#: for Transaction.require: a fate is written once, only while the row is still being sent
MARK_SENT = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row"), _TABLE.c.status == Delivery.SENDING.value)
    .values(
        status=Delivery.SENT.value,
        settled=True,
        settled_at=bindparam("moment"),
        external_id=bindparam("external"),
        parts=bindparam("all_parts"),
        error="",
    )
)


def heads(connection: Connection, channel: str, now: datetime, limit: int) -> Iterator[Outgoing]:
    """Yield the sendable head of each lane of a channel, oldest first, at most ``limit``."""
    moment = {"channel": channel, "now": now, "horizon": now + HORIZON, "most": limit}
    rows = connection.execute(_HEADS, moment)
    with rows:
        yield from map(_outgoing, rows)


def _outgoing(row: Any) -> Outgoing:
    return Outgoing(
        row.id,
        row.lane,
        row.subject,
        outgoing_from_json(json.loads(row.body)),
        row.attempts,
        row.copies,
        tuple(json.loads(row.parts)),
        row.queued_at,
        row.epoch,
        row.place,
    )


def moved_to(outgoing: Outgoing, place: str) -> Outgoing:
    """Return what is sent to another chat than before: parts that are there name nothing here."""
    if place == outgoing.place:
        return outgoing
    return replace(outgoing, place=place, parts=("",) * len(outgoing.parts))


def mark_sending(connection: Connection, taken: Sequence[Outgoing], epoch: int) -> None:
    """Write down that these are about to be handed to the platform by this holder, and where."""
    rows = [
        {"row": o.id, "holder": epoch, "there": o.place, "all_parts": json.dumps(o.parts)}
        for o in taken
    ]
    connection.execute(_MARK, rows)


def sent_values(row_id: int, parts: Sequence[str], now: datetime) -> dict[str, Any]:
    """Return the values of :data:`MARK_SENT`: the platform has it, under these external ids."""
    return {
        "row": row_id,
        "moment": now,
        "external": first_of(parts),
        "all_parts": json.dumps(list(parts)),
    }


def first_of(parts: Sequence[str]) -> str:
    """Return the external id that names a message: that of its first part in its chat, or ""."""
    return next(filter(None, parts), "")


def put_off(connection: Connection, moments: Mapping[int, datetime]) -> None:
    """Let waiting rows wait longer, each until its own moment."""
    if moments:
        connection.execute(_PUT_OFF, [{"row": row, "moment": m} for row, m in moments.items()])


def change(connection: Connection, row_id: int, **values: Any) -> None:
    """Write the result of a try. Raise :class:`LeaseLost` when it was written already."""
    if "parts" in values:
        values["parts"] = json.dumps(list(values["parts"]))
    if "error" in values:
        values["error"] = values["error"][:200]
    sending = (_TABLE.c.id == row_id, _TABLE.c.status == Delivery.SENDING)
    if connection.execute(update(_TABLE).where(*sending).values(**values)).rowcount != 1:
        raise LeaseLost("The fate of this message is already written down.")


def strays(connection: Connection, channel: str, under_way: Collection[int]) -> list[Outgoing]:
    """Return rows in ``sending`` that nobody sends any more, whoever began."""
    rows = connection.execute(
        select(_TABLE).where(
            _TABLE.c.settled == false(),
            _TABLE.c.channel == channel,
            _TABLE.c.status == Delivery.SENDING,
        )
    )
    return [_outgoing(row) for row in rows if row.id not in under_way]


def card_id(connection: Connection, lane: str, card: str, place: str) -> str:
    """Return the external id of the last card sent under this name to this chat, or ""."""
    values = {"lane": lane, "card": card, "there": place}
    return str(connection.scalar(_LAST_CARD, values) or "")


def count_lost(connection: Connection) -> dict[str, int]:
    """Count the messages given up for dead, and those of which nobody knows whether they came."""
    rows = connection.execute(
        select(_TABLE.c.status, func.count())
        .where(_LOST, _TABLE.c.settled == true())
        .group_by(_TABLE.c.status)
    )
    found = {row[0]: int(row[1]) for row in rows}
    return {state.value: found.get(state.value, 0) for state in (Delivery.DEAD, Delivery.UNCERTAIN)}


def dead_lanes(connection: Connection, since: datetime) -> list[str]:
    """Return the lane of each message that was given up since then."""
    moment = func.coalesce(_TABLE.c.settled_at, _TABLE.c.queued_at)
    found = select(_TABLE.c.lane).where(_LOST, _TABLE.c.status == Delivery.DEAD, moment >= since)
    return list(connection.scalars(found))


def subject_of(connection: Connection, place: str, external_id: str) -> str:
    """Return the subject (case) of a message we sent, or "", by its chat and its id there.

    ``place`` is the platform's own chat: in a chat that has moved ids start again.
    """
    found = connection.scalar(
        select(_TABLE.c.subject)
        .where(_TABLE.c.place == place, _TABLE.c.external_id == external_id)
        .order_by(_TABLE.c.id.desc())
        .limit(1)
    )
    return str(found or "") or _subject_of_part(connection, place, external_id)


def _subject_of_part(connection: Connection, place: str, external_id: str) -> str:
    """Look for a later part of a split message or album, among recent rows: no index has them."""
    newest = select(func.max(_TABLE.c.id)).scalar_subquery()
    found = connection.scalar(
        select(_TABLE.c.subject)
        .where(
            _TABLE.c.id > newest - RECENT,
            _TABLE.c.place == place,
            _TABLE.c.parts.contains(json.dumps(external_id), autoescape=True),
        )
        .limit(1)
    )
    return str(found or "")
