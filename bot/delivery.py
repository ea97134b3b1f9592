"""Delivery: drains the outbox of one channel through the platform, in order inside each lane.

One process at a time delivers for a channel account (a lease with an epoch), so the account's
flood limits are kept in one place. A row is marked ``sending`` in a commit of its own before the
platform is called: after a crash the next holder knows which sends may have happened.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

from bot import conversations, fates, leases, outbox, threads
from bot.alarms import Alarms
from bot.channels.base import Channel, RetryLater, SendError, ThreadGone
from bot.config import WorkerSettings
from bot.crashpoints import crash_point
from bot.errors import DatabaseUnavailable, HuiyingError, LeaseLost
from bot.fates import Fate
from bot.messages import OutgoingMessage, Receipt, Span
from bot.outbox import Delivery, Outgoing
from bot.places import Places, is_group
from bot.rates import ACCOUNT, OPENINGS, Line, Rates
from bot.transaction import Transaction
from bot.wake import Wake
from bot.writer import Writer

log = logging.getLogger("huiying.delivery")

#: sign before a text that may already have arrived once (promise P5)
REPEAT_MARK = "↻ "
#: heads looked at in one go
WINDOW = 96
#: waits longer than this are written into the row, so that it leaves the window, seconds
LONG_WAIT_S = 2.0
#: pause after an error nobody foresaw, seconds
FAULT_PAUSE_S = 1.0

#: told about every row that will not be tried again, inside the recording transaction
OnSettled = Callable[[Transaction, Outgoing, Delivery, str], None]


class Deliverer:
    """Sends what is queued for one channel."""

    def __init__(
        self,
        channel: Channel,
        writer: Writer,
        wake: Wake,
        owner: str,
        settings: WorkerSettings,
        on_settled: OnSettled,
        concurrency: int = 24,
    ) -> None:
        self._channel = channel
        self._writer = writer
        self._wake = wake
        self._owner = owner
        self._settings = settings
        self._on_settled = on_settled
        self._concurrency = concurrency
        self._role = f"out:{channel.name}"
        self._lease = timedelta(seconds=settings.lease_s)
        self._rates = Rates(channel.limits)
        self._places = Places(channel, writer)
        self._alarms = Alarms()
        self._tasks: set[asyncio.Task[None]] = set()
        #: rows a task of ours is sending, and rows whose task broke off before their fate was known
        self._under_way: set[int] = set()
        self._broken_off: set[int] = set()
        #: rows may stand in ``sending`` that nobody sends
        self._in_doubt = False
        self._epoch: int | None = None
        #: monotonic second until which the lease certainly holds
        self._held_until = 0.0
        #: seconds until a rate limit lets the next waiting row go
        self._pause = 1.0
        #: the last look was full of rows that have to wait: others may stand behind them
        self._crowded = False

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop`` is set, then finish what was begun."""
        while not stop.is_set():
            try:
                busy = await self._lead() and await self._round()
            except LeaseLost:
                self._epoch = None
                busy = False
            except DatabaseUnavailable as error:
                log.error("%s", error)
                busy = False
            except Exception as error:  # noqa: BLE001  outer boundary: the loop outlives it
                log.error("%s: a look at the outbox failed: %s", self._role, type(error).__name__)
                self._in_doubt = True
                busy = False
                await asyncio.sleep(FAULT_PAUSE_S)
            if not busy:
                await self._wake.wait(self._role, min(1.0, self._pause))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _lead(self) -> bool:
        """Take or renew the right to send; clear up after an earlier holder when it is new."""
        now = time.monotonic()
        fresh = now < self._held_until - self._settings.lease_s * 2 / 3
        if self._epoch is not None and fresh and not self._in_doubt:
            return True
        epoch = await self._writer.write(
            lambda tx: leases.take(
                tx.connection, self._role, self._owner, tx.lease_now, self._lease
            )
        )
        if epoch is not None and epoch != self._epoch:
            self._places.forget_all()
            self._in_doubt = True
        self._epoch, self._held_until = epoch, now + self._settings.lease_s
        if epoch is not None and self._in_doubt:
            await self._adopt(epoch)
        return epoch is not None

    async def _adopt(self, epoch: int) -> None:
        """Decide about rows that an earlier holder, or a task of ours, left half-way."""
        under_way, broken_off = frozenset(self._under_way), frozenset(self._broken_off)
        self._in_doubt = False
        try:
            strays = await self._writer.write(
                lambda tx: outbox.strays(tx.connection, self._channel.name, under_way)
            )
            for stray in strays:
                await self._record(stray, self._fate_of(stray, broken_off, epoch), (), 0, epoch)
        except BaseException:
            self._in_doubt = True
            raise
        self._broken_off -= broken_off

    def _fate_of(self, stray: Outgoing, broken_off: Collection[int], epoch: int) -> Fate:
        """A stray may have been sent; but not when we took it and never knew that we had it."""
        if stray.epoch == epoch and stray.id not in broken_off:
            return fates.again(
                stray, 0.0, "the answer of the database was lost", self._writer.now()
            )
        return self._unanswered(stray, "the sender stopped before the answer came")

    def _unanswered(self, outgoing: Outgoing, why: str) -> Fate:
        limits, settings = self._channel.limits, self._settings
        return fates.unanswered(outgoing, why, limits, settings, self._writer.now())

    async def _round(self) -> bool:
        """Take what may go now and start sending it; say whether there was anything."""
        free = self._concurrency - len(self._tasks)
        if free < self._concurrency // 2:  # fewer, fuller looks at the database
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            return True
        epoch = self._epoch
        assert epoch is not None
        taken = await self._taken(epoch, free)
        if taken:
            crash_point("after_sending_commit")
        for outgoing in taken:
            self._under_way.add(outgoing.id)
            task = asyncio.create_task(self._deliver(outgoing, epoch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return bool(taken)

    async def _taken(self, epoch: int, free: int) -> list[Outgoing]:
        """Take what may go now; where a whole window had to wait, look behind it at once."""
        taken: list[Outgoing] = []
        self._crowded = True
        while self._crowded and not taken:
            taken = await self._look(epoch, free)
        return taken

    async def _look(self, epoch: int, free: int) -> list[Outgoing]:
        """Look once; rows of a try that was committed unheard are seen to later."""
        tries = 0

        def take(tx: Transaction) -> list[Outgoing]:
            nonlocal tries
            tries += 1
            return self._take(tx, epoch, free)

        try:
            return await self._writer.write(take)
        finally:
            self._in_doubt |= tries > 1

    def _take(self, tx: Transaction, epoch: int, free: int) -> list[Outgoing]:
        self._pause = 1.0
        line = Line(self._rates, time.monotonic())
        taken: list[Outgoing] = []
        put_off: dict[int, datetime] = {}
        seen = 0
        for head in outbox.heads(tx.connection, self._channel.name, tx.now, WINDOW):
            seen += 1
            wait = self._wait(tx, head, line)
            if wait <= 0:
                place = self._places.place(tx, head.message.address)
                taken.append(outbox.moved_to(head, place))
            elif wait > LONG_WAIT_S:
                put_off[head.id] = outbox.moment_after(wait, tx.now)
            self._pause = min(self._pause, wait or self._pause)
            if len(taken) >= free:
                break
        outbox.put_off(tx.connection, put_off)
        self._crowded = seen >= WINDOW and bool(put_off)
        if taken:
            self._mark(tx, taken, epoch)
        return taken

    def _wait(self, tx: Transaction, head: Outgoing, line: Line) -> float:
        """Ask the rate limits: 0 when a row goes, else the seconds to its place in the line."""
        if head.message.answers_press:
            return 0.0
        address = head.message.address
        opens = self._places.must_open(tx, address, line.now)
        return line.ask(address, is_group(address), opens)

    def _mark(self, tx: Transaction, taken: list[Outgoing], epoch: int) -> None:
        leases.fence(tx, self._role, self._owner, epoch, self._lease)
        outbox.mark_sending(tx.connection, taken, epoch)

    async def _deliver(self, outgoing: Outgoing, epoch: int) -> None:
        """Send one row; whatever happens, the loop goes on."""
        try:
            await self._send_one(outgoing, epoch)
        except LeaseLost:
            self._left(outgoing)
            log.warning("%s: the lease is lost, or a fate was written down before", self._role)
        except Exception as error:  # outer boundary of a task: whoever leads next takes the row up
            log.error("%s: a delivery could not be written down", self._role, exc_info=error)
            self._left(outgoing)
        finally:
            self._under_way.discard(outgoing.id)
        self._wake.call(self._role)

    def _left(self, outgoing: Outgoing) -> None:
        """Lead anew, and then decide about this row if it is still in ``sending``."""
        self._broken_off.add(outgoing.id)
        self._in_doubt = True
        self._epoch = None

    async def _send_one(self, outgoing: Outgoing, epoch: int) -> None:
        started = time.monotonic()
        sent: tuple[str, ...] = ()
        # Asleep for too long, or leading anew since: another process may have delivered this.
        if started >= self._held_until or epoch != self._epoch:
            fate = fates.again(outgoing, 0.0, "the lease ran out", self._writer.now())
            await self._record(outgoing, fate, sent, 0, epoch)
            return
        try:
            receipt = await self._send(outgoing)
            sent = receipt.external_ids
            fate = fates.SENT
        except SendError as error:
            sent = error.sent
            fate = self._after(outgoing, error)
        except DatabaseUnavailable:
            now = self._writer.now()
            fate = fates.again(outgoing, 1.0, "the database was not there", now)
        except Exception as error:  # boundary: a fault of the channel's own; it may have sent
            log.error("%s: a delivery broke off", self._role, exc_info=error)
            fate = self._unanswered(outgoing, type(error).__name__)
        crash_point("after_send")
        took = round((time.monotonic() - started) * 1000)
        await self._record(outgoing, fate, sent, took, epoch)
        crash_point("after_record_commit")

    def _after(self, outgoing: Outgoing, error: SendError) -> Fate:
        if isinstance(error, RetryLater):
            wide = error.scope in (ACCOUNT, OPENINGS)
            scope = error.scope if wide else outgoing.message.address.chat
            self._rates.pause(scope, error.seconds, time.monotonic())
        limits, settings = self._channel.limits, self._settings
        fate = fates.after(outgoing, error, limits, settings, self._writer.now())
        self._alarms.after(outgoing, error, fate)
        return fate

    async def _record(
        self, outgoing: Outgoing, fate: Fate, sent: tuple[str, ...], took: int, epoch: int
    ) -> None:
        """Write the result; never give up while the lease holds: the platform has acted."""

        def record(tx: Transaction, tell: bool = True) -> None:
            leases.fence(tx, self._role, self._owner, epoch, self._lease)
            self._write_fate(tx, outgoing, fate, sent, took)
            if fate.settled and tell:
                self._on_settled(tx, outgoing, fate.status, fate.error)

        while True:
            try:
                await self._write_or_untold(record)
                self._held_until = time.monotonic() + self._settings.lease_s
                return
            except DatabaseUnavailable as error:
                log.error("a delivery could not be written down yet: %s", error)
                await asyncio.sleep(0.5)

    async def _write_or_untold(self, record: Callable[[Transaction, bool], None]) -> None:
        """Write a fate even when those who are to hear of it fail: no lane stands for ever."""
        try:
            await self._writer.write(lambda tx: record(tx, True))
        except HuiyingError:
            raise
        except Exception as error:
            log.error("%s: a settled message could not be told of", self._role, exc_info=error)
            await self._writer.write(lambda tx: record(tx, False))

    def _write_fate(
        self,
        tx: Transaction,
        outgoing: Outgoing,
        fate: Fate,
        sent: tuple[str, ...],
        took: int = 0,
    ) -> None:
        parts = _joined(outgoing.parts, sent)
        if fate.status is Delivery.SENT:
            values = outbox.sent_values(outgoing.id, parts, tx.now)
            tx.require(outbox.MARK_SENT, values, f"{outgoing.id:020}")
            self._places.sent(tx, outgoing.message.address, parts)
        else:
            outbox.change(
                tx.connection,
                outgoing.id,
                status=fate.status,
                settled=fate.settled,
                settled_at=tx.now if fate.settled else None,
                error=fate.error,
                parts=parts,
                **fate.values,
            )
        address = outgoing.message.address
        if fate.moved:
            self._places.moved(tx, address, fate.moved)
        if fate.thread_gone:
            self._places.gone(tx, address)
        if fate.unreachable:
            conversations.set_reachable(tx.connection, [address.key], False)
        body = {
            "outbox": outgoing.id,
            "state": fate.status,
            "settled": fate.settled,
            "external_ids": list(filter(None, sent)),
            "attempt": outgoing.attempts + 1,
            "copies": outgoing.copies,
            "took_ms": took,
        }
        if fate.error:
            body["error"] = fate.error
        tx.journal("delivery", body, outgoing.subject, address.key)

    async def _send(self, outgoing: Outgoing) -> Receipt:
        message = await self._places.find(outgoing)
        edits = ""
        if message.card:
            edits = await self._writer.write(
                lambda tx: outbox.card_id(
                    tx.connection, outgoing.lane, message.card, outgoing.place
                )
            )
        if outgoing.copies and fates.doubles(outgoing, self._channel.limits):
            message = _marked(message)
        key = f"{outgoing.id}"
        try:
            return await self._channel.send(message, key, edits=edits, already=outgoing.parts)
        except ThreadGone as error:
            thread = outgoing.message.address.thread
            if not thread or threads.is_own_name(thread) or is_group(message.address):
                raise
            # A citizen deleted a topic of the private chat: the chat itself is still there.
            message = replace(message, address=message.address.with_thread(""), reply_to="")
            already = error.sent or outgoing.parts
            return await self._channel.send(message, key, edits=edits, already=already)


def _joined(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    """Return all parts that arrived, whether or not the channel named the earlier ones again."""
    return before + tuple(part for part in now if part not in before)


def _marked(message: OutgoingMessage) -> OutgoingMessage:
    """Put the repeat mark before the text and move the spans along."""
    if not message.text:
        return replace(message, text=REPEAT_MARK.strip())
    shift = len(REPEAT_MARK)
    spans = tuple(Span(s.kind, s.offset + shift, s.length, s.url) for s in message.spans)
    return replace(message, text=REPEAT_MARK + message.text, spans=spans)
