"""What happened to a case, in order; rows are only ever added.

The journal proves the same story; this table answers questions about it quickly (which words did
this message have before it was edited?).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, Text
from sqlmodel import Field, Session, SQLModel, col, select

from admin.cases import Case
from bot.messages import IncomingMessage
from bot.text import clean
from bot.transaction import Transaction
from bot.types import UtcDateTime


class CaseEvent(SQLModel, table=True):
    """One thing that happened. ``actor`` is ``citizen``, ``desk`` or ``official:ID``.

    ``place`` (the platform's own channel/chat) and ``external_id`` name the message it came from,
    if any; ``files`` is a JSON list of the files in it. An album has a row for each message.
    """

    __tablename__ = "case_event"
    __table_args__ = (Index("case_event_message", "place", "external_id"),)

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    )
    number: str = Field(max_length=12, foreign_key="desk_case.number", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str = Field(max_length=24)
    actor: str = Field(max_length=40)
    text: str = Field(default="", sa_type=Text)
    place: str = Field(default="", max_length=180)
    external_id: str = Field(default="", max_length=120)
    files: str = Field(default="[]", sa_type=Text)


@dataclass(frozen=True, slots=True)
class Source:
    """A message that an event came from: its id in its chat, its words, what names its files."""

    external_id: str
    text: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an event came from: who wrote it, in which chat, by which messages of an album."""

    actor: str
    place: str = ""
    messages: tuple[Source, ...] = ()


#: what the desk does by itself
DESK = Origin("desk")


def source_of(message: IncomingMessage) -> Source:
    """Return what an event keeps of a message."""
    files = tuple(a.file for a in message.attachments if a.file)
    return Source(message.external_id, clean(message.text).strip(), files)


def record(
    tx: Transaction, case: Case, kind: str, origin: Origin, text: str = "", **more: object
) -> None:
    """Write an event and its journal row, in the same transaction.

    ``text`` is what was said; in an album each message's row holds what is said in it.
    """
    messages = origin.messages or (Source(""),)
    for message in messages:
        tx.session.add(
            CaseEvent(
                number=case.number,
                at=tx.now,
                kind=kind,
                actor=origin.actor,
                text=message.text if len(messages) > 1 else text,
                place=origin.place,
                external_id=message.external_id,
                files=json.dumps(message.files),
            )
        )
    body = {"actor": origin.actor, "status": case.status, "department": case.department, **more}
    if text:
        body["text"] = text
    if messages[0].external_id:
        body["external_id"] = messages[0].external_id
    tx.journal(f"case_{kind}", body, case.number, case.conversation, case.person)


def replaced(event: CaseEvent, messages: Sequence[Source]) -> bool:
    """Say whether an edited message has other files than it had in this event."""
    return [list(m.files) for m in messages] != [json.loads(event.files)]


def of_origin(session: Session, origin: Origin) -> list[CaseEvent]:
    """Return what came of a message, in order: first its words, then its edits."""
    ids = [m.external_id for m in origin.messages if m.external_id]
    query = select(CaseEvent).where(
        CaseEvent.place == origin.place, col(CaseEvent.external_id).in_(ids)
    )
    return list(session.exec(query.order_by(col(CaseEvent.id))))


def was_said(session: Session, conversation: str, words: str) -> bool:
    """Say whether something said in a conversation begins with these words, in any case of it."""
    query = (
        select(CaseEvent.id)
        .join(Case, col(Case.number) == col(CaseEvent.number))
        .where(Case.conversation == conversation)
        .where(col(CaseEvent.text).startswith(words, autoescape=True))
    )
    return session.exec(query.limit(1)).first() is not None


def of_case(session: Session, number: str) -> list[CaseEvent]:
    """Return the whole story of a case."""
    query = select(CaseEvent).where(CaseEvent.number == number).order_by(col(CaseEvent.id))
    return list(session.exec(query))
