"""The ticker: fires timers that are due, each in the transaction that marks it fired."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from bot import timers
from bot.errors import DatabaseUnavailable
from bot.timers import Fire, Timer
from bot.transaction import Transaction
from bot.wake import Wake
from bot.writer import Writer

log = logging.getLogger("huiying.ticker")

#: tries of a timer whose function fails
TRIES = 8
#: longest sleep between two looks, seconds (promise P6: within 60 s after recovery)
_LOOK_S = 5.0
#: shortest: another process may hold what is due locked, seconds
_SHORTEST_S = 0.02
#: pause after an error nobody foresaw, seconds
FAULT_PAUSE_S = 1.0


class Ticker:
    """Fires timers. ``fires`` says what each kind runs."""

    def __init__(self, writer: Writer, wake: Wake, fires: Mapping[str, Fire]) -> None:
        self._writer = writer
        self._wake = wake
        self._fires = fires

    async def run(self, stop: asyncio.Event) -> None:
        """Fire what is due until ``stop`` is set."""
        while not stop.is_set():
            try:
                pause = 0.0 if await self.step() else await self._pause()
            except DatabaseUnavailable as error:
                log.error("%s", error)
                pause = 1.0
            except Exception as error:  # noqa: BLE001  outer boundary: the loop outlives it
                log.error("a look at the timers failed: %s", type(error).__name__)
                await asyncio.sleep(FAULT_PAUSE_S)
                continue
            if pause:
                await self._wake.wait("timers", pause)

    async def step(self) -> int:
        """Fire the timer that is due first; return how many were fired (0 or 1)."""
        seen: list[Timer] = []

        def fire_next(tx: Transaction) -> int:
            seen[:] = timers.due(tx.connection, tx.now, 1)
            for timer in seen:
                self._fire(tx, timer)
            return len(seen)

        try:
            return await self._writer.write(fire_next)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            if not seen:
                raise
            name = type(error).__name__
            log.error("a timer failed: %s", name, exc_info=error)
            await self._writer.write(lambda tx: _put_off(tx, seen[0], name))
            return 1

    def _fire(self, tx: Transaction, timer: Timer) -> None:
        fire = self._fires.get(timer.kind)
        timers.mark_fired(tx.connection, timer.id, tx.now)
        tx.journal("timer", {"key": timer.key, "kind": timer.kind}, timer.subject)
        if fire is None:
            log.error("a timer of the unknown kind %s was put aside", timer.kind)
            return
        fire(tx, timer)

    async def _pause(self) -> float:
        moment = await self._writer.write(lambda tx: timers.next_due(tx.connection))
        if moment is None:
            return _LOOK_S
        left = (moment - self._writer.now()).total_seconds()
        return max(_SHORTEST_S, min(_LOOK_S, left))


def _put_off(tx: Transaction, timer: Timer, error: str) -> None:
    """Try a failed timer again, later and later; after :data:`TRIES` put it aside, journalled."""
    if timer.attempts + 1 >= TRIES:
        timers.mark_fired(tx.connection, timer.id, tx.now)
        body = {"key": timer.key, "kind": timer.kind, "error": error}
        tx.journal("timer_failed", body, timer.subject)
        return
    timers.postpone(tx.connection, timer.id, tx.now + timedelta(seconds=2**timer.attempts))
