"""Gaps: questions that the knowledge could not answer, gathered by what they ask.

:mod:`knowledge.gathering` puts each missed question into one.  A gap is in one language
and counts each citizen once.  It goes ``open → drafted → closed``; an article that answers
it closes it, or an editor.

All functions work on the session they are given and never commit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy import Text
from sqlmodel import Field, Session, SQLModel, col, select, update

from knowledge.articles import Article
from knowledge.drafts import LIMITS, ArticleStatus
from knowledge.errors import GapError, UnknownGap
from knowledge.gap_questions import GapQuestion, of_gap
from knowledge.revisions import UtcDateTime


class GapStatus(StrEnum):
    """Where a gap stands."""

    #: Nobody has written an answer yet.
    OPEN = "open"
    #: An article is being written for it.
    DRAFTED = "drafted"
    #: An article answers it, it was merged into another, or an editor dismissed it.
    CLOSED = "closed"


class Gap(SQLModel, table=True):
    """Questions that ask the same, in one language; ``title`` is the first of them, masked."""

    __tablename__ = "gap"

    id: int | None = Field(default=None, primary_key=True)
    lang: str = Field(default="", max_length=LIMITS["lang"])
    title: str = Field(sa_type=Text)
    status: str = Field(default=GapStatus.OPEN.value, max_length=10, index=True)
    #: How many different citizens asked.
    citizens: int = 0
    first_at: dt.datetime = Field(sa_type=UtcDateTime)
    last_at: dt.datetime = Field(sa_type=UtcDateTime)
    #: Id of the article drafted for it, or of the one that closed it.
    article: str | None = Field(default=None, max_length=LIMITS["id"], index=True)
    #: Why it was closed.
    why: str = Field(default="", sa_type=Text)
    #: The gap that took its questions over.
    merged_into: int | None = Field(default=None)
    #: Fingerprint of the embedder that made ``vector``; "" until it is encoded.
    model: str = Field(default="", sa_type=Text)
    #: The title's unit vector, float32 in the machine's order (little-endian).
    vector: bytes = b""

    @property
    def key(self) -> int:
        """The id of a stored gap."""
        assert self.id is not None
        return self.id

    @property
    def is_live(self) -> bool:
        """Whether questions may still join it."""
        return self.status != GapStatus.CLOSED


def get(session: Session, gap_id: int) -> Gap:
    """One gap, held against others until the transaction ends; raises UnknownGap."""
    query = select(Gap).where(Gap.id == gap_id).with_for_update()
    found = session.exec(query, execution_options={"populate_existing": True}).first()
    if found is None:
        raise UnknownGap(gap_id)
    return found


def listing(
    session: Session, lang: str | None = None, closed: bool = False, limit: int | None = None
) -> Sequence[Gap]:
    """Gaps, those that most citizens asked first; closed ones only when asked for."""
    query = select(Gap).order_by(
        col(Gap.citizens).desc(), col(Gap.last_at).desc(), col(Gap.id).desc()
    )
    if not closed:
        query = query.where(Gap.status != GapStatus.CLOSED.value)
    if lang is not None:
        query = query.where(Gap.lang == lang)
    return session.exec(query.limit(limit)).all()


def of_case(session: Session, case_number: str) -> Gap | None:
    """The gap of a case's latest gathered question."""
    query = (
        select(Gap)
        .join(GapQuestion, col(GapQuestion.gap_id) == col(Gap.id))
        .where(GapQuestion.case_number == case_number)
    )
    return session.exec(query.order_by(col(GapQuestion.id).desc())).first()


def of_article(session: Session, article_id: str) -> Sequence[Gap]:
    """The gaps for which this article was written, or that it closed."""
    query = select(Gap).where(Gap.article == article_id).order_by(col(Gap.id))
    return session.exec(query).all()


def live(session: Session, ids: Iterable[int]) -> list[tuple[Gap, Gap]]:
    """Of these gaps those that still gather, each with the one its questions go to.

    That is the gap itself, or the one it was merged into.
    """
    first = list(session.exec(select(Gap).where(col(Gap.id).in_(list(ids)))))
    found = {gap.key: gap for gap in first}
    while wanted := {g.merged_into for g in found.values()} - found.keys() - {None}:
        found |= {g.key: g for g in session.exec(select(Gap).where(col(Gap.id).in_(wanted)))}
    pairs = [(gap, _end_of(gap, found)) for gap in first]
    return [(gap, end) for gap, end in pairs if end.is_live]


