"""Gap questions: what citizens asked and the knowledge missed, each written down once.

They are masked and put aside with the decision that missed them; that is all the citizen
waits for.  :mod:`knowledge.gathering` puts them into gaps later.

All functions work on the session they are given and never commit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Text, text
from sqlmodel import Field, Index, Session, SQLModel, col, func, select

from knowledge.drafts import LIMITS
from knowledge.masking import mask, without_blanks
from knowledge.revisions import UtcDateTime
from knowledge.text import clean, cut, has_words, language

_NEW_LITE, _NEW = text("placed = 0"), text("NOT placed")


class Missed(StrEnum):
    """In which way a question was missed."""

    #: It went to an official without an answer.
    UNANSWERED = "unanswered"
    #: Articles were offered, and the citizen wanted none of them.
    NONE_OF_THESE = "none_of_these"
    #: An article answered, and the citizen found it no help.
    NOT_HELPFUL = "not_helpful"
    #: An official answered, and the citizen says that it is not solved.
    UNSOLVED = "unsolved"


class GapQuestion(SQLModel, table=True):
    """One question that was missed, in its citizen's words but masked."""

    __tablename__ = "gap_question"
    __table_args__ = (
        Index("gap_question_asker", "gap_id", "asker"),
        # Holds only what is still to be gathered: small, however long the history.
        Index("gap_question_new", "id", sqlite_where=_NEW_LITE, postgresql_where=_NEW),
    )

    id: int | None = Field(default=None, primary_key=True)
    gap_id: int | None = Field(default=None, foreign_key="gap.id")
    lang: str = Field(default="", max_length=LIMITS["lang"])
    text: str = Field(sa_type=Text)
    #: Hash that is the same for all questions of one citizen and tells nothing else.
    asker: str = Field(max_length=64)
    case_number: str = Field(default="", max_length=12, index=True)
    reason: str = Field(max_length=16)
    at: dt.datetime = Field(sa_type=UtcDateTime)
    #: Whether it has been gathered; without a gap an article answers it by now.
    placed: bool = False

    @property
    def asks(self) -> str:
        """What is asked, without the clauses that told who asks."""
        return without_blanks(self.text)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was missed, still in the citizen's own words."""

    text: str
    reason: Missed
    asker: str
    case_number: str
    #: Language of the asker, used when the words do not tell.
    lang: str = ""


def record(session: Session, asked: Asked, now: dt.datetime) -> bool:
    """Write a missed question down, masked; False when it holds no words to search for."""
    seen = cut(clean(asked.text))
    if not has_words(seen):
        return False
    session.add(
        GapQuestion(
            lang=(language(seen) or asked.lang)[:2],
            text=mask(seen),
            asker=asked.asker,
            case_number=asked.case_number,
            reason=asked.reason.value,
            at=now,
        )
    )
    return True


def pending(session: Session, limit: int) -> Sequence[GapQuestion]:
    """Questions not gathered yet, the oldest first."""
    query = select(GapQuestion).where(~col(GapQuestion.placed)).order_by(col(GapQuestion.id))
    return session.exec(query.limit(limit)).all()


def count_pending(session: Session) -> int:
    """How many questions are not gathered yet."""
    query = select(func.count()).select_from(GapQuestion).where(~col(GapQuestion.placed))
    return session.exec(query).one()


def of_gap(session: Session, gap_id: int) -> Sequence[GapQuestion]:
    """The questions of a gap, the oldest first."""
    query = select(GapQuestion).where(GapQuestion.gap_id == gap_id)
    return session.exec(query.order_by(col(GapQuestion.id))).all()


def missed_in(session: Session, case_number: str) -> bool:
    """Whether a question of this case was written down."""
    query = select(GapQuestion.id).where(GapQuestion.case_number == case_number)
    return session.exec(query.limit(1)).first() is not None
