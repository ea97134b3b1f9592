"""Suggested answers: what officials wrote on cases whose question the knowledge missed.

They hang on the case, so that they follow its question into whatever gap it is put.  Only
what a person wrote to a citizen is here, masked; never a note, never a machine's words.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Text
from sqlmodel import Field, Session, SQLModel, col, delete, select, update

from knowledge.drafts import LIMITS
from knowledge.gap_questions import GapQuestion
from knowledge.masking import mask
from knowledge.revisions import UtcDateTime

#: What the citizen said of an answer, the best first.
_RANKS = {"solved": 0, "": 1, "unsolved": 2}


class SuggestedAnswer(SQLModel, table=True):
    """One reply; ``who`` names the official, ``verdict`` is "", ``solved`` or ``unsolved``."""

    __tablename__ = "suggested_answer"

    id: int | None = Field(default=None, primary_key=True)
    case_number: str = Field(max_length=12, index=True)
    text: str = Field(sa_type=Text)
    department: str = Field(default="", max_length=LIMITS["department"])
    who: str = Field(default="", max_length=40)
    at: dt.datetime = Field(sa_type=UtcDateTime)
    #: Id of the article when the official sent one instead of writing.
    article: str | None = Field(default=None, max_length=LIMITS["id"])
    verdict: str = Field(default="", max_length=12)


@dataclass(frozen=True, slots=True)
class Reply:
    """What an official sent on a case."""

    case_number: str
    text: str
    department: str
    who: str
    article: str | None = None


def record(session: Session, reply: Reply, now: dt.datetime) -> None:
    """Write a reply down, masked; an article stays as it is published."""
    session.add(
        SuggestedAnswer(
            case_number=reply.case_number,
            text=reply.text if reply.article else mask(reply.text),
            department=reply.department,
            who=reply.who,
            at=now,
            article=reply.article,
        )
    )
    session.flush()


def withdraw(session: Session, case_number: str, words: str) -> None:
    """Forget a reply that was corrected."""
    session.exec(
        delete(SuggestedAnswer).where(
            col(SuggestedAnswer.case_number) == case_number,
            col(SuggestedAnswer.text) == mask(words),
        )
    )


def judge(session: Session, case_number: str, verdict: str) -> None:
    """Note the citizen's verdict: ``solved`` praises the last answer, ``unsolved`` blames all."""
    answers = of_cases(session, [case_number])
    if not answers:
        return
    blamed = [a.id for a in (answers if verdict == "unsolved" else answers[:1])]
    session.exec(
        update(SuggestedAnswer).where(col(SuggestedAnswer.id).in_(blamed)).values(verdict=verdict)
    )


def of_cases(session: Session, numbers: Iterable[str]) -> Sequence[SuggestedAnswer]:
    """The answers given on these cases, the latest first."""
    query = select(SuggestedAnswer).where(col(SuggestedAnswer.case_number).in_(list(numbers)))
    return session.exec(query.order_by(col(SuggestedAnswer.id).desc())).all()


def of_gap(session: Session, gap_id: int) -> list[SuggestedAnswer]:
    """A gap's answers: those that solved a case first, the latest first among equals."""
    cases = select(GapQuestion.case_number).where(
        GapQuestion.gap_id == gap_id, GapQuestion.case_number != ""
    )
    answers = of_cases(session, set(session.exec(cases)))
    return sorted(answers, key=lambda a: (_RANKS.get(a.verdict, 1), a.article is not None))


def written(answers: Iterable[SuggestedAnswer]) -> SuggestedAnswer | None:
    """The first that an official wrote, not an article that was sent."""
    return next((a for a in answers if a.article is None), None)
