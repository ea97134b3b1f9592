"""The one place that calls the Bot API: python-telegram-bot's ``Bot`` without its parsing.

``Bot.do_api_request`` is public and returns the raw result. ``Bot.send_message`` and the like would
build a ``Message`` of some forty objects out of each answer, of which we need one number.
"""

import os
import re
from functools import cache
from typing import Any

from telegram import Bot, InputMedia

from bot.channels.telegram_request import AiohttpRequest
from bot.config import TelegramSettings

# PTB's own switch: spans of time as timedelta. Without it each RetryAfter comes with a warning.
os.environ.setdefault("PTB_TIMEDELTA", "true")

#: Telegram lets bots download this much (Bot API, getFile); bytes.
MAX_DOWNLOAD = 20_000_000
_SEND_CONNECTIONS = 64


class BotApi:
    """Calls methods of one account; long polls have a connection of their own."""

    def __init__(self, settings: TelegramSettings) -> None:
        self._polls = AiohttpRequest(1)
        self._sends = AiohttpRequest(_SEND_CONNECTIONS)
        self.bot = Bot(
            settings.token.get_secret_value(),
            base_url=settings.api_base_url,
            base_file_url=settings.file_base_url,
            request=self._sends,
            get_updates_request=self._polls,
        )

    async def call(self, method: str, params: dict[str, Any], read_timeout: float = 15.0) -> Any:
        """Return the raw ``result`` of ``method``. Raise a ``telegram.error.TelegramError``."""
        if "media" in params:
            params = {**params, "media": [_input_media(item) for item in params["media"]]}
        return await self.bot.do_api_request(_unknown(method), params, read_timeout=read_timeout)

    async def download(self, file_id: str) -> bytes:
        """Return the bytes of a file. Raise a ``telegram.error.TelegramError``."""
        file = await self.bot.get_file(file_id)
        return bytes(await file.download_as_bytearray(read_timeout=60))

    async def close(self) -> None:
        """Close all connections."""
        await self._polls.shutdown()
        await self._sends.shutdown()


def _input_media(item: dict[str, Any]) -> InputMedia:
    """Wrap one item of an album: "media" is the one parameter whose raw form PTB does not pass."""
    more = {key: value for key, value in item.items() if key not in ("type", "media")}
    return InputMedia(item["type"], item["media"], api_kwargs=more)


@cache
def _unknown(method: str) -> str:
    """Spell ``method`` so that PTB turns it back into itself but does not know it.

    For a name it knows, it warns at each call that its own wrapper should be used.

    >>> _unknown("sendMessage")
    'send_Message'
    """
    return re.sub("([A-Z])", r"_\1", method)
