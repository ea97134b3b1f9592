"""The relay against a plain echo bot: the same played Telegram, the same machine, in turn.

    python -m benchmarks.relay [--messages 2000] [--citizens 200] [--rounds 3]
                               [--postgresql URL --workers 3]

A round is: a plain python-telegram-bot echo bot (nothing stored), then Huiying (stored, journalled,
decided, queued, sent, recorded) on SQLite with ``synchronous=FULL``, or with ``--postgresql`` by
several processes on that server. The platform runs in a process of its own. The flood limits are
opened wide for both, since a loopback platform has none. Prints the ratio of the medians.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlmodel import SQLModel

from benchmarks.spine import echo, nothing
from bot.channels.telegram import TelegramChannel
from bot.config import TelegramSettings, WorkerSettings
from bot.db import Database
from bot.spine import Spine
from tests.servers.telegram_remote import RemoteTelegram


async def plain_bot(api_base_url: str, token: str) -> None:
    """Echo with python-telegram-bot as its documentation shows it, until killed."""
    from telegram import Update  # noqa: PLC0415  only this child needs the application part
    from telegram.ext import (  # noqa: PLC0415  the same
        Application,
        CallbackContext,
        MessageHandler,
        filters,
    )

    async def answer(update: Update, _context: CallbackContext[Any, Any, Any, Any]) -> None:
        assert update.message is not None
        await update.message.reply_text(update.message.text or "")

    application = Application.builder().token(token).base_url(api_base_url).build()
    application.add_handler(MessageHandler(filters.TEXT, answer))
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling()
        await asyncio.Event().wait()


async def huiying(api_base_url: str, token: str, url: str) -> None:
    """Echo through the whole spine, until killed."""
    settings = TelegramSettings(
        token=SecretStr(token),
        api_base_url=api_base_url,
        per_chat=10_000,
        per_group_minute=600_000,
        per_second=10_000,
    )
    spine = Spine(Database.open(url), WorkerSettings())
    await spine.start()
    channels = {"telegram": TelegramChannel(settings)}
    await spine.run(channels, [echo], echo, nothing, asyncio.Event())


async def _round(command: list[str], workers: int, messages: int, citizens: int) -> dict[str, Any]:
    async with RemoteTelegram() as tg:
        children = []
        for _ in range(workers):
            env = {**os.environ, "BENCH_API": tg.api_base_url, "BENCH_TOKEN": tg.token}
            children.append(await asyncio.create_subprocess_exec(*command, env=env))
        try:
            await tg.do("burst", citizens, citizens, "warm")
            await tg.do("wait_for_sent", citizens)
            await tg.do("forget")
            before = await tg.do("stats")
            await tg.do("burst", messages, citizens)
            after = await tg.do("wait_for_sent", messages, 300.0)
        finally:
            for child in children:
                child.kill()
                await child.wait()
    took = after["last_sent"] - before["now"]
    return {"per_second": round(messages / took, 1), "sent": after["sent"]}


def prepared(url: str) -> str:
    """Make the tables of an empty database; return its URL."""
    database = Database.open(url)
    SQLModel.metadata.drop_all(database.engine)  # the platform of the next round starts anew
    SQLModel.metadata.create_all(database.engine)
    database.close()
    return url


async def _compare(given: argparse.Namespace) -> dict[str, Any]:
    this = [sys.executable, "-m", "benchmarks.relay", "--child"]
    plain, ours = [], []
    for _ in range(given.rounds):
        plain.append(await _round([*this, "plain"], 1, given.messages, given.citizens))
        with tempfile.TemporaryDirectory() as folder:
            url = given.postgresql or f"sqlite:///{Path(folder) / 'relay.db'}"
            command = [*this, prepared(url)]
            workers = given.workers if given.postgresql else 1
            ours.append(await _round(command, workers, given.messages, given.citizens))
    medians = [statistics.median(r["per_second"] for r in rounds) for rounds in (plain, ours)]
    return {
        "database": "postgresql" if given.postgresql else "sqlite",
        "workers": given.workers if given.postgresql else 1,
        "messages": given.messages,
        "plain_per_second": medians[0],
        "huiying_per_second": medians[1],
        "ratio": round(medians[1] / medians[0], 3),
        "rounds": {"plain": plain, "huiying": ours},
    }


def main() -> None:
    """Measure and print, or be one of the two programs measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--citizens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgresql", default="", help="URL of an empty database")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        api, token = os.environ["BENCH_API"], os.environ["BENCH_TOKEN"]
        run = plain_bot(api, token) if given.child == "plain" else huiying(api, token, given.child)
        asyncio.run(run)
        return
    print(json.dumps(asyncio.run(_compare(given))))


if __name__ == "__main__":
    main()
