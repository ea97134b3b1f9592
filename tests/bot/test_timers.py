"""Timers fire once and not early, come back after a failure, and hold up nobody."""

import asyncio
from datetime import timedelta

import pytest

from bot import timers
from bot.clock import ManualClock
from bot.ticker import TRIES
from bot.timers import Timer
from bot.transaction import Transaction
from tests.bot.kit import START, Bench, Worker


class Fired:
    """Remembers what fired; fails as often as told."""

    def __init__(self, failures: int = 0) -> None:
        self.keys: list[str] = []
        self.failures = failures

    def __call__(self, tx: Transaction, timer: Timer) -> None:
        tx.journal("fired", {"key": timer.key, "payload": dict(timer.payload)}, timer.subject)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("not this time")
        self.keys.append(timer.key)


def put(bench: Bench, key: str, seconds: float, kind: str = "remind", **payload: int) -> None:
    with bench.database.transaction() as tx:
        tx.timer(key, kind, tx.now + timedelta(seconds=seconds), "K7", **payload)


async def ticking(bench: Bench, fired: Fired) -> Worker:
    return await bench.worker(fires={"remind": fired})


async def test_a_timer_fires_once_and_not_early(bench: Bench) -> None:
    fired = Fired()
    worker = await ticking(bench, fired)
    put(bench, "a", 10, n=3)
    bench.clock.advance(seconds=9.999)
    assert await worker.tick() == 0
    bench.clock.advance(seconds=0.001)
    assert await worker.tick() == 1
    bench.clock.advance(days=1)
    assert await worker.tick() == 0
    assert fired.keys == ["a"]
    assert bench.journal("fired") == [{"key": "a", "payload": {"n": 3}}]
    assert bench.journal("timer") == [{"key": "a", "kind": "remind"}]


async def test_timers_fire_in_the_order_they_fall_due(bench: Bench) -> None:
    fired = Fired()
    worker = await ticking(bench, fired)
    for key, seconds in (("c", 3), ("a", 1), ("b", 2)):
        put(bench, key, seconds)
    bench.clock.advance(minutes=5)
    await worker.tick()
    assert fired.keys == ["a", "b", "c"]


async def test_setting_a_timer_again_moves_it_and_makes_it_live(bench: Bench) -> None:
    fired = Fired()
    worker = await ticking(bench, fired)
    put(bench, "a", 10)
    put(bench, "a", 100)
    bench.clock.advance(seconds=50)
    assert await worker.tick() == 0
    bench.clock.advance(seconds=50)
    await worker.tick()
    put(bench, "a", 0)
    await worker.tick()
    assert fired.keys == ["a", "a"]


async def test_a_cancelled_timer_stays_quiet(bench: Bench) -> None:
    fired = Fired()
    worker = await ticking(bench, fired)
    put(bench, "a", 1)
    put(bench, "b", 1)
    put(bench, "c", 1)
    with bench.database.transaction() as tx:
        timers.cancel(tx.connection, "a", tx.now)
    bench.change("UPDATE timer SET subject = 'other' WHERE key = 'c'")
    with bench.database.transaction() as tx:
        timers.cancel_subject(tx.connection, "K7", tx.now)
    bench.clock.advance(seconds=5)
    await worker.tick()
    assert fired.keys == ["c"]


async def test_a_failure_is_tried_again_and_leaves_no_half(bench: Bench) -> None:
    fired = Fired(failures=2)
    worker = await ticking(bench, fired)
    put(bench, "a", 0)
    put(bench, "b", 0.5)
    bench.clock.advance(seconds=0.5)
    await worker.tick()
    assert fired.keys == [], "each failed once and waits"
    bench.clock.advance(seconds=1)
    await worker.tick()
    assert sorted(fired.keys) == ["a", "b"]
    assert len(bench.journal("fired")) == 2


