"""The program that is killed: a whole relay, from the poll to the recorded send.

    python -m tests.faults.worker     with FAULTS_URL, FAULTS_API, FAULTS_TOKEN and FAULTS_LEASE

It says every message back. ``remind N`` sets a timer instead, N seconds ahead, which says ``due``
with the rest of the text. SIGTERM ends it in order. The other program that is killed, the whole
office, is ``huiying serve`` itself.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from bot.channels.telegram import TelegramChannel
from bot.config import TelegramSettings, WorkerSettings
from bot.context import Context, Outcome
from bot.db import Database
from bot.messages import Address, IncomingMessage, OutgoingMessage
from bot.outbox import Delivery, Outgoing
from bot.spine import Spine
from bot.timers import Timer
from bot.transaction import Transaction

REMIND = "remind"


async def echo(message: IncomingMessage, ctx: Context) -> Outcome:
    """Say it back, and later what is to be said later."""
    ctx.remember(seen=ctx.state.get("seen", 0) + 1)
    ctx.reply(message.text)
    if message.text.startswith(REMIND):
        _, seconds, text = message.text.split(" ", 2)
        place = message.address.chat

        def remind(tx: Transaction) -> None:
            due = tx.now + timedelta(seconds=float(seconds))
            tx.timer(f"{REMIND}:{text}", REMIND, due, chat=place, text=text)

        ctx.do(remind)
    return Outcome.HANDLED


def due(tx: Transaction, timer: Timer) -> None:
    """Say what was to be said at this moment."""
    place = Address("telegram", timer.payload["chat"])
    tx.send(OutgoingMessage(place, f"due {timer.payload['text']}"))


def nothing(_tx: Transaction, _outgoing: Outgoing, _state: Delivery, _error: str) -> None:
    """Tell nobody about a delivery."""


def settings(lease_s: float = 30.0) -> WorkerSettings:
    """Return settings with short waits, so that a run of many faults stays short."""
    return WorkerSettings(lease_s=lease_s, uncertain_retry_s=0.3)


def channel(api_base_url: str, token: str) -> TelegramChannel:
    """Return the account on the played platform, without flood limits of our own."""
    return TelegramChannel(
        TelegramSettings(
            token=SecretStr(token),
            api_base_url=api_base_url,
            poll_timeout_s=2,
            per_chat=10_000,
            per_group_minute=600_000,
            per_second=10_000,
        )
    )


async def relay(
    spine: Spine, telegram: TelegramChannel, stop: asyncio.Event, begun: asyncio.Event | None = None
) -> None:
    """Run until ``stop``, then give everything back in order; ``begun`` is set after the start."""
    await spine.start()
    try:
        if begun is not None:
            begun.set()
        await spine.run({"telegram": telegram}, [echo], echo, nothing, stop, {REMIND: due})
    finally:
        await telegram.close()
        await spine.close()
        spine.database.close()


async def _main(environment: Any) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = Database.open(environment["FAULTS_URL"])
    spine = Spine(database, settings(float(environment["FAULTS_LEASE"])))
    await relay(spine, channel(environment["FAULTS_API"], environment["FAULTS_TOKEN"]), stop)


if __name__ == "__main__":
    asyncio.run(_main(os.environ))
    sys.exit(0)
