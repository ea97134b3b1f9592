"""A line under test: the played Telegram, a database, and worker processes that come and go."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

from bot.db import Database
from tests.faults import checker
from tests.faults.checker import Findings, Truth
from tests.servers.telegram_remote import RemoteTelegram

ROOT = Path(__file__).parents[2]
#: citizens who write in the bursts
CITIZENS = 6
#: the citizen who asks whether anybody is there
PROBE = 9_000
KILLED = -signal.SIGKILL


class Line:
    """Everything a crash test needs; ``seed`` makes its choices repeatable."""

    def __init__(self, url: str, lease_s: float = 30.0, seed: int = 1) -> None:
        self.url = url
        self.lease_s = lease_s
        self.random = random.Random(seed)
        self.telegram = RemoteTelegram()
        self.database = Database.open(url)
        self.kills = 0
        #: seconds from each kill to the next answer
        self.pauses: list[float] = []
        self.command = [sys.executable, "-m", "tests.faults.worker"]
        #: more of the workers' environment
        self.environment: dict[str, str] = {}
        self._workers: list[asyncio.subprocess.Process] = []
        self._said: set[str] = set()
        self._next = 1
        self._probes = 0

    async def __aenter__(self) -> Self:
        await self.telegram.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for worker in self._workers:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
        await self.telegram.__aexit__()
        self.database.close()

    # --- workers -------------------------------------------------------------------------------

    async def start(self, crash_at: str = "") -> asyncio.subprocess.Process:
        """Start a worker; ``crash_at`` is a crash point and the pass at which it strikes."""
        environment = {
            **os.environ,
            "FAULTS_URL": self.url,
            "FAULTS_API": self.telegram.api_base_url,
            "FAULTS_TOKEN": self.telegram.token,
            "FAULTS_LEASE": str(self.lease_s),
            "HUIYING_CRASH_AT": crash_at,
            "HUIYING_TELEGRAM__TOKEN": self.telegram.token,
            "HUIYING_TELEGRAM__API_BASE_URL": self.telegram.api_base_url,
            "HUIYING_TELEGRAM__FILE_BASE_URL": self.telegram.file_base_url,
            **self.environment,
        }
        worker = await asyncio.create_subprocess_exec(*self.command, cwd=ROOT, env=environment)
        self._workers.append(worker)
        return worker

    async def kill(self, worker: asyncio.subprocess.Process) -> None:
        """Kill -9."""
        assert worker.returncode is None, f"the worker ended by itself with {worker.returncode}"
        worker.kill()
        await self.dies(worker)

    async def dies(
        self, worker: asyncio.subprocess.Process, burst: int = 0, within: float = 30.0
    ) -> None:
        """Wait for a death by SIGKILL; meanwhile let citizens write, ``burst`` at a time."""
        async with asyncio.timeout(within):
            while burst and worker.returncode is None:
                await self.burst(burst)
                await asyncio.sleep(0.3)
            code = await worker.wait()
        assert code == KILLED, f"the worker ended by itself with {code}"
        self.kills += 1

    async def ends(self, worker: asyncio.subprocess.Process) -> None:
        """Ask for an orderly end."""
        worker.terminate()
        async with asyncio.timeout(20):
            assert await worker.wait() == 0

    async def pause(self) -> None:
        """Let the workers work for a moment nobody can foresee."""
        await asyncio.sleep(self.random.uniform(0.0, 0.25))

    # --- citizens ------------------------------------------------------------------------------

    async def burst(self, messages: int) -> None:
        """Let citizens write: "message 1" …"""
        first, self._next = self._next, self._next + messages
        self._said |= {f"message {n}" for n in range(first, self._next)}
        await self.telegram.do("burst", messages, CITIZENS, "message", first)

    async def says(self, chat: int, words: str) -> None:
        """Let one citizen write."""
        self._said.add(words)
        await self.telegram.do("citizen.says", words, on=[chat])

    async def is_answered(self, within: float, since: float | None = None) -> float:
        """Ask a question and wait for the answer; return seconds since ``since`` (or now)."""
        since = time.monotonic() if since is None else since
        self._probes += 1
        words = f"anybody there {self._probes}?"
        await self.says(PROBE, words)
        await self.telegram.do("wait_for_message", PROBE, words, timeout=within)
        return time.monotonic() - since

    # --- the end -------------------------------------------------------------------------------

    async def rests(self, within: float = 60.0) -> None:
        """Wait until everything that was said is stored, confirmed, decided and settled."""
        await until(self._unfinished, within)

    def _unfinished_here(self) -> str:
        missing = self._said - checker.said(self.database)
        return f"{sorted(missing)[:3]} not stored" if missing else checker.unfinished(self.database)

    async def _unfinished(self) -> str:
        pending = (await self.telegram.do("stats"))["pending"]
        return f"{pending} updates unconfirmed" if pending else self._unfinished_here()

    async def truth(self) -> Truth:
        """Return what the platform saw."""
        confirmed = await self.telegram.do("confirmed")
        lost = await self.telegram.do("updates.lost")
        return Truth(confirmed, lost, await self.telegram.do("calls"))

    async def findings(self) -> Findings:
        """Examine everything, once the line has come to rest."""
        await self.rests()
        return checker.examine(self.database, await self.truth())


async def until(unfinished: Callable[[], Awaitable[str]], within: float) -> None:
    """Wait until ``unfinished()`` says nothing any more."""
    deadline = time.monotonic() + within
    while words := await unfinished():
        assert time.monotonic() < deadline, f"after {within:g} s: {words}"
        await asyncio.sleep(0.05)
