"""The spine in a test's hand: real tables and workers, a list for a platform, a held clock.

A worker has no loop of its own here. ``decide``, ``deliver`` and ``tick`` do what there is to do
now and return, so a test says in which order things happen and nothing waits for a real second.
"""

import asyncio
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from bot import journal
from bot.channels.base import Intake, Limits, Malformed, RawEvent
from bot.clock import ManualClock
from bot.config import WorkerSettings
from bot.context import Context, Handler, Outcome
from bot.conversations import Conversation
from bot.db import Database
from bot.delivery import Deliverer
from bot.dispatcher import ContextFactory, Dispatcher
from bot.errors import LeaseLost
from bot.inbox import Pending
from bot.intake import SpineIntake
from bot.messages import (
    Address,
    IncomingMessage,
    MessageKind,
    OutgoingMessage,
    Receipt,
    Sender,
)
from bot.outbox import Delivery, Outgoing
from bot.ticker import Ticker
from bot.timers import Fire
from bot.transaction import Transaction
from bot.wake import Wake
from bot.writer import Writer

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NAME = "played"


@dataclass(frozen=True, slots=True)
class Sent:
    """One call of ``send``. ``arrived`` are the ids the platform gave, "" where it refused."""

    message: OutgoingMessage
    key: str
    edits: str
    already: tuple[str, ...]
    arrived: str

    @property
    def text(self) -> str:
        return self.message.text


@dataclass
class PlayedPlatform:
    """What really happened. ``answers`` are errors (or None) for the next sends, in turn.

    An error in ``lost`` is raised after the message has arrived, as when the answer is cut off.
    """

    calls: list[Sent] = field(default_factory=list)
    answers: deque[Exception | None] = field(default_factory=deque)
    lost: list[Exception] = field(default_factory=list)
    threads: list[tuple[Address, str]] = field(default_factory=list)
    #: raised by the next attempts to open a thread
    refusals: deque[Exception] = field(default_factory=deque)
    #: chats that have blocked us
    gone: dict[str, Exception] = field(default_factory=dict)

    @property
    def arrived(self) -> list[Sent]:
        """Return what people saw, in order."""
        return [call for call in self.calls if call.arrived]

    def texts(self, chat: str = "", thread: str | None = None) -> list[str]:
        """Return the texts that arrived."""
        places = [(c, c.message.address) for c in self.arrived]
        return [
            c.text
            for c, a in places
            if chat in ("", a.chat) and thread in (None, a.thread) and not c.message.answers_press
        ]

    def loses_the_answer(self, error: Exception) -> None:
        """Let the next message arrive, and its answer be lost."""
        self.lost.append(error)
        self.answers.append(error)


class PlayedChannel:
    """The channel of a :class:`PlayedPlatform`; several workers may each have one."""

    def __init__(self, platform: PlayedPlatform, limits: Limits | None = None) -> None:
        self.name = NAME
        self.limits = limits or Limits(threads=True)
        self.platform = platform
        #: called with each message before it is sent
        self.on_send: Callable[[OutgoingMessage], None] = lambda _: None

    def read(self, body: Mapping[str, Any]) -> IncomingMessage | None:
        """Translate the fields of an :class:`IncomingMessage`; ``broken`` is malformed."""
        if "broken" in body:
            raise Malformed(str(body["broken"]))
        if "ignore" in body:
            return None
        given = {k: v for k, v in body.items() if k not in ("chat", "id", "thread", "language")}
        kind = MessageKind(given.pop("kind", MessageKind.TEXT))
        sender = Sender(given.pop("sender", body["chat"]), language=body.get("language", ""))
        place = Address(self.name, body["chat"], body.get("thread", ""))
        return IncomingMessage(place, body["id"], sender, kind, **given)

    async def send(
        self, message: OutgoingMessage, key: str, edits: str = "", already: tuple[str, ...] = ()
    ) -> Receipt:
        """Take the message, or raise what the test has prepared."""
        self.on_send(message)
        platform = self.platform
        error = platform.answers.popleft() if platform.answers else None
        error = error or platform.gone.get(message.address.chat)
        arrives = error is None or any(error is one for one in platform.lost)
        arrived = edits or f"m{len(platform.calls) + 1}" if arrives else ""
        platform.calls.append(Sent(message, key, edits, already, arrived))
        if error is not None:
            raise error
        return Receipt((*already, arrived))

    async def open_thread(self, address: Address, title: str) -> str:
        """Open a thread, or raise what the test has prepared."""
        if self.platform.refusals:
            raise self.platform.refusals.popleft()
        self.platform.threads.append((address, title))
        return f"t{len(self.platform.threads)}"

    async def run(self, intake: Intake, stop: asyncio.Event) -> None:
        """Receive nothing by itself."""
        await stop.wait()


