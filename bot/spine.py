"""The spine at work: everything between the channels and the handlers, in one process.

``Spine`` starts the writer, the dispatcher, one deliverer and one receiver per channel and the
ticker, and stops them in order. Several processes may run on one PostgreSQL; on SQLite one.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from bot import conversations, leases
from bot.channels.base import Channel
from bot.config import WorkerSettings
from bot.context import Context, Handler
from bot.db import Database
from bot.delivery import Deliverer, OnSettled
from bot.dispatcher import ContextFactory, Dispatcher
from bot.errors import DatabaseUnavailable
from bot.intake import SpineIntake
from bot.messages import Address
from bot.ticker import Ticker
from bot.timers import Fire
from bot.transaction import Transaction
from bot.wake import Wake
from bot.writer import Writer

log = logging.getLogger("huiying.spine")


class Spine:
    """One worker process: receives, decides, delivers and keeps time."""

    def __init__(
        self,
        database: Database,
        settings: WorkerSettings,
    ) -> None:
        self.database = database
        self.wake = Wake()
        self.writer = Writer(database, self.wake)
        self.owner = f"{socket.gethostname()[:20]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.intake = SpineIntake(self.writer, self.wake, self.owner, settings.lease_s)
        self._settings = settings

    async def start(self) -> None:
        """Start the writer; on SQLite void what a killed predecessor held."""
        self.writer.start()
        if self.database.is_sqlite:
            await self.writer.write(_free_all)
        else:
            self.wake.listen(self.database.engine)

    async def run(
        self,
        channels: Mapping[str, Channel],
        handlers: Sequence[Handler[Any]],
        on_failure: Handler[Any],
        on_settled: OnSettled,
        stop: asyncio.Event,
        fires: Mapping[str, Fire] | None = None,
        context: ContextFactory = Context,
        desk: Address | None = None,
    ) -> None:
        """Work until ``stop`` is set or a part fails for good (its error is raised).

        ``desk`` is the chat where officials work.
        """
        dispatcher = Dispatcher(
            self.database,
            self.writer,
            self.wake,
            channels,
            handlers,
            on_failure,
            self.owner,
            self._settings,
            context,
        )
        parts: list[Awaitable[None]] = [
            dispatcher.run(stop),
            Ticker(self.writer, self.wake, fires or {}).run(stop),
        ]
        for channel in channels.values():
            deliverer = Deliverer(
                channel, self.writer, self.wake, self.owner, self._settings, on_settled, desk=desk
            )
            parts += [deliverer.run(stop), channel.run(self.intake, stop)]
        await _all_or_stop(parts, stop, self.wake, [f"out:{name}" for name in channels])

    async def close(self) -> None:
        """Give back what is held and stop the writer."""
        try:
            await self.writer.write(lambda tx: leases.drop(tx.connection, self.owner))
        except DatabaseUnavailable as error:  # what is held then runs out by itself
            log.warning("roles were not given back: %s", error)
        self.wake.close()
        self.writer.stop()


async def _all_or_stop(
    parts: Sequence[Awaitable[None]], stop: asyncio.Event, wake: Wake, names: Sequence[str]
) -> None:
    """Run all parts; when one fails, stop the others and raise its error."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    stopping = asyncio.create_task(stop.wait())
    try:
        # A part that ends by itself before the stop has either failed or nothing more to do.
        waiting = {stopping, *tasks}
        while stopping in waiting and not any(_failed(task) for task in tasks):
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        wake.call("inbox", "timers", *names)
        stopping.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _failed(task: "asyncio.Future[None]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def _free_all(tx: Transaction) -> None:
    conversations.free_all(tx.connection)
    leases.free_all(tx.connection)
