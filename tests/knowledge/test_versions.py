"""What was served at a version, and the way back to it, on both databases."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlmodel import Session

from bot.db import Database
from knowledge import articles, versions
from knowledge.drafts import ArticleStatus, Draft
from knowledge.errors import ArticleError
from knowledge.revisions import Act
from tests.knowledge.conftest import NOW, office

CARD, DOG, PERMIT = office()[:3]
PUBLISHED, RETIRED, REVIEW = ArticleStatus.PUBLISHED, ArticleStatus.RETIRED, ArticleStatus.REVIEW


class Desk:
    """Edits, one transaction each, an hour apart."""

    def __init__(self, database: Database) -> None:
        self.database, self.at = database, NOW

    def act(self, who: str = "li", why: str = "") -> Act:
        self.at += dt.timedelta(hours=1)
        return Act(who, self.at, why)

    def save(self, *drafts: Draft, status: ArticleStatus | None = PUBLISHED) -> None:
        act = self.act(why=f"{len(drafts)} saved")
        with self.database.transaction() as tx:
            for draft in drafts:
                articles.save(tx.session, draft, act, status)

    def move(self, article: str, status: ArticleStatus) -> None:
        with self.database.transaction() as tx:
            articles.set_status(tx.session, article, status, self.act())

    def roll_back(self, version: int, who: str = "wang") -> tuple[str, ...]:
        with self.database.transaction() as tx:
            return versions.roll_back(tx.session, version, self.act(who, "mistake"))

    def published(self) -> tuple[Draft, ...]:
        with self.database.session() as session:
            return articles.published(session)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.session() as session:
        yield session


def test_each_version_is_known_as_it_was_served(desk: Desk, session: Session) -> None:
    seen: dict[int, tuple[Draft, ...]] = {0: ()}

    def remember() -> None:
        with desk.database.session() as fresh:
            seen[articles.kb_version(fresh)] = articles.published(fresh)

    for step in (
        lambda: desk.save(CARD, DOG),
        lambda: desk.save(replace(CARD, answer="改过了，请到二楼办理。")),
        lambda: desk.save(PERMIT, status=None),
        lambda: desk.move(DOG.id, RETIRED),
        lambda: desk.move(PERMIT.id, PUBLISHED),
        lambda: desk.save(replace(CARD, phrasings=("新问法",))),
        lambda: desk.roll_back(2),
    ):
        step()
        remember()
    assert len(seen) == 7
    for version, served in seen.items():
        assert versions.served_at(session, version) == served


def test_a_rollback_serves_what_was_served_and_moves_on(desk: Desk, session: Session) -> None:
    desk.save(CARD, DOG)
    before = desk.published()
    desk.save(replace(CARD, answer="写错了的一句话。"), PERMIT)
    desk.move(DOG.id, RETIRED)
    assert desk.roll_back(1) == (DOG.id, CARD.id, PERMIT.id)
    assert desk.published() == before
    assert articles.kb_version(session) == 4
    last = articles.history(session, CARD.id)[-1]
    assert (last.who, last.author, last.why, last.kb_version) == ("wang", "li", "mistake", 4)
    assert articles.get(session, PERMIT.id).status == RETIRED
    assert articles.get(session, PERMIT.id).answer == PERMIT.answer


def test_a_rollback_touches_only_what_changed_since(desk: Desk, session: Session) -> None:
    desk.save(CARD, DOG)
    desk.save(replace(CARD, answer="写错了的一句话。"))
    assert desk.roll_back(1) == (CARD.id,)
    assert len(articles.history(session, DOG.id)) == 1


def test_rolling_back_to_what_is_served_changes_nothing(desk: Desk, session: Session) -> None:
    desk.save(CARD)
    assert desk.roll_back(1) == ()
    assert articles.kb_version(session) == 1


def test_a_rollback_can_be_rolled_back(desk: Desk) -> None:
    desk.save(CARD)
    desk.save(replace(CARD, answer="另一句完整的话。"), DOG)
    after = desk.published()
    desk.roll_back(1)
    desk.roll_back(2)
    assert desk.published() == after


def test_what_somebody_is_writing_survives_a_rollback(desk: Desk, session: Session) -> None:
    desk.save(CARD)
    desk.save(PERMIT)
    desk.move(PERMIT.id, RETIRED)
    desk.save(replace(PERMIT, answer="重新写的草稿。"), status=ArticleStatus.DRAFT)
    assert desk.roll_back(1) == ()
    assert articles.get(session, PERMIT.id).answer == "重新写的草稿。"


def test_what_was_in_review_then_goes_back_to_review(desk: Desk, session: Session) -> None:
    desk.save(CARD, DOG)
    desk.move(DOG.id, REVIEW)
    desk.move(DOG.id, PUBLISHED)
    assert desk.roll_back(2) == (DOG.id,)
    assert articles.get(session, DOG.id).status == REVIEW


@pytest.mark.parametrize("version", [-1, 2, 99])
def test_a_version_that_never_was_is_refused(desk: Desk, session: Session, version: int) -> None:
    desk.save(CARD)
    with pytest.raises(ArticleError, match="kb versions"):
        versions.served_at(session, version)
    with pytest.raises(ArticleError, match="the newest is 1"):
        desk.roll_back(version)
    assert desk.published() == (CARD,)


def test_versions_tell_when_who_why_and_how_many(desk: Desk, session: Session) -> None:
    desk.save(CARD, DOG)
    desk.save(PERMIT, status=None)
    desk.move(DOG.id, RETIRED)
    newest, first = versions.listing(session)
    assert (first.kb_version, first.articles, first.who, first.why) == (1, 2, "li", "2 saved")
    assert first.at == NOW + dt.timedelta(hours=1)
    assert (newest.kb_version, newest.articles) == (2, 1)
    assert versions.listing(session, 1) == (newest,)


def test_only_what_is_served_carries_a_version(desk: Desk, session: Session) -> None:
    desk.save(PERMIT, status=None)
    desk.move(PERMIT.id, REVIEW)
    desk.move(PERMIT.id, PUBLISHED)
    desk.save(replace(PERMIT, answer="改过了的答案。"))
    found = [r.kb_version for r in articles.history(session, PERMIT.id)]
    assert found == [None, None, 1, 2]
