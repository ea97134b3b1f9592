"""Conversations: one place on a channel, its state, and the lease under which it is worked on.

A worker *claims* a conversation: it takes the lease and the ``epoch`` grows by one. Every later
write names that epoch, so a worker that slept past its lease changes nothing. ``wake_at`` says
when the oldest undecided message may be handled (NULL: nothing waits), which makes a claim one
look at a small index, however long the history.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Index,
    Text,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from bot.inbox import InboxRow
from bot.messages import Address
from bot.transaction import Transaction
from bot.types import UtcDateTime


class ConversationRow(SQLModel, table=True):
    """One conversation; ``key`` is its :attr:`Address.key`."""

    __tablename__ = "conversation"
    __table_args__ = (
        Index(
            "conversation_wake",
            "wake_at",
            sqlite_where=text("wake_at IS NOT NULL"),
            postgresql_where=text("wake_at IS NOT NULL"),
        ),
    )

    key: str = Field(primary_key=True, max_length=200)
    channel: str = Field(max_length=40)
    chat: str = Field(max_length=120)
    thread: str = Field(default="", max_length=60)
    person: str = Field(default="", max_length=40, index=True)
    language: str = Field(default="", max_length=10)
    state: str = Field(default="{}", sa_type=Text)
    reachable: bool = True
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    wake_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    owner: str = Field(default="", max_length=60)
    lease_until: datetime = Field(sa_type=UtcDateTime)
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    """A claimed conversation as its worker sees it."""

    address: Address
    owner: str
    epoch: int
    person: str = ""
    language: str = ""
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return the address key."""
        return self.address.key


_TABLE = ConversationRow.__table__  # type: ignore[attr-defined]
_INBOX = InboxRow.__table__  # type: ignore[attr-defined]
_EPOCH_START = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _wake_statement(dialect: Any) -> Any:
    statement = dialect.insert(_TABLE)
    fresh = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "wake_at": case(
                (or_(_TABLE.c.wake_at.is_(None), _TABLE.c.wake_at > fresh.wake_at), fresh.wake_at),
                else_=_TABLE.c.wake_at,
            ),
            "last_in_at": fresh.last_in_at,
        },
    )


# Built once, like every statement of the hot path: building costs more than running.
_WAKE = {"sqlite": _wake_statement(sqlite), "postgresql": _wake_statement(postgresql)}


#: No message is ever held or put off for so long: one that seems to be came before the clock was
#: set back, and is due.
HORIZON = timedelta(seconds=60)


def is_due(not_before: datetime, now: datetime) -> bool:
    """Say whether a message may be handled, by a clock that somebody may have set back."""
    return not_before <= now or not_before > now + HORIZON


def address_of(key: str) -> Address:
    """Return the address whose key this is (``channel/chat/thread``)."""
    channel, _, rest = key.partition("/")
    chat, _, thread = rest.rpartition("/")
    return Address(channel, chat, thread)


def wake(connection: Connection, wakes: dict[str, datetime], now: datetime) -> None:
    """Make sure each conversation exists and is looked at from its moment on.

    Keys are taken in sorted order, so that two processes cannot block each other.
    """
    statement = _WAKE[connection.dialect.name]
    connection.execute(statement, [_new_row(key, wakes[key], now) for key in sorted(wakes)])


def _new_row(key: str, wake_at: datetime, now: datetime) -> dict[str, Any]:
    address = address_of(key)
    return {
        "key": key,
        "channel": address.channel,
        "chat": address.chat,
        "thread": address.thread,
        "person": "",
        "language": "",
        "state": "{}",
        "reachable": True,
        "created_at": now,
        "last_in_at": now,
        "wake_at": wake_at,
        "owner": "",
        "lease_until": _EPOCH_START,
        "epoch": 0,
    }


