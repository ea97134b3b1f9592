"""Units share commits, fail alone, may run twice, and nothing ends the writer."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot import db, leases
from bot.errors import DatabaseUnavailable, LeaseLost
from bot.messages import Address, OutgoingMessage
from bot.transaction import Transaction
from bot.writer import GROUP, Writer
from tests.bot.kit import Bench, Worker


class Gate:
    """Holds the writer's thread inside a unit, so that others gather behind it."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.inside = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, _tx: Transaction) -> None:
        self._loop.call_soon_threadsafe(self.inside.set)
        assert self._open.wait(10)

    def open(self) -> None:
        self._open.set()


async def together(writer: Writer, *units: Any) -> list[Any]:
    """Hand units in so that they are gathered in one group; return results and errors."""
    gate = Gate()
    first = asyncio.create_task(writer.write(gate))
    await gate.inside.wait()
    tasks = [asyncio.create_task(writer.write(unit)) for unit in units]
    await asyncio.sleep(0)
    gate.open()
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


def note(number: int) -> Any:
    def unit(tx: Transaction) -> int:
        tx.journal("note", {"n": number})
        return number

    return unit


def fails(tx: Transaction) -> None:
    tx.journal("never", {})
    tx.send(OutgoingMessage(Address("played", "x"), "never"))
    tx.connection.execute(text("DELETE FROM lease"))
    raise ValueError("this unit")


def numbers(bench: Bench) -> list[int]:
    return [body["n"] for body in bench.journal("note")]


@pytest.fixture
async def worker(bench: Bench) -> Worker:
    return await bench.worker()


async def test_units_that_wait_share_one_commit(bench: Bench, worker: Worker) -> None:
    results = await together(worker.writer, *(note(n) for n in range(10)))
    assert results == list(range(10))
    assert worker.writer.commits == 2
    assert numbers(bench) == list(range(10))


async def test_a_group_has_a_limit(worker: Worker) -> None:
    await together(worker.writer, *(note(n) for n in range(GROUP + 1)))
    assert worker.writer.commits == 3


async def test_one_that_fails_takes_no_other_down(bench: Bench, worker: Worker) -> None:
    results = await together(worker.writer, note(1), fails, note(2), note(3))
    assert [results[0], *results[2:]] == [1, 2, 3]
    assert isinstance(results[1], ValueError)
    assert numbers(bench) == [1, 2, 3], "each once, in order, although they ran twice"
    assert bench.journal("never") == bench.journal("queued") == []


async def test_a_lost_lease_hits_only_its_owner(bench: Bench, worker: Worker) -> None:
    with bench.database.transaction() as tx:
        lease = bench.settings.lease_s
        span = timedelta(seconds=lease)
        epoch = leases.take(tx.connection, "out:x", "me", tx.lease_now, span)
        assert epoch == 1

    def fenced(held: int) -> Any:
        def unit(tx: Transaction) -> str:
            leases.fence(tx, "out:x", "me", held, span)
            tx.journal("note", {"n": held})
            return "kept"

        return unit

    results = await together(worker.writer, note(7), fenced(1), fenced(2), fenced(1))
    assert results[0] == 7
    assert results[1] == results[3] == "kept"
    assert isinstance(results[2], LeaseLost)
    assert numbers(bench) == [7, 1, 1]


async def test_a_unit_sees_what_the_one_before_it_did(bench: Bench, worker: Worker) -> None:
    def appoint(tx: Transaction) -> None:
        tx.connection.execute(text("INSERT INTO bookmark VALUES ('c', '1')"))

    def look(tx: Transaction) -> str:
        found = tx.connection.scalar(text("SELECT position FROM bookmark"))
        return str(found)

    assert (await together(worker.writer, appoint, look))[1] == "1"


async def test_a_caller_who_left_ends_nothing(bench: Bench, worker: Worker) -> None:
    gate = Gate()
    held = asyncio.create_task(worker.writer.write(gate))
    await gate.inside.wait()
    left = [asyncio.create_task(worker.writer.write(note(n))) for n in (1, 2)]
    await asyncio.sleep(0)
    held.cancel()
    left[0].cancel()
    await asyncio.sleep(0)
    gate.open()
    assert await left[1] == 2
    async with asyncio.timeout(5):
        assert await worker.writer.write(note(3)) == 3
    assert numbers(bench) == [2, 3], "a unit nobody waits for is not begun"


