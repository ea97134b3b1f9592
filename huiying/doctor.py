"""``huiying doctor``: is everything this office needs in order, and how is what is not mended."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pysqlite3
from sqlalchemy import text

from bot import conversations, outbox
from bot.channels.base import SendError
from bot.channels.telegram import TelegramChannel
from bot.config import Settings
from bot.db import SAFE_SQLITE, Database
from bot.errors import BadInput, Failure, HuiyingError
from bot.text import one_line
from huiying import doctor_telegram
from huiying.kb_office import open_knowledge
from huiying.schema import open_existing
from huiying.web import count_quarantined

#: free space below which the disk is called nearly full, bytes
LOW_DISK = 500_000_000
#: clock difference to the database above which deadlines become wrong, seconds
CLOCK_S = 5.0
#: a message given up more recently than this wants to be looked at
RECENT = timedelta(days=1)
#: patience with Telegram, seconds
TELEGRAM_S = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    text: str

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain values."""
        return asdict(self)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; a check that fails does not keep the others from running."""
    findings = [_checked("settings", lambda: _settings(settings))]
    try:
        database = open_existing(settings)
    except HuiyingError as error:
        findings.append(Finding("database", False, str(error)))
    else:
        findings += [
            _checked("database", lambda: _database(database)),
            _checked("clock", lambda: _clock(database)),
            _checked("inbox", lambda: _inbox(settings, database)),
            _checked("deliveries", lambda: _deliveries(database)),
            _checked("quarantine", lambda: _quarantine(database)),
            _checked("knowledge", lambda: _knowledge(settings, database)),
        ]
        database.close()
    findings.append(_checked("disk", lambda: _disk(settings)))
    return findings + await _telegram(settings)


def _checked(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except HuiyingError as error:
        return Finding(name, False, str(error))
    except Exception as error:  # noqa: BLE001  a doctor reports whatever is wrong
        return Finding(name, False, f"could not be checked ({type(error).__name__}: {error})")


async def _asked(name: str, check: Awaitable[str]) -> Finding:
    try:
        async with asyncio.timeout(TELEGRAM_S):
            return Finding(name, True, await check)
    except TimeoutError:
        said = f"Telegram did not answer in {TELEGRAM_S:.0f} s; check telegram.api_base_url."
        return Finding(name, False, said)
    except (HuiyingError, SendError) as error:
        return Finding(name, False, str(error))
    except Exception as error:  # noqa: BLE001  a doctor reports whatever is wrong
        return Finding(name, False, f"could not be checked ({type(error).__name__}: {error})")


def _settings(settings: Settings) -> str:
    try:
        zone = ZoneInfo(settings.office.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadInput(
            "office.timezone is not a known time zone; write e.g. Asia/Shanghai."
        ) from error
    return f"read; data in {settings.data_dir}, time zone {zone.key}"


def _database(database: Database) -> str:
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            return f"PostgreSQL {connection.scalar(text('SHOW server_version'))}"
        state = connection.scalar(text("PRAGMA quick_check"))
        mode = connection.scalar(text("PRAGMA journal_mode"))
    version = pysqlite3.sqlite_version
    if state != "ok":
        what = one_line(str(state), 120)
        raise Failure(f"SQLite finds damage ({what}); stop, keep a copy and restore a backup.")
    if mode != "wal":
        raise Failure("SQLite cannot use its write-ahead log here; put the data on a local disk.")
    if pysqlite3.sqlite_version_info < SAFE_SQLITE:
        raise Failure(f"SQLite {version} may lose commits; install a newer pysqlite3.")
    return f"SQLite {version}, write-ahead log, synchronous=FULL"


def _clock(database: Database) -> str:
    if database.is_sqlite:
        return datetime.now(UTC).isoformat(timespec="seconds")
    with database.engine.connect() as connection:
        there = connection.scalar(text("SELECT clock_timestamp()"))
    apart = abs((datetime.now(UTC) - there).total_seconds())
    if apart > CLOCK_S:
        raise Failure(f"This clock and the database's differ by {apart:.0f} s; run NTP on both.")
    return f"agrees with the database's within {apart:.2f} s"


def _quarantine(database: Database) -> str:
    with database.session() as session:
        count = count_quarantined(session)
    if not count:
        return "nothing is put aside"
    return (
        f"{count} events could not be read and are kept; "
        '`huiying journal export` shows them as "quarantined"'
    )


def _inbox(settings: Settings, database: Database) -> str:
    """Name messages that wait for a channel nobody serves any more."""
    configured = {"web", "desk", "terminal"}
    if settings.telegram.token.get_secret_value():
        configured.add("telegram")
    with database.session() as session:
        waiting = conversations.waiting(session.connection())
    left = {name: count for name, count in waiting.items() if name not in configured}
    if left:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(left.items()))
        raise Failure(f"Messages wait for a channel that is not configured: {names}; configure it.")
    return f"{sum(waiting.values())} conversations wait to be handled"


def _deliveries(database: Database) -> str:
    """Say what was given up; each is in the journal, and in its case's topic where there is one."""
    with database.session() as session:
        connection = session.connection()
        lost = outbox.count_lost(connection)
        lanes = outbox.dead_lanes(connection, database.clock.now() - RECENT)
        gone = conversations.unreachable(connection, lanes)
    said = (
        f"{lost['dead']} messages were given up and {lost['uncertain']} were never confirmed; "
        '`huiying journal export` shows them as "delivery"'
    )
    if recent := [lane for lane in lanes if lane not in gone]:
        raise Failure(f"{len(recent)} messages were given up in the last day; in all {said}.")
    return said if any(lost.values()) else "nothing was given up"


