"""Server-sent events: pages hear of changes at once and can resume where they were cut off.

https://html.spec.whatwg.org/multipage/server-sent-events.html — ``Last-Event-ID`` is the ``seq`` of
the last change a page saw (see web_transcript.py).
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from bot.channels.web_transcript import WebMessage, view

#: seconds of silence after which a page is told that we are still there
BEAT_S = 15.0
#: a stream ends after this time; the page comes back by itself and is looked at anew
LIFE_S = 900.0
#: changes read at once
BATCH = 200

#: gives the changes of a chat after a seq
Reader = Callable[[int], Awaitable[list[WebMessage]]]


class TooManyPages(Exception):
    """One visitor or one place on the network holds too many streams open."""


class Hub:
    """Who listens to which chat in this process."""

    def __init__(self, per_visitor: int = 8, per_ip: int = 200) -> None:
        self._bells: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._seats: Counter[str] = Counter()
        self._limits = {"visitor": per_visitor, "ip": per_ip}
        self.closed = False

    def wake(self, chat: str) -> None:
        """Tell the pages of a chat that something changed."""
        for bell in self._bells.get(chat, ()):
            bell.set()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self.closed = True
        for chat in list(self._bells):
            self.wake(chat)

    @contextmanager
    def listen(self, chat: str) -> Iterator[asyncio.Event]:
        """Give a bell that rings when the chat changes."""
        bell = asyncio.Event()
        self._bells[chat].add(bell)
        try:
            yield bell
        finally:
            self._bells[chat].discard(bell)
            if not self._bells[chat]:
                del self._bells[chat]

    @contextmanager
    def seat(self, visitor: str, ip: str) -> Iterator[None]:
        """Count one open stream."""
        names = (f"visitor {visitor}", f"ip {ip}")
        self._seats.update(names)
        try:
            yield
        finally:
            self._seats.subtract(names)
            self._seats += Counter()

    def check_seat(self, visitor: str, ip: str) -> None:
        """Raise :class:`TooManyPages` when no further stream may be opened."""
        for kind, name in (("visitor", visitor), ("ip", ip)):
            if self._seats[f"{kind} {name}"] >= self._limits[kind]:
                raise TooManyPages


class EventStream(StreamingResponse):
    """A stream that holds its seat exactly as long as the connection lives."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], hub: Hub, visitor: str, ip: str) -> None:
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._seat = (visitor, ip)
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the page leaves, the stream ends or the server stops."""
        with self._hub.seat(*self._seat):
            await super().__call__(scope, receive, send)


async def changes(
    hub: Hub, chat: str, seq: int, read: Reader, poll_s: float = BEAT_S
) -> AsyncIterator[str]:
    """Yield every change after ``seq`` as an event, and a beat while nothing happens.

    Look again every ``poll_s`` seconds for what another process wrote.
    """
    loop = asyncio.get_running_loop()
    end, next_beat = loop.time() + LIFE_S, loop.time()
    with hub.listen(chat) as bell:
        while not hub.closed and loop.time() < end:
            bell.clear()
            for row in (rows := await read(seq)):
                seq = row.seq
                yield event(row)
            if len(rows) >= BATCH:
                continue
            if loop.time() >= next_beat:
                next_beat = loop.time() + BEAT_S
                yield f"event: beat\ndata: {seq}\n\n"
            await _rung(bell, min(poll_s, BEAT_S))


def event(row: WebMessage) -> str:
    """Return one change as an event."""
    return f"id: {row.seq}\ndata: {json.dumps(view(row), ensure_ascii=True)}\n\n"


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    """Return when the bell rings, or after so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await bell.wait()
