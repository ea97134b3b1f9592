"""One process's spine: started, stopped in order, started again after a kill; parts that fail."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.channels.base import Intake
from bot.config import WorkerSettings
from bot.db import Database
from bot.outbox import Delivery, Outgoing
from bot.spine import Spine
from bot.transaction import Transaction
from tests.bot.kit import NAME, Bench, PlayedChannel, PlayedPlatform, bench_on, echo, event


class Receiving(PlayedChannel):
    """A channel that receives what the test puts into it."""

    def __init__(self, platform: PlayedPlatform) -> None:
        super().__init__(platform)
        self.intake: asyncio.Future[Intake] = asyncio.get_running_loop().create_future()
        self.breaks = asyncio.Event()

    async def run(self, intake: Intake, stop: asyncio.Event) -> None:
        """Hand the intake to the test; fail when told to."""
        self.intake.set_result(intake)
        waiting = [asyncio.create_task(e.wait()) for e in (stop, self.breaks)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if self.breaks.is_set():
            raise RuntimeError("the channel failed for good")


def unheard(_tx: Transaction, _out: Outgoing, _state: Delivery, _error: str) -> None:
    """Care about no fate."""


class Running:
    """A spine at work until the block ends."""

    def __init__(self, database: Database, platform: PlayedPlatform) -> None:
        self.spine = Spine(database, WorkerSettings(lease_s=5))
        self.channel = Receiving(platform)
        self.stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Running":
        await self.spine.start()
        channels: Any = {NAME: self.channel}
        self.task = asyncio.create_task(self.spine.run(channels, [echo], echo, unheard, self.stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        assert self.task is not None
        try:
            async with asyncio.timeout(15):
                await asyncio.wait([self.task])
        finally:
            await self.spine.close()

    async def says(self, *numbers: int, chat: str = "alice") -> None:
        intake = await self.channel.intake
        await intake.store(NAME, [event(n, chat=chat, said=f"{n}") for n in numbers])

    async def replied(self, count: int) -> None:
        async with asyncio.timeout(15):
            while len(self.channel.platform.arrived) < count:
                await asyncio.sleep(0.01)


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Bench]:
    async with bench_on(database) as made:
        yield made


async def test_what_comes_in_goes_out_in_order(office: Bench) -> None:
    async with Running(office.database, office.platform) as running:
        await running.says(*range(40))
        await running.replied(40)
    assert office.platform.texts() == [str(n) for n in range(40)]
    assert [row[0] for row in office.outbox()] == ["sent"] * 40
    held = office.rows("SELECT owner FROM lease WHERE owner <> ''")
    assert held == [], "an orderly stop gives every role back"


async def test_a_successor_takes_up_what_was_left(office: Bench) -> None:
    async with Running(office.database, office.platform) as first:
        await first.says(1)
        await first.replied(1)
    killed = await office.worker()
    await killed.receive(event(2, said="2"), event(3, chat="bob", said="3"))
    await killed.claim()
    if not office.database.is_sqlite:
        office.expire_leases()
    async with Running(office.database, office.platform) as second:
        await second.replied(3)
    assert sorted(office.platform.texts()) == ["1", "2", "3"]


async def test_a_part_that_fails_for_good_stops_the_others_and_is_raised(office: Bench) -> None:
    async with Running(office.database, office.platform) as running:
        await running.says(1)
        await running.replied(1)
        running.channel.breaks.set()
        assert running.task is not None
        with pytest.raises(RuntimeError, match="failed for good"):
            async with asyncio.timeout(15):
                await running.task
    assert running.stop.is_set()


async def test_every_process_has_a_name_of_its_own(database: Database) -> None:
    owners = {Spine(database, WorkerSettings()).owner for _ in range(50)}
    assert len(owners) == 50
    assert max(len(owner) for owner in owners) <= 60


async def test_two_processes_share_one_postgresql(office: Bench) -> None:
    if office.database.is_sqlite:
        return  # one process: see the lock
    async with (
        Running(office.database, office.platform) as one,
        Running(office.database, office.platform) as two,
    ):
        for n in range(0, 60, 2):
            await one.says(n, chat=f"c{n % 7}")
            await two.says(n + 1, chat=f"c{n % 7}")
        await one.replied(60)
    assert len(office.platform.texts()) == 60
    for chat in {f"c{n % 7}" for n in range(60)}:
        mine = [int(t) for t in office.platform.texts(chat)]
        assert mine == sorted(mine)
    assert len(office.journal("decided")) == 60
