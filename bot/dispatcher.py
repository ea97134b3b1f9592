"""The dispatcher: takes conversations in turn and lets the handlers decide each message once.

Inside a conversation messages are decided one after another, in the order they came; conversations
go side by side. What a message leads to is committed in one transaction that first checks the
lease: a worker that was overtaken writes nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot import buttons, conversations, inbox, persons, threads
from bot.channels.base import Channel, Malformed
from bot.config import WorkerSettings
from bot.context import Context, Handler, Outcome
from bot.conversations import Conversation
from bot.crashpoints import crash_point
from bot.db import Database
from bot.errors import DatabaseUnavailable, HuiyingError, LeaseLost
from bot.inbox import Pending
from bot.messages import IncomingMessage, MessageKind, OutgoingMessage
from bot.transaction import Transaction
from bot.wake import Wake
from bot.writer import Writer

log = logging.getLogger("huiying.dispatcher")

#: tries before a message goes to the failure handler
TRIES = 3
#: messages of one conversation handled before others get their turn
TURN = 16
#: pause after an error nobody foresaw, seconds
FAULT_PAUSE_S = 1.0

#: share of the lease that handlers may use up
PATIENCE = 0.8

#: makes the context a message is handled in
ContextFactory = Callable[..., Context]


@dataclass(frozen=True, slots=True)
class _Event:
    """What is decided at once: one message, or an album."""

    rows: tuple[Pending, ...]
    message: IncomingMessage | None
    album: tuple[IncomingMessage, ...] = ()
    #: the album may go on in messages that this turn does not see
    open_ended: bool = False
    fault: str = ""

    @property
    def ids(self) -> list[int]:
        return [row.id for row in self.rows]


class Dispatcher:
    """Runs the handlers over everything in the inbox, on as many conversations as allowed."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        wake: Wake,
        channels: Mapping[str, Channel],
        handlers: Sequence[Handler[Any]],
        on_failure: Handler[Any],
        owner: str,
        settings: WorkerSettings,
        context: ContextFactory = Context,
    ) -> None:
        self._database = database
        self._writer = writer
        self._wake = wake
        self._channels = channels
        self._handlers = handlers
        self._on_failure = on_failure
        self._owner = owner
        self._settings = settings
        self._context = context
        self._lease = timedelta(seconds=settings.lease_s)
        # A decision that takes longer than the lease would be taken over, again and again.
        self._patience = min(settings.handler_timeout_s, PATIENCE * settings.lease_s)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then finish what was begun."""
        while not stop.is_set():
            try:
                claimed = await self._claim()
            except Exception as error:  # noqa: BLE001  outer boundary: the loop outlives it
                log.error("a look at the inbox failed: %s", type(error).__name__)
                await asyncio.sleep(FAULT_PAUSE_S)
                continue
            for conversation, pending in claimed:
                task = asyncio.create_task(self._work(conversation, pending))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if not claimed or len(self._tasks) >= self._settings.concurrency:
                await self._wake.wait("inbox", 1.0)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _claim(self) -> list[tuple[Conversation, list[Pending]]]:
        free = self._settings.concurrency - len(self._tasks)
        if free <= 0:
            return []
        try:
            claimed = await self._writer.write(lambda tx: self._take(tx, free))
        except DatabaseUnavailable as error:
            log.error("%s", error)
            return []
        if claimed:
            crash_point("after_claim_commit")
        return claimed

    def _take(self, tx: Transaction, free: int) -> list[tuple[Conversation, list[Pending]]]:
        taken = conversations.claim(tx, self._owner, self._lease, free, tuple(self._channels))
        waiting = inbox.pending(tx.connection, [c.key for c in taken], TURN)
        return [(c, waiting[c.key]) for c in taken]

    async def _work(self, conversation: Conversation, pending: list[Pending]) -> None:
        """Decide the waiting messages of one conversation, one after another."""
        try:
            await self._turn(conversation, pending)
        except LeaseLost:
            log.warning("a conversation was taken over, or its decision was written down before")
            with suppress(HuiyingError):
                await self._give_back(conversation)
        except Exception as error:  # outer boundary of a task: the lease runs out, others go on
            log.error("a conversation was left: %s", type(error).__name__, exc_info=error)
        finally:
            self._wake.call("inbox")

    async def _turn(self, conversation: Conversation, pending: list[Pending]) -> None:
        """Decide what may be decided now; the last commit gives the lease back."""
        events = self._events(pending)
        for event in events:
            last = event is events[-1]
            decided = await self._decide(conversation, event, last)
            if last or not decided:
                return
        await self._give_back(conversation)

    async def _give_back(self, conversation: Conversation) -> None:
        """Give the lease back with nothing decided. Raise LeaseLost when it is not ours."""

        def give(tx: Transaction) -> None:
            # Held first: what arrives while we look for the next message must wait for our commit.
            conversations.hold(tx, conversation, self._lease)
            conversations.release(tx, conversation)

        await self._writer.write(give)

    def _events(self, pending: list[Pending]) -> list[_Event]:
        events: list[_Event] = []
        whole = len(pending) < TURN
        while pending and conversations.is_due(pending[0].not_before, self._database.clock.now()):
            event = self._read(pending)
            pending = [row for row in pending if row not in event.rows]
            if events and event.open_ended and not whole:
                break  # the turn may have cut this album in two: it begins the next turn
            events.append(event)
        return events

    def _read(self, pending: list[Pending]) -> _Event:
        """Translate the head, together with the rest of its album."""
        head = pending[0]
        try:
            message = self._channels[head.channel].read(head.body)
        except Malformed as error:
            return _Event((head,), None, fault=str(error) or "malformed")
        if message is None or not message.group_id or message.kind is not MessageKind.TEXT:
            return _Event((head,), message)
        return self._album(head, message, pending[1:])

    def _album(self, head: Pending, first: IncomingMessage, rest: Sequence[Pending]) -> _Event:
        """Gather an album. Edits of its messages may stand between; each is an event of its own."""
        rows = [head]
        album: list[IncomingMessage] = []
        for row in rest:
            try:
                message = self._channels[row.channel].read(row.body)
            except Malformed:
                message = None
            if message is None or message.group_id != first.group_id:
                return _Event(tuple(rows), first, tuple(album))
            if message.kind is MessageKind.TEXT:
                rows.append(row)
                album.append(message)
        return _Event(tuple(rows), first, tuple(album), open_ended=True)

    async def _decide(self, conversation: Conversation, event: _Event, last: bool) -> bool:
        """Decide one event and commit it; False when it was put off and the lease given back."""
        try:
            if event.message is None:
                await self._finish(conversation, event, None, "ignored", last)
            else:
                ctx, outcome = await self._handle(conversation, event)
                await self._finish(conversation, event, ctx, outcome, last)
            return True
        except (LeaseLost, asyncio.CancelledError):
            raise
        except Exception as error:  # boundary: whatever a handler does, the message survives
            log.warning("a message could not be decided: %s", type(error).__name__, exc_info=error)
            await self._put_off(conversation, event, error)
            return False

    async def _handle(self, conversation: Conversation, event: _Event) -> tuple[Context, Outcome]:
        assert event.message is not None
        message = await self._placed(_without_forgery(event.message))
        person = await self._person(conversation, message)
        ctx = self._context(
            message,
            replace(conversation, person=person, state=dict(conversation.state)),
            person,
            self._database.clock,
            self._reader,
            press=await self._press(conversation, message),
            album=event.album,
            attempt=event.rows[0].attempts,
        )
        handlers = () if ctx.attempt >= TRIES else self._handlers
        async with asyncio.timeout(self._patience):
            for handler in (*handlers, self._on_failure):
                outcome = await handler(message, ctx)
                if outcome is not None:
                    return ctx, outcome
        return ctx, Outcome.FAILED

    async def _reader(self, query: Callable[[Session], Any]) -> Any:
        def run() -> Any:
            with self._database.session() as session:
                return query(session)

        return await asyncio.to_thread(run)

    async def _placed(self, message: IncomingMessage) -> IncomingMessage:
        """Give the chat and the thread the names we know them by (groups only)."""
        if message.private:
            return message
        address = message.address

        def look(session: Session) -> tuple[str, str]:
            connection = session.connection()
            chat = threads.known_as(connection, address.channel, address.chat)
            known = replace(address, chat=chat)
            return chat, threads.name_of(connection, known) or address.thread

        chat, thread = await self._reader(look)
        known = replace(address, chat=chat, thread=thread)
        return replace(message, address=known, chat=address.chat)

    async def _person(self, conversation: Conversation, message: IncomingMessage) -> str:
        if conversation.person or not message.private:
            return conversation.person
        channel, account = message.address.channel, message.sender.id

        def settle_in(tx: Transaction) -> str:
            person = persons.resolve(tx.connection, channel, account, tx.now)
            persons.settle_in(tx.connection, conversation.key, person, message.sender.language)
            return person

        return await self._writer.write(settle_in)

    async def _press(
        self, conversation: Conversation, message: IncomingMessage
    ) -> buttons.Press | None:
        if message.kind is not MessageKind.BUTTON or not message.button:
            return None
        place, token = message.address, message.button

        def look(session: Session) -> buttons.Press | None:
            connection, now = session.connection(), self._database.clock.now()
            named = threads.name_of(connection, place)
            found = buttons.find(connection, token, place.key, now)
            if found is None and named:
                found = buttons.find(connection, token, place.with_thread(named).key, now)
            return found

        found: buttons.Press | None = await self._reader(look)
        return found

    async def _finish(
        self,
        conversation: Conversation,
        event: _Event,
        ctx: Context | None,
        outcome: str,
        last: bool,
    ) -> None:
        """Commit what was decided, all of it or nothing."""
        crash_point("before_decision_commit")

        def commit(tx: Transaction) -> None:
            conversations.hold(tx, conversation, self._lease)
            if event.message is not None and event.message.press_id:
                press = event.message
                tx.send(OutgoingMessage(press.address, answers_press=press.press_id))
            for effect in ctx.effects if ctx else ():
                effect(tx)
            status = inbox.QUARANTINED if event.fault else inbox.DONE
            inbox.settle(tx, event.ids, status, outcome, event.fault)
            _journal_decision(tx, conversation, event, ctx, outcome, event.fault)
            if ctx is not None and ctx.conversation.state != conversation.state:
                conversations.save_state(tx, conversation, ctx.conversation.state)
            if last:
                conversations.release(tx, conversation)

        await self._writer.write(commit)
        crash_point("after_decision_commit")
        if ctx is not None:
            conversation.state.clear()
            conversation.state.update(ctx.conversation.state)

    async def _put_off(self, conversation: Conversation, event: _Event, error: Exception) -> None:
        """Try the message again a little later, or put it aside where people can see it."""
        attempts = event.rows[0].attempts
        name = type(error).__name__
        delay = 0.5 * 2**attempts

        def later(tx: Transaction) -> None:
            conversations.hold(tx, conversation, self._lease)
            if attempts > TRIES:
                inbox.settle(tx, event.ids, inbox.QUARANTINED, Outcome.FAILED, name)
                _journal_decision(tx, conversation, event, None, Outcome.FAILED, name)
            else:
                inbox.postpone(tx.connection, event.ids, tx.now + timedelta(seconds=delay))
            conversations.release(tx, conversation)

        await self._writer.write(later)
        asyncio.get_running_loop().call_later(delay + 0.01, self._wake.call, "inbox")


def _without_forgery(message: IncomingMessage) -> IncomingMessage:
    """Take out a button's token that cannot be ours: not every database can even look it up."""
    if not message.button or buttons.is_token(message.button):
        return message
    return replace(message, button="")


def _journal_decision(
    tx: Transaction,
    conversation: Conversation,
    event: _Event,
    ctx: Context | None,
    outcome: str,
    reason: str,
) -> None:
    """Write down what was decided about which event, and why."""
    body: dict[str, Any] = {
        "inbox": event.ids,
        "external_ids": [row.external_id for row in event.rows],
        "outcome": outcome,
        "waited_ms": _ms(tx.now, event.rows[0].received_at),
    }
    if reason:
        body["reason"] = reason
    if ctx is not None and ctx.why:
        body["why"] = ctx.why
    kind = "quarantined" if event.fault else "decided"
    person = ctx.person if ctx else conversation.person
    tx.journal(kind, body, conversation=conversation.key, person=person)


def _ms(later: datetime, earlier: datetime) -> int:
    return round((later - earlier).total_seconds() * 1000)
