"""Revisions: every change of an article, with who, when and why; rows are only ever added."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Text, event
from sqlalchemy.orm import Mapper
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, Session, SQLModel, UniqueConstraint, col, select

from knowledge.drafts import LIMITS, ArticleStatus, Draft, from_json, to_json
from knowledge.errors import ArticleError


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A point in time: aware UTC outside, stored with its zone where the database can."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Refuse a naive time; hand over UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be aware; give it a time zone")
        return value.astimezone(dt.UTC)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        """Give SQLite's naive value its UTC back."""
        if value is None:
            return None
        return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Act:
    """Who changes something, when and why; it goes into every revision."""

    who: str
    at: dt.datetime
    why: str = ""
    #: Nobody publishes what they wrote themselves.
    four_eyes: bool = False


class Revision(SQLModel, table=True):
    """An article as it stood after one change."""

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("article_id", "number", name="revision_number"),)

    id: int | None = Field(default=None, primary_key=True)
    article_id: str = Field(foreign_key="article.id", max_length=LIMITS["id"])
    number: int
    at: dt.datetime = Field(sa_type=UtcDateTime, index=True)
    who: str = Field(max_length=200)
    #: Who wrote the content, which a change of status or a rollback leaves theirs.
    author: str = Field(default="", max_length=200)
    why: str = Field(default="", sa_type=Text)
    #: Version of the knowledge that began with this change; None when nothing served changed.
    kb_version: int | None = Field(default=None, index=True)
    #: The whole article as JSON, enough to restore it.
    snapshot: str = Field(sa_type=Text)

    @property
    def content(self) -> Draft:
        """The article's content as it then stood."""
        values = json.loads(self.snapshot)
        del values["status"]
        return from_json(values)

    @property
    def status(self) -> ArticleStatus:
        """Where the article then stood."""
        return ArticleStatus(json.loads(self.snapshot)["status"])


def _refuse_rewriting(_mapper: Mapper[Any], _connection: Connection, _row: Revision) -> None:
    raise ArticleError("Revisions are never changed or removed; write a new one.")


event.listen(Revision, "before_update", _refuse_rewriting)
event.listen(Revision, "before_delete", _refuse_rewriting)


def append(
    session: Session,
    number: int,
    draft: Draft,
    status: ArticleStatus,
    act: Act,
    author: str,
    kb_version: int | None,
) -> Revision:
    """Add the article's next revision."""
    body = to_json(draft) | {"status": status.value}
    row = Revision(
        article_id=draft.id,
        number=number,
        at=act.at,
        who=act.who,
        author=author,
        why=act.why,
        kb_version=kb_version,
        snapshot=json.dumps(body, ensure_ascii=False),
    )
    session.add(row)
    return row


def of_article(session: Session, article_id: str) -> Sequence[Revision]:
    """All revisions of an article, the first first."""
    query = select(Revision).where(Revision.article_id == article_id)
    return session.exec(query.order_by(col(Revision.number))).all()


def author(session: Session, article_id: str) -> str:
    """Who wrote the content that an article has now; "" for one without a revision."""
    query = select(Revision.author).where(Revision.article_id == article_id)
    return session.exec(query.order_by(col(Revision.number).desc()).limit(1)).first() or ""
