"""What was said on our pages: for the web we are the platform, so its memory is ours to keep.

``seq`` counts the changes of one chat: a new message takes the next number, an edited one takes the
next number again. A page that saw everything up to ``seq`` asks for what came after, and misses
nothing. Two writers of the same chat cannot take one number: the unique constraint makes one retry.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Text, UniqueConstraint, func
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.types import UtcDateTime


class Direction(StrEnum):
    """Where a line of the transcript comes from."""

    #: somebody wrote it on a page
    IN = "in"
    #: the office sent it
    OUT = "out"
    #: a topic was opened on the desk
    TOPIC = "topic"
    #: a short notice to whoever pressed a button
    NOTICE = "notice"


class WebMessage(SQLModel, table=True):
    """One line. ``key`` is the external id: ours for what we sent, the page's for what came."""

    __tablename__ = "web_message"
    __table_args__ = (
        UniqueConstraint("channel", "key"),
        UniqueConstraint("channel", "chat", "seq"),
        Index("web_message_thread", "channel", "chat", "thread", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    )
    channel: str = Field(max_length=40)
    chat: str = Field(max_length=120)
    thread: str = Field(default="", max_length=60)
    key: str = Field(max_length=120)
    seq: int = Field(sa_type=BigInteger)
    direction: str = Field(max_length=10)
    author: str = Field(default="", max_length=120)
    body: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)

    @property
    def content(self) -> dict[str, Any]:
        """The stored content: text, spans, buttons, attachments …"""
        content: dict[str, Any] = json.loads(self.body)
        return content


class WebFile(SQLModel, table=True):
    """A file that may be fetched in one chat."""

    __tablename__ = "web_file"

    channel: str = Field(primary_key=True, max_length=40)
    chat: str = Field(primary_key=True, max_length=120)
    file: str = Field(primary_key=True, max_length=32)
    name: str = Field(default="", max_length=200)


@dataclass(frozen=True, slots=True)
class Place:
    """One chat on one of our page channels."""

    channel: str
    chat: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be written."""

    key: str
    direction: Direction
    body: Mapping[str, Any] = field(default_factory=dict)
    thread: str = ""
    author: str = ""


def add(session: Session, place: Place, line: Line, at: datetime) -> bool:
    """Write a line unless its key is there already; say whether it was new."""
    if find(session, place, line.key) is not None:
        return False
    session.add(
        WebMessage(
            channel=place.channel,
            chat=place.chat,
            thread=line.thread,
            key=line.key,
            seq=latest(session, place) + 1,
            direction=line.direction,
            author=line.author,
            body=_encode(line.body),
            at=at,
        )
    )
    session.flush()
    return True


def replace(session: Session, place: Place, key: str, body: Mapping[str, Any]) -> bool:
    """Give a line new content and the next number; False when there is no such line."""
    row = find(session, place, key)
    if row is None:
        return False
    row.body, row.seq = _encode(body), latest(session, place) + 1
    session.add(row)
    session.flush()
    return True


def change(session: Session, place: Place, key: str, **values: Any) -> bool:
    """Change some of a line's content; False when there is no such line."""
    row = find(session, place, key)
    return row is not None and replace(session, place, key, {**row.content, **values})


def find(session: Session, place: Place, key: str) -> WebMessage | None:
    """Return the line of that key in this chat."""
    return session.exec(_of(place).where(WebMessage.key == key)).first()


def latest(session: Session, place: Place) -> int:
    """Return the number of the last change; 0 for an empty chat."""
    return session.exec(
        select(func.coalesce(func.max(WebMessage.seq), 0)).where(
            WebMessage.channel == place.channel, WebMessage.chat == place.chat
        )
    ).one()


def since(session: Session, place: Place, seq: int, limit: int) -> list[WebMessage]:
    """Return the changes after ``seq``, in order."""
    statement = _of(place).where(col(WebMessage.seq) > seq).order_by(col(WebMessage.seq))
    return list(session.exec(statement.limit(limit)))


def before(session: Session, place: Place, thread: str, key: str, limit: int) -> list[WebMessage]:
    """Return up to ``limit`` lines of a thread before line ``key`` ("": at the end), in order."""
    statement = _of(place).where(WebMessage.thread == thread, _is_shown())
    if key:
        row = find(session, place, key)
        statement = statement.where(col(WebMessage.id) < (row.id if row else 0))
    rows = session.exec(statement.order_by(col(WebMessage.id).desc()).limit(limit))
    return list(reversed(list(rows)))


def last_by(session: Session, place: Place, thread: str, author: str) -> WebMessage | None:
    """Return the last line that somebody wrote in a thread: the one they may still edit."""
    return session.exec(
        _of(place)
        .where(
            WebMessage.thread == thread,
            WebMessage.author == author,
            WebMessage.direction == Direction.IN,
        )
        .order_by(col(WebMessage.id).desc())
        .limit(1)
    ).first()


def topics(session: Session, place: Place, limit: int) -> list[tuple[WebMessage, WebMessage]]:
    """Return each topic with its last line, the liveliest first."""
    last_ids = (
        select(func.max(WebMessage.id))
        .where(
            WebMessage.channel == place.channel,
            WebMessage.chat == place.chat,
            WebMessage.thread != "",
            col(WebMessage.direction) != Direction.NOTICE,
        )
        .group_by(WebMessage.thread)
        .order_by(func.max(WebMessage.id).desc())
        .limit(limit)
    )
    lasts = session.exec(
        select(WebMessage)
        .where(col(WebMessage.id).in_(last_ids))
        .order_by(col(WebMessage.id).desc())
    ).all()
    heads = session.exec(
        _of(place).where(
            WebMessage.direction == Direction.TOPIC,
            col(WebMessage.thread).in_([row.thread for row in lasts]),
        )
    )
    named = {row.thread: row for row in heads}
    return [(named[row.thread], row) for row in lasts if row.thread in named]


def topic_exists(session: Session, place: Place, thread: str) -> bool:
    """Say whether messages can be sent to this topic."""
    statement = _of(place).where(
        WebMessage.thread == thread, WebMessage.direction == Direction.TOPIC
    )
    return session.exec(statement.limit(1)).first() is not None


def open_topic(session: Session, place: Place, key: str, title: str, at: datetime) -> str:
    """Open a topic and return its id; a repeat with the same ``key`` returns the same topic."""
    row = find(session, place, key)
    if row is None:
        thread = str(latest(session, place) + 1)
        add(session, place, Line(key, Direction.TOPIC, {"title": title}, thread), at)
        return thread
    return row.thread


def allow_file(session: Session, place: Place, file_id: str, name: str) -> None:
    """Let a chat fetch a file."""
    if session.get(WebFile, (place.channel, place.chat, file_id)) is None:
        session.add(WebFile(channel=place.channel, chat=place.chat, file=file_id, name=name[:200]))
        session.flush()


def allowed_file(session: Session, place: Place, file_id: str) -> WebFile | None:
    """Return the file if this chat may fetch it."""
    return session.get(WebFile, (place.channel, place.chat, file_id))


def view(row: WebMessage) -> dict[str, Any]:
    """Return a line as the page gets it."""
    return {
        **row.content,
        "key": row.key,
        "seq": row.seq,
        "thread": row.thread,
        "direction": row.direction,
        "author": row.author,
        "at": row.at.isoformat(timespec="milliseconds"),
    }


def _of(place: Place) -> SelectOfScalar[WebMessage]:
    return select(WebMessage).where(
        WebMessage.channel == place.channel, WebMessage.chat == place.chat
    )


def _is_shown() -> Any:
    return col(WebMessage.direction) != Direction.NOTICE


def _encode(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"))
