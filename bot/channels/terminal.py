"""The terminal as a channel: the same conversation, typed and read where ``huiying chat`` runs.

With a person at the keyboard, choices are numbered and typing the number presses the button. When
the input is a file or a pipe, each line is one message and the replies are printed plainly, so
that a conversation can be scripted.
"""

import asyncio
import logging
import readline  # noqa: F401  it gives input() a history, and deletes wide characters whole
import secrets
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console

from bot.channels.base import Intake, IntakeUnavailable, Limits, RawEvent
from bot.channels.terminal_screen import PROMPT, Screen
from bot.channels.web_fields import clean, incoming
from bot.messages import Address, Button, IncomingMessage, MessageKind, OutgoingMessage, Receipt

log = logging.getLogger("huiying.terminal")

#: seconds between two tries to store a line
_RETRY_S = 0.5
#: seconds without a further message after which an answer is taken as complete
QUIET_S = 0.3

_WORDS = {
    "zh": {
        "welcome": "请直接说出您的问题；输入编号选择；按 Ctrl-D 结束。",
        "late": "暂时还没有回复；您可以继续输入，回复到了会显示在这里。",
        "unavailable": "暂时无法接收，正在重试……",
        "bye": "再见。",
    },
    "en": {
        "welcome": "Ask in your own words; type a number to choose; Ctrl-D ends.",
        "late": "No reply yet; go on typing, the reply will be shown here when it comes.",
        "unavailable": "We cannot take messages just now; trying again …",
        "bye": "Goodbye.",
    },
}


class TerminalChannel:
    """One person at one terminal; ``user`` names the conversation."""

    def __init__(
        self,
        language: str = "zh",
        user: str = "local",
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        reply_timeout_s: float = 30.0,
    ) -> None:
        self.name = "terminal"
        self.limits = Limits(
            text_units=100_000, text_unit="chars", media=False, idempotency="natural"
        )
        self._user = user
        self._language = language
        self._words = _WORDS["en" if language == "en" else "zh"]
        self._stdin = stdin or sys.stdin
        self._by_hand = self._stdin.isatty()
        self._screen = Screen(Console(file=stdout or sys.stdout, highlight=False), self._by_hand)
        self._timeout_s = reply_timeout_s
        self._shown: set[str] = set()
        #: what a number means now: the button and the message it stands under
        self._choices: list[tuple[Button, str]] = []
        self._choices_are_old = False
        self._arrived = asyncio.Event()
        #: the prompt stands on the screen
        self._asking = False

    def read(self, body: Mapping[str, Any]) -> IncomingMessage | None:
        """Translate a stored line; raise Malformed."""
        return incoming(self.name, body)

    async def send(
        self, message: OutgoingMessage, key: str, edits: str = "", already: tuple[str, ...] = ()
    ) -> Receipt:
        """Print the message; what was printed under this key is not printed again."""
        if key not in self._shown:
            self._shown.add(key)
            self._screen.interrupt(self._asking)
            self._show(message, edits or key)
            self._screen.ask_again(self._asking)
        self._arrived.set()
        return Receipt(() if message.answers_press else (edits or key,))

    async def run(self, intake: Intake, stop: asyncio.Event) -> None:
        """Take lines until ``stop`` is set; the end of the input sets it: the person has left."""
        if self._by_hand:
            self._screen.note(self._words["welcome"])
        while not stop.is_set() and (line := await self._next_line(stop)) is not None:
            if line.strip():
                self._arrived.clear()
                await self._store(intake, self._event(clean(line.strip())))
                await self._wait_for_reply(stop)
        if self._by_hand:
            self._screen.note(self._words["bye"])
        stop.set()

    def _show(self, message: OutgoingMessage, key: str) -> None:
        if self._choices_are_old:
            self._choices, self._choices_are_old = [], False
        first = len(self._choices) + 1
        buttons = [button for line in message.buttons for button in line if not button.url]
        self._choices += [(button, key) for button in buttons]
        self._screen.message(message, first)

    def _event(self, line: str) -> RawEvent:
        """Return what to store for a line: the press of the numbered button, or a text."""
        number = int(line) if line.isascii() and line.isdigit() and len(line) < 4 else 0
        chosen = self._choices[number - 1] if 0 < number <= len(self._choices) else None
        self._choices_are_old = True
        event_id = f"{self._user}:{secrets.token_hex(16)}"
        body: dict[str, Any] = {
            "id": event_id,
            "chat": self._user,
            "user": self._user,
            "language": self._language,
            "private": True,
            "at": datetime.now(UTC).isoformat(),
        }
        if chosen is None:
            body |= {"kind": MessageKind.TEXT, "text": line}
        else:
            body |= {"kind": MessageKind.BUTTON, "button": chosen[0].token, "target": chosen[1]}
        return RawEvent(event_id, Address(self.name, self._user).key, body)

    async def _store(self, intake: Intake, event: RawEvent) -> None:
        told = False
        while True:
            try:
                await intake.store(self.name, [event])
            except IntakeUnavailable:
                log.warning("a line could not be stored; trying again")
                if not told:
                    self._screen.note(self._words["unavailable"])
                told = True
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _wait_for_reply(self, stop: asyncio.Event) -> None:
        """Return when a reply came and no other followed it for a moment, or after the timeout."""
        if not await self._arrives(self._timeout_s, stop):
            self._screen.note(self._words["late"])
            return
        while await self._arrives(QUIET_S, stop):
            pass

    async def _arrives(self, seconds: float, stop: asyncio.Event) -> bool:
        waits = [asyncio.ensure_future(event.wait()) for event in (self._arrived, stop)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        came = self._arrived.is_set() and not stop.is_set()
        self._arrived.clear()
        return came

    async def _next_line(self, stop: asyncio.Event) -> str | None:
        """Return the next line; None at the end of the input or when ``stop`` is set."""
        loop, self._asking = asyncio.get_running_loop(), self._by_hand
        line: asyncio.Future[str | None] = loop.create_future()
        # A daemon thread: one that waits for the keyboard must not keep the program from ending.
        threading.Thread(target=self._read_into, args=(loop, line), daemon=True).start()
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait((line, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        self._asking = False
        return line.result() if line.done() else None

    def _read_into(
        self, loop: asyncio.AbstractEventLoop, line: "asyncio.Future[str | None]"
    ) -> None:
        found = self._read_line()

        def give() -> None:
            if not line.done():
                line.set_result(found)

        if not loop.is_closed():
            loop.call_soon_threadsafe(give)

    def _read_line(self) -> str | None:
        if not (self._by_hand and self._stdin is sys.stdin):
            return self._stdin.readline() or None
        try:
            return input(PROMPT)
        except (EOFError, KeyboardInterrupt):
            return None
