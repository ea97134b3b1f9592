"""The n-th call fails, n = 1, 2, 3 …, until a run passes untouched; the promises hold each time.

Kills find what is lost between two commits; these find what is lost, or done twice, when the
process lives on after an error.
"""

import asyncio
import itertools

import pytest

from bot.db import Database
from bot.errors import DatabaseUnavailable
from bot.spine import Spine
from tests.faults import checker, worker
from tests.faults.line import Line
from tests.faults.plan import OUTAGE_S, Plan, planted
from tests.faults.test_kill_loop import line_on

#: a run that is not at rest after so long has broken down, seconds
REST_S = 15.0
#: the citizen who writes more than once
TALKER = 1001
#: a fault that takes long to pass strikes only every so many chances, so that the suite stays short
STRIDES = {"outage": 16}


async def run_with(line: Line, plan: Plan) -> None:
    """Let one fault strike a whole run: start, messages of three citizens, end.

    One of them has written three times before anybody looks: what is decided in one turn.
    """
    stop = asyncio.Event()
    database = Database.open(line.url)
    await line.burst(2)
    for part in range(3):
        await line.says(TALKER, f"{plan.kind} {plan.n}: {part}")
    with planted(plan, database.engine):
        running = asyncio.create_task(supervised(line, database, stop))
        resting = asyncio.create_task(line.rests(REST_S))
        await asyncio.wait({running, resting}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        resting.cancel()
        await asyncio.wait_for(running, REST_S)
    assert resting.cancelled() or resting.exception() is None, resting.exception()


async def supervised(line: Line, database: Database, stop: asyncio.Event) -> None:
    """Run the relay; only when it cannot even start is it started once more, as an init would."""
    for last in (False, True):
        begun = asyncio.Event()
        telegram = worker.channel(line.telegram.api_base_url, line.telegram.token)
        spine = Spine(database, worker.settings(lease_s=1.0))
        try:
            return await worker.relay(spine, telegram, stop, begun)
        except DatabaseUnavailable:
            if last or begun.is_set():
                raise
            await asyncio.sleep(OUTAGE_S)
    return None


@pytest.mark.parametrize("kind", ["statement", "commit", "committed", "outage", "connect"])
async def test_each_call_may_fail_once(database: Database, kind: str) -> None:
    async with line_on(database) as line:
        for n in itertools.count(1, STRIDES.get(kind, 1)):
            plan = Plan(kind, n)
            await run_with(line, plan)
            findings = checker.examine(database, await line.truth())
            assert (n, findings.problems, checker.relayed(database)) == (n, [], [])
            if not plan.struck:
                break
        assert findings.copies == 0, "no answer of the platform was lost"


@pytest.mark.parametrize("kind", ["before", "after", "502"])
async def test_each_answer_of_the_platform_may_be_lost(database: Database, kind: str) -> None:
    fault = {"status": 502, "body": "<html>502</html>"} if kind == "502" else {"cut": kind}
    async with line_on(database) as line:
        for n in itertools.count(1):
            await line.telegram.do("faults.clear")
            await line.telegram.do("plant", skip=n - 1, **fault)
            await run_with(line, Plan(kind, n))
            left = await line.telegram.do("faults._waiting")
            findings = checker.examine(database, await line.truth())
            assert (n, findings.problems, checker.relayed(database)) == (n, [], [])
            if left:
                break
        assert findings.copies <= n
        assert findings.uncertain == 0


async def test_the_end_needs_no_database(database: Database) -> None:
    async with line_on(database) as line:
        stop, own = asyncio.Event(), Database.open(line.url)
        telegram = worker.channel(line.telegram.api_base_url, line.telegram.token)
        spine = Spine(own, worker.settings())
        running = asyncio.create_task(worker.relay(spine, telegram, stop))
        await line.is_answered(REST_S)
        with planted(Plan("outage", 1), own.engine):
            stop.set()
            await asyncio.wait_for(running, REST_S)
