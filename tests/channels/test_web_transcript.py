"""The transcript on both databases: one number a change, none twice, none missed."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from bot.channels import web_transcript as transcript
from bot.channels.web_transcript import Direction, Line, Place
from bot.db import Database
from bot.transaction import Transaction
from bot.wake import Wake
from bot.writer import Writer
from tests.servers.postgres import PostgresServer, available, running_postgres

PLACE = Place("web", "chat-1")
EACH = 30


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    if missing := available():
        pytest.skip(missing)
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'huiying.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database.open(url)
    SQLModel.metadata.create_all(opened.engine)
    yield opened
    opened.close()


def add(tx: Transaction, key: str, thread: str = "", place: Place = PLACE) -> bool:
    line = Line(key, Direction.OUT, {"text": f"text of {key}"}, thread)
    return transcript.add(tx.session, place, line, tx.now)


def test_a_key_counts_once_in_its_channel(database: Database) -> None:
    with database.transaction() as tx:
        assert [add(tx, "1"), add(tx, "1"), add(tx, "2")] == [True, False, True]
        assert add(tx, "1", place=Place("desk", "desk"))
    with database.session() as session:
        assert [row.key for row in transcript.since(session, PLACE, 0, 10)] == ["1", "2"]


def test_a_change_takes_the_next_number(database: Database) -> None:
    with database.transaction() as tx:
        for key in "12":
            add(tx, key)
        assert transcript.change(tx.session, PLACE, "1", pressed="token")
        assert not transcript.change(tx.session, PLACE, "9", pressed="token")
        assert not transcript.change(tx.session, Place("web", "chat-2"), "1", pressed="token")
    with database.session() as session:
        rows = transcript.since(session, PLACE, 1, 10)
        assert [(row.key, row.seq) for row in rows] == [("2", 2), ("1", 3)]
        assert rows[1].content == {"text": "text of 1", "pressed": "token"}
        shown = transcript.before(session, PLACE, "", "", 10)
        assert [row.key for row in shown] == ["1", "2"]


def test_the_past_is_read_page_by_page(database: Database) -> None:
    with database.transaction() as tx:
        for number in range(7):
            add(tx, str(number))
    with database.session() as session:
        last = transcript.before(session, PLACE, "", "", 3)
        earlier = transcript.before(session, PLACE, "", last[0].key, 3)
        nothing = transcript.before(session, PLACE, "", "unknown", 3)
    assert [row.key for row in last] == ["4", "5", "6"]
    assert [row.key for row in earlier] == ["1", "2", "3"]
    assert nothing == []


def test_the_liveliest_topic_comes_first(database: Database) -> None:
    desk = Place("desk", "desk")
    with database.transaction() as tx:
        for name in ("~A", "~B"):
            transcript.open_topic(tx.session, desk, f"topic/{name}", name, tx.now)
        first = transcript.open_topic(tx.session, desk, "topic/~A", "again", tx.now)
        add(tx, "1", thread=first, place=desk)
    with database.session() as session:
        pairs = transcript.topics(session, desk, 10)
        assert [(head.content["title"], last.key) for head, last in pairs] == [
            ("~A", "1"),
            ("~B", "topic/~B"),
        ]
        assert transcript.topic_exists(session, desk, first)
        assert not transcript.topic_exists(session, desk, "99")


async def test_writers_of_one_chat_share_its_numbers(database: Database, url: str) -> None:
    """Two processes write at once: a reader that follows the numbers misses nothing."""
    other = Database.open(url)
    writers = [Writer(database, Wake()), Writer(other, Wake())]
    for writer in writers:
        writer.start()
    seen: list[str] = []
    writing = asyncio.gather(*(_write(writer, n) for n, writer in enumerate(writers)))
    seq = 0
    while len(seen) < EACH * len(writers):
        for row in await asyncio.to_thread(_since, database, seq):
            seen.append(row[1])
            assert row[0] == seq + 1
            seq = row[0]
        if writing.done() and writing.exception():
            break
    await writing
    for writer in writers:
        writer.stop()
    other.close()
    assert len(set(seen)) == EACH * len(writers)


async def _write(writer: Writer, number: int) -> None:
    for step in range(EACH):
        await writer.write(partial(add, key=f"{number}-{step}"))


def _since(database: Database, seq: int) -> list[tuple[int, str]]:
    with database.session() as session:
        return [(row.seq, row.key) for row in transcript.since(session, PLACE, seq, 100)]
