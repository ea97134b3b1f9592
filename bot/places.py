"""Where a message really goes: the platform's chat and thread behind our own names for them.

One :class:`Places` belongs to one delivery, which is the only one that opens threads of its
account. What it remembers is also in the tables of bot/threads.py.
"""

import logging
import time
from dataclasses import dataclass, replace

from bot import outbox, threads
from bot.channels.base import Channel, NotSent, Refused, RetryLater, Unconfirmed
from bot.messages import Address, OutgoingMessage
from bot.outbox import Outgoing
from bot.rates import ACCOUNT, OPENINGS
from bot.threads import Thread
from bot.transaction import Transaction
from bot.writer import Writer

log = logging.getLogger("huiying.places")

#: a chat that refused threads is asked again after so many seconds
FLAT_S = 600.0


@dataclass(frozen=True, slots=True)
class Groups:
    """Which chats are groups: by their id (Bot API: negative), and wherever officials work."""

    desk: Address | None = None

    def __contains__(self, address: Address) -> bool:
        """Say whether a place lies in a group."""
        return address.chat.startswith("-") or address.with_thread("") == self.desk


class Places:
    """Finds chats and threads of one channel, and opens threads that are not there."""

    def __init__(self, channel: Channel, writer: Writer, groups: Groups) -> None:
        self._channel = channel
        self._writer = writer
        self._groups = groups
        self._threads: dict[str, Thread] = {}
        #: chats without threads, and the monotonic second at which they are asked again
        self._flat: dict[str, float] = {}

    def must_open(self, tx: Transaction, address: Address, now: float) -> bool:
        """Say whether a message to ``address`` first has to open a thread."""
        if not threads.is_own_name(address.thread) or address.key in self._threads:
            return False
        return self._has_threads(address, now) and threads.find(tx.connection, address) is None

    def place(self, tx: Transaction, address: Address) -> str:
        """Return the platform's own chat behind ours, ``channel/chat``."""
        if address not in self._groups:
            return address.place
        chat = threads.moved_to(tx.connection, address.channel, address.chat)
        return replace(address, chat=chat).place

    async def find(self, outgoing: Outgoing) -> OutgoingMessage:
        """Put the platform's chat and thread ids in place of our names. Raise SendError."""
        message = outgoing.message
        address = message.address
        there = replace(address, chat=outgoing.chat)
        if not threads.is_own_name(address.thread):
            return replace(message, address=there)
        thread = await self._thread(address, there, message.thread_title or address.thread[1:])
        reply_to = message.reply_to or ("" if thread.external else thread.root)
        return replace(message, address=there.with_thread(thread.external), reply_to=reply_to)

    def sent(self, tx: Transaction, address: Address, parts: tuple[str, ...]) -> None:
        """Note what was sent: where there are no threads, later messages reply to the first."""
        root = outbox.first_of(parts)
        # A unit may run twice: the second time the root is in memory, but not in the table.
        first = (Thread("", ""), Thread("", root)) if root else ()
        if self._threads.get(address.key) in first:
            self._threads[address.key] = Thread("", root)
            threads.remember(tx.connection, address, "", root, tx.now)

    def moved(self, tx: Transaction, address: Address, new: str) -> None:
        """Note a chat's new id; what was no forum may be one now, and its threads begin anew."""
        self._flat.pop(address.chat, None)
        if threads.moved_to(tx.connection, address.channel, address.chat) == new:
            return  # another message has found that out, and threads may be open there by now
        left = f"{address.place}/"
        self._threads = {k: t for k, t in self._threads.items() if not k.startswith(left)}
        threads.move_chat(tx.connection, address.channel, address.chat, new)

    def gone(self, tx: Transaction, address: Address) -> None:
        """Note that a thread was deleted; the next message opens a new one."""
        self._threads.pop(address.key, None)
        threads.forget(tx.connection, address)

    def forget_all(self) -> None:
        """Remember nothing: another process was in charge meanwhile."""
        self._threads.clear()

    async def _thread(self, address: Address, there: Address, title: str) -> Thread:
        """Find the platform's thread behind our name, or open one (once, then remembered)."""
        known = self._threads.get(address.key) or await self._writer.write(
            lambda tx: threads.find(tx.connection, address)
        )
        if known is None:
            external = await self._open(address, there, title)
            known = Thread(external, "")
            await self._writer.write(
                lambda tx: threads.remember(tx.connection, address, external, "", tx.now)
            )
        self._threads[address.key] = known
        return known

    async def _open(self, address: Address, there: Address, title: str) -> str:
        """Open a thread and return the platform's id of it, or "" where there are none."""
        opener = getattr(self._channel, "open_thread", None)
        if opener is None or not self._has_threads(address, time.monotonic()):
            return ""
        try:
            return str(await opener(there, title))
        except Refused as error:
            log.warning("threads cannot be opened here (%s); replies are used instead", error)
            self._flat[address.chat] = time.monotonic() + FLAT_S
            return ""
        except RetryLater as error:
            scope = error.scope if error.scope == ACCOUNT else OPENINGS
            raise RetryLater(error.seconds, scope) from error
        except Unconfirmed as error:  # the message itself has not left us
            raise NotSent(str(error)) from error

    def _has_threads(self, address: Address, now: float) -> bool:
        return self._channel.limits.threads and self._flat.get(address.chat, 0.0) <= now