def event(number: int, chat: str = "alice", said: str = "", **more: Any) -> RawEvent:
    """Return a raw event; ``more`` are further fields of the message, or ``hold_s``."""
    outside = {k: more.pop(k) for k in ("hold_s", "alternate_id") if k in more}
    body = {"chat": chat, "id": str(number), "text": said or f"message {number}", **more}
    key = Address(NAME, chat, more.get("thread", "")).key
    return RawEvent(str(number), key, body, **outside)


async def echo(message: IncomingMessage, ctx: Context) -> Outcome:
    """Say it back."""
    ctx.reply(message.text)
    return Outcome.HANDLED


async def give_up(message: IncomingMessage, ctx: Context) -> Outcome:
    """Play the last resort."""
    ctx.reply(f"failed: {message.text}")
    return Outcome.FAILED


@dataclass
class Settled:
    """Remembers what delivery said is settled; ``broken`` is raised instead."""

    seen: list[tuple[str, Delivery, str]] = field(default_factory=list)
    broken: Exception | None = None

    def __call__(self, tx: Transaction, out: Outgoing, state: Delivery, error: str) -> None:
        if self.broken is not None:
            raise self.broken
        self.seen.append((out.message.text, state, error))


class Worker:
    """One process's worth of the spine, moved by hand."""

    def __init__(
        self,
        database: Database,
        channel: PlayedChannel,
        owner: str,
        settings: WorkerSettings,
        handlers: Sequence[Handler[Any]],
        on_failure: Handler[Any],
        settled: Callable[[Transaction, Outgoing, Delivery, str], None],
        fires: Mapping[str, Fire],
        context: ContextFactory,
        desk: Address | None = None,
    ) -> None:
        self.channel, self.owner = channel, owner
        self.wake = Wake()
        self.writer = Writer(database, self.wake)
        self.intake = SpineIntake(self.writer, self.wake, owner, settings.lease_s)
        self.dispatcher = Dispatcher(
            database,
            self.writer,
            self.wake,
            {channel.name: channel},
            handlers,
            on_failure,
            owner,
            settings,
            context,
        )
        self.deliverer = Deliverer(
            channel, self.writer, self.wake, owner, settings, settled, desk=desk
        )
        self.ticker = Ticker(self.writer, self.wake, fires)

    async def receive(self, *events: RawEvent) -> int:
        """Store what the platform offers."""
        return await self.intake.store(self.channel.name, events)

    async def claim(self) -> list[tuple[Conversation, list[Pending]]]:
        """Take the lease of what may be decided now, and stop there."""
        return await self.dispatcher._claim()

    async def work(self, claimed: Sequence[tuple[Conversation, list[Pending]]]) -> None:
        """Decide what was claimed, side by side."""
        await asyncio.gather(*(self.dispatcher._work(*one) for one in claimed))

    async def decide(self, rounds: int = 1000) -> int:
        """Decide until nothing may be decided now; return how many turns that took."""
        for turn in range(rounds):
            claimed = await self.claim()
            if not claimed:
                return turn
            await self.work(claimed)
        return rounds

    async def take(self) -> tuple[list[Outgoing], int]:
        """Mark what may be sent now as being sent, and stop there."""
        sender = self.deliverer
        try:
            if not await sender._lead():
                return [], 0
            epoch = sender._epoch
            assert epoch is not None
            taken = await sender._taken(epoch, 24)
        except LeaseLost:  # as the loop does
            sender._epoch = None
            return [], 0
        sender._under_way |= {one.id for one in taken}
        return taken, epoch

    async def send(self, taken: Sequence[Outgoing], epoch: int) -> None:
        """Send and record what was taken."""
        await asyncio.gather(*(self.deliverer._deliver(one, epoch) for one in taken))

    async def deliver(self) -> None:
        """Send until nothing may be sent now."""
        taken, epoch = await self.take()
        while taken:
            await self.send(taken, epoch)
            taken, epoch = await self.take()

    async def tick(self) -> int:
        """Fire what is due; return how many tries that were."""
        tries = 0
        while await self.ticker.step():
            tries += 1
        return tries

    async def turn(self) -> None:
        """Do everything there is to do now."""
        await self.tick()
        await self.decide()
        await self.deliver()


