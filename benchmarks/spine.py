"""The spine alone: stored → journalled → decided → queued → sent → recorded, without HTTP.

    python -m benchmarks.spine [--messages 5000] [--chats 200] [--url postgresql://…] [--runs 3]

A channel inside the process takes each message at once, so what is measured is the database work.
"""

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from bot.channels.base import Intake, Limits, RawEvent
from bot.config import WorkerSettings
from bot.context import Context, Outcome
from bot.db import Database
from bot.delivery import Deliverer
from bot.dispatcher import Dispatcher
from bot.intake import SpineIntake
from bot.journal import verify
from bot.messages import Address, IncomingMessage, OutgoingMessage, Receipt, Sender
from bot.outbox import Delivery, Outgoing
from bot.transaction import Transaction
from bot.wake import Wake
from bot.writer import Writer

BATCH = 100


class MemoryChannel:
    """A platform that takes everything at once."""

    name = "memory"
    limits = Limits()

    def __init__(self) -> None:
        self.sent = 0

    def read(self, body: Mapping[str, Any]) -> IncomingMessage | None:
        """Translate ``{"chat", "text", "id"}``."""
        return IncomingMessage(
            Address(self.name, body["chat"]), body["id"], Sender(body["chat"]), text=body["text"]
        )

    async def send(
        self, message: OutgoingMessage, key: str, edits: str = "", already: tuple[str, ...] = ()
    ) -> Receipt:
        """Count it."""
        self.sent += 1
        return Receipt((key,))

    async def run(self, intake: Intake, stop: asyncio.Event) -> None:
        """Receive nothing by itself."""


async def echo(message: IncomingMessage, ctx: Context) -> Outcome:
    """Say it back."""
    ctx.reply(message.text)
    return Outcome.HANDLED


def nothing(_tx: Transaction, _outgoing: Outgoing, _state: Delivery, _error: str) -> None:
    """Care about no delivery."""


async def measure(url: str, messages: int, chats: int) -> dict[str, Any]:
    """Run ``messages`` through an empty database; return rate and memory."""
    database = Database.open(url)
    SQLModel.metadata.drop_all(database.engine)
    SQLModel.metadata.create_all(database.engine)
    wake, channel, stop = Wake(), MemoryChannel(), asyncio.Event()
    writer, settings = Writer(database, wake), WorkerSettings()
    writer.start()
    intake = SpineIntake(writer, wake, "bench", settings.lease_s)
    dispatcher = Dispatcher(
        database, writer, wake, {"memory": channel}, [echo], echo, "bench", settings
    )
    deliverer = Deliverer(channel, writer, wake, "bench", settings, nothing)
    tasks = [asyncio.create_task(dispatcher.run(stop)), asyncio.create_task(deliverer.run(stop))]
    started = time.perf_counter()
    for first in range(0, messages, BATCH):
        await intake.store("memory", [event(n, chats) for n in range(first, first + BATCH)])
        while channel.sent < first - 4 * BATCH:  # a platform hands out no more than we take
            await asyncio.sleep(0.005)
    while channel.sent < messages:
        await asyncio.sleep(0.005)
    took = time.perf_counter() - started
    stop.set()
    await asyncio.gather(*tasks)
    writer.stop()
    with database.session() as session:
        verdict = verify(session.connection())
    database.close()
    return {
        "per_second": round(messages / took, 1),
        "commits": writer.commits,
        "journal_rows": verdict.rows,
        "journal_ok": verdict.ok,
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def event(number: int, chats: int) -> RawEvent:
    """Return message ``number``, written in one of ``chats`` chats."""
    chat = f"c{number % chats}"
    body = {"chat": chat, "id": str(number), "text": f"message number {number}"}
    return RawEvent(str(number), Address("memory", chat).key, body)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    runs = []
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory() as folder:
            url = given.url or f"sqlite:///{Path(folder) / 'spine.db'}"
            runs.append(asyncio.run(measure(url, given.messages, given.chats)))
    median = statistics.median(run["per_second"] for run in runs)
    print(
        json.dumps(
            {
                "database": given.url.split(":")[0] or "sqlite",
                "messages": given.messages,
                "chats": given.chats,
                "median_per_second": median,
                "runs": runs,
            }
        )
    )


if __name__ == "__main__":
    main()
