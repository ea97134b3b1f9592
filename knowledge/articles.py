"""Articles: what the office has published, and in which words people ask for it.

An article moves ``draft → review → published → retired`` and may be published again.  Each
change appends a revision; whatever changes what citizens are served also moves
``kb_state.kb_version`` in the same transaction, which is how workers notice.

All functions work on the session they are given and never commit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import CheckConstraint, Text
from sqlmodel import Field, Session, SQLModel, UniqueConstraint, col, delete, func, select, update

from knowledge import revisions
from knowledge.drafts import LIMITS, PHRASING_CHARS, ArticleStatus, Draft, check_step
from knowledge.errors import ArticleError, SecondPairOfEyes, UnknownArticle
from knowledge.revisions import Act, Revision, UtcDateTime


class Article(SQLModel, table=True):
    """One thing the office says, in one language."""

    __tablename__ = "article"
    __table_args__ = (
        CheckConstraint(
            "status IN ('draft', 'review', 'published', 'retired')", name="article_status"
        ),
    )

    id: str = Field(primary_key=True, max_length=LIMITS["id"])
    lang: str = Field(default="", max_length=LIMITS["lang"])
    category: str = Field(default="", max_length=LIMITS["category"], index=True)
    department: str = Field(default="", max_length=LIMITS["department"], index=True)
    question: str = Field(default="", sa_type=Text)
    answer: str = Field(default="", sa_type=Text)
    source_title: str = Field(default="", max_length=LIMITS["source_title"])
    source_url: str = Field(default="", max_length=LIMITS["source_url"])
    #: The day the office last confirmed the text.
    date: dt.date | None = Field(default=None)
    valid_from: dt.date | None = Field(default=None)
    #: Last day on which the article is true.
    valid_to: dt.date | None = Field(default=None, index=True)
    #: Id of the article this one replaces while it is itself published and valid.
    supersedes: str | None = Field(default=None, max_length=LIMITS["supersedes"], index=True)
    status: str = Field(default=ArticleStatus.DRAFT.value, max_length=12, index=True)
    #: Number of the latest revision.
    revision: int = Field(default=0)
    created_at: dt.datetime = Field(sa_type=UtcDateTime)
    changed_at: dt.datetime = Field(sa_type=UtcDateTime)


class Phrasing(SQLModel, table=True):
    """Another way people ask for an article."""

    __tablename__ = "phrasing"
    __table_args__ = (UniqueConstraint("article_id", "position", name="phrasing_place"),)

    id: int | None = Field(default=None, primary_key=True)
    article_id: str = Field(foreign_key="article.id", max_length=LIMITS["id"])
    position: int
    text: str = Field(max_length=PHRASING_CHARS)


class KbState(SQLModel, table=True):
    """One row: which version of the knowledge is served."""

    __tablename__ = "kb_state"

    id: int = Field(default=1, primary_key=True)
    kb_version: int = Field(default=0)


def kb_version(session: Session) -> int:
    """The version of the knowledge that is served; 0 while there is none."""
    found = session.exec(select(KbState.kb_version).where(KbState.id == 1)).first()
    return found or 0


def hold_version(session: Session) -> int:
    """The same, and nobody else moves it before this transaction ends."""
    query = select(KbState.kb_version).where(KbState.id == 1).with_for_update()
    return session.exec(query).first() or 0


def bump_version(session: Session) -> int:
    """Move kb_version by one, once in a transaction, and return it."""
    if session.info.get("kb_version_moved") is session.get_transaction():
        return kb_version(session)
    session.info["kb_version_moved"] = session.get_transaction()
    changed = session.exec(
        update(KbState).where(col(KbState.id) == 1).values(kb_version=KbState.kb_version + 1)
    )
    if changed.rowcount == 0:
        session.add(KbState(id=1, kb_version=1))
        session.flush()
    return kb_version(session)


def get(session: Session, article_id: str) -> Article:
    """One article; raises UnknownArticle."""
    found = session.get(Article, article_id)
    if found is None:
        raise UnknownArticle(article_id)
    return found


def phrasings(session: Session, ids: Sequence[str] | None = None) -> dict[str, tuple[str, ...]]:
    """Phrasings by article id, in their order; of all articles when *ids* is None."""
    query = select(Phrasing.article_id, Phrasing.text).order_by(
        col(Phrasing.article_id), col(Phrasing.position)
    )
    if ids is not None:
        query = query.where(col(Phrasing.article_id).in_(ids))
    found: dict[str, list[str]] = {}
    for article_id, text in session.exec(query):
        found.setdefault(article_id, []).append(text)
    return {article_id: tuple(texts) for article_id, texts in found.items()}


def content(article: Article, its_phrasings: tuple[str, ...]) -> Draft:
    """The stored article as content, free of any session."""
    names = Draft.__dataclass_fields__.keys() - {"phrasings"}
    return Draft(phrasings=its_phrasings, **{name: getattr(article, name) for name in names})


def listing(
    session: Session,
    status: ArticleStatus | None = None,
    category: str | None = None,
    department: str | None = None,
) -> Sequence[Article]:
    """Articles by id, narrowed by status, category or department."""
    query = select(Article).order_by(col(Article.id))
    if status is not None:
        query = query.where(Article.status == status.value)
    if category is not None:
        query = query.where(Article.category == category)
    if department is not None:
        query = query.where(Article.department == department)
    return session.exec(query).all()


def published(session: Session) -> tuple[Draft, ...]:
    """Every published article, whatever its dates, by id: what a search snapshot is made of."""
    return _contents(session, ArticleStatus.PUBLISHED)


def waiting(session: Session) -> tuple[Draft, ...]:
    """Every article that is not published yet: those being written, and those in review."""
    return (
        *_contents(session, ArticleStatus.DRAFT),
        *_contents(session, ArticleStatus.REVIEW),
    )


def _contents(session: Session, status: ArticleStatus) -> tuple[Draft, ...]:
    texts = phrasings(session)
    return tuple(content(a, texts.get(a.id, ())) for a in listing(session, status))


def published_revisions(session: Session) -> dict[str, int]:
    """The number of the latest revision of every published article, by id and in its order."""
    query = select(Article.id, Article.revision).order_by(col(Article.id))
    return dict(session.exec(query.where(Article.status == ArticleStatus.PUBLISHED.value)).all())


def contents(session: Session, ids: Sequence[str]) -> dict[str, Draft]:
    """The content of some articles by id; ids that are not known are left out."""
    texts = phrasings(session, ids)
    found = session.exec(select(Article).where(col(Article.id).in_(ids)))
    return {article.id: content(article, texts.get(article.id, ())) for article in found}


def counts(session: Session) -> dict[ArticleStatus, int]:
    """How many articles stand where; every status is a key."""
    query = select(Article.status, func.count()).group_by(Article.status)
    found: dict[str, int] = dict(session.exec(query).all())
    return {status: found.get(status.value, 0) for status in ArticleStatus}


def save(
    session: Session, draft: Draft, act: Act, status: ArticleStatus | None = None
) -> tuple[Article, bool]:
    """Write *draft* as new or changed article; (article, whether anything changed).

    *status* None leaves a known article's status and makes a new one a draft.  An
    unchanged article gets no revision.
    """
    article = session.get(Article, draft.id)
    if article is None:
        return create(session, draft, act, status or ArticleStatus.DRAFT), True
    old = content(article, phrasings(session, [draft.id]).get(draft.id, ()))
    return article, write(session, article, old, draft, act, status)


def create(session: Session, draft: Draft, act: Act, status: ArticleStatus) -> Article:
    """Add an article whose id is not known yet."""
    article = Article(id=draft.id, created_at=act.at, changed_at=act.at)
    check_step(draft, ArticleStatus.DRAFT, status)
    session.add(article)
    write(session, article, None, draft, act, status)
    return article


def write(
    session: Session,
    article: Article,
    old: Draft | None,
    draft: Draft,
    act: Act,
    status: ArticleStatus | None,
    author: str = "",
) -> bool:
    """Bring *article*, whose content was *old*, to *draft* and *status*; whether it changed.

    *author* wrote *draft* when it is not the one who acts: an earlier content comes back.
    """
    was = ArticleStatus(article.status)
    now = status or was
    if old == draft and now is was:
        return False
    check_step(draft, was, now)
    restored, stored = bool(author), old == draft
    author = author or (revisions.author(session, draft.id) if stored else act.who)
    if act.four_eyes and now is ArticleStatus.PUBLISHED and author == act.who:
        raise SecondPairOfEyes(draft.id, _way(draft.id, restored, stored, served=was is now))
    for name in Draft.__dataclass_fields__.keys() - {"id", "phrasings"}:
        setattr(article, name, getattr(draft, name))
    article.status = now.value
    session.flush()
    if old is None or old.phrasings != draft.phrasings:
        _replace_phrasings(session, draft)
    article.revision += 1
    article.changed_at = act.at
    version = bump_version(session) if ArticleStatus.PUBLISHED in (was, now) else None
    revisions.append(session, article.revision, draft, now, act, author, version)
    return True


def set_status(session: Session, article_id: str, status: ArticleStatus, act: Act) -> bool:
    """Publish, retire … one article; False when it already stands there."""
    article = get(session, article_id)
    now = content(article, phrasings(session, [article_id]).get(article_id, ()))
    return write(session, article, now, now, act, status)


def history(session: Session, article_id: str) -> Sequence[Revision]:
    """All revisions of an article, the first first; raises UnknownArticle."""
    get(session, article_id)
    return revisions.of_article(session, article_id)


def restore(session: Session, article_id: str, number: int, act: Act) -> bool:
    """Bring back an earlier revision's content (not its status) as a new revision."""
    article = get(session, article_id)
    wanted = next((r for r in history(session, article_id) if r.number == number), None)
    if wanted is None:
        raise ArticleError(
            f"Article {article_id!r} has no revision {number}; "
            f"`huiying kb history {article_id}` lists them."
        )
    old = content(article, phrasings(session, [article_id]).get(article_id, ()))
    return write(session, article, old, wanted.content, act, None, wanted.author)


def _way(article_id: str, restored: bool, stored: bool, served: bool) -> str:
    """What somebody does who may not publish what they wrote."""
    if restored:
        return "let somebody else bring it back"
    if stored:
        return f"let somebody else run `huiying kb publish {article_id}`"
    if served:
        return (
            f'give the new text an id of its own with "supersedes": "{article_id}" and let '
            "somebody else publish that"
        )
    return "store it without publishing it and let somebody else publish it"


def _replace_phrasings(session: Session, draft: Draft) -> None:
    session.exec(delete(Phrasing).where(col(Phrasing.article_id) == draft.id))
    session.add_all(
        Phrasing(article_id=draft.id, position=i, text=text)
        for i, text in enumerate(draft.phrasings)
    )
