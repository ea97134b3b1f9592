"""Three worker processes on one PostgreSQL: one sleeps past its lease, and wakes to nothing left.

The played Telegram runs in this process and keeps the truth: what arrived, in which order, and
what was acknowledged.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot import journal
from bot.db import Database
from bot.delivery import REPEAT_MARK
from huiying.schema import ensure
from tests.servers.postgres import PostgresServer
from tests.servers.telegram import PlayedTelegram

pytestmark = pytest.mark.postgres

LEASE_S = 2.0
CITIZENS = range(10_000, 10_012)
Process = asyncio.subprocess.Process


@pytest.fixture
def shared(postgres_server: PostgresServer) -> Any:
    """One database with the newest schema, and its URL."""
    url = postgres_server.create_database()
    database = Database.open(url)
    ensure(database)
    yield url, database
    database.close()
    postgres_server.drop_database(url)


@asynccontextmanager
async def three(url: str, tg: PlayedTelegram) -> AsyncIterator[dict[int, Process]]:
    """Start three workers; end them as an operator does."""
    env = {
        **os.environ,
        "WORKER_URL": url,
        "WORKER_API": tg.api_base_url,
        "WORKER_TOKEN": tg.token,
        "WORKER_LEASE": str(LEASE_S),
    }
    command, root = [sys.executable, "-m", "tests.spine.worker"], Path(__file__).parents[1]
    made = [await asyncio.create_subprocess_exec(*command, env=env, cwd=root) for _ in range(3)]
    try:
        yield {process.pid: process for process in made}
    finally:
        for process in made:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in made:
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()


def scalar(database: Database, statement: str, **values: Any) -> Any:
    with database.engine.connect() as connection:
        return connection.scalar(text(statement), values)


async def until(true: Any, seconds: float = 60.0) -> Any:
    """Look, ten times a second, until ``true()`` is."""
    async with asyncio.timeout(seconds):
        while not (found := await asyncio.to_thread(true)):
            await asyncio.sleep(0.1)
    return found


def pid_of(owner: str) -> int:
    return int(owner.split(":")[1]) if owner else 0


def holder(database: Database, role: str) -> int:
    """Return the process that holds a role now, 0 for none."""
    statement = "SELECT owner FROM lease WHERE name = :name AND until > clock_timestamp()"
    return pid_of(scalar(database, statement, name=role) or "")


def busy(database: Database, pid: int) -> bool:
    """Say whether a process is in the middle of conversations."""
    statement = "SELECT count(*) FROM conversation WHERE owner LIKE :owner"
    return bool(scalar(database, statement, owner=f"%:{pid}:%"))


def sent_by_chat(tg: PlayedTelegram) -> dict[int, list[str]]:
    return {chat: tg.texts_to(chat) for chat in CITIZENS}


def check_the_promises(tg: PlayedTelegram, database: Database, messages: int) -> None:
    """Hold what happened against P1–P5 and P7."""
    with database.session() as session:
        connection = session.connection()
        assert journal.verify(connection).ok
        bodies: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in journal.rows(connection):
            bodies[row["kind"]].append(row)
    assert len(bodies["received"]) == messages
    decided = Counter(n for row in bodies["decided"] for n in json.loads(row["body"])["inbox"])
    assert len(decided) == messages
    assert set(decided.values()) == {1}
    assert tg.updates.lost == []
    for chat, texts in sent_by_chat(tg).items():
        _check_chat(chat, texts, messages)


def _check_chat(chat: int, texts: list[str], messages: int) -> None:
    """Every reply arrived, in order; a second copy is marked."""
    mine = [f"message {n}" for n in range(1, messages + 1) if 10_000 + n % len(CITIZENS) == chat]
    unmarked = [one for one in texts if not one.startswith(REPEAT_MARK)]
    assert max(Counter(unmarked).values()) == 1, "a second copy is marked"
    plain = [one.removeprefix(REPEAT_MARK) for one in texts]
    assert max(Counter(plain).values()) <= 2
    assert list(dict.fromkeys(plain)) == mine, "order kept, nothing lost, nothing of another's"


@pytest.mark.parametrize("stopped", ["out:telegram", "poll:telegram"])
async def test_a_zombie_changes_nothing(shared: tuple[str, Database], stopped: str) -> None:
    url, database = shared
    async with PlayedTelegram() as tg, three(url, tg) as processes:
        tg.burst(len(CITIZENS) * 10, len(CITIZENS))
        await tg.wait_for_sent(len(CITIZENS), 60)
        victim = await until(lambda: holder(database, stopped))
        assert victim in processes
        await until(lambda: busy(database, victim))
        os.kill(victim, signal.SIGSTOP)
        tg.burst(len(CITIZENS) * 10, len(CITIZENS), first=len(CITIZENS) * 10 + 1)
        await until(lambda: holder(database, stopped) not in (0, victim), LEASE_S + 20)
        await until(lambda: not busy(database, victim), LEASE_S * 2 + 20)
        messages = len(CITIZENS) * 20
        await until(lambda: all_decided(database, messages))
        os.kill(victim, signal.SIGCONT)
        tg.burst(len(CITIZENS), len(CITIZENS), first=messages + 1)
        messages += len(CITIZENS)
        await until(lambda: all_decided(database, messages) and all_sent(database))
        check_the_promises(tg, database, messages)
        assert all(process.returncode is None for process in processes.values())


def all_decided(database: Database, messages: int) -> bool:
    done = "SELECT count(*) FROM inbox WHERE status = 'done'"
    return int(scalar(database, done)) == messages


def all_sent(database: Database) -> bool:
    return int(scalar(database, "SELECT count(*) FROM outbox WHERE NOT settled")) == 0
