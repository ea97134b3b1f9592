"""The loops of the spine outlive an error nobody foresaw."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot import delivery, dispatcher, ticker
from bot.errors import DatabaseUnavailable
from bot.timers import Timer
from bot.transaction import Transaction
from tests.bot.kit import NAME, Bench, Worker, event
from tests.bot.letters import queue, words


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pauses, a hundredth as long."""
    for module in (delivery, dispatcher, ticker):
        monkeypatch.setattr(module, "FAULT_PAUSE_S", 0.01)


def break_writes(worker: Worker, times: int) -> None:
    """Let the next writes of a worker fail in a way that no other try can mend."""
    write, left = worker.writer.write, [ProgrammingError("SELECT secret", {}, OSError())] * times

    async def broken(run: Callable[[Transaction], Any]) -> Any:
        if left:
            raise left.pop()
        return await write(run)

    worker.writer.write = broken  # type: ignore[method-assign]


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("loop", ["deliverer", "dispatcher", "ticker"])
async def test_a_loop_goes_on_after_an_error_nobody_foresaw(
    bench: Bench, caplog: pytest.LogCaptureFixture, loop: str
) -> None:
    fired: list[str] = []

    def fire(_tx: Transaction, timer: Timer) -> None:
        fired.append(timer.key)

    worker, stop = await bench.worker(fires={"ring": fire}), asyncio.Event()
    queue(bench, *words("hello"))
    await worker.receive(event(1))
    with bench.database.transaction() as tx:
        tx.timer("bell", "ring", tx.now)
    break_writes(worker, 3)
    running = asyncio.create_task(getattr(worker, loop).run(stop))
    done: dict[str, Callable[[], object]] = {
        "deliverer": lambda: bench.platform.texts() == ["hello"],
        "dispatcher": lambda: bench.inbox()[0][1] == "done",
        "ticker": lambda: fired,
    }
    await until(done[loop])
    stop.set()
    worker.wake.call("inbox", "timers", f"out:{NAME}")
    await running
    assert "ProgrammingError" in caplog.text
    assert "secret" not in caplog.text


async def test_no_free_connection_is_a_database_that_is_not_there(bench: Bench) -> None:
    worker = await bench.worker()

    def run(_tx: Transaction) -> None:
        raise PoolTimeout("QueuePool limit reached")

    with pytest.raises(DatabaseUnavailable):
        await worker.writer.write(run)
