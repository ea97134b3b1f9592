"""The terminal with a played keyboard and a played screen."""

import asyncio
import io
import queue
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO, cast

from bot.channels.terminal import TerminalChannel
from bot.messages import Address
from tests.channels.harness import RecordingIntake


class Keyboard(io.TextIOBase):
    """Lines that somebody will type; reading waits for them. ``asked`` counts the reads."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.asked = 0

    def type(self, line: str) -> None:
        self._lines.put(line + "\n")

    def end(self) -> None:
        self._lines.put("")

    def isatty(self) -> bool:
        return False

    def readline(self, _size: int | None = -1, /) -> str:  # type: ignore[override]
        self.asked += 1
        return self._lines.get()


class Terminal:
    """One person's terminal."""

    def __init__(self, user: str = "local", reply_timeout_s: float = 10, language: str = "zh"):
        self.keyboard = Keyboard()
        self.screen = io.StringIO()
        stdin = cast(TextIO, self.keyboard)
        self.channel = TerminalChannel(language, user, stdin, self.screen, reply_timeout_s)

    @property
    def taken(self) -> int:
        """Lines the channel is done with: it asks for the next one only then."""
        return max(0, self.keyboard.asked - 1)

    @property
    def lines(self) -> list[str]:
        return self.screen.getvalue().splitlines()


class TerminalHarness:
    """The channel as the contract test sees it: a terminal a citizen."""

    def __init__(self) -> None:
        self.intake = RecordingIntake()
        self.terminals = {n: Terminal(f"user{n}", reply_timeout_s=0.01) for n in (1, 2)}

    @property
    def channel(self) -> TerminalChannel:
        return self.terminals[1].channel

    async def says(self, citizen: int, text: str) -> None:
        """Type a line and see it stored, so that two people's lines keep their order."""
        count = len(self.intake.events)
        self.terminals[citizen].keyboard.type(text)
        await self.intake.wait_for(lambda: len(self.intake.events) > count)

    async def repeats(self) -> None:
        """A keyboard repeats nothing by itself."""

    async def acknowledged(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.acknowledged_now() < count:
                await asyncio.sleep(0.005)

    def acknowledged_now(self) -> int:
        return sum(terminal.taken for terminal in self.terminals.values())

    def address(self, citizen: int) -> Address:
        return Address("terminal", f"user{citizen}")

    async def received(self, citizen: int) -> list[str]:
        """Return the screen as one text: a terminal splits nothing."""
        notes = ("暂时", "  [")
        lines = [line for line in self.terminals[citizen].lines if not line.startswith(notes)]
        return ["\n".join(lines)]


@asynccontextmanager
async def terminal_harness() -> AsyncIterator[TerminalHarness]:
    """Run both terminals until the block ends."""
    harness = TerminalHarness()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for terminal in harness.terminals.values():
            tasks.create_task(terminal.channel.run(harness.intake, stop))
        try:
            yield harness
        finally:
            stop.set()
    for terminal in harness.terminals.values():
        terminal.keyboard.end()
