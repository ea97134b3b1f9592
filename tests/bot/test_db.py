"""What people are told when the database cannot do what it should."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.db import Database, explained
from tests.servers.postgres import PostgresServer


def fill(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x TEXT)")
        connection.exec_driver_sql("PRAGMA max_page_count = 3")
        connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(100000))")


def write_what_is_only_to_be_read(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("CREATE TABLE t (x TEXT)")


def ask_nonsense(database: Database) -> None:
    with database.session() as session:
        session.connection().execute(text("SELECT * FROM a_secret"))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (fill, "full; make room"),
        (write_what_is_only_to_be_read, "write permission"),
        (ask_nonsense, "huiying doctor"),
    ],
)
def test_the_trouble_is_one_sentence_that_says_what_to_do(
    tmp_path: Path, act: Callable[[Database], None], words: str
) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(DBAPIError) as caught:
        act(database)
    database.close()
    said = explained(caught.value)
    assert words in said
    assert said.endswith(".")
    assert "secret" not in said


@pytest.mark.postgres
@pytest.mark.parametrize(("state", "words"), [("53100", "full"), ("55P03", "Another program")])
def test_postgresql_is_understood_by_its_sqlstate(
    postgres_server: PostgresServer, state: str, words: str
) -> None:
    url = postgres_server.create_database()
    database = Database.open(url)
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'it is locked and full' USING ERRCODE='{state}'; END $$"
    with pytest.raises(DBAPIError) as caught, database.writing() as connection:
        connection.execute(text(raising))
    database.close()
    postgres_server.drop_database(url)
    assert words in explained(caught.value)
