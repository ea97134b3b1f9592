"""A whole office as it is served, and the played Telegram it talks to, over real HTTP.

::

    async with LiveOffice(tmp_path) as office:
        desk = await office.official(2001, "一号窗口")
        office.tg.citizen(1001).says("怎么办理结婚登记？")
        await office.tg.wait_for_message(1001, "民政局")
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from pydantic import SecretStr
from sqlmodel import Session, col, select

from admin import officials
from admin.cases import Case
from admin.officials import Role
from bot import journal
from bot.config import Settings, TelegramSettings, load_settings
from bot.db import Database
from bot.inbox import InboxRow
from bot.outbox import OutboxRow
from huiying.app import Running, serve
from huiying.schema import open_database
from knowledge import articles
from knowledge.drafts import ArticleStatus, Draft
from knowledge.revisions import Act
from tests.channels.harness_web import Page as WebPage
from tests.servers.telegram import PlayedTelegram
from tests.servers.telegram_people import Citizen, Official
from tests.servers.telegram_world import Json

T = TypeVar("T")

#: seconds after which something that does not happen is a failure
PATIENCE_S = 20.0
GROUP = -1001000000001
DEPARTMENT = "值班室"
#: a loopback platform has no flood limits
WIDE = {
    "per_chat": 1_000,
    "per_group_minute": 60_000,
    "per_second": 1_000,
    "topics_per_minute": 60_000,
}

WEDDING = "怎么办理结婚登记？"
#: fits both parking permits equally well
PARKING = "停车证怎么办"
UNKNOWN = "昨晚那场球赛最后是谁赢了"
ARTICLES = (
    Draft(
        "wedding",
        "请双方带身份证和户口簿到民政局婚姻登记处办理，当场领证，不收费。",
        WEDDING,
        lang="zh",
        department="市民政局",
        source_title="婚姻登记指南",
        source_url="https://www.office.example/wedding",
        date=date(2026, 3, 2),
    ),
    Draft("guest", "访客停车证在小区门岗领取。", "访客停车证怎么办？", lang="zh"),
    Draft("disabled", "残疾人停车证在残联窗口办理。", "残疾人停车证怎么办？", lang="zh"),
    Draft("pension", "养老金每月十五日发放。", "养老金几号发？", lang="zh"),
    Draft("passport", "护照到出入境大厅办理，七个工作日。", "第一次办护照怎么申请？", lang="zh"),
    Draft("water", "停水请拨打 0000-2000。", "家里突然停水了怎么办？", lang="zh"),
)


class Page(WebPage):
    """The web chat of a citizen."""

    async def say(self, text: str, message_id: str, **more: Any) -> httpx.Response:
        """Write a message."""
        answer = await super().say(text, message_id, **more)
        assert answer.status_code == 200, answer.text
        return answer

    async def shows(self, words: str) -> bool:
        """Say whether these words stand on the page."""
        return any(words in line.get("text", "") for line in await self.lines())


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """What a citizen was told of their case, and where officials work on it."""

    number: str
    code: str
    topic: int


class LiveOffice:
    """Starts ``serve`` in this event loop; ``telegram`` changes its settings."""

    def __init__(
        self,
        data: Path,
        url: str = "",
        forum: bool = True,
        published: Sequence[Draft] = ARTICLES,
        web: Mapping[str, Any] | None = None,
        **telegram: Any,
    ) -> None:
        self.data = data
        self.tg = PlayedTelegram()
        self.running: Running
        self._url = url
        self._forum = forum
        self._published = published
        #: more settings of the sections ``web`` and ``telegram``; they count from the next start
        self.web: dict[str, Any] = {"port": 0, **(web or {})}
        self.telegram = telegram
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.tg.start()
        if self._forum:
            self.tg.forum(GROUP)
        else:
            self.tg.group(GROUP)
        await asyncio.to_thread(self._publish)
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            await self.stop()
        finally:
            await self.tg.stop()

    async def start(self) -> None:
        """Serve, as after a boot of the machine."""
        self._stop = asyncio.Event()
        ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve(self.settings(), self._stop, ready.set_result))
        self._serving = serving
        first: set[asyncio.Future[Any]] = {serving, ready}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        self.running = ready.result()

    async def stop(self) -> None:
        """End as after SIGTERM; raise what the office failed with."""
        self._stop.set()
        if self._serving is not None:
            serving, self._serving = self._serving, None
            await asyncio.wait_for(serving, PATIENCE_S)

    @property
    def failed(self) -> BaseException | None:
        """What the office ended with, while it should run."""
        done = self._serving is not None and self._serving.done()
        return self._serving.exception() if self._serving and done else None

    def settings(self) -> Settings:
        """Return the office's settings; the platform is the played one."""
        given = {
            "token": SecretStr(self.tg.token),
            "api_base_url": self.tg.api_base_url,
            "file_base_url": self.tg.file_base_url,
            "admin_chat": str(GROUP),
            **WIDE,
            **self.telegram,
        }
        made = load_settings(None, self.data, telegram=TelegramSettings(**given))
        database = made.database.model_copy(update={"url": self._url})
        web = made.web.model_copy(update=self.web)
        desk = made.desk.model_copy(update={"department": DEPARTMENT})
        quick = {"messages_per_minute": 1_000, "uncertain_retry_s": 0.5}
        worker = made.worker.model_copy(update=quick)
        changes = {"database": database, "web": web, "desk": desk, "worker": worker}
        return made.model_copy(update=changes)

    def _publish(self) -> None:
        database = open_database(self.settings())
        with database.transaction() as tx:
            act = Act("editor", tx.now)
            for draft in self._published:
                articles.save(tx.session, draft, act, ArticleStatus.PUBLISHED)
        database.close()

    # --- people --------------------------------------------------------------------------------

    async def official(
        self, user: int, name: str, role: Role = Role.OFFICIAL, department: str = DEPARTMENT
    ) -> Official:
        """Enrol somebody by a one-time code written to the bot in private."""
        code = self.write(lambda tx: officials.new_code(tx, name, role, department))
        self.tg.citizen(user, name).says(f"/enroll {code}")
        await self.tg.wait_for_message(user, "您已登记为", timeout=PATIENCE_S)
        return self.tg.official(user, name, GROUP)

    async def case_of(self, citizen: Citizen, question: str, after: int = 0) -> OpenedCase:
        """Let a citizen ask for a person, and wait for the number and for the card."""
        citizen.says(f"/human {question}")
        return await self.handed_off(citizen, after)

    async def handed_off(self, citizen: Citizen, after: int = 0) -> OpenedCase:
        """Wait until a citizen was told a number and its card stands in a topic of its own."""
        told = await self.told(citizen, "查询码", after)
        number, code = number_and_code(told["text"])
        return OpenedCase(number, code, await self.topic_of(number))

    async def told(self, citizen: Citizen, contains: str, after: int = 0) -> Json:
        """Wait for a message to a citizen, newer than message id ``after``."""
        chat = citizen.chat.id
        return await self.tg.wait_for_message(chat, contains, after=after, timeout=PATIENCE_S)

    def last(self, citizen: Citizen) -> int:
        """Return the id of the newest message in a citizen's chat."""
        return max(citizen.chat.messages, default=0)

    async def shown(self, topic: int, contains: str, after: int = 0) -> Json:
        """Wait for a message in a topic of the admin group."""
        return await self.tg.wait_for_message(
            GROUP, contains, thread=topic, after=after, timeout=PATIENCE_S
        )

    async def topic_of(self, number: str) -> int:
        """Wait until a case's card stands in its topic; return the newest topic of the case."""

        def found() -> int | None:
            topics = self.tg.topics(GROUP)
            mine = [t for t, topic in topics.items() if topic.name.startswith(number)]
            return mine[-1] if mine and self.tg.sent_to(GROUP, mine[-1]) else None

        topic: int = await self.tg.wait_for(found, PATIENCE_S)
        return topic

    def carries(self, chat: int, kind: str) -> str:
        """Return the file id of the last photo, document or voice message sent to a chat."""
        found = [m[kind] for m in self.tg.sent_to(chat) if kind in m]
        last = found[-1] if found else {}
        return str((last[-1] if isinstance(last, list) else last).get("file_id", ""))

    async def carried(self, chat: int, kind: str) -> bytes:
        """Wait for a photo, document or voice message to a chat and return its bytes."""
        file_id: str = await self.tg.wait_for(lambda: self.carries(chat, kind), PATIENCE_S)
        return self.tg.world.files[file_id]

    def inside(self, case: OpenedCase) -> Json:
        """Return the fields that put a message into a case's topic."""
        return {"message_thread_id": case.topic, "is_topic_message": True}

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """Open the web chat in a browser of its own."""
        page = Page(self.running.url)
        try:
            await page.start()
            yield page
        finally:
            await page.http.aclose()

    def card(self, case: OpenedCase) -> Json:
        """Return the card of a case as it stands now."""
        return self.tg.sent_to(GROUP, case.topic)[0]

    # --- what is kept --------------------------------------------------------------------------

    @property
    def database(self) -> Database:
        """The office's database."""
        return self.running.database

    def write(self, change: Callable[[Any], T]) -> T:
        """Change something in a transaction of its own, as the command line does."""
        database = open_database(self.settings())
        try:
            with database.transaction() as tx:
                return change(tx)
        finally:
            database.close()

    def case(self, number: str) -> Case:
        """Return a case as it is stored."""
        with self.database.session() as session:
            return session.exec(select(Case).where(Case.number == number)).one()

    def journal(self, kind: str = "") -> list[Json]:
        """Return the journal's rows, of one kind if given."""
        with self.database.session() as session:
            rows = [r for r in journal.rows(session.connection()) if kind in ("", r["kind"])]
        return [{**row, "body": json.loads(row["body"])} for row in rows]

    def staff(self) -> list[officials.Official]:
        """Return who may act."""
        with self.database.session() as session:
            return officials.active(session)

    def rows(self, table: type[T]) -> list[T]:
        """Return all rows of a table."""
        with self.database.session() as session:
            return _all(session, table)

    async def settled(self) -> None:
        """Wait until everything said was stored, decided, and sent."""
        await self.eventually(lambda: not self.tg.updates.pending and not self._unsettled())

    async def eventually(self, true: Callable[[], Any]) -> None:
        """Wait until the database says so."""
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, "it did not happen"
            await asyncio.sleep(0.02)

    async def eventually_async(self, true: Callable[[], Awaitable[Any]]) -> None:
        """Wait until a page or a server says so."""
        async with asyncio.timeout(PATIENCE_S):
            while not await true():
                await asyncio.sleep(0.02)

    def _unsettled(self) -> bool:
        with self.database.session() as session:
            inbox = select(InboxRow.id).where(InboxRow.status == "pending").limit(1)
            outbox = select(OutboxRow.id).where(col(OutboxRow.settled).is_(False)).limit(1)
            return bool(session.exec(inbox).first() or session.exec(outbox).first())

    def proof(self) -> int:
        """Verify the journal's chain; return its length."""
        with self.database.session() as session:
            verdict = journal.verify(session.connection())
        assert verdict.ok, verdict
        return verdict.rows

    async def health(self) -> Json:
        """Return what ``/health`` says."""
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{self.running.url}/health")
        figures: Json = json.loads(answer.raise_for_status().text)
        return figures


def _all(session: Session, table: type[T]) -> list[T]:
    return list(session.exec(select(table)).all())


def number_and_code(text: str) -> tuple[str, str]:
    """Return the number and the secret code from what a citizen was told."""
    found = re.search(r"/status (\w{5}) (\w{8})", text)
    assert found, text
    return found[1], found[2]


def labels(message: Json) -> list[str]:
    """Return the labels of a message's buttons."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]
