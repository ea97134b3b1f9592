"""What the endpoints of one page channel work with: its transcript, its listeners, its files."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, FileSystemLoader
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.channels import web_transcript as transcript
from bot.channels.web_events import BATCH, BEAT_S, Hub, Reader
from bot.channels.web_http import Throttle, is_secure
from bot.channels.web_sessions import Visitor
from bot.channels.web_transcript import Place, WebMessage
from bot.config import Settings
from bot.db import Database
from bot.files import FileStore
from bot.writer import Writer

PAGES = Path(__file__).parent / "pages"
T = TypeVar("T")


class Room:
    """One page channel: database, writer, files, settings, and the pages that listen."""

    def __init__(
        self, name: str, settings: Settings, database: Database, writer: Writer, files: FileStore
    ) -> None:
        self.name = name
        self.settings = settings
        self.files = files
        self.hub = Hub()
        self.throttle = Throttle()
        #: other processes write into a shared PostgreSQL; an embedded database has one process
        self.poll_s = BEAT_S if database.is_sqlite else 1.0
        self._database = database
        self._writer = writer
        self._templates = Environment(loader=FileSystemLoader(PAGES), autoescape=True)

    async def read(self, look: Callable[[Session, datetime], T]) -> T:
        """Look something up, off the event loop."""
        return await asyncio.to_thread(self._read, look)

    def _read(self, look: Callable[[Session, datetime], T]) -> T:
        with self._database.session() as session:
            return look(session, self._database.clock.now())

    async def write(self, change: Callable[[Session, datetime], T]) -> T:
        """Change something; return when it is committed."""
        return await self._writer.write(lambda tx: change(tx.session, tx.now))

    def now(self) -> datetime:
        """Return the office's time."""
        return self._database.clock.now()

    def place(self, visitor: Visitor) -> Place:
        """Return the chat a visitor is in."""
        return Place(self.name, visitor.chat)

    def reader(self, place: Place) -> Reader:
        """Return a function that reads the changes of a chat after a seq."""

        async def read(seq: int) -> list[WebMessage]:
            return await self.read(lambda s, _: transcript.since(s, place, seq, BATCH))

        return read

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """Return a page; every value is escaped."""
        office = self.settings.office
        html = self._templates.get_template(template).render(office=office, **values)
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})

    def cookie_name(self, request: Request) -> str:
        """Return the cookie's name; over HTTPS the browser binds it to this very host."""
        prefix = "__Host-" if is_secure(request, self.settings.web.public_url) else ""
        return f"{prefix}huiying_{self.name}"

    def set_cookie(self, request: Request, response: Response, value: str, days: float) -> None:
        """Give the browser a token that scripts cannot read."""
        response.set_cookie(
            self.cookie_name(request),
            value,
            max_age=int(days * 86400),
            httponly=True,
            samesite="lax",
            secure=is_secure(request, self.settings.web.public_url),
        )
