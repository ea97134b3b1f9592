"""P6: timers fire once and not early, whoever is killed around the moment they fall due."""

import json
import time
from datetime import datetime

import pytest
from sqlalchemy import text

from bot.db import Database
from bot.delivery import REPEAT_MARK
from bot.timers import TimerRow
from tests.faults.line import Line
from tests.faults.test_kill_loop import line_on

#: the promise: seconds from the recovery to the last overdue timer
WITHIN_S = 60.0
CHAT = 1001


async def remind(line: Line, seconds: float, count: int) -> None:
    """Set ``count`` timers that fall due ``seconds`` ahead, a little after one another."""
    for number in range(count):
        await line.says(CHAT, f"remind {seconds + number * 0.1:.1f} {number}")


def fired(database: Database) -> dict[str, list[datetime]]:
    """Return when each timer fired, by the journal."""
    found: dict[str, list[datetime]] = {}
    with database.engine.connect() as connection:
        query = text("SELECT body, at FROM journal WHERE kind = 'timer' ORDER BY seq")
        for row in connection.execute(query):
            at = row.at if isinstance(row.at, datetime) else datetime.fromisoformat(row.at)
            found.setdefault(json.loads(row.body)["key"], []).append(at.replace(tzinfo=None))
    return found


def due(database: Database) -> dict[str, datetime]:
    """Return when each timer was to fire."""
    with database.engine.connect() as connection:
        rows = connection.execute(TimerRow.__table__.select())  # type: ignore[attr-defined]
        return {row.key: row.due_at.replace(tzinfo=None) for row in rows}


@pytest.mark.parametrize("when", ["as they fire", "before they are due"])
async def test_timers_fire_once_not_early_and_soon_after_recovery(
    database: Database, when: str
) -> None:
    async with line_on(database) as line:
        worker = await line.start()
        await line.is_answered(20)
        await remind(line, 1.0, 8)
        await line.rests()
        if when == "as they fire":
            await line.telegram.do("wait_for_message", CHAT, "due 0", timeout=20)
        await line.kill(worker)
        recovered = time.monotonic()
        worker = await line.start()
        await line.telegram.do("wait_for_message", CHAT, "due 7", timeout=WITHIN_S)
        assert time.monotonic() - recovered < WITHIN_S
        findings = await line.findings()
        await line.ends(worker)
        assert findings.problems == []
        texts = [t.removeprefix(REPEAT_MARK) for t in (await line.truth()).sent[f"{CHAT}/"]]
        assert {t for t in texts if t.startswith("due ")} == {f"due {n}" for n in range(8)}
    moments, planned = fired(database), due(database)
    assert sorted(moments) == sorted(planned)
    assert all(len(times) == 1 for times in moments.values()), "each fires once"
    assert all(moments[key][0] >= planned[key] for key in planned), "and not early"
