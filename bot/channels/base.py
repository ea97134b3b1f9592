"""The contract between a platform and the spine.

A channel translates in (:meth:`Channel.read`), out (:meth:`Channel.send`) and runs its receiving
side (:meth:`Channel.run`). It decides nothing and keeps no state that a crash may not take.

Errors a send may raise, each telling delivery what to do next::

    SendError
    ├── NotSent          the request never left us: try again, no copy can arise
    ├── RetryLater       the platform asked for patience: try again after ``seconds``
    ├── Unconfirmed      sent, but no answer came: it may or may not have arrived
    ├── Unreachable      the person blocked us or is gone: tell the official, stop
    ├── ChatMoved        the chat has a new id: rewrite the address, send again
    ├── ThreadGone       the thread no longer exists: open a new one, send again
    └── Refused          the platform will never take this message: dead, tell the official
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.messages import Address, Attachment, IncomingMessage, OutgoingMessage, Receipt


class SendError(Exception):
    """Sending failed; the subclass says what to do about it.

    ``sent`` holds the external ids of the parts that were delivered before the failure (a long text
    or an album goes out in parts); pass them as ``already`` to the next try.
    """

    sent: tuple[str, ...] = ()


class NotSent(SendError):
    """The request never left this machine; it is safe to send again."""


class RetryLater(SendError):
    """The platform asked us to wait ``seconds`` before the next try; ``scope`` says for whom.

    ``scope`` is ``"chat"`` or ``"account"`` (every chat of this account waits).
    """

    def __init__(self, seconds: float, scope: str = "chat") -> None:
        super().__init__(f"the platform asks to wait {seconds:g} s")
        self.seconds = seconds
        self.scope = scope


class Unconfirmed(SendError):
    """The request left, but no answer came back; a copy may already have arrived."""


class Unreachable(SendError):
    """The person blocked us, left or was deleted; nothing can be delivered there."""


class ChatMoved(SendError):
    """The chat now has the id ``new_chat``."""

    def __init__(self, new_chat: str) -> None:
        super().__init__("the chat has moved to a new id")
        self.new_chat = new_chat


class ThreadGone(SendError):
    """The thread was deleted or closed on the platform."""


class Refused(SendError):
    """The platform rejects this message for good; sending it again cannot help."""


class Malformed(Exception):
    """A raw event cannot be translated; it goes to quarantine, never back to the platform."""


class IntakeUnavailable(Exception):
    """The event could not be stored; the platform must keep it and offer it again."""


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event as the platform gave it, before translation.

    ``external_id`` is unique per channel account; a repeat of it is ignored. ``alternate_id`` is a
    second identity that also marks a repeat ("" for none). ``ordering_key`` names the conversation
    (an :attr:`Address.key`) inside which order is kept. ``hold_s`` delays handling, so that the
    rest of an album can arrive.
    """

    external_id: str
    ordering_key: str
    body: Mapping[str, Any]
    alternate_id: str = ""
    hold_s: float = 0.0


class Intake(Protocol):
    """Where a channel puts what it received. Returning means: committed."""

    async def store(self, channel: str, events: Sequence[RawEvent]) -> int:
        """Store events durably; return how many were new. Raise :class:`IntakeUnavailable`."""

    async def quarantine(self, channel: str, external_id: str, body: bytes, reason: str) -> None:
        """Keep a body that is not even an event, visibly, and raise no alarm at the platform."""

    async def lead(self, name: str) -> int | None:
        """Take or renew the right to poll ``name``; None while another process has it."""

    async def bookmark(self, channel: str) -> str:
        """Return the position last saved with ``move_bookmark`` ("" at first)."""

    async def move_bookmark(self, channel: str, position: str) -> None:
        """Save where to read on (a sync token, an offset); call after :meth:`store` returned."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform allows; delivery and handlers plan by it.

    ``text_units`` counts in ``text_unit`` ("utf16", "bytes" or "chars"). ``per_chat``,
    ``per_group`` and ``per_account`` are (messages, seconds). ``idempotency`` is "none", "window"
    (the platform recognises our key for ``idempotency_s``) or "natural". ``openings`` is how fast
    threads may be opened, also (threads, seconds).
    """

    text_units: int = 4096
    text_unit: str = "utf16"
    buttons: bool = True
    edits: bool = True
    threads: bool = False
    media: bool = True
    idempotency: str = "none"
    idempotency_s: float = 0.0
    per_chat: tuple[int, float] | None = None
    per_group: tuple[int, float] | None = None
    per_account: tuple[int, float] | None = None
    openings: tuple[int, float] | None = None
    #: hours after the citizen's last message in which we may write; None: always
    reply_window_h: float | None = None


class Channel(Protocol):
    """One configured account on one platform."""

    name: str
    limits: Limits

    def read(self, body: Mapping[str, Any]) -> IncomingMessage | None:
        """Translate a stored raw event; None when it is of no concern. Raise :class:`Malformed`."""

    async def send(
        self, message: OutgoingMessage, key: str, edits: str = "", already: tuple[str, ...] = ()
    ) -> Receipt:
        """Send one message; ``key`` is stable over retries (outbox id).

        ``edits`` is the external id of the message to replace, or "" to send a new one. ``already``
        is what the last try delivered before it failed (:attr:`SendError.sent`): those parts are
        not sent again, and the receipt names them too. Raise a :class:`SendError`.
        ``message.address.thread`` is the platform's own id here, never ``~…``.
        """

    async def run(self, intake: Intake, stop: asyncio.Event) -> None:
        """Receive until ``stop`` is set; acknowledge to the platform only what is stored."""


class ThreadedChannel(Channel, Protocol):
    """A channel whose chats have threads that we can open."""

    async def open_thread(self, address: Address, title: str) -> str:
        """Open a thread in the chat and return the platform's id of it. Raise SendError."""


class FileChannel(Channel, Protocol):
    """A channel that can hand over the bytes of an attachment."""

    async def fetch(self, attachment: Attachment) -> bytes:
        """Return the bytes (at most the platform's download limit). Raise :class:`SendError`."""
