"""Resident memory over many relayed messages: it must stay flat.

    python -m benchmarks.memory [--messages 50000] [--chats 200] [--telegram]

In → journal → out, with the in-memory channel of :mod:`benchmarks.spine`; with ``--telegram`` a
process of its own talks to the played Telegram instead, over HTTP. Prints the memory after every
tenth of the messages and the slope per 1,000 messages, by least squares over what comes after the
first fifth (until then caches fill and statements are compiled).
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.answer import memory_mb
from benchmarks.relay import prepared
from benchmarks.spine import MemoryChannel, echo, event, nothing
from bot.config import WorkerSettings
from bot.db import Database
from bot.spine import Spine
from tests.servers.telegram_remote import RemoteTelegram

BATCH = 100


class Curve:
    """Resident memory of a process over messages."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.points: dict[int, float] = {}

    def note(self, messages: int) -> None:
        """Look now."""
        self.points[messages] = memory_mb(self._pid)["rss_mb"]

    def result(self, messages: int, started: float) -> dict[str, Any]:
        """Return the points, and the slope of what comes after the first fifth."""
        later = {n: mb for n, mb in self.points.items() if n >= messages / 5}
        slope = np.polyfit(list(later), list(later.values()), 1)[0] * 1000
        return {
            "messages": messages,
            "rss_mb": self.points,
            "mb_per_1000": round(float(slope), 4),
            "per_second": round(messages / (time.monotonic() - started), 1),
        }


async def in_memory(url: str, messages: int, chats: int) -> dict[str, Any]:
    """Run the spine in this process."""
    channel, stop, curve = MemoryChannel(), asyncio.Event(), Curve(os.getpid())
    spine = Spine(Database.open(url), WorkerSettings())
    await spine.start()
    running = asyncio.create_task(spine.run({"memory": channel}, [echo], echo, nothing, stop))
    started = time.monotonic()
    for first in range(0, messages, BATCH):
        batch = [event(n, chats) for n in range(first, first + BATCH)]
        await spine.intake.store("memory", batch)
        await _until(lambda least=first - 4 * BATCH: channel.sent >= least)  # type: ignore[misc]
        if (first + BATCH) % (messages // 10) == 0:
            await _until(lambda least=first + BATCH: channel.sent >= least)  # type: ignore[misc]
            curve.note(first + BATCH)
    result = curve.result(messages, started)
    stop.set()
    await running
    await spine.close()
    spine.database.close()
    return result


async def _until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.005)


async def through_telegram(url: str, messages: int, chats: int) -> dict[str, Any]:
    """Run the spine in a process of its own, on the played Telegram."""
    async with RemoteTelegram() as tg:
        env = {**os.environ, "BENCH_API": tg.api_base_url, "BENCH_TOKEN": tg.token}
        command = (sys.executable, "-m", "benchmarks.relay", "--child", url)
        child = await asyncio.create_subprocess_exec(*command, env=env)
        curve, started = Curve(child.pid), time.monotonic()
        try:
            for first in range(0, messages, messages // 10):
                for _ in range(0, messages // 10, 500):
                    await tg.do("burst", 500, chats)
                    await tg.do("wait_for_sent", 500, 300.0)
                    await tg.do("forget")
                curve.note(first + messages // 10)
        finally:
            child.kill()
            await child.wait()
    return curve.result(messages, started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=50_000, help="a multiple of 5,000")
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--telegram", action="store_true")
    given = parser.parse_args()
    run = through_telegram if given.telegram else in_memory
    with tempfile.TemporaryDirectory() as folder:
        url = prepared(f"sqlite:///{Path(folder) / 'memory.db'}")
        result = asyncio.run(run(url, given.messages, given.chats))
    print(json.dumps({"channel": "telegram" if given.telegram else "memory", **result}))


if __name__ == "__main__":
    main()
