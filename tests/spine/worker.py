"""One worker process for tests that stop and kill it: ``python -m tests.spine.worker``.

Reads ``WORKER_URL`` (database), ``WORKER_API`` and ``WORKER_TOKEN`` (Telegram) and
``WORKER_LEASE`` (seconds) from the environment. It thinks a little about each message, so that a
signal finds it in the middle, and says it back.
"""

import asyncio
import os

from pydantic import SecretStr

from benchmarks.spine import nothing
from bot.channels.telegram import TelegramChannel
from bot.config import TelegramSettings, WorkerSettings
from bot.context import Context, Outcome
from bot.db import Database
from bot.messages import IncomingMessage
from bot.spine import Spine
from huiying.app import run_until_signal

THINKS_S = 0.03


async def echo(message: IncomingMessage, ctx: Context) -> Outcome:
    """Think, then say it back."""
    await asyncio.sleep(THINKS_S)
    ctx.reply(message.text)
    return Outcome.HANDLED


async def work(stop: asyncio.Event) -> None:
    """Work until a signal."""
    environment = os.environ
    telegram = TelegramSettings(
        token=SecretStr(environment["WORKER_TOKEN"]),
        api_base_url=environment["WORKER_API"],
        poll_timeout_s=2,
        per_chat=10_000,
        per_group_minute=600_000,
        per_second=10_000,
    )
    lease = float(environment["WORKER_LEASE"])
    settings = WorkerSettings(lease_s=lease, concurrency=4, uncertain_retry_s=1.0)
    spine = Spine(Database.open(environment["WORKER_URL"]), settings)
    await spine.start()
    channel = TelegramChannel(telegram)
    try:
        await spine.run({channel.name: channel}, [echo], echo, nothing, stop)
    finally:
        await channel.close()
        await spine.close()


if __name__ == "__main__":
    run_until_signal(work)
