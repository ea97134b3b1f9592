"""The second migration tells of earlier revisions which version began with them, and who wrote."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from bot.db import Database
from huiying import schema
from knowledge import articles, versions

START = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
#: (article, number, hours, who, status, answer), as three transactions that moved the version
HISTORY = (
    ("a", 1, 0, "li", "draft", "A."),
    ("a", 2, 1, "wang", "published", "A."),
    ("b", 1, 1, "wang", "published", "B."),
    ("a", 3, 2, "chen", "published", "A again."),
    ("b", 2, 3, "li", "retired", "B."),
    ("b", 3, 4, "li", "draft", "B."),
)


def test_earlier_revisions_learn_their_version_and_author(database_url: str) -> None:
    database = Database.open(database_url)
    _as_it_was(database)
    schema.ensure(database)
    with database.session() as session:
        found = [(r.author, r.kb_version) for a in ("a", "b") for r in articles.history(session, a)]
        assert found == [
            ("li", None),
            ("li", 1),
            ("chen", 2),
            ("wang", 1),
            ("wang", 3),
            ("wang", None),
        ]
        served = [[d.answer for d in versions.served_at(session, v)] for v in range(4)]
    assert served == [[], ["A.", "B."], ["A again.", "B."], ["A again."]]
    database.close()


def test_an_office_without_articles_is_brought_up_too(database_url: str) -> None:
    database = Database.open(database_url)
    _to_the_first(database)
    schema.ensure(database)
    assert schema.current(database) == schema.HEAD
    database.close()


def _to_the_first(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")


def _as_it_was(database: Database) -> None:
    """An office of the first schema in its third version, written as it was then."""
    _to_the_first(database)
    with database.writing() as connection:
        for article in ("a", "b"):
            connection.execute(text(_ARTICLE), {"id": article, "at": START})
        for row in HISTORY:
            connection.execute(text(_REVISION), _values(*row))
        connection.execute(text("INSERT INTO kb_state (id, kb_version) VALUES (1, 3)"))


def _values(
    article: str, number: int, hours: int, who: str, status: str, answer: str
) -> dict[str, Any]:
    snapshot = json.dumps({"id": article, "answer": answer, "status": status})
    at = START + dt.timedelta(hours=hours)
    return {"a": article, "n": number, "at": at, "who": who, "s": snapshot}


_ARTICLE = (
    "INSERT INTO article (id, lang, category, department, question, answer, source_title, "
    "source_url, status, revision, created_at, changed_at) "
    "VALUES (:id, '', '', '', '', 'x', '', '', 'draft', 3, :at, :at)"
)
_REVISION = (
    "INSERT INTO revision (article_id, number, at, who, why, snapshot) "
    "VALUES (:a, :n, :at, :who, '', :s)"
)
