"""Our own pages as a channel: the citizens' chat (``web``) and the officials' desk (``desk``).

The platform is ours here. Sending is a row in the transcript under the outbox key, so a repeated
send changes nothing; a page that was away reads on where it was cut off.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session
from starlette.routing import BaseRoute

from bot.channels import web_sessions as sessions
from bot.channels import web_transcript as transcript
from bot.channels.base import (
    Intake,
    Limits,
    NotSent,
    Refused,
    ThreadGone,
    Unreachable,
)
from bot.channels.web_chat import chat_routes
from bot.channels.web_desk import desk_routes
from bot.channels.web_endpoints import file_view
from bot.channels.web_fields import clean, incoming
from bot.channels.web_room import Room
from bot.channels.web_sessions import DESK_CHAT
from bot.channels.web_transcript import Direction, Line, Place
from bot.config import Settings
from bot.db import Database
from bot.errors import DatabaseUnavailable
from bot.files import FileRefused, FileStore
from bot.messages import Address, Attachment, IncomingMessage, OutgoingMessage, Receipt
from bot.splitting import Piece, split
from bot.writer import Writer

#: channels whose files lie in our own store
WEB_CHANNELS = ("web", "desk")
#: gives the bytes of another channel's attachment; raises SendError
Fetch = Callable[[Attachment], Awaitable[bytes]]


class WebChannel:
    """One of our pages; ``name`` is "web" or "desk"."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        database: Database,
        writer: Writer,
        files: FileStore,
        fetch: Fetch | None = None,
    ) -> None:
        if name not in WEB_CHANNELS:
            raise ValueError(f"a page channel is one of {WEB_CHANNELS}")
        self.name = name
        self.limits = Limits(
            text_units=20_000, text_unit="chars", threads=name == "desk", idempotency="natural"
        )
        self._room = Room(name, settings, database, writer, files)
        self._fetch_elsewhere = fetch

    def routes(self, intake: Intake) -> list[BaseRoute]:
        """Return the pages and their endpoints; what arrives goes to ``intake``."""
        make = desk_routes if self.name == "desk" else chat_routes
        return make(self._room, intake)

    async def run(self, intake: Intake, stop: asyncio.Event) -> None:
        """Let the routes receive until ``stop``; then end the open streams."""
        await self._room.write(sessions.forget_expired)
        await asyncio.to_thread(self._room.files.forget_unfinished)
        await stop.wait()
        self._room.hub.close()

    def read(self, body: Mapping[str, Any]) -> IncomingMessage | None:
        """Translate a stored event; raise Malformed."""
        return incoming(self.name, body)

    async def send(
        self, message: OutgoingMessage, key: str, edits: str = "", already: tuple[str, ...] = ()
    ) -> Receipt:
        """Write the message into the transcript and tell the open pages."""
        if message.answers_press and not message.text:
            return Receipt(())  # the page needs no sign that a press arrived
        message = replace(message, text=clean(message.text))
        if message.attachments and not edits and await self._is_sent(message, key):
            message = replace(message, attachments=())  # its files need not be fetched again
        bodies = await self._bodies(message, 0 if edits else self.limits.text_units)

        def write(session: Session, now: datetime) -> tuple[str, ...]:
            self._check(session, message.address)
            return _write(session, self._place(message), message, (key, edits), bodies, now)

        try:
            keys = await self._room.write(write)
        except DatabaseUnavailable as error:
            raise NotSent("the transcript could not be written") from error
        self._room.hub.wake(message.address.chat)
        return Receipt(keys)

    async def open_thread(self, address: Address, title: str) -> str:
        """Open a topic on the desk; the same ``~name`` opens the same topic."""
        if not self.limits.threads:
            raise Refused("this page has no topics")
        place = Place(self.name, address.chat)
        key = f"topic/{address.thread}" if address.thread.startswith("~") else ""

        def write(session: Session, now: datetime) -> str:
            self._check(session, address.with_thread(""))
            own = key or f"topic/{transcript.latest(session, place) + 1}"
            return transcript.open_topic(session, place, own, title, now)

        try:
            thread = await self._room.write(write)
        except DatabaseUnavailable as error:
            raise NotSent("the topic could not be written") from error
        self._room.hub.wake(address.chat)
        return thread

    async def fetch(self, attachment: Attachment) -> bytes:
        """Return the bytes of a file that was sent on one of our pages."""
        try:
            return await asyncio.to_thread(self._room.files.read, attachment.file_id)
        except FileRefused as error:
            raise Refused("this file is no longer here") from error

    def _place(self, message: OutgoingMessage) -> Place:
        return Place(self.name, message.address.chat)

    async def _is_sent(self, message: OutgoingMessage, key: str) -> bool:
        place = self._place(message)
        return await self._room.read(lambda s, _: transcript.find(s, place, key)) is not None

    def _check(self, session: Session, address: Address) -> None:
        """Raise the :class:`SendError` of an address that nobody reads."""
        if self.name == "desk":
            if address.chat != DESK_CHAT:
                raise Unreachable("there is no such desk")
            place = Place(self.name, address.chat)
            if address.thread and not transcript.topic_exists(session, place, address.thread):
                raise ThreadGone("there is no such topic")
        elif not sessions.citizen_exists(session, address.chat):
            raise Unreachable("this session has ended")

    async def _bodies(self, message: OutgoingMessage, limit: int) -> list[dict[str, Any]]:
        """Return the content of each part; buttons and files belong to the last one."""
        pieces = split(message.text, message.spans, limit, "chars") if limit else []
        pieces = pieces or [Piece(message.text, message.spans)]
        bodies: list[dict[str, Any]] = [_piece_view(piece) for piece in pieces]
        bodies[0]["reply_to"] = message.reply_to
        bodies[-1] |= {
            "buttons": [[asdict(button) for button in line] for line in message.buttons],
            "attachments": [await self._keep(one) for one in message.attachments],
            "card": message.card,
        }
        return bodies

    async def _keep(self, attachment: Attachment) -> dict[str, Any]:
        """Return an attachment as the page needs it, its bytes in our own store."""
        shown = asdict(attachment)
        if not attachment.file_id:
            return shown
        try:
            if attachment.channel in WEB_CHANNELS:
                stored = self._room.files.find(attachment.file_id, attachment.name)
            else:
                data = await self._fetched(attachment)
                stored = await asyncio.to_thread(
                    self._room.files.keep, data, attachment.name or attachment.kind
                )
        except (FileRefused, Refused):
            return {**shown, "id": "", "lost": True}
        return {**shown, **file_view(stored), "kind": attachment.kind}

    async def _fetched(self, attachment: Attachment) -> bytes:
        if self._fetch_elsewhere is None:
            raise Refused("no other channel to fetch from")
        return await self._fetch_elsewhere(attachment)


def _write(
    session: Session,
    place: Place,
    message: OutgoingMessage,
    key_and_edits: tuple[str, str],
    bodies: list[dict[str, Any]],
    now: datetime,
) -> tuple[str, ...]:
    key, edits = key_and_edits
    for body in bodies:
        for file in body.get("attachments", ()):
            if file.get("id"):
                transcript.allow_file(session, place, file["id"], file["name"])
    if message.answers_press:
        notice = {"text": message.text, "press": message.answers_press}
        transcript.add(session, place, Line(key, Direction.NOTICE, notice), now)
        return ()
    if edits and transcript.replace(session, place, edits, {**bodies[0], "edited": True}):
        return (edits,)
    keys = (key, *(f"{key}.{part}" for part in range(2, len(bodies) + 1)))
    for part_key, body in zip(keys, bodies, strict=True):
        line = Line(part_key, Direction.OUT, body, message.address.thread)
        transcript.add(session, place, line, now)
    return keys


def _piece_view(piece: Piece) -> dict[str, Any]:
    return {"text": piece.text, "spans": [asdict(span) for span in piece.spans]}
