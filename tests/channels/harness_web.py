"""The web channel as a browser meets it: real HTTP on a loopback port, a database on disk."""

import asyncio
import json
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import uvicorn
from sqlmodel import SQLModel
from starlette.applications import Starlette

from bot.channels import web_sessions as sessions
from bot.channels.base import Refused
from bot.channels.web import WebChannel
from bot.clock import Clock
from bot.config import Settings
from bot.db import Database
from bot.files import FileStore
from bot.messages import Address, Attachment, IncomingMessage
from bot.wake import Wake
from bot.writer import Writer
from tests.channels.harness import RecordingIntake

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


class Page:
    """What the script of a page does, without the page."""

    def __init__(self, url: str, base: str = "/chat", cookies: httpx.Cookies | None = None) -> None:
        self.base = base
        self.http = httpx.AsyncClient(
            base_url=url, headers={"Sec-Fetch-Site": "same-origin"}, cookies=cookies, timeout=10
        )

    async def start(self) -> "Page":
        answer = await self.post("/session", create=True, language="zh")
        assert answer.json() == {"session": True}
        return self

    async def post(self, path: str, **body: Any) -> httpx.Response:
        # Escaped JSON carries what UTF-8 cannot: lone surrogates.
        raw = json.dumps(body, ensure_ascii=True)
        return await self.http.post(self.base + path, content=raw)

    async def say(self, text: str, message_id: str, **more: Any) -> httpx.Response:
        return await self.post("/messages", id=message_id, text=text, **more)

    async def upload(self, data: bytes, name: str) -> httpx.Response:
        return await self.http.post(
            self.base + "/files", content=data, headers={"X-File-Name": quote(name)}
        )

    async def lines(self, thread: str = "") -> list[dict[str, Any]]:
        answer = await self.http.get(self.base + "/history", params={"thread": thread})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["lines"]
        return found

    async def listen(self, count: int, after: int = 0) -> list[dict[str, Any]]:
        """Return the next ``count`` events of the stream; fail after 10 seconds."""
        found: list[dict[str, Any]] = []
        headers = {"Last-Event-ID": str(after)}
        path = f"{self.base}/events"
        async with asyncio.timeout(10), self.http.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, answer.status_code
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    found.append(json.loads(line.removeprefix("data: ")))
                if len(found) == count:
                    break
        return found


class WebHarness:
    """Both pages on one server; start another on the same folder to play a restart."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.settings = Settings(data_dir=folder)
        self.database = Database.open(self.settings.database_url, clock)
        SQLModel.metadata.create_all(self.database.engine)
        self.writer = Writer(self.database, Wake())
        self.files = FileStore(folder / "files")
        self.intake = RecordingIntake()
        self.foreign: dict[str, bytes] = {}
        self.web, self.desk = self._channel("web"), self._channel("desk")
        self.url = ""
        self._pages: list[Page] = []

    def _channel(self, name: str) -> WebChannel:
        return WebChannel(name, self.settings, self.database, self.writer, self.files, self._fetch)

    async def _fetch(self, attachment: Attachment) -> bytes:
        if attachment.file_id not in self.foreign:
            raise Refused("the other platform does not have it")
        return self.foreign[attachment.file_id]

    def page(self, base: str = "/chat", cookies: httpx.Cookies | None = None) -> Page:
        """Return a page that was just loaded; with ``cookies``, in a browser that was here."""
        self._pages.append(Page(self.url, base, cookies))
        return self._pages[-1]

    async def close(self) -> None:
        """Close the pages and the database."""
        for page in self._pages:
            await page.http.aclose()
        self.writer.stop()
        self.database.close()

    async def citizen(self) -> tuple[Page, str]:
        """Return a page with a session, and its chat id."""
        page = await self.page().start()
        await page.say("早上好", "first-message")
        return page, str(self.intake.events[-1].body["chat"])

    def code(self, user: str, name: str) -> str:
        """Make a sign-in code as the command line does."""
        with self.database.transaction() as tx:
            return sessions.new_sign_in_code(tx.session, user, name, tx.now)

    async def official(self, user: str = "u1", name: str = "李明") -> Page:
        """Return a desk page on which somebody is signed in."""
        page = self.page("/desk")
        await page.http.post("/desk/sign-in", data={"code": self.code(user, name)})
        return page

    def received(self) -> list[IncomingMessage]:
        """Return what arrived, translated by its channel."""
        channels = {"web": self.web, "desk": self.desk}
        found = [
            channels[event.ordering_key.split("/")[0]].read(event.body)
            for event in self.intake.events
        ]
        return [message for message in found if message is not None]


@asynccontextmanager
async def web_harness(folder: Path, clock: Clock | None = None) -> AsyncIterator[WebHarness]:
    """Serve both pages until the block ends."""
    harness = WebHarness(folder, clock)
    harness.writer.start()
    app = Starlette(
        routes=[*harness.web.routes(harness.intake), *harness.desk.routes(harness.intake)]
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        harness.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[listening]))
            for channel in (harness.web, harness.desk):
                tasks.create_task(channel.run(harness.intake, stop))
            while not server.started:
                await asyncio.sleep(0.005)
            try:
                yield harness
            finally:
                stop.set()
                server.should_exit = True
                await serving
    await harness.close()


class CitizenPages:
    """The channel ``web`` as the contract test sees it: a page a citizen."""

    def __init__(self, web: WebHarness) -> None:
        self.intake = web.intake
        self._web = web
        self._pages: dict[int, Page] = {}
        self._chats: dict[int, str] = {}
        self._confirmed = 0
        self._last: tuple[Page, str, str] | None = None

    @property
    def channel(self) -> WebChannel:
        return self._web.web

    async def open_for(self, *citizens: int) -> None:
        """Let citizens open the page; the chat id is what the office knows of them."""
        for citizen in citizens:
            page = self._pages[citizen] = await self._web.page().start()
            token = page.http.cookies["huiying_web"]
            with self._web.database.session() as session:
                visitor = sessions.find_citizen(session, token, self._web.database.clock.now())
            assert visitor is not None
            self._chats[citizen] = visitor.chat

    async def says(self, citizen: int, text: str) -> None:
        """Send as the page does: again and again under one id until it is confirmed."""
        page, message_id = self._pages[citizen], secrets.token_hex(8)
        self._last = (page, text, message_id)
        while (answer := await page.say(text, message_id)).status_code == 503:
            await asyncio.sleep(0.01)
        assert answer.status_code == 200
        self._confirmed += 1

    async def repeats(self) -> None:
        assert self._last is not None
        page, text, message_id = self._last
        await page.say(text, message_id)

    async def acknowledged(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self._confirmed < count:
                await asyncio.sleep(0.005)

    def acknowledged_now(self) -> int:
        return self._confirmed

    def address(self, citizen: int) -> Address:
        return Address("web", self._chats[citizen])

    async def received(self, citizen: int) -> list[str]:
        lines = await self._pages[citizen].lines()
        return [line["text"] for line in lines if line["direction"] == "out"]


@asynccontextmanager
async def citizen_pages() -> AsyncIterator[CitizenPages]:
    """Serve the pages, with two citizens on them, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        async with web_harness(Path(folder)) as web:
            pages = CitizenPages(web)
            await pages.open_for(1, 2)
            yield pages
