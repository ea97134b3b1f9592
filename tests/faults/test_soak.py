"""Hundreds of kills with everything else going wrong as well, from a printed seed.

HUIYING_SOAK_KILLS sets how many kills each database gets, HUIYING_SOAK_SEED repeats a run.
"""

import json
import logging
import os
import random
import time
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from bot.crashpoints import POINTS
from bot.db import Database
from tests.faults import checker
from tests.faults.line import CITIZENS, Line
from tests.faults.test_kill_loop import allowed, kill_twice, line_on

log = logging.getLogger(__name__)

#: kills on each database, unless the environment says otherwise
KILLS = 260
#: rounds of two kills between two examinations
ROUNDS = 10

Mischief = Callable[[Line], Awaitable[object]]


async def refuses(line: Line) -> None:
    """The platform has had enough of us for a second."""
    await line.telegram.do("flood", 1, times=line.random.randint(1, 3))


async def gateway_fails(line: Line) -> None:
    """A proxy before the platform answers for it."""
    method = line.random.choice(["send", "getupdates", "getme"])
    await line.telegram.do("bad_gateway", method)


async def connection_breaks(line: Line) -> None:
    """The connection is cut, before or after the platform acted."""
    moment = line.random.choice(["before", "after"])
    await line.telegram.do("cut", moment, line.random.choice(["send", "getupdates"]))


async def repeats(line: Line) -> None:
    """The platform offers updates once more that it offered before."""
    with line.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT body FROM inbox ORDER BY id DESC LIMIT 40"))
        known = [json.loads(body) for body in rows.scalars()]
    for update in line.random.sample(known, min(3, len(known))):
        await line.telegram.do("updates.plant", update)


async def reorders(line: Line) -> None:
    """The platform offers new updates the wrong way round."""
    await line.telegram.do("updates.hold")
    await line.burst(8)
    await line.telegram.do("updates.release", reverse=True)


MISCHIEF: tuple[Mischief, ...] = (refuses, gateway_fails, connection_breaks, repeats, reorders)


async def examine(line: Line, database: Database) -> None:
    """Let the line come to rest and hold it to every promise."""
    await line.telegram.do("faults.clear")
    worker = await line.start()
    await line.is_answered(allowed(line))
    findings = await line.findings()
    await line.ends(worker)
    assert findings.problems == []
    assert findings.copies <= line.kills * (CITIZENS + 1)
    # Kills follow one another here as fast as the repeats do: a message may be struck twice.
    assert findings.uncertain <= line.kills
    assert checker.relayed(database) == []
    log.warning(
        "%d kills, %d marked copies, %d given up as uncertain, longest pause %.1f s",
        line.kills,
        findings.copies,
        findings.uncertain,
        max(line.pauses),
    )


@pytest.mark.soak
async def test_hundreds_of_kills(database: Database) -> None:
    seed = int(os.environ.get("HUIYING_SOAK_SEED") or time.time())
    kills = int(os.environ.get("HUIYING_SOAK_KILLS") or KILLS)
    log.warning("HUIYING_SOAK_SEED=%d", seed)
    async with line_on(database, seed) as line:
        chance = random.Random(seed)
        while line.kills < kills:
            for _ in range(ROUNDS):
                for mischief in chance.choices(MISCHIEF, k=2):
                    await mischief(line)
                await kill_twice(line, chance.choice(POINTS))
            await examine(line, database)
        assert max(line.pauses) <= allowed(line)
