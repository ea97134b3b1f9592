"""Four eyes: nobody publishes what they wrote, through whichever door."""

from dataclasses import replace

import pytest
from sqlmodel import Session

from knowledge import articles, versions
from knowledge.drafts import ArticleStatus, Draft
from knowledge.errors import ImportRefused, SecondPairOfEyes
from knowledge.importing import Row, store_rows
from knowledge.revisions import Act
from tests.knowledge.conftest import NOW, office

CARD = office()[0]
CHANGED = replace(CARD, answer="请到二楼办理，当场领取。")
PUBLISHED, REVIEW = ArticleStatus.PUBLISHED, ArticleStatus.REVIEW
LI, WANG = Act("li", NOW, four_eyes=True), Act("wang", NOW, four_eyes=True)


def rows(draft: Draft = CARD) -> list[Row]:
    return [Row("kb.jsonl", 1, draft)]


def test_a_colleague_publishes_what_one_wrote(session: Session) -> None:
    articles.save(session, CARD, LI)
    with pytest.raises(SecondPairOfEyes, match=r"somebody else run `huiying kb publish library"):
        articles.set_status(session, CARD.id, PUBLISHED, LI)
    assert articles.published(session) == ()
    assert articles.set_status(session, CARD.id, PUBLISHED, WANG)


def test_review_by_the_colleague_does_not_make_it_theirs(session: Session) -> None:
    articles.save(session, CARD, LI)
    articles.set_status(session, CARD.id, REVIEW, WANG)
    with pytest.raises(SecondPairOfEyes):
        articles.set_status(session, CARD.id, PUBLISHED, LI)
    assert articles.set_status(session, CARD.id, PUBLISHED, WANG)


def test_who_changes_the_text_last_has_written_it(session: Session) -> None:
    articles.save(session, CARD, LI)
    articles.save(session, CHANGED, WANG)
    with pytest.raises(SecondPairOfEyes):
        articles.set_status(session, CARD.id, PUBLISHED, WANG)
    assert articles.set_status(session, CARD.id, PUBLISHED, LI)


def test_an_import_that_publishes_is_a_door_too(session: Session) -> None:
    with pytest.raises(ImportRefused) as refused:
        store_rows(session, rows(), LI, publish=True)
    assert "store it without publishing it" in refused.value.bad[0].reason
    session.rollback()
    store_rows(session, rows(), LI)
    store_rows(session, rows(), WANG, publish=True)
    assert articles.published(session) == (CARD,)


def test_what_is_served_is_not_changed_by_one_alone(session: Session) -> None:
    articles.save(session, CARD, LI)
    articles.set_status(session, CARD.id, PUBLISHED, WANG)
    for act in (LI, WANG):
        with pytest.raises(ImportRefused) as refused:
            store_rows(session, rows(CHANGED), act)
        assert '"supersedes": "library-card"' in refused.value.bad[0].reason
    articles.save(session, replace(CHANGED, id="card-2", supersedes=CARD.id), LI)
    assert articles.set_status(session, "card-2", PUBLISHED, WANG)


def test_an_earlier_text_comes_back_by_a_colleague_and_stays_its_authors(
    session: Session,
) -> None:
    free = Act("li", NOW)
    articles.save(session, CARD, free, PUBLISHED)
    session.commit()
    articles.save(session, CHANGED, replace(free, who="chen"), PUBLISHED)
    session.commit()
    for door in (
        lambda act: articles.restore(session, CARD.id, 1, act),
        lambda act: versions.roll_back(session, 1, act),
    ):
        with pytest.raises(SecondPairOfEyes, match="let somebody else bring it back"):
            door(LI)
    assert versions.roll_back(session, 1, WANG) == (CARD.id,)
    assert articles.history(session, CARD.id)[-1].author == "li"


def test_retiring_needs_no_second_pair_of_eyes(session: Session) -> None:
    articles.save(session, CARD, LI)
    articles.set_status(session, CARD.id, PUBLISHED, WANG)
    assert articles.set_status(session, CARD.id, ArticleStatus.RETIRED, LI)


def test_without_the_rule_one_is_enough(session: Session) -> None:
    articles.save(session, CARD, replace(LI, four_eyes=False))
    assert articles.set_status(session, CARD.id, PUBLISHED, replace(LI, four_eyes=False))
