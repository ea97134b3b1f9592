"""Which platform thread stands behind one of our own thread names.

A message to ``~K7Q2M`` goes to the platform's thread of that name in its chat; when there is none
(never opened, or deleted by somebody) delivery opens one. When the platform refuses threads, the
mapping is a *fallback*: messages go to the chat itself, in reply to the thread's first message.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from bot.messages import Address
from bot.types import UtcDateTime


class ThreadRow(SQLModel, table=True):
    """One opened thread. ``external`` is empty for a fallback; ``root`` is its first message."""

    __tablename__ = "thread"

    channel: str = Field(primary_key=True, max_length=40)
    chat: str = Field(primary_key=True, max_length=120)
    name: str = Field(primary_key=True, max_length=60)
    external: str = Field(default="", max_length=60, index=True)
    root: str = Field(default="", max_length=120)
    opened_at: datetime = Field(sa_type=UtcDateTime)


class ChatMove(SQLModel, table=True):
    """A chat that got a new id on its platform; we go on calling it by the old one."""

    __tablename__ = "chat_move"

    channel: str = Field(primary_key=True, max_length=40)
    old: str = Field(primary_key=True, max_length=120)
    new: str = Field(max_length=120, index=True)


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a named thread really is."""

    external: str
    root: str


_TABLE = ThreadRow.__table__  # type: ignore[attr-defined]
_MOVE = ChatMove.__table__  # type: ignore[attr-defined]


def is_own_name(thread: str) -> bool:
    """Say whether ``thread`` is our own name rather than the platform's id."""
    return thread.startswith("~")


def find(connection: Connection, address: Address) -> Thread | None:
    """Return the thread behind our name, or None when it must be opened."""
    row = connection.execute(
        select(_TABLE.c.external, _TABLE.c.root).where(
            _TABLE.c.channel == address.channel,
            _TABLE.c.chat == address.chat,
            _TABLE.c.name == address.thread,
        )
    ).first()
    return Thread(row.external, row.root) if row else None


def name_of(connection: Connection, address: Address) -> str:
    """Return our name for a platform thread, or "" when it is not one of ours."""
    if not address.thread:
        return ""
    found = connection.scalar(
        select(_TABLE.c.name).where(
            _TABLE.c.channel == address.channel,
            _TABLE.c.chat == address.chat,
            _TABLE.c.external == address.thread,
        )
    )
    return str(found or "")


def is_flat(connection: Connection, address: Address) -> bool:
    """Say whether the chat has no threads: the one opened last had to be a fallback."""
    newest = connection.scalar(
        select(_TABLE.c.external)
        .where(_TABLE.c.channel == address.channel, _TABLE.c.chat == address.chat)
        .order_by(_TABLE.c.opened_at.desc())
        .limit(1)
    )
    return newest == ""


def remember(
    connection: Connection, address: Address, external: str, root: str, now: datetime
) -> None:
    """Write down (or replace) where our thread is."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_TABLE)
    statement = statement.on_conflict_do_update(
        index_elements=["channel", "chat", "name"],
        set_={"external": statement.excluded.external, "root": statement.excluded.root},
    )
    connection.execute(
        statement,
        {
            "channel": address.channel,
            "chat": address.chat,
            "name": address.thread,
            "external": external,
            "root": root,
            "opened_at": now,
        },
    )


def forget(connection: Connection, address: Address) -> None:
    """Drop a thread that is gone, so that the next message opens a new one."""
    connection.execute(
        delete(_TABLE).where(
            _TABLE.c.channel == address.channel,
            _TABLE.c.chat == address.chat,
            _TABLE.c.name == address.thread,
        )
    )


def move_chat(connection: Connection, channel: str, old: str, new: str) -> None:
    """Write down that a chat has a new id; the threads it had are not there."""
    connection.execute(delete(_TABLE).where(_TABLE.c.channel == channel, _TABLE.c.chat == old))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_MOVE)
    statement = statement.on_conflict_do_update(
        index_elements=["channel", "old"], set_={"new": statement.excluded.new}
    )
    connection.execute(statement, {"channel": channel, "old": old, "new": new})


def moved_to(connection: Connection, channel: str, chat: str) -> str:
    """Return the id a chat has on the platform today."""
    found = connection.scalar(
        select(_MOVE.c.new).where(_MOVE.c.channel == channel, _MOVE.c.old == chat)
    )
    return str(found or chat)


def known_as(connection: Connection, channel: str, chat: str) -> str:
    """Return the id by which we know a chat (the one it had first)."""
    found = connection.scalar(
        select(_MOVE.c.old).where(_MOVE.c.channel == channel, _MOVE.c.new == chat)
    )
    return str(found or chat)