async def test_a_caller_who_leaves_during_the_commit_ends_nothing(
    bench: Bench, worker: Worker
) -> None:
    gate = Gate()

    def slow(tx: Transaction) -> None:
        tx.journal("note", {"n": 1})
        gate(tx)

    held = asyncio.create_task(worker.writer.write(slow))
    await gate.inside.wait()
    held.cancel()
    await asyncio.sleep(0)
    gate.open()
    async with asyncio.timeout(5):
        await worker.writer.write(note(2))
    assert numbers(bench) == [1, 2]


async def test_a_constraint_that_holds_is_the_caller_s_error(worker: Worker) -> None:
    def twice(tx: Transaction) -> None:
        for _ in range(2):
            tx.connection.execute(text("INSERT INTO bookmark VALUES ('c', '1')"))

    with pytest.raises(DBAPIError):
        await worker.writer.write(twice)
    assert await worker.writer.write(note(1)) == 1


async def test_a_connection_that_was_cut_is_made_anew(bench: Bench, worker: Worker) -> None:
    await worker.writer.write(note(1))
    if bench.database.is_sqlite:
        connection = worker.writer._connection
        assert connection is not None
        connection.connection.driver_connection.close()  # type: ignore[union-attr]
    else:
        bench.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    try:
        await worker.writer.write(note(2))
    except (DBAPIError, DatabaseUnavailable):
        assert bench.database.is_sqlite, "the server's cut is mended without a word"
    await worker.writer.write(note(3))
    assert numbers(bench)[-1] == 3


async def test_one_that_sleeps_in_the_middle_holds_nobody_up(
    bench: Bench, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bench.database.is_sqlite:
        return  # one process
    monkeypatch.setattr(db, "IDLE_S", 1)
    sleeper, gate = await bench.worker(), Gate()
    sleeps = [True]

    def falls_asleep(tx: Transaction) -> str:
        leases.take(tx.connection, "poll", "sleeper", tx.lease_now, timedelta(seconds=1))
        if sleeps:
            sleeps.clear()
            gate(tx)
        return "went on"

    asleep = asyncio.create_task(sleeper.writer.write(falls_asleep))
    await gate.inside.wait()
    span = timedelta(seconds=60)

    def takes_over(tx: Transaction) -> int | None:
        return leases.take(tx.connection, "poll", "other", tx.lease_now, span)

    async with asyncio.timeout(4):  # less than the lock is waited for
        assert await worker.writer.write(takes_over) == 1
    gate.open()
    assert await asleep == "went on", "it finds its transaction gone and runs again"


async def test_a_locked_database_is_waited_for(bench: Bench, worker: Worker) -> None:
    tries = []

    def locked_at_first(tx: Transaction) -> int:
        tries.append(1)
        if len(tries) < 3:
            _raise_operational(tx)
        return len(tries)

    assert await worker.writer.write(locked_at_first) == 3


async def test_a_database_that_stays_away_is_said_to_be(bench: Bench, worker: Worker) -> None:
    with pytest.raises(DatabaseUnavailable, match="did not take a write"):
        await worker.writer.write(_raise_operational)
    assert await worker.writer.write(note(1)) == 1


def _raise_operational(tx: Transaction) -> None:
    """Make the database itself refuse: no such file here, no such lock there."""
    if tx.connection.dialect.name == "sqlite":
        tx.connection.exec_driver_sql("ATTACH DATABASE '/nowhere/at/all.db' AS elsewhere")
    else:
        tx.connection.exec_driver_sql("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)")


async def test_who_waits_is_woken_after_the_commit(bench: Bench, worker: Worker) -> None:
    waiting = asyncio.create_task(worker.wake.wait("out:played", 30))
    await asyncio.sleep(0)
    await worker.writer.write(_send_hello)
    async with asyncio.timeout(5):
        await waiting


def _send_hello(tx: Transaction) -> None:
    tx.send(OutgoingMessage(Address("played", "x"), "hello"))


async def test_other_processes_are_woken_too(bench: Bench, worker: Worker) -> None:
    if bench.database.is_sqlite:
        return  # one process
    other = await bench.worker()
    other.wake.listen(bench.database.engine)
    try:
        async with asyncio.timeout(10):
            while True:
                waiting = asyncio.create_task(other.wake.wait("out:played", 0.5))
                await worker.writer.write(_send_hello)
                started = asyncio.get_running_loop().time()
                await waiting
                if asyncio.get_running_loop().time() - started < 0.4:
                    break
    finally:
        await asyncio.to_thread(other.wake.close)


async def test_what_was_handed_in_is_finished_at_the_stop(bench: Bench, worker: Worker) -> None:
    tasks = [asyncio.create_task(worker.writer.write(note(n))) for n in range(5)]
    await asyncio.sleep(0)
    await asyncio.to_thread(worker.writer.stop)
    assert await asyncio.gather(*tasks) == list(range(5))
    bench.workers.clear()
