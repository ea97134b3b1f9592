"""Versions: what was served at each version of the knowledge, and the way back to one.

The knowledge moves to its next version with every transaction that changes what citizens are
served; the revisions written in it carry that version.  The latest of an article's revisions up
to a version is therefore what was served then, if its status was published.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from knowledge import articles
from knowledge.articles import Article
from knowledge.drafts import ArticleStatus, Draft
from knowledge.errors import ArticleError
from knowledge.revisions import Act, Revision


@dataclass(frozen=True, slots=True)
class Version:
    """One move of the knowledge."""

    kb_version: int
    at: dt.datetime
    who: str
    why: str
    #: Number of articles that changed with it.
    articles: int


def listing(session: Session, limit: int = 50) -> tuple[Version, ...]:
    """The newest *limit* versions, the newest first."""
    version = col(Revision.kb_version)
    its = (col(Revision.at), col(Revision.who), col(Revision.why))
    changed = func.count(col(Revision.article_id).distinct())
    query = (
        columns(version, *(func.max(column) for column in its), changed)
        .where(version.is_not(None))
        .group_by(version)
        .order_by(version.desc())
        .limit(limit)
    )
    rows: list[Any] = list(session.connection().execute(query))
    return tuple(Version(*row) for row in rows)


def served_at(session: Session, version: int) -> tuple[Draft, ...]:
    """What was published at *version*, by id, whatever its dates; raises ArticleError."""
    found = _standing(session, version)
    return tuple(r.content for r in found.values() if r.status is ArticleStatus.PUBLISHED)


def roll_back(session: Session, version: int, act: Act) -> tuple[str, ...]:
    """Serve again exactly what was served at *version*; ids of the articles that changed.

    Each of them gets a new revision, and the knowledge moves on to a new version.  What was
    published neither then nor now is left alone: somebody may be working on it.
    """
    then = _standing(session, version)
    moved = select(Revision.article_id).where(col(Revision.kb_version) > version).distinct()
    found = session.exec(
        select(Article).where(col(Article.id).in_(moved)).order_by(col(Article.id))
    ).all()
    texts = articles.phrasings(session, None)
    return tuple(
        article.id
        for article in found
        if _bring_back(session, article, texts.get(article.id, ()), then.get(article.id), act)
    )


def _bring_back(
    session: Session,
    article: Article,
    its_phrasings: tuple[str, ...],
    then: Revision | None,
    act: Act,
) -> bool:
    """Bring one article back to *then*, None when it had never been served."""
    old = articles.content(article, its_phrasings)
    is_served = article.status == ArticleStatus.PUBLISHED
    if then is None or then.status is not ArticleStatus.PUBLISHED:
        if not is_served:
            return False
        status = then.status if then is not None else ArticleStatus.RETIRED
        return articles.write(session, article, old, old, act, status)
    return articles.write(
        session, article, old, then.content, act, ArticleStatus.PUBLISHED, then.author
    )


def _standing(session: Session, version: int) -> dict[str, Revision]:
    """The revision in force at *version* of each article that had ever been served, by id."""
    newest = articles.kb_version(session)
    if not 0 <= version <= newest:
        raise ArticleError(
            f"There is no version {version} of the knowledge; `huiying kb versions` lists "
            f"those there are (the newest is {newest})."
        )
    latest = (
        select(Revision.article_id, func.max(Revision.number).label("number"))
        .where(col(Revision.kb_version) <= version)
        .group_by(Revision.article_id)
        .subquery()
    )
    query = (
        select(Revision)
        .join(
            latest,
            (latest.c.article_id == Revision.article_id) & (latest.c.number == Revision.number),
        )
        .order_by(col(Revision.article_id))
    )
    return {row.article_id: row for row in session.exec(query)}