def _knowledge(settings: Settings, database: Database) -> str:
    knowledge = open_knowledge(settings)
    with database.session() as session:
        knowledge.refresh(session)
    knowledge.ask("你好")  # the first question loads what the others use
    started = time.perf_counter()
    knowledge.ask("你好，请问怎么办理？")
    took = (time.perf_counter() - started) * 1000
    count = len(knowledge.snapshot.articles)
    if not count:
        raise Failure("No article is published; run `huiying kb import FILE --publish`.")
    return f"{count} published articles, model {knowledge.model}, {took:.0f} ms a question"


def _disk(settings: Settings) -> str:
    """Look where the data is, or will be: with PostgreSQL the index and the files."""
    data = settings.data_dir.absolute()
    place = next(folder for folder in (data, *data.parents) if folder.exists())
    if not place.is_dir():
        raise Failure(
            f"{place} is a file, so nothing can be kept in {data}; choose another --data."
        )
    free = shutil.disk_usage(place).free
    if free < LOW_DISK:
        raise Failure(f"Only {free // 1_000_000} MB are free in {place}; make room.")
    return f"{free // 1_000_000} MB free"


async def _telegram(settings: Settings) -> list[Finding]:
    chat = settings.telegram.admin_chat
    if not settings.telegram.token.get_secret_value():
        return [_checked("telegram", lambda: _without_token(chat))]
    try:
        channel = TelegramChannel(settings.telegram, settings.web.public_url)
    except BadInput as error:
        return [Finding("telegram", False, str(error))]
    try:
        findings = [await _asked("telegram", doctor_telegram.account(channel))]
        if findings[0].ok:
            findings.append(await _asked("webhook", doctor_telegram.webhook(channel)))
            if chat:
                findings.append(await _asked("admin chat", doctor_telegram.group(channel, chat)))
    finally:
        await channel.close()
    return findings


def _without_token(chat: str) -> str:
    if chat:
        raise BadInput(
            "telegram.admin_chat is set, but there is no token to write there with; "
            "put it into HUIYING_TELEGRAM__TOKEN."
        )
    return "not configured (HUIYING_TELEGRAM__TOKEN)"