_READY = (
    select(_TABLE)
    .where(
        or_(_TABLE.c.wake_at <= bindparam("now"), _TABLE.c.wake_at > bindparam("horizon")),
        _TABLE.c.lease_until <= bindparam("lease_now"),
        _TABLE.c.channel.in_(bindparam("channels", expanding=True)),
    )
    .order_by(_TABLE.c.wake_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(_TABLE)
    .where(_TABLE.c.key == bindparam("which"))
    .values(owner=bindparam("holder"), lease_until=bindparam("until"), epoch=_TABLE.c.epoch + 1)
)
_MINE = (
    _TABLE.c.key == bindparam("which"),
    _TABLE.c.epoch == bindparam("held"),
    _TABLE.c.owner == bindparam("holder"),
)
_HOLD = update(_TABLE).where(*_MINE).values(lease_until=bindparam("until"))
# When the oldest waiting message may be handled, seen after the row was locked: a message that
# arrives meanwhile waits for our commit and then sets ``wake_at`` itself.
_NEXT_WAKE = (
    select(_INBOX.c.not_before)
    .where(_INBOX.c.conversation == _TABLE.c.key, _INBOX.c.status == literal_column("'pending'"))
    .order_by(_INBOX.c.id)
    .limit(1)
    .scalar_subquery()
)
# What still waits goes behind what waited meanwhile: a flood in one place starves no other.
_moment = bindparam("moment", type_=UtcDateTime)
_BEHIND = case((_moment > _NEXT_WAKE, _moment), else_=_NEXT_WAKE)
_RELEASE = update(_TABLE).where(*_MINE).values(owner="", lease_until=_EPOCH_START, wake_at=_BEHIND)
_SAVE = update(_TABLE).where(*_MINE).values(state=bindparam("new_state"))


def _mine(conversation: Conversation) -> dict[str, Any]:
    return {
        "which": conversation.key,
        "held": conversation.epoch,
        "holder": conversation.owner,
    }


def claim(
    tx: Transaction, owner: str, lease: timedelta, limit: int, channels: Sequence[str]
) -> list[Conversation]:
    """Take the lease of up to ``limit`` conversations whose head may be handled now.

    Only conversations of ``channels``: what came by a channel that this process does not have
    waits for one that has it.
    What waits is told by the office's clock, as it was when that was written; leases by the
    database's: two clocks that differ delay nothing.
    """
    moment = {
        "now": tx.now,
        "horizon": tx.now + HORIZON,
        "lease_now": tx.lease_now,
        "most": limit,
        "channels": list(channels),
    }
    rows = tx.connection.execute(_READY, moment).all()
    if not rows:
        return []
    until = tx.lease_now + lease
    tx.connection.execute(_CLAIM, [{"which": r.key, "holder": owner, "until": until} for r in rows])
    return [
        Conversation(
            Address(r.channel, r.chat, r.thread),
            owner,
            r.epoch + 1,
            r.person,
            r.language,
            json.loads(r.state),
        )
        for r in rows
    ]


def hold(tx: Transaction, conversation: Conversation, lease: timedelta) -> None:
    """Commit this transaction only while the conversation is ours; renew the lease with it."""
    values = {**_mine(conversation), "until": tx.lease_now + lease}
    tx.require(_HOLD, values, conversation.key)


def release(tx: Transaction, conversation: Conversation) -> None:
    """Give the lease back; the conversation wakes for its next waiting message, behind others."""
    tx.later(_RELEASE, {**_mine(conversation), "moment": tx.now})


def save_state(tx: Transaction, conversation: Conversation, state: dict[str, Any]) -> None:
    """Write the remembered state."""
    new_state = json.dumps(state, ensure_ascii=True)
    tx.later(_SAVE, {**_mine(conversation), "new_state": new_state})


def free_all(connection: Connection) -> None:
    """Void every lease; only for a process that knows it is alone (SQLite, at start)."""
    connection.execute(
        update(_TABLE)
        .where(_TABLE.c.owner != "")
        .values(owner="", lease_until=_EPOCH_START, epoch=_TABLE.c.epoch + 1)
    )


def set_reachable(connection: Connection, keys: Iterable[str], reachable: bool) -> None:
    """Remember whether messages can be delivered there."""
    connection.execute(
        update(_TABLE).where(_TABLE.c.key.in_(list(keys))).values(reachable=reachable)
    )


def unreachable(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Return which of these conversations nothing can be delivered to: they blocked us, or left."""
    gone = _TABLE.c.reachable.is_(False)
    return set(connection.scalars(select(_TABLE.c.key).where(_TABLE.c.key.in_(list(keys)), gone)))


def waiting(connection: Connection) -> dict[str, int]:
    """Return how many conversations wait to be handled, by channel."""
    rows = connection.execute(
        select(_TABLE.c.channel, func.count())
        .where(_TABLE.c.wake_at.is_not(None))
        .group_by(_TABLE.c.channel)
    )
    return {str(channel): int(count) for channel, count in rows}
