"""What a page can do in its conversation: write, edit, press, attach, listen, look back.

The same for citizens and officials; they differ only in how a request becomes a visitor.
An incoming message is stored through the intake first; only then does it enter the transcript and
is the page told "sent". A page that got no answer sends the same id again, which changes nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from sqlmodel import Session
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.channels import web_transcript as transcript
from bot.channels.base import Intake, RawEvent
from bot.channels.web_events import EventStream, changes
from bot.channels.web_fields import MAX_TEXT, id_of, incoming, list_of, text_of
from bot.channels.web_http import Problem, check_origin, endpoint, ip_of, read_json
from bot.channels.web_room import Room
from bot.channels.web_sessions import Visitor
from bot.channels.web_transcript import Direction, Line, WebMessage
from bot.files import StoredFile, content_disposition
from bot.messages import Address, MessageKind

#: (requests, seconds); a person's own limit is the dispatcher's business, these stop machines
MESSAGES = (60, 60.0)
FILES = (20, 600.0)
PER_IP = (600, 60.0)
HISTORY = 60

Visitors = Callable[[Request], Awaitable[Visitor | None]]


class Endpoints:
    """The endpoints of one page channel below ``base``."""

    def __init__(self, room: Room, intake: Intake, base: str, visitors: Visitors) -> None:
        self._room = room
        self._intake = intake
        self._base = base
        self._visitors = visitors
        #: citizens are alone with the office; the desk is a group
        self._private = room.name != "desk"

    def routes(self) -> list[BaseRoute]:
        """Return the routes, to be wrapped with the security headers."""
        table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            ("GET", "/events", self.events),
            ("GET", "/history", self.history),
            ("POST", "/messages", self.message),
            ("POST", "/press", self.press),
            ("POST", "/files", self.upload),
            ("GET", "/files/{id}", self.download),
        ]
        return [
            Route(self._base + path, endpoint(handler), methods=[method])
            for method, path, handler in table
        ]

    async def visitor(self, request: Request) -> Visitor:
        """Return who this is, checked; raise :class:`Problem`."""
        self._room.throttle.take(f"ip {ip_of(request)}", PER_IP)
        if request.method != "GET":
            check_origin(request, self._room.settings.web.public_url)
        visitor = await self._visitors(request)
        if visitor is None:
            raise Problem("no-session")
        return visitor

    async def message(self, request: Request) -> Response:
        """Take a new message, or a new version of the writer's last one."""
        visitor = await self.visitor(request)
        body = await read_json(request)
        self._room.throttle.take(f"messages {visitor.session}", MESSAGES)
        target = text_of(body, "edits")
        key = self._key(visitor, body)
        thread = await self._thread(visitor, text_of(body, "thread", 60))
        text = text_of(body, "text", MAX_TEXT)
        content = {
            "text": text,
            "name": visitor.name,
            "attachments": await self._files(visitor, list_of(body, "files")),
            "reply_to": text_of(body, "reply_to"),
        }
        if not text.strip() and not content["attachments"]:
            raise Problem("empty")
        if target:
            await self._check_own_last(visitor, thread, target)
        await self._accept(visitor, Line(key, Direction.IN, content, thread), body, target)
        return JSONResponse({"key": target or key})

    async def press(self, request: Request) -> Response:
        """Take the press of a button under one of our messages."""
        visitor = await self.visitor(request)
        body = await read_json(request)
        self._room.throttle.take(f"messages {visitor.session}", MESSAGES)
        key, token = self._key(visitor, body), text_of(body, "token", 120, 1)
        place, shown = self._room.place(visitor), text_of(body, "message", 120, 1)
        row = await self._room.read(lambda session, _: transcript.find(session, place, shown))
        if row is None or row.direction != Direction.OUT:
            raise Problem("gone")
        event = self._event(visitor, MessageKind.BUTTON, key, row.thread, body)
        await self._store(key, {**event, "button": token, "target": shown})
        await self._room.write(
            lambda session, _: transcript.change(session, place, shown, pressed=token)
        )
        self._room.hub.wake(visitor.chat)
        return JSONResponse({"press": key})

    async def upload(self, request: Request) -> Response:
        """Take a file: the body is its bytes, the header ``X-File-Name`` its name."""
        visitor = await self.visitor(request)
        self._room.throttle.take(f"files {visitor.session}", FILES)
        stored = await self._receive(request)
        place = self._room.place(visitor)
        await self._room.write(
            lambda session, _: transcript.allow_file(session, place, stored.id, stored.name)
        )
        return JSONResponse(file_view(stored))

    async def download(self, request: Request) -> Response:
        """Give a file to the chat it belongs to; only pictures and sound open in place."""
        visitor = await self.visitor(request)
        place, file_id = self._room.place(visitor), request.path_params["id"]
        row = await self._room.read(
            lambda session, _: transcript.allowed_file(session, place, file_id)
        )
        if row is None:
            raise Problem("gone")
        stored = self._room.files.find(file_id, row.name)
        return FileResponse(
            self._room.files.path(file_id),
            media_type=stored.type.mime,
            headers={
                "Content-Disposition": content_disposition(stored.name, stored.type.inline),
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "Cache-Control": "private, max-age=3600",
            },
        )

    async def events(self, request: Request) -> Response:
        """Stream what happens in the chat, from where the page was cut off."""
        visitor = await self.visitor(request)
        room, place, ip = self._room, self._room.place(visitor), ip_of(request)
        room.hub.check_seat(visitor.session, ip)
        seen = request.headers.get("last-event-id") or request.query_params.get("after", "")
        seq = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 16 else 0
        stream = changes(room.hub, visitor.chat, seq, room.reader(place), room.poll_s)
        return EventStream(stream, room.hub, visitor.session, ip)

    async def history(self, request: Request) -> Response:
        """Give the lines of a thread before one of them, and the seq to listen from."""
        visitor = await self.visitor(request)
        place, query = self._room.place(visitor), request.query_params
        thread, key = query.get("thread", "")[:60], query.get("before", "")[:120]

        def look(session: Session) -> tuple[int, list[WebMessage]]:
            seq = transcript.latest(session, place)
            return seq, transcript.before(session, place, thread, key, HISTORY)

        seq, rows = await self._room.read(lambda session, _: look(session))
        lines = [transcript.view(row) for row in rows]
        return JSONResponse({"seq": seq, "lines": lines, "more": len(rows) == HISTORY})

    def _key(self, visitor: Visitor, body: Mapping[str, Any]) -> str:
        """Return the external id: the page's id, which counts in its own chat only."""
        return f"{visitor.chat}:{id_of(body)}"

    async def _thread(self, visitor: Visitor, thread: str) -> str:
        if self._private or not thread:
            return ""
        place = self._room.place(visitor)
        if not await self._room.read(lambda s, _: transcript.topic_exists(s, place, thread)):
            raise Problem("gone")
        return thread

    async def _check_own_last(self, visitor: Visitor, thread: str, key: str) -> None:
        place = self._room.place(visitor)
        row = await self._room.read(
            lambda session, _: transcript.last_by(session, place, thread, visitor.user)
        )
        if row is None or row.key != key:
            raise Problem("not-yours")

    async def _accept(
        self, visitor: Visitor, line: Line, body: Mapping[str, Any], target: str
    ) -> None:
        """Store the event, then the transcript's line, then ring."""
        kind = MessageKind.EDIT if target else MessageKind.TEXT
        event = self._event(visitor, kind, line.key, line.thread, body)
        event |= {"text": line.body["text"], "files": line.body["attachments"], "target": target}
        place, at = self._room.place(visitor), self._room.now()
        await self._store(line.key, {**event, "reply_to": line.body["reply_to"]})

        def write(session: Session) -> None:
            if target:
                transcript.change(session, place, target, text=line.body["text"], edited=True)
            else:
                own = Line(line.key, line.direction, line.body, line.thread, visitor.user)
                transcript.add(session, place, own, at)

        await self._room.write(lambda session, _: write(session))
        self._room.hub.wake(visitor.chat)

    def _event(
        self, visitor: Visitor, kind: MessageKind, key: str, thread: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "kind": kind,
            "id": key,
            "chat": visitor.chat,
            "thread": thread,
            "user": visitor.user,
            "name": visitor.name,
            "language": text_of(body, "language", 10) or visitor.language,
            "private": self._private,
            "at": self._room.now().isoformat(),
        }

    async def _store(self, key: str, event: dict[str, Any]) -> None:
        incoming(self._room.name, event)  # what cannot be read is refused while the page still asks
        address = Address(self._room.name, event["chat"], event["thread"])
        await self._intake.store(self._room.name, [RawEvent(key, address.key, event)])

    async def _files(self, visitor: Visitor, ids: list[Any]) -> list[dict[str, Any]]:
        """Return what is known of the named uploads; each must belong to this chat."""
        place = self._room.place(visitor)
        names = [text_of({"id": file_id}, "id", 32, 1) for file_id in ids]
        rows = await self._room.read(
            lambda session, _: [transcript.allowed_file(session, place, name) for name in names]
        )
        if not all(rows):
            raise Problem("gone")
        return [file_view(self._room.files.find(row.file, row.name)) for row in rows if row]

    async def _receive(self, request: Request) -> StoredFile:
        upload = self._room.files.begin()
        try:
            async for chunk in request.stream():
                upload.write(chunk)
            return upload.finish(unquote(request.headers.get("x-file-name", "")))
        except ClientDisconnect as error:
            raise Problem("malformed") from error
        finally:
            upload.discard()


def file_view(stored: StoredFile) -> dict[str, Any]:
    """Return a file as the page and the stored event know it."""
    return {
        "kind": stored.type.kind,
        "id": stored.id,
        "name": stored.name,
        "mime": stored.type.mime,
        "size": stored.size,
    }