def _end_of(gap: Gap, found: dict[int, Gap]) -> Gap:
    while gap.merged_into is not None:
        gap = found[gap.merged_into]
    return gap


def open_for(session: Session, question: GapQuestion, vector: bytes = b"", model: str = "") -> Gap:
    """Open a gap whose title is this question."""
    gap = Gap(
        lang=question.lang,
        title=question.asks,
        first_at=question.at,
        last_at=question.at,
        vector=vector,
        model=model,
    )
    session.add(gap)
    session.flush()
    join(session, gap, question)
    return gap


def join(session: Session, gap: Gap, question: GapQuestion) -> None:
    """Put a question into a gap; a citizen who is in it already is not counted again."""
    known = select(GapQuestion.id).where(
        GapQuestion.gap_id == gap.id, GapQuestion.asker == question.asker
    )
    if session.exec(known.limit(1)).first() is None:
        gap.citizens += 1
    gap.first_at = min(gap.first_at, question.at)
    gap.last_at = max(gap.last_at, question.at)
    question.gap_id, question.placed = gap.id, True
    session.flush()


def attach(gap: Gap, article: str) -> None:
    """Say that this article is being written for the gap."""
    gap.article, gap.status = article, GapStatus.DRAFTED.value


def close(session: Session, gap_id: int, why: str, article: str | None = None) -> Gap:
    """Close a gap, because an article answers it or because an editor says so."""
    gap = check_live(get(session, gap_id))
    gap.status, gap.why, gap.article = GapStatus.CLOSED.value, why, article or gap.article
    return gap


def check_live(gap: Gap) -> Gap:
    """Return the gap; raises GapError when it is closed."""
    if not gap.is_live:
        raise GapError(f"Gap {gap.id} is closed; `huiying kb gaps` lists those that are not.")
    return gap


def merge(session: Session, kept_id: int, gone_id: int) -> Gap:
    """Let the first gap take over the second's questions, and its draft when it has none."""
    if kept_id == gone_id:
        raise GapError("A gap cannot be merged with itself; name two.")
    first, second = (check_live(get(session, one)) for one in sorted((kept_id, gone_id)))
    kept, gone = (first, second) if first.id == kept_id else (second, first)
    if kept.lang != gone.lang:
        raise GapError(f"Gap {kept.id} is in {kept.lang!r}, gap {gone.id} in {gone.lang!r}.")
    session.exec(
        update(GapQuestion).where(col(GapQuestion.gap_id) == gone.id).values(gap_id=kept.id)
    )
    if kept.article is None and gone.article is not None:
        attach(kept, gone.article)
    close(session, gone.key, f"merged into {kept.id}")
    gone.merged_into = kept.id
    _recount(session, kept)
    _recount(session, gone)
    return kept


def move(session: Session, question_id: int, gap_id: int | None) -> Gap:
    """Put one question into another gap, or (None) into a new one; an emptied gap closes."""
    question = session.get(GapQuestion, question_id)
    if question is None or question.gap_id is None:
        raise GapError(
            f"No gap has a question {question_id}; `huiying kb gaps show GAP` lists them."
        )
    left = get(session, question.gap_id)
    if gap_id == left.id:
        raise GapError(f"Question {question_id} is in gap {gap_id} already.")
    target = None if gap_id is None else check_live(get(session, gap_id))
    if target is not None and target.lang != question.lang:
        raise GapError(f"Gap {gap_id} is in {target.lang!r}, the question in {question.lang!r}.")
    question.gap_id = None
    session.flush()
    _recount(session, left)
    if target is None:
        return open_for(session, question)
    join(session, target, question)
    return target


def drafted_and_published(session: Session) -> Sequence[Gap]:
    """Gaps whose own article is published by now."""
    query = (
        select(Gap)
        .join(Article, col(Article.id) == col(Gap.article))
        .where(
            Gap.status == GapStatus.DRAFTED.value,
            Article.status == ArticleStatus.PUBLISHED.value,
        )
    )
    return session.exec(query.order_by(col(Gap.id))).all()


def _recount(session: Session, gap: Gap) -> None:
    """Count a gap anew after questions left or came; without any it closes."""
    rows = of_gap(session, gap.key)
    gap.citizens = len({row.asker for row in rows})
    if not rows:
        if gap.is_live:
            close(session, gap.key, "its last question was moved")
        return
    gap.first_at, gap.last_at = rows[0].at, max(row.at for row in rows)
    if gap.title not in {row.asks for row in rows}:
        gap.title, gap.model, gap.vector = rows[0].asks, "", b""
