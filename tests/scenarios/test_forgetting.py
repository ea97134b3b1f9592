"""Buttons nobody may press any more are deleted, every day, and the others stay."""

import asyncio
from pathlib import Path

import pytest
from sqlmodel import col, select

from bot import forgetting
from bot.buttons import ButtonRow, Choice
from bot.config import load_settings
from bot.db import Database
from bot.messages import Address
from bot.timers import Timer, TimerRow
from bot.transaction import Transaction
from huiying.app import serve
from tests.scenarios.office import PlayedOffice

PLACE = Address("telegram", "c1")


def put(office: PlayedOffice, action: str, days: float) -> None:
    """Show a button that may be pressed for so long."""
    with office.database.transaction() as tx:
        tx.buttons(PLACE, ((Choice("Press", action, days=days),),))


def left(office: PlayedOffice) -> list[str]:
    """Return the actions of the buttons that are still kept."""
    with office.database.session() as session:
        return sorted(session.exec(select(ButtonRow.action)))


def begin(office: PlayedOffice) -> None:
    """Start as a process does."""
    office.timers.update(forgetting.timer_functions())
    with office.database.transaction() as tx:
        forgetting.start(tx)


def test_expired_buttons_are_forgotten_day_after_day(office: PlayedOffice) -> None:
    for action, days in (("a", 0.5), ("b", 1.5), ("c", 2.5), ("d", 90)):
        put(office, action, days)
    begin(office)
    kept = []
    for _ in range(4):
        office.wait(days=1, seconds=1)
        kept.append("".join(left(office)))
    assert kept == ["bcd", "cd", "d", "d"]


def test_many_expired_buttons_go_in_several_rounds(
    office: PlayedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    for n in range(5):
        put(office, str(n), 0.5)
    office.clock.advance(days=1)
    begin(office)
    office.wait(seconds=1)
    assert len(left(office)) == 1
    office.wait(seconds=1)
    assert left(office) == []


def test_starting_again_starts_no_second_round(office: PlayedOffice) -> None:
    begin(office)
    office.wait(hours=5)
    begin(office)
    office.wait(hours=5)
    begin(office)
    fired: list[str] = []
    run = office.timers[forgetting.KIND]

    def counted(tx: Transaction, timer: Timer) -> None:
        fired.append(timer.key)
        run(tx, timer)

    office.timers[forgetting.KIND] = counted
    office.wait(days=3, hours=1)
    assert len(fired) == 4


async def test_a_served_office_forgets(tmp_path: Path) -> None:
    settings = load_settings(None, tmp_path)
    web = settings.web.model_copy(update={"port": 0})
    settings = settings.model_copy(update={"web": web})
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, stop, ready.set_result))
    running = await asyncio.wait_for(ready, 30)
    try:
        async with asyncio.timeout(30):
            while not serving.done() and not _began(running.database):
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await serving


def _began(database: Database) -> bool:
    with database.session() as session:
        keys = session.exec(select(TimerRow.key).where(col(TimerRow.fired_at).is_(None)))
        return f"{forgetting.KIND}:1" in list(keys)
