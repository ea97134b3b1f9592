"""The composition root: settings → database → knowledge → channels → desk → workers → web.

Read it from top to bottom to see what a running Huiying is made of.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from starlette.routing import BaseRoute

from admin import callouts
from admin.delivery_notices import DeliveryNotices
from admin.desk import DeskConfig
from bot import forgetting
from bot.channels.base import Channel, Refused
from bot.channels.telegram import TelegramChannel
from bot.channels.terminal import TerminalChannel
from bot.channels.web import WebChannel
from bot.clock import Clock
from bot.config import Settings
from bot.db import Database
from bot.files import FileStore
from bot.messages import Attachment
from bot.spine import Spine
from handlers import policy
from handlers.context import Office, OfficeContext
from handlers.failure import on_failure
from huiying.desk import desk_config
from huiying.gathering import Gathering, gatherer
from huiying.kb_office import open_knowledge
from huiying.lock import announce, only_server
from huiying.memory import give_back
from huiying.schema import open_database
from huiying.web import WebServer
from knowledge.search import Knowledge

log = logging.getLogger("huiying.app")

#: seconds between two looks whether the published knowledge has changed
REFRESH_S = 0.5


@dataclass(frozen=True, slots=True)
class Running:
    """What a started office tells those who wait for it."""

    url: str
    database: Database
    knowledge: Knowledge


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    ready: Callable[[Running], None] = lambda _: None,
    terminal: TerminalChannel | None = None,
    clock: Clock | None = None,
) -> None:
    """Run the office until ``stop`` is set. ``terminal``: talk here instead of serving."""
    database = open_database(settings, clock)
    with only_server(settings.data_dir) if database.is_sqlite else nullcontext():
        spine = Spine(database, settings.worker)
        await spine.start()
        knowledge = open_knowledge(settings, clock=database.clock)
        await asyncio.to_thread(_refresh, knowledge, database)
        channels = _channels(settings, spine, terminal)
        with database.session() as session:
            desk = desk_config(settings, session.connection())
        office = _office(settings, desk, knowledge)
        web = (
            None
            if terminal
            else WebServer(settings.web, _routes(settings, channels, spine), database)
        )
        if web is not None:
            announce(settings.data_dir, web.url)
        ready(Running(web.url if web else "", database, knowledge))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_keep_fresh(knowledge, database, stop))
                group.create_task(Gathering(spine, gatherer(knowledge)).run(stop))
                if web is not None:
                    group.create_task(web.run(stop))
                await spine.writer.write(forgetting.start)
                await spine.run(
                    channels,
                    policy(office),
                    on_failure,
                    DeliveryNotices(desk),
                    stop,
                    {**callouts.timer_functions(desk), **forgetting.timer_functions()},
                    partial(OfficeContext, office=office),
                    desk.address,
                )
        finally:
            stop.set()
            await _close(channels)
            await spine.close()
            database.close()


def _channels(
    settings: Settings, spine: Spine, terminal: TerminalChannel | None
) -> dict[str, Channel]:
    """Make the configured channels; files of one can be fetched by another."""
    channels: dict[str, Channel] = {}
    fetch = partial(_fetch, channels)
    files = FileStore(settings.data_dir / "files")
    for name in ("web", "desk"):
        channels[name] = WebChannel(
            name, settings, spine.database, spine.writer, files, fetch=fetch
        )
    if terminal is not None:
        channels["terminal"] = terminal
    elif settings.telegram.token.get_secret_value():
        public = settings.web.public_url
        channels["telegram"] = TelegramChannel(settings.telegram, public, open_file=fetch)
    return channels


async def _fetch(channels: Mapping[str, Channel], attachment: Attachment) -> bytes:
    """Get the bytes of an attachment from the channel it came by."""
    fetch = getattr(channels.get(attachment.channel), "fetch", None)
    if fetch is None:
        raise Refused("the channel this file came by is no longer configured")
    data: bytes = await fetch(attachment)
    return data


def _office(settings: Settings, desk: DeskConfig, knowledge: Knowledge) -> Office:
    office = settings.office
    return Office(
        desk,
        knowledge,
        {"zh": office.name_zh, "en": office.name_en},
        {"zh": office.emergency_zh, "en": office.emergency_en},
        office.language,
        settings.worker.messages_per_minute,
    )


def _routes(settings: Settings, channels: Mapping[str, Channel], spine: Spine) -> list[BaseRoute]:
    routes: list[BaseRoute] = []
    for name, channel in channels.items():
        if name == "web" and not settings.web.enabled:
            continue
        make = getattr(channel, "routes", None)
        routes += make(spine.intake) if make else []
    return routes


def _refresh(knowledge: Knowledge, database: Database) -> bool:
    with database.session() as session:
        return knowledge.refresh(session)


async def _keep_fresh(knowledge: Knowledge, database: Database, stop: asyncio.Event) -> None:
    """Take over newly published articles within about two seconds; answering never pauses."""
    await asyncio.to_thread(knowledge.ask, "回应")  # loads what the first citizen would wait for
    replaced = True
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), REFRESH_S)
        except TimeoutError:
            if replaced:  # by now nobody answers from the old one
                give_back()
            try:
                replaced = await asyncio.to_thread(_refresh, knowledge, database)
            except Exception as error:  # noqa: BLE001  boundary: the old snapshot goes on answering
                log.error("the knowledge could not be refreshed: %s", type(error).__name__)


async def _close(channels: Mapping[str, Channel]) -> None:
    for channel in channels.values():
        close = getattr(channel, "close", None)
        if close is not None:
            await close()


def run_until_signal(main: Callable[[asyncio.Event], "asyncio.Future[None] | object"]) -> None:
    """Run ``main(stop)`` in an event loop; SIGINT and SIGTERM set ``stop``."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, stop.set)
        await main(stop)  # type: ignore[misc]

    asyncio.run(run())
