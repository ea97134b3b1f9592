"""What happened to a case, in order; rows are only ever added.

The journal proves the same story; this table answers questions about it quickly (which words did
this message have before it was edited?).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, Text
from sqlmodel import Field, Session, SQLModel, col, select

from admin.cases import Case
from bot.transaction import Transaction
from bot.types import UtcDateTime


class CaseEvent(SQLModel, table=True):
    """One thing that happened. ``actor`` is ``citizen``, ``desk`` or ``official:ID``.

    ``place`` (the platform's own channel/chat) and ``external_id`` name the message it came from,
    if any.
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


@dataclass(frozen=True, slots=True)
class Origin:
    """The message an event came from: who wrote it, where, and its id there."""

    actor: str
    place: str = ""
    external_id: str = ""


#: what the desk does by itself
DESK = Origin("desk")


def record(
    tx: Transaction, case: Case, kind: str, origin: Origin, text: str = "", **more: object
) -> None:
    """Write an event and its journal row, in the same transaction."""
    tx.session.add(
        CaseEvent(
            number=case.number,
            at=tx.now,
            kind=kind,
            actor=origin.actor,
            text=text,
            place=origin.place,
            external_id=origin.external_id,
        )
    )
    body = {"actor": origin.actor, "status": case.status, "department": case.department, **more}
    if text:
        body["text"] = text
    if origin.external_id:
        body["external_id"] = origin.external_id
    tx.journal(f"case_{kind}", body, case.number, case.conversation, case.person)


def of_message(session: Session, place: str, external_id: str) -> list[CaseEvent]:
    """Return what came of a message, in order: first its words, then its edits."""
    if not external_id:
        return []
    query = select(CaseEvent).where(CaseEvent.place == place, CaseEvent.external_id == external_id)
    return list(session.exec(query.order_by(col(CaseEvent.id))))


def of_case(session: Session, number: str) -> list[CaseEvent]:
    """Return the whole story of a case."""
    query = select(CaseEvent).where(CaseEvent.number == number).order_by(col(CaseEvent.id))
    return list(session.exec(query))