async def test_one_that_always_fails_is_put_aside_and_others_go_on(bench: Bench) -> None:
    bad, good = Fired(failures=1000), Fired()
    worker = await bench.worker(fires={"remind": bad, "other": good})
    put(bench, "bad", 0)
    for n in range(3 * TRIES):
        put(bench, f"good{n}", 0, "other")
        await worker.tick()
        bench.clock.advance(seconds=300)
    assert bad.failures == 1000 - TRIES
    assert len(good.keys) == 3 * TRIES
    assert bench.journal("timer_failed") == [
        {"key": "bad", "kind": "remind", "error": "RuntimeError"}
    ]


async def test_the_pauses_between_tries_grow(bench: Bench) -> None:
    worker = await ticking(bench, Fired(failures=1000))
    put(bench, "a", 0)
    for attempt in range(TRIES - 1):
        await worker.tick()
        bench.clock.advance(seconds=2**attempt - 0.001)
        assert await worker.tick() == 0
        bench.clock.advance(seconds=0.001)
    assert await worker.tick() == 1


async def test_an_unknown_kind_is_put_aside(bench: Bench) -> None:
    worker = await ticking(bench, Fired())
    put(bench, "a", 0, kind="of an older version")
    await worker.tick()
    assert await worker.tick() == 0


async def test_two_workers_fire_it_once(bench: Bench) -> None:
    fired = Fired()
    workers = [await ticking(bench, fired) for _ in range(2)]
    for n in range(20):
        put(bench, f"t{n}", 0)
    await asyncio.gather(*(worker.tick() for worker in workers))
    assert sorted(fired.keys) == sorted(f"t{n}" for n in range(20))
    assert len(bench.journal("fired")) == 20


async def test_after_an_outage_all_that_fell_due_fires(bench: Bench) -> None:
    fired = Fired()
    for n in range(5):
        put(bench, f"t{n}", 60 * n)
    bench.clock.advance(days=3)
    heir = await ticking(bench, fired)
    await heir.tick()
    assert len(fired.keys) == 5


async def test_a_clock_set_back_fires_nothing_twice(bench: Bench) -> None:
    fired = Fired()
    worker = await ticking(bench, fired)
    put(bench, "a", 10)
    put(bench, "b", 100)
    bench.clock.advance(seconds=20)
    await worker.tick()
    bench.clock.advance(hours=-1)
    await worker.tick()
    assert fired.keys == ["a"]
    bench.clock.advance(hours=2)
    await worker.tick()
    assert fired.keys == ["a", "b"]


async def test_the_loop_fires_what_is_set_while_it_waits(bench: Bench) -> None:
    fired = Fired()
    worker = await ticking(bench, fired)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.ticker.run(stop))
    await worker.writer.write(lambda tx: tx.timer("a", "remind", tx.now))
    async with asyncio.timeout(5):
        while not fired.keys:
            await asyncio.sleep(0.01)
    stop.set()
    worker.wake.call("timers")
    await running


async def test_the_loop_outlives_a_database_that_is_away(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    fired = Fired()
    worker = await ticking(bench, fired)
    # Renamed tables: PostgreSQL and SQLite both fail every statement about timers.
    bench.change("ALTER TABLE timer RENAME TO timer_away")
    stop = asyncio.Event()
    running = asyncio.create_task(worker.ticker.run(stop))
    async with asyncio.timeout(20):
        while "a database call failed" not in caplog.text:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert not running.done()
        bench.change("ALTER TABLE timer_away RENAME TO timer")
        await worker.writer.write(lambda tx: tx.timer("a", "remind", tx.now))
        while not fired.keys:
            await asyncio.sleep(0.02)
    stop.set()
    worker.wake.call("timers")
    await running


def test_a_held_clock_moves_both_ways() -> None:
    clock = ManualClock(START)
    assert clock.advance(minutes=5) == START + timedelta(minutes=5)
    assert clock.advance(minutes=-5) == clock.now() == START
