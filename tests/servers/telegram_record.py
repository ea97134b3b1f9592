"""What really happened on the played Telegram, and waiting for it to happen."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers.telegram_world import Json, World


@dataclass(frozen=True, slots=True)
class Call:
    """One call the server acted on or refused; ``at`` is ``time.monotonic()``."""

    at: float
    method: str
    params: Json
    status: int
    result: Any = field(default=None, repr=False)


class Record:
    """The truth: ``calls`` were acted on, ``refused`` were not."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls: list[Call] = []
        self.refused: list[Call] = []
        self.sent_count = 0
        self._sent: dict[int, list[Json]] = defaultdict(list)
        self._watchers: list[asyncio.Future[None]] = []

    @property
    def confirmed(self) -> list[int]:
        """Ids of the updates the bot acknowledged, in order."""
        return [update_id for _, update_id in self.world.updates.confirmed]

    def sent_to(self, chat: int, thread: int | None = None) -> list[Json]:
        """Return the messages the bot sent to a chat, in order (edits show in them)."""
        sent = self._sent[chat]
        return [m for m in sent if thread is None or m.get("message_thread_id", 0) == thread]

    def texts_to(self, chat: int, thread: int | None = None) -> list[str]:
        """Return their texts or captions."""
        return [m.get("text") or m.get("caption", "") for m in self.sent_to(chat, thread)]

    def stats(self) -> Json:
        """Return counts for a benchmark, with the processor time this process has used."""
        times = [call.at for call in self.calls if call.method.startswith("send")]
        return {
            "sent": len(times),
            "first_sent": times[0] if times else None,
            "last_sent": times[-1] if times else None,
            "refused": len(self.refused),
            "pending": len(self.world.updates.pending),
            "confirmed": len(self.world.updates.confirmed),
            "cpu_s": time.process_time(),
            "now": time.monotonic(),
        }

    def forget(self) -> None:
        """Empty the record (between two rounds of a benchmark)."""
        for record in (self.calls, self.refused, self.world.updates.confirmed):
            record.clear()
        self._sent.clear()
        self.sent_count = 0

    async def wait_for(self, true: Callable[[], Any], timeout: float = 5.0) -> Any:
        """Wait until ``true()`` is; it is asked after every call and confirmation."""
        async with asyncio.timeout(timeout):
            while not (value := true()):
                watcher = asyncio.get_running_loop().create_future()
                self._watchers.append(watcher)
                await watcher
        return value

    async def wait_for_message(
        self,
        chat: int,
        contains: str = "",
        thread: int | None = None,
        after: int = 0,
        timeout: float = 5.0,
    ) -> Json:
        """Wait for a message to ``chat`` with these words, newer than message id ``after``."""

        def found() -> Json | None:
            for message in self.sent_to(chat, thread):
                words = message.get("text") or message.get("caption", "")
                if contains in words and message["message_id"] > after:
                    return message
            return None

        message: Json = await self.wait_for(found, timeout)
        return message

    async def wait_for_sent(self, count: int, timeout: float = 60.0) -> Json:
        """Wait until ``count`` messages were sent in all; return :meth:`stats`."""
        await self.wait_for(lambda: self.sent_count >= count, timeout)
        return self.stats()

    def acted(self, method: str, params: Json, result: Any) -> None:
        """Note a call the server acted on."""
        self.calls.append(Call(time.monotonic(), method, params, 200, result))
        if method.startswith("send"):
            for message in result if isinstance(result, list) else [result]:
                self._sent[message["chat"]["id"]].append(message)
                self.sent_count += 1
        self.changed()

    def turned_away(self, method: str, params: Json, status: int) -> None:
        """Note a call the server refused."""
        self.refused.append(Call(time.monotonic(), method, params, status))
        self.changed()

    def changed(self) -> None:
        """Let everybody who waits look again."""
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            if not watcher.done():
                watcher.set_result(None)