class Bench:
    """A database, a platform and as many workers as a test wants."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.clock = ManualClock(START)
        database.clock = self.clock
        self.database = database
        self.platform = PlayedPlatform()
        self.settings = WorkerSettings(**settings)
        self.settled = Settled()
        self.workers: list[Worker] = []
        self._numbers = itertools.count(1)

    async def worker(
        self,
        handlers: Sequence[Handler[Any]] = (echo,),
        on_failure: Handler[Any] = give_up,
        limits: Limits | None = None,
        fires: Mapping[str, Fire] | None = None,
        settled: Callable[[Transaction, Outgoing, Delivery, str], None] | None = None,
        context: ContextFactory = Context,
        desk: Address | None = None,
    ) -> Worker:
        """Start one more worker."""
        made = Worker(
            self.database,
            PlayedChannel(self.platform, limits),
            f"worker-{next(self._numbers)}",  # no two processes ever share a name
            self.settings,
            handlers,
            on_failure,
            settled or self.settled,
            fires or {},
            context,
            desk,
        )
        made.writer.start()
        self.workers.append(made)
        return made

    def close(self) -> None:
        """Stop every writer."""
        for worker in self.workers:
            worker.writer.stop()

    def expire_leases(self) -> None:
        """Let every lease run out at once, whosever clock it is measured by."""
        past = "'2000-01-01 00:00:00.000000'"
        self.change(f"UPDATE lease SET until = {past}")
        self.change(f"UPDATE conversation SET lease_until = {past} WHERE owner <> ''")

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """Return what a query finds."""
        with self.database.engine.connect() as connection:
            return list(connection.execute(text(statement), values))

    def change(self, statement: str, **values: Any) -> None:
        """Change something behind everybody's back."""
        with self.database.writing() as connection:
            connection.execute(text(statement), values)

    def inbox(self) -> list[tuple[str, str, str]]:
        """Return (external id, status, outcome) of every event, in order."""
        found = self.rows("SELECT external_id, status, outcome FROM inbox ORDER BY id")
        return [tuple(row) for row in found]

    def outbox(self) -> list[tuple[str, bool, int]]:
        """Return (status, settled, attempts) of every outgoing message, in order."""
        found = self.rows("SELECT status, settled, attempts FROM outbox ORDER BY id")
        return [(row.status, bool(row.settled), row.attempts) for row in found]

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """Return the bodies of the journal rows of a kind, in order, from a proven chain."""
        with self.database.session() as session:
            connection = session.connection()
            verdict = journal.verify(connection)
            assert verdict.ok, verdict
            return [json.loads(r["body"]) for r in journal.rows(connection) if r["kind"] == kind]


@asynccontextmanager
async def bench_on(database: Database, **settings: Any) -> AsyncIterator[Bench]:
    """Give a bench and clear it away."""
    bench = Bench(database, **settings)
    try:
        yield bench
    finally:
        bench.close()
