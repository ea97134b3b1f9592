"""kill -9, at each boundary of a message's way and at any other moment: nothing is lost."""

import time

import pytest
from sqlalchemy import make_url

from bot.crashpoints import POINTS
from bot.db import Database
from huiying.schema import ensure
from tests.faults import checker
from tests.faults.line import CITIZENS, Line
from tests.servers.postgres import PostgresServer

#: the promise: seconds from the kill to the next answer (with the lease on top where others share)
BACK_S = 10.0
#: lease on PostgreSQL, seconds: nobody else may touch what a dead process held before it ends
LEASE_S = 1.0
#: the same where two processes share the work; the right to poll is renewed every 5 s
SHARED_LEASE_S = 6.0


def line_on(database: Database, seed: int = 1) -> Line:
    """Return a line on this database."""
    url = database.engine.url.render_as_string(hide_password=False)
    return Line(url, 30.0 if database.is_sqlite else LEASE_S, seed)


def allowed(line: Line) -> float:
    """Return how long a line may be silent after a kill."""
    shared = make_url(line.url).get_backend_name() == "postgresql"
    return BACK_S + (line.lease_s if shared else 0.0)


async def kill_twice(line: Line, point: str) -> None:
    """Kill one worker at a crash point and the next at any moment, with work under way."""
    first = await line.start(f"{point}:{line.random.randint(1, 4)}")
    await line.burst(12)
    await line.dies(first, burst=6)
    killed = time.monotonic()
    second = await line.start()
    line.pauses.append(await line.is_answered(allowed(line), killed))
    await line.burst(12)
    await line.pause()
    await line.kill(second)


async def test_nothing_is_lost_however_often_it_is_killed(database: Database) -> None:
    async with line_on(database, seed=int(time.time())) as line:
        for point in (*POINTS, "after_sending_commit", "after_send"):
            await kill_twice(line, point)
        last = await line.start()
        await line.is_answered(allowed(line))
        findings = await line.findings()
        await line.ends(last)
        assert line.kills >= 20
        assert findings.problems == []
        assert findings.copies <= line.kills * (CITIZENS + 1)  # one a kill in each chat
        assert max(line.pauses) <= allowed(line)
        assert checker.relayed(database) == []


async def test_each_kill_may_leave_one_marked_copy_and_no_more(database: Database) -> None:
    async with line_on(database) as line:
        worker = await line.start("after_send:1")
        await line.says(1001, "only once, please")
        await line.dies(worker)
        worker = await line.start()
        findings = await line.findings()
        await line.ends(worker)
        texts = (await line.truth()).sent["1001/"]
        assert texts == ["only once, please", "↻ only once, please"]
        assert (findings.problems, findings.copies) == ([], 1)


@pytest.mark.parametrize("point", ["after_intake_commit", "after_claim_commit"])
async def test_what_is_committed_is_neither_asked_for_nor_said_twice(
    database: Database, point: str
) -> None:
    async with line_on(database) as line:
        worker = await line.start(f"{point}:1")
        await line.says(1001, "hello")
        await line.dies(worker)
        worker = await line.start()
        findings = await line.findings()
        await line.ends(worker)
        assert (await line.truth()).sent["1001/"] == ["hello"]
        assert findings.problems == []


@pytest.mark.postgres
async def test_another_machine_takes_over(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    database = Database.open(url)
    ensure(database)
    async with line_on(database) as line:
        line.lease_s = SHARED_LEASE_S
        workers = [await line.start(), await line.start()]
        for _ in range(2):
            await line.is_answered(20)
            await line.burst(12)
            await line.pause()
            await line.kill(workers.pop(0))  # the one that polls and sends, or its helper
            killed = time.monotonic()
            workers.append(await line.start())
            line.pauses.append(await line.is_answered(allowed(line), killed))
        findings = await line.findings()
        for worker in workers:
            await line.ends(worker)
        assert findings.problems == []
        assert checker.relayed(database) == []
        assert max(line.pauses) <= allowed(line)
    database.close()
    postgres_server.drop_database(url)
