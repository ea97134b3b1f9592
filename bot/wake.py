"""Wake-up calls: who waits for work hears of it at once, here and in other processes.

A call is a hint, never a promise: every waiter also looks by itself once a second.
"""

import asyncio
import contextlib
import logging
import threading
from collections import defaultdict

from sqlalchemy import Engine

log = logging.getLogger("huiying.wake")

#: PostgreSQL NOTIFY channel
CHANNEL = "huiying"
#: how long the listener waits before it looks whether it should stop, seconds
_LOOK_S = 0.1


class Wake:
    """Named events inside one event loop, optionally fed by PostgreSQL's NOTIFY."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: threading.Thread | None = None
        self._stop = threading.Event()

    def call(self, *names: str) -> None:
        """Wake those who wait for any of ``names`` (from the event loop's thread)."""
        for name in names:
            self._events[name].set()

    async def wait(self, name: str, timeout: float) -> None:
        """Return when ``name`` is called, or after ``timeout`` seconds."""
        event = self._events[name]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), timeout)
        event.clear()

    def listen(self, engine: Engine) -> None:
        """Pass on NOTIFY calls of other processes, on a connection and thread of their own."""
        self._loop = asyncio.get_running_loop()
        self._listener = threading.Thread(
            target=self._listen, args=(engine,), name="huiying-listen", daemon=True
        )
        self._listener.start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._listener is not None:
            self._listener.join(timeout=3)

    def _listen(self, engine: Engine) -> None:
        while not self._stop.is_set():
            try:
                self._listen_once(engine)
            except Exception as error:  # noqa: BLE001  outer boundary: the 1 s poll goes on
                log.warning("lost the NOTIFY connection: %s", type(error).__name__)
                self._stop.wait(2)

    def _listen_once(self, engine: Engine) -> None:
        connection = engine.raw_connection()
        try:
            driver = connection.driver_connection
            assert driver is not None
            driver.autocommit = True
            driver.execute(f"LISTEN {CHANNEL}")
            while not self._stop.is_set():
                for notice in driver.notifies(timeout=_LOOK_S, stop_after=1):
                    self._pass_on(notice.payload)
        finally:
            connection.invalidate()

    def _pass_on(self, payload: str) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.call, *payload.split(","))
