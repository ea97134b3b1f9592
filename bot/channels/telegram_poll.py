"""Long polling that acknowledges nothing before it is stored.

python-telegram-bot's own updater confirms what it has put into a queue in memory; a crash then
loses it. Here the next getUpdates, whose offset is the confirmation, is sent only after
:meth:`Intake.store` returned.

No offset is kept over a restart: without one Telegram sends everything unconfirmed once more, and
the inbox knows the repeats. An offset is also dropped as soon as Telegram has acknowledged it with
an empty answer. So it cannot skip anything when update ids start at a random number again, as they
do after a week without updates.
"""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from telegram import error as tg

from bot.channels.base import Intake, IntakeUnavailable
from bot.channels.telegram_api import BotApi
from bot.channels.telegram_errors import says, seconds_of
from bot.channels.telegram_keep import keep
from bot.channels.telegram_read import ALLOWED_UPDATES
from bot.errors import BadInput

log = logging.getLogger(__name__)

#: Updates asked for at once; Telegram gives no more.
BATCH = 100
#: The right to poll is renewed this often, seconds.
RENEW_S = 5.0
#: Wait before asking again whether we may poll, seconds.
FOLLOW_S = 1.0
#: Wait after Telegram reported another poller, seconds.
CONFLICT_S = 5.0
#: First and longest wait after a failure, seconds.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
REFUSED_ACCOUNT = (
    "Telegram refuses the bot token; copy it from BotFather into HUIYING_TELEGRAM__TOKEN "
    "or telegram.token_file."
)


class BackOff:
    """Waits that double, with jitter, up to a limit."""

    def __init__(self) -> None:
        self._wait = FIRST_WAIT_S

    def reset(self) -> None:
        """Begin anew after a success."""
        self._wait = FIRST_WAIT_S

    def next(self) -> float:
        """Return the next wait in seconds."""
        wait = self._wait * random.uniform(0.5, 1.0)
        self._wait = min(self._wait * 2, LONGEST_WAIT_S)
        return wait


class Poller:
    """The receiving side of one account in one process."""

    def __init__(self, name: str, api: BotApi, timeout_s: int) -> None:
        self.name = name
        #: ``time.monotonic()`` of the last answer from Telegram; 0.0 before the first
        self.last_poll_at = 0.0
        self._api = api
        self._timeout_s = timeout_s
        self._offset: int | None = None
        self._back_off = BackOff()
        self._led_at = float("-inf")

    async def run(self, intake: Intake, stop: asyncio.Event) -> None:
        """Poll until ``stop`` is set. Raise :class:`BadInput` when the token is refused."""
        while not stop.is_set():
            wait = await self._turn(intake, stop)
            if wait:
                await rest(stop, wait)

    async def _turn(self, intake: Intake, stop: asyncio.Event) -> float:
        """Poll once; return how long to rest, seconds."""
        try:
            if not await self._leads(intake):
                return FOLLOW_S
            batch = await self._ask(intake, stop)
            return 0.0 if batch is None else await self._take(intake, batch)
        except tg.InvalidToken as error:
            raise BadInput(REFUSED_ACCOUNT) from error
        except tg.Conflict as error:
            return await self._conflict(error)
        except tg.RetryAfter as error:
            return seconds_of(error)
        except IntakeUnavailable:
            log.warning("Updates cannot be stored; Telegram keeps them and is asked again.")
        except tg.TelegramError as error:
            log.warning("Telegram does not answer a poll (%s).", type(error).__name__)
        except Exception:  # the receiving side must outlive any error; a watchdog sees it stand
            log.exception("A poll failed; it is tried again.")
        return self._back_off.next()

    async def _take(self, intake: Intake, batch: Sequence[Any]) -> float:
        """Store a batch, then let the next poll confirm it."""
        if batch:
            await keep(intake, self.name, batch)
        self._back_off.reset()
        return 0.0 if self._advance(batch) else FOLLOW_S

    def _advance(self, batch: Sequence[Any]) -> bool:
        """Move the offset behind ``batch``; False when nothing in it can be confirmed.

        What has no number is confirmed with the next update that has one. To guess its number might
        confirm an update that we have not seen; only where a whole batch has none nothing else is
        left.
        """
        ids = [u["update_id"] for u in batch if isinstance(u, dict) and _is_id(u.get("update_id"))]
        if not batch:
            self._offset = None
        elif ids:
            self._offset = max(ids) + 1
        elif self._offset is not None and len(batch) >= BATCH:
            self._offset += len(batch)
        return bool(ids) or not batch

    async def _leads(self, intake: Intake) -> bool:
        if time.monotonic() - self._led_at < RENEW_S:
            return True
        epoch = await intake.lead(f"poll:{self.name}")
        self._led_at = time.monotonic() if epoch is not None else float("-inf")
        return epoch is not None

    async def _ask(self, intake: Intake, stop: asyncio.Event) -> Sequence[Any] | None:
        """Wait for updates; None when we must stop or another process polls from now on."""
        poll = asyncio.ensure_future(self._get_updates())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not poll.done():
                await asyncio.wait({poll, stopping}, timeout=RENEW_S, return_when="FIRST_COMPLETED")
                if stop.is_set() or not await self._leads(intake):
                    return None
            return await poll
        finally:
            stopping.cancel()
            poll.cancel()
            with suppress(asyncio.CancelledError, tg.TelegramError):
                await poll

    async def _get_updates(self) -> Sequence[Any]:
        params = {
            "offset": self._offset,
            "limit": BATCH,
            "timeout": self._timeout_s,
            "allowed_updates": ALLOWED_UPDATES,
        }
        batch = await self._api.call("getUpdates", params, read_timeout=self._timeout_s + 10)
        if not isinstance(batch, list):
            raise tg.TelegramError("The answer to getUpdates is not a list")
        self.last_poll_at = time.monotonic()
        return batch

    async def _conflict(self, error: tg.Conflict) -> float:
        if says(error, "webhook"):
            log.warning("A webhook is set for this account; it is removed, because we poll.")
            with suppress(tg.TelegramError):
                await self._api.call("deleteWebhook", {})
                return 0.1
        else:
            log.warning("Another program polls this Telegram account; stop it, or give it its own.")
        return CONFLICT_S


def _is_id(value: Any) -> bool:
    """Tell an id from anything else: the offset behind a gigantic one would confirm all to come."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


async def rest(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but no longer than until ``stop`` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
