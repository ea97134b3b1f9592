"""The demonstration's office: its knowledge comes in once, and its two desks can sign in."""

from pathlib import Path

import pytest

from admin import officials
from bot.config import load_settings
from bot.db import Database
from huiying.demo.office import furnish, staff
from huiying.schema import open_database
from knowledge import articles
from knowledge.drafts import ArticleStatus


@pytest.fixture
def office(tmp_path: Path) -> Database:
    return open_database(load_settings(None, tmp_path))


def test_a_new_office_is_furnished_once(office: Database) -> None:
    first = furnish(office, lambda _done, _all: None)
    assert first > 0
    with office.session() as session:
        assert articles.counts(session)[ArticleStatus.PUBLISHED] == first
    assert furnish(office, lambda _done, _all: None) == 0
    office.close()


def test_each_start_gives_new_links_to_the_same_two_officials(office: Database) -> None:
    links = [staff(office, "zh"), staff(office, "zh")]
    assert len({code for made in links for _name, code in made}) == 4
    with office.session() as session:
        assert len(officials.active(session)) == 2
    office.close()
