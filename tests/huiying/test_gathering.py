"""The worker that gathers: one at a time, each question once, whatever dies or sleeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from bot import journal, leases
from bot.config import WorkerSettings, load_settings
from bot.db import Database
from bot.errors import LeaseLost
from bot.spine import Spine
from huiying import gathering
from huiying.app import serve
from huiying.gathering import Gathering
from knowledge import articles, gap_questions, gaps
from knowledge.drafts import ArticleStatus, Draft
from knowledge.gap_questions import Asked, GapQuestion, Missed
from knowledge.gathering import Batch, Gatherer
from knowledge.revisions import Act
from tests.scenarios.topics import Topics


def ask(database: Database, *texts: str) -> None:
    """Write missed questions down, as a decision does."""
    with database.transaction() as tx:
        for text_ in texts:
            gap_questions.record(tx.session, Asked(text_, Missed.UNANSWERED, text_, ""), tx.now)


def gathered(database: Database) -> list[tuple[str, int]]:
    with database.session() as session:
        return [(gap.title, gap.citizens) for gap in gaps.listing(session, closed=True)]


def new_gatherer() -> Gatherer:
    topics = Topics()
    topics.about("dog", "a dog", "one dog")
    return Gatherer(topics, lambda *_: None)


@asynccontextmanager
async def worker(database: Database, gatherer: Gatherer | None = None) -> AsyncIterator[Gathering]:
    """A started process that does nothing but gather, a step at a time."""
    spine = Spine(database, WorkerSettings())
    spine.writer.start()
    try:
        yield Gathering(spine, gatherer or new_gatherer())
    finally:
        await spine.close()


async def all_of(work: Gathering) -> None:
    while await work.step():
        pass


async def test_what_was_missed_is_gathered_and_journalled(database: Database) -> None:
    ask(database, "a dog", "a cat", "one dog")
    async with worker(database) as work:
        await all_of(work)
    assert gathered(database) == [("a dog", 2), ("a cat", 1)]
    with database.session() as session:
        connection = session.connection()
        assert journal.verify(connection).ok
        (row,) = [r for r in journal.rows(connection) if r["kind"] == "gap_gathered"]
    assert "dog" not in row["body"]


async def test_another_process_waits_while_one_gathers(database: Database) -> None:
    async with worker(database) as first, worker(database) as second:
        ask(database, "a dog")
        await all_of(first)
        ask(database, "a cat")
        assert not await second.step()
        assert gathered(database) == [("a dog", 1)]
        with database.writing() as connection:
            leases.free_all(connection)
        await all_of(second)
    assert gathered(database) == [("a cat", 1), ("a dog", 1)]


class Overtaken(Gatherer):
    """Looks at its batch, and sleeps while another process takes the work over."""

    other: Gathering | None = None
    database: Database
    loop: asyncio.AbstractEventLoop

    def prepare(self, session: Session) -> Batch | None:
        """Let the other one work before this one goes on."""
        batch = super().prepare(session)
        if self.other is not None:
            other, self.other = self.other, None
            session.close()
            with self.database.writing() as connection:
                leases.free_all(connection)
            asyncio.run_coroutine_threadsafe(all_of(other), self.loop).result(20)
        return batch


async def test_one_that_slept_past_its_lease_places_nothing(database: Database) -> None:
    topics = Topics()
    slow = Overtaken(topics, lambda *_: None)
    slow.database, slow.loop = database, asyncio.get_running_loop()
    async with worker(database, slow) as first, worker(database) as second:
        slow.other = second
        ask(database, "a dog", "a cat")
        with pytest.raises(LeaseLost):
            await first.step()
    assert gathered(database) == [("a cat", 1), ("a dog", 1)]


async def test_what_a_killed_process_had_looked_at_is_gathered_once(database: Database) -> None:
    ask(database, "a dog", "one dog")
    with database.session() as session:
        assert new_gatherer().prepare(session) is not None  # and died
    async with worker(database) as work:
        await all_of(work)
        await all_of(work)
    assert gathered(database) == [("a dog", 2)]


async def test_a_gap_whose_article_was_published_elsewhere_is_closed(database: Database) -> None:
    ask(database, "a dog")
    async with worker(database) as work:
        await all_of(work)
        with database.transaction() as tx:
            act = Act("editor", tx.now)
            articles.create(tx.session, Draft("gap-1", "Yes."), act, ArticleStatus.DRAFT)
            gaps.attach(gaps.get(tx.session, 1), "gap-1")
        await work.step()
        assert not await work.step()
        with database.transaction() as tx:
            act = Act("editor", tx.now)
            articles.set_status(tx.session, "gap-1", ArticleStatus.PUBLISHED, act)
        await work.step()
        assert not await work.step()
    with database.session() as session:
        assert gaps.get(session, 1).why == "published"
        assert gaps.listing(session) == []


async def test_a_fault_is_logged_without_words_and_the_work_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gathering, "FAULT_PAUSE_S", 0.01)
    monkeypatch.setattr(gathering, "LOOK_S", 0.01)

    class Breaks(Gatherer):
        tries = 0

        def prepare(self, session: Session) -> Batch | None:
            self.tries += 1
            if self.tries < 3:
                raise ValueError("a dog")
            return super().prepare(session)

    ask(database, "a dog")
    stop = asyncio.Event()
    async with worker(database, Breaks(Topics(), lambda *_: None)) as work:
        running = asyncio.create_task(work.run(stop))
        async with asyncio.timeout(20):
            while not gathered(database):
                await asyncio.sleep(0.02)
        stop.set()
        await running
    assert caplog.text.count("missed questions were not gathered: ValueError") == 2
    assert "a dog" not in caplog.text


async def test_a_served_office_gathers(tmp_path: Path) -> None:
    settings = load_settings(None, tmp_path)
    web = settings.web.model_copy(update={"port": 0})
    settings = settings.model_copy(update={"web": web})
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, stop, ready.set_result))
    running = await asyncio.wait_for(ready, 30)
    try:
        ask(running.database, "我家门口的石狮子不见了")
        async with asyncio.timeout(30):
            while not serving.done() and not gathered(running.database):
                await asyncio.sleep(0.05)
        assert gathered(running.database) == [("我家门口的石狮子不见了", 1)]
    finally:
        stop.set()
        await serving


def test_only_what_is_new_is_looked_at(database: Database) -> None:
    if not database.is_sqlite:
        return
    ask(database, "a dog")
    query = str(
        select(GapQuestion)
        .where(~GapQuestion.placed)  # type: ignore[arg-type]
        .order_by(GapQuestion.id)  # type: ignore[arg-type]
        .compile(database.engine)
    )
    with database.engine.connect() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
    assert "gap_question_new" in str(plan)
