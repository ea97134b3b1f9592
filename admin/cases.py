"""Cases: a question that an official must answer, who has it, and where it stands.

Every case is owned by a department from its first moment; ``holder`` is the official who has
claimed it. The citizen is known by an opaque person id and the place where answers go.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, Text
from sqlmodel import Field, Session, SQLModel, col, func, or_, select

from admin.refusals import ActRefused
from bot.conversations import address_of
from bot.messages import Address
from bot.types import UtcDateTime


class CaseStatus(StrEnum):
    """Where a case stands."""

    #: nobody has claimed it; the department owns it
    OPEN = "open"
    #: an official has it
    ASSIGNED = "assigned"
    #: the official waits for the citizen
    WAITING = "waiting"
    #: the official has answered; the citizen has not said more
    ANSWERED = "answered"
    #: the citizen says it is solved
    SOLVED = "solved"
    #: ended although the citizen says it is not solved
    UNSOLVED = "unsolved"
    #: ended by an official, with a ground
    CLOSED = "closed"


class HandoffReason(StrEnum):
    """Why a question went to an official."""

    #: the citizen asked for a person
    CUSTOMER_REQUEST = "customer_request"
    #: the knowledge has no answer
    MISSING_KNOWLEDGE = "missing_knowledge"
    #: the citizen said that the answer, or none of the choices, helped
    DECLINED_ANSWER = "declined_answer"
    #: something the desk cannot read: a photo, a voice message
    UNSUPPORTED_REQUEST = "unsupported_request"
    #: the machine failed
    FAILURE = "failure"


_S = CaseStatus
#: Where a case may go from each status; what is not here does not happen.
TRANSITIONS: dict[CaseStatus, frozenset[CaseStatus]] = {
    _S.OPEN: frozenset({_S.ASSIGNED, _S.SOLVED, _S.UNSOLVED, _S.CLOSED}),
    _S.ASSIGNED: frozenset({_S.OPEN, _S.WAITING, _S.ANSWERED, _S.SOLVED, _S.UNSOLVED, _S.CLOSED}),
    _S.WAITING: frozenset({_S.OPEN, _S.ASSIGNED, _S.ANSWERED, _S.SOLVED, _S.UNSOLVED, _S.CLOSED}),
    _S.ANSWERED: frozenset({_S.OPEN, _S.ASSIGNED, _S.WAITING, _S.SOLVED, _S.UNSOLVED, _S.CLOSED}),
    _S.SOLVED: frozenset({_S.OPEN, _S.ASSIGNED}),
    _S.UNSOLVED: frozenset({_S.OPEN, _S.ASSIGNED, _S.SOLVED}),
    _S.CLOSED: frozenset({_S.OPEN, _S.ASSIGNED, _S.SOLVED}),
}
#: Statuses in which the case is over and the bot answers again.
ENDED = frozenset({_S.SOLVED, _S.UNSOLVED, _S.CLOSED})


class Case(SQLModel, table=True):
    """One case. ``conversation`` is the address key its answers go to.

    ``candidates`` is a JSON list of :class:`Suggestion`. ``verdict`` is the citizen's last word on
    whether it is solved. ``callouts`` counts how often it was called out unclaimed.
    """

    __tablename__ = "desk_case"

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    )
    number: str = Field(unique=True, max_length=12)
    secret_hash: str = Field(max_length=64)
    status: str = Field(default=CaseStatus.OPEN, max_length=12, index=True)
    reason: str = Field(max_length=30)
    person: str = Field(default="", max_length=40, index=True)
    conversation: str = Field(max_length=200, index=True)
    language: str = Field(default="zh", max_length=10)
    question: str = Field(default="", sa_type=Text)
    candidates: str = Field(default="[]", sa_type=Text)
    department: str = Field(max_length=200, index=True)
    holder: int | None = Field(default=None, foreign_key="official.id", index=True)
    ground: str = Field(default="", sa_type=Text)
    verdict: str = Field(default="", max_length=12)
    callouts: int = 0
    wrong_codes: int = 0
    wrong_code_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    last_citizen_at: datetime = Field(sa_type=UtcDateTime)
    last_official_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    noticed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def address(self) -> Address:
        """Where the citizen reads the answers: the only place they ever go to (P7)."""
        return address_of(self.conversation)

    @property
    def thread(self) -> str:
        """Our name of the thread in the admin chat."""
        return f"~{self.number}"

    @property
    def is_over(self) -> bool:
        """Whether the case has ended."""
        return self.status in ENDED

    @property
    def suggestions(self) -> list["Suggestion"]:
        """The candidate articles found when the case was opened, best first."""
        return [Suggestion(**row) for row in json.loads(self.candidates)]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An article that may answer the question; ``confidence`` is a probability."""

    article: str
    question: str
    confidence: float


def packed(suggestions: list[Suggestion]) -> str:
    """Return the stored form of suggestions."""
    return json.dumps([asdict(s) for s in suggestions], ensure_ascii=True)


def move(case: Case, to: CaseStatus, now: datetime) -> bool:
    """Bring a case to a status; say whether it changed. What the table forbids is refused."""
    here = CaseStatus(case.status)
    if here is to:
        return False
    if to not in TRANSITIONS[here]:
        raise ActRefused("wrong_step", number=case.number)
    case.status = to
    case.ended_at = now if to in ENDED else None
    return True


def find(session: Session, number: str) -> Case | None:
    """Return a case by its number."""
    return session.exec(select(Case).where(Case.number == number)).first()


def lock(session: Session, number: str) -> Case:
    """Return a case as it is now, held against others until the transaction ends."""
    query = select(Case).where(Case.number == number).with_for_update()
    case = session.exec(query, execution_options={"populate_existing": True}).first()
    if case is None:
        raise ActRefused("unknown_case", number=number)
    return case


def open_at(session: Session, conversation: str) -> Case | None:
    """Return the running case a conversation talks about: the one last active, if any."""
    moved = func.coalesce(Case.last_official_at, Case.opened_at)
    query = select(Case).where(Case.conversation == conversation, _running())
    return session.exec(query.order_by(moved.desc(), col(Case.id).desc())).first()


def of_citizen(session: Session, conversation: str, person: str) -> list[Case]:
    """Return the running cases of a citizen, oldest first."""
    query = select(Case).where(_is_of(conversation, person), _running())
    return list(session.exec(query.order_by(col(Case.id))))


def last_of_citizen(session: Session, conversation: str, person: str) -> Case | None:
    """Return the case of a citizen that ended last, if any has."""
    query = select(Case).where(_is_of(conversation, person), ~_running())
    return session.exec(query.order_by(col(Case.ended_at).desc(), col(Case.id).desc())).first()


def _is_of(conversation: str, person: str) -> Any:
    here = col(Case.conversation) == conversation
    return or_(here, col(Case.person) == person) if person else here


def running(session: Session, limit: int) -> list[Case]:
    """Return running cases, oldest first."""
    return list(session.exec(select(Case).where(_running()).order_by(col(Case.id)).limit(limit)))


def held_by(session: Session, official: int) -> list[Case]:
    """Return the running cases that an official holds, oldest first."""
    query = select(Case).where(Case.holder == official, _running())
    return list(session.exec(query.order_by(col(Case.id))))


def _running() -> Any:
    return col(Case.status).not_in(sorted(ENDED))
