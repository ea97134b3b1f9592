"""Telegram against the played Bot API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from bot.channels.telegram import OpenFile, TelegramChannel
from bot.config import TelegramSettings
from bot.messages import Address, IncomingMessage
from tests.channels.harness import RecordingIntake
from tests.servers.telegram import PlayedTelegram


def telegram_channel(
    tg: PlayedTelegram, public_url: str = "", open_file: OpenFile | None = None, **settings: Any
) -> TelegramChannel:
    """Return a channel for the played account."""
    given = {
        "token": SecretStr(tg.token),
        "api_base_url": tg.api_base_url,
        "file_base_url": tg.file_base_url,
        **settings,
    }
    return TelegramChannel(TelegramSettings(**given), public_url, open_file=open_file)


class TelegramHarness:
    """A polling channel and its platform."""

    def __init__(self, tg: PlayedTelegram) -> None:
        self.tg = tg
        self._channel = telegram_channel(tg)
        self.intake = RecordingIntake()

    @property
    def channel(self) -> TelegramChannel:
        return self._channel

    async def says(self, citizen: int, text: str) -> None:
        self.tg.citizen(citizen).says(text)

    async def repeats(self) -> None:
        self.tg.updates.plant(self.intake.events[-1].body)

    async def acknowledged(self, count: int) -> None:
        await self.tg.wait_for(lambda: self.acknowledged_now() >= count)

    def acknowledged_now(self) -> int:
        return len(self.tg.confirmed)

    def address(self, citizen: int) -> Address:
        return Address("telegram", str(citizen))

    async def received(self, citizen: int) -> list[str]:
        return self.tg.texts_to(citizen)

    async def read(self, count: int) -> list[IncomingMessage]:
        """Return what arrived, translated, once there are ``count`` events."""
        await self.intake.wait_for(lambda: len(self.intake.events) >= count)
        found = [self.channel.read(event.body) for event in self.intake.events]
        return [message for message in found if message is not None]

    async def read_one(self) -> IncomingMessage:
        """Return the newest message once every update is confirmed."""
        await self.tg.wait_for(lambda: not self.tg.updates.pending)
        message = self.channel.read(self.intake.events[-1].body)
        assert message is not None
        return message


@asynccontextmanager
async def telegram_harness(running: bool = True) -> AsyncIterator[TelegramHarness]:
    """Play Telegram and, if ``running``, poll it until the block ends."""
    async with PlayedTelegram() as tg:
        harness = TelegramHarness(tg)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            if running:
                tasks.create_task(harness.channel.run(harness.intake, stop))
            try:
                yield harness
            finally:
                stop.set()
        await harness.channel.close()
