"""Articles, their life, their history, and when the version moves."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlmodel import Session, select

from knowledge import articles
from knowledge.articles import Article, Phrasing
from knowledge.drafts import LIMITS, ArticleStatus, Draft, from_json, live, to_json
from knowledge.errors import ArticleError, UnknownArticle
from tests.knowledge.conftest import ACT, NOW, office

CARD = office()[0]
PUBLISHED, RETIRED = ArticleStatus.PUBLISHED, ArticleStatus.RETIRED


def test_a_saved_article_comes_back_whole(session: Session) -> None:
    articles.save(session, CARD, ACT, PUBLISHED)
    session.commit()
    session.expire_all()
    assert articles.published(session) == (CARD,)


def test_times_come_back_aware(session: Session) -> None:
    articles.save(session, CARD, ACT)
    session.commit()
    session.expire_all()
    assert articles.get(session, CARD.id).changed_at == NOW


def test_a_new_article_is_a_draft_and_not_served(session: Session) -> None:
    article, changed = articles.save(session, CARD, ACT)
    assert changed
    assert article.status == "draft"
    assert articles.published(session) == ()
    assert articles.kb_version(session) == 0


def test_an_unchanged_article_gets_no_revision_and_moves_nothing(session: Session) -> None:
    articles.save(session, CARD, ACT, PUBLISHED)
    session.commit()
    _, changed = articles.save(session, CARD, ACT, PUBLISHED)
    assert not changed
    assert len(articles.history(session, CARD.id)) == 1
    assert articles.kb_version(session) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"answer": "请到二楼办理。"},
        {"phrasings": ("别的问法",)},
        {"valid_to": dt.date(2027, 1, 1)},
        {"source_title": "新指南"},
    ],
)
def test_each_change_of_what_is_served_moves_the_version(
    session: Session, change: dict[str, object]
) -> None:
    articles.save(session, CARD, ACT, PUBLISHED)
    session.commit()
    articles.save(session, replace(CARD, **change), ACT)  # type: ignore[arg-type]
    session.commit()
    assert articles.kb_version(session) == 2
    assert articles.history(session, CARD.id)[-1].content == replace(CARD, **change)  # type: ignore[arg-type]


def test_the_version_moves_once_in_a_transaction_and_again_in_the_next(session: Session) -> None:
    for draft in office()[:3]:
        articles.save(session, draft, ACT, PUBLISHED)
    session.commit()
    assert articles.kb_version(session) == 1
    articles.set_status(session, CARD.id, RETIRED, ACT)
    session.commit()
    assert articles.kb_version(session) == 2


def test_a_rolled_back_change_leaves_the_version(session: Session) -> None:
    articles.save(session, CARD, ACT, PUBLISHED)
    session.rollback()
    assert articles.kb_version(session) == 0
    articles.save(session, CARD, ACT, PUBLISHED)
    session.commit()
    assert articles.kb_version(session) == 1


def test_a_draft_changes_without_moving_the_version(session: Session) -> None:
    articles.save(session, CARD, ACT)
    articles.save(session, replace(CARD, answer="改过"), ACT)
    assert articles.kb_version(session) == 0
    assert [r.number for r in articles.history(session, CARD.id)] == [1, 2]


def test_history_tells_who_when_why_and_restores(session: Session) -> None:
    articles.save(session, CARD, ACT, PUBLISHED)
    articles.save(session, replace(CARD, answer="错的"), replace(ACT, who="intern", why="typo"))
    first, second = articles.history(session, CARD.id)
    assert (second.who, second.why, second.at) == ("intern", "typo", NOW)
    assert articles.restore(session, CARD.id, first.number, ACT)
    assert articles.published(session) == (CARD,)
    assert len(articles.history(session, CARD.id)) == 3


def test_revisions_cannot_be_rewritten_or_removed(session: Session) -> None:
    articles.save(session, CARD, ACT)
    session.commit()
    (row,) = articles.history(session, CARD.id)
    row.who = "somebody else"
    with pytest.raises(ArticleError, match="never changed"):
        session.flush()
    session.rollback()
    session.delete(articles.history(session, CARD.id)[0])
    with pytest.raises(ArticleError, match="never changed"):
        session.flush()


def test_retiring_keeps_the_article_and_its_phrasings(session: Session) -> None:
    articles.save(session, CARD, ACT, PUBLISHED)
    assert articles.set_status(session, CARD.id, RETIRED, ACT)
    assert not articles.set_status(session, CARD.id, RETIRED, ACT)
    assert articles.published(session) == ()
    assert len(session.exec(select(Phrasing)).all()) == 2
    assert articles.counts(session)[RETIRED] == 1


def test_a_forbidden_step_is_refused(session: Session) -> None:
    articles.save(session, CARD, ACT, PUBLISHED)
    with pytest.raises(ArticleError, match="cannot become draft"):
        articles.set_status(session, CARD.id, ArticleStatus.DRAFT, ACT)


def test_an_article_without_answer_is_not_published(session: Session) -> None:
    articles.save(session, Draft(id="q", question="什么时候？", answer=""), ACT)
    with pytest.raises(ArticleError, match="no answer"):
        articles.set_status(session, "q", PUBLISHED, ACT)


def test_an_unknown_id_says_where_to_look(session: Session) -> None:
    with pytest.raises(UnknownArticle, match="kb list"):
        articles.set_status(session, "nobody", PUBLISHED, ACT)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": ""}, "missing"),
        ({"id": " a"}, "blank"),
        ({"question": "", "answer": " "}, "neither"),
        ({"answer": "x" * (LIMITS["answer"] + 1)}, '"answer" is longer'),
        ({"phrasings": ("x" * 501,)}, "phrasing is longer"),
        ({"phrasings": tuple(map(str, range(501)))}, "more than 500"),
        ({"valid_from": dt.date(2026, 2, 1), "valid_to": dt.date(2026, 1, 1)}, "swap"),
        ({"supersedes": CARD.id}, "itself"),
    ],
)
def test_content_that_breaks_a_rule_is_refused(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ArticleError, match=reason):
        replace(CARD, **fields)  # type: ignore[arg-type]


def test_json_round_trip_loses_nothing() -> None:
    full = replace(CARD, valid_from=dt.date(2026, 1, 1), valid_to=dt.date(2026, 12, 31))
    for draft in (full, *office(), replace(full, supersedes="old-card")):
        assert from_json(to_json(draft)) == draft


def test_only_valid_and_not_superseded_articles_live() -> None:
    day = dt.date(2026, 5, 4)
    old = replace(CARD, id="old")
    ended = replace(CARD, id="ended", valid_to=dt.date(2026, 5, 3))
    last_day = replace(CARD, id="last-day", valid_to=day)
    coming = replace(CARD, id="coming", valid_from=dt.date(2026, 5, 5), supersedes="last-day")
    new = replace(CARD, id="new", valid_from=day, supersedes="old")
    found = [a.id for a in live((old, ended, last_day, coming, new), day)]
    assert found == ["last-day", "new"]
    tomorrow = [a.id for a in live((old, ended, last_day, coming, new), dt.date(2026, 5, 5))]
    assert tomorrow == ["coming", "new"]


def test_tables_have_the_names_others_rely_on() -> None:
    assert Article.__tablename__ == "article"
    assert Phrasing.__tablename__ == "phrasing"
