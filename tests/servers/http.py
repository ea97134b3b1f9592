"""A small HTTP/1.1 server for the platforms that tests play.

It shares two cores with the program under test, so it does no more than these clients need: keep
alive, bodies with a length, forms, multipart and JSON. A handler answers at once (a
:class:`Response`) or later (a coroutine); ``CUT`` drops the connection without an answer.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl

MAX_HEAD = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent; header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def params(self) -> dict[str, Any]:
        """Return query, form, multipart or JSON fields; a file is an :class:`Upload`."""
        kind = self.headers.get("content-type", "")
        found: dict[str, Any] = dict(parse_qsl(self.query)) if self.query else {}
        if kind.startswith("application/x-www-form-urlencoded"):
            found.update(parse_qsl(self.body.decode(), keep_blank_values=True))
        elif kind.startswith("application/json"):
            found.update(json.loads(self.body))
        elif kind.startswith("multipart/form-data"):
            found.update(_multipart(kind, self.body))
        return found


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a multipart body."""

    name: str
    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def wire(self) -> bytes:
        """Return the bytes to send."""
        phrase = HTTPStatus(self.status).phrase
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = (
            f"HTTP/1.1 {self.status} {phrase}\r\nContent-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\n{more}\r\n"
        )
        return head.encode() + self.body


#: Answer that drops the connection instead.
CUT = Response(status=500, content_type="cut")
Handler = Callable[[Request], Response | Awaitable[Response]]


def json_response(value: Any, status: int = 200) -> Response:
    """Return ``value`` as JSON."""
    return Response(status, json.dumps(value).encode())


def _multipart(kind: str, body: bytes) -> dict[str, Any]:
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    parsed = BytesParser(policy=HTTP).parsebytes(head + body)
    found: dict[str, Any] = {}
    for part in parsed.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        data = cast(bytes, part.get_payload(decode=True))
        if (filename := part.get_filename()) is None:
            found[name] = data.decode()
        else:
            found[name] = Upload(filename, part.get_content_type(), data)
    return found


class _Connection(asyncio.Protocol):
    """One client: requests are answered one after another, in order."""

    def __init__(self, server: "HttpServer") -> None:
        self._server = server
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._advance()

    def abort(self) -> None:
        self._transport.abort()

    def _advance(self) -> None:
        while self._task is None and (request := self._next_request()) is not None:
            answer = self._server.handler(request)
            if isinstance(answer, Response):
                self._write(answer)
            else:
                self._task = asyncio.ensure_future(self._write_later(answer))

    def _next_request(self) -> Request | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                self.abort()
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        size = end + 4 + int(headers.get("content-length", 0))
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[end + 4 : size])
        del self._buffer[:size]
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        return Request(method, path, query, headers, body)

    async def _write_later(self, answer: Awaitable[Response]) -> None:
        response = await answer
        self._task = None
        self._write(response)
        self._advance()

    def _write(self, response: Response) -> None:
        if response is CUT:
            self.abort()
        elif not self._transport.is_closing():
            self._transport.write(response.wire())


class HttpServer:
    """Listens on loopback; ``handler`` answers every request."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.port = 0
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Listen; return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def stop(self) -> None:
        """Stop listening and drop every client."""
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections):
            connection.abort()
        await self._server.wait_closed()
