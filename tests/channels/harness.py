"""What the contract test needs of each channel: the channel, its platform, and an intake.

A new channel adds ``harness_<name>.py`` with a :class:`Harness` and its line in ``HARNESSES`` of
test_contract.py.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.channels.base import Channel, IntakeUnavailable, RawEvent
from bot.messages import Address


@dataclass
class RecordingIntake:
    """An intake in memory with the rules of the real one: a repeat is stored once.

    While ``broken`` it refuses to store; ``attempts`` counts all tries. ``leading`` False plays
    another process that polls.
    """

    events: list[RawEvent] = field(default_factory=list)
    quarantined: list[tuple[str, bytes, str]] = field(default_factory=list)
    broken: bool = False
    leading: bool = True
    attempts: int = 0
    leads_asked: int = 0
    _known: set[str] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def store(self, channel: str, events: Sequence[RawEvent]) -> int:
        self._note("attempts")
        if self.broken:
            raise IntakeUnavailable
        return sum(self._keep(event) for event in events)

    async def quarantine(self, channel: str, external_id: str, body: bytes, reason: str) -> None:
        self._note("attempts")
        if self.broken:
            raise IntakeUnavailable
        self.quarantined.append((external_id, body, reason))

    async def lead(self, name: str) -> int | None:
        self._note("leads_asked")
        return 1 if self.leading else None

    async def bookmark(self, channel: str) -> str:
        return ""

    async def move_bookmark(self, channel: str, position: str) -> None:
        return None

    async def wait_for(self, true: Callable[[], Any]) -> None:
        """Return once ``true()`` is; it is asked after each call. Fail after 10 seconds."""
        async with asyncio.timeout(10):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    def _keep(self, event: RawEvent) -> bool:
        ids = {event.external_id, event.alternate_id} - {""}
        if ids & self._known:
            return False
        self._known |= ids
        self.events.append(event)
        return True

    def _note(self, counter: str) -> None:
        setattr(self, counter, getattr(self, counter) + 1)
        asyncio.get_running_loop().call_soon(self._changed.set)


class Harness(Protocol):
    """A channel with its platform running; ``citizen`` 1, 2 … are different people."""

    intake: RecordingIntake

    @property
    def channel(self) -> Channel:
        """Return the channel under test."""

    async def says(self, citizen: int, text: str) -> None:
        """Let a citizen write; the platform offers the event."""

    async def repeats(self) -> None:
        """Let the platform offer the last event once more."""

    async def acknowledged(self, count: int) -> None:
        """Return once the platform got so many events acknowledged in all; fail if it does not."""

    def acknowledged_now(self) -> int:
        """Return how many events were acknowledged so far."""

    def address(self, citizen: int) -> Address:
        """Return where a citizen is written to."""

    async def received(self, citizen: int) -> list[str]:
        """Return the texts the citizen was sent, in order."""
