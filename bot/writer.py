"""The one writer of a process: units of work, many of them in one commit.

A commit with ``synchronous=FULL`` (or PostgreSQL's ``fsync``) costs far more than the statements
before it. Units that arrive while a commit is under way are gathered and committed together. Each
unit still sees all or nothing: when one of a group fails, the group is rolled back and every unit
runs again in a transaction of its own. So a unit may run more than once and must touch nothing
but its :class:`Transaction`.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.db import Database
from bot.errors import DatabaseUnavailable
from bot.transaction import Transaction
from bot.wake import CHANNEL, Wake

log = logging.getLogger("huiying.writer")
T = TypeVar("T")

#: most units in one commit: bounds how long a reader of the result waits
GROUP = 64
#: pauses before the tries of a unit whose database call failed, seconds
RETRY_S = (0.0, 0.05, 0.2, 0.5)


@dataclass(frozen=True, slots=True)
class _Unit:
    run: Callable[[Transaction], Any]
    done: Future[Any]


class Writer:
    """Runs units on a thread of its own, in the order they were handed in."""

    def __init__(self, database: Database, wake: Wake) -> None:
        self._database = database
        self._wake = wake
        self._units: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self.commits = 0

    def now(self) -> datetime:
        """Return the office's time."""
        return self._database.clock.now()

    def start(self) -> None:
        """Start the thread; call from the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="huiying-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what was handed in and end the thread."""
        self._units.put(None)
        if self._thread is not None:
            self._thread.join()

    async def write(self, run: Callable[[Transaction], T]) -> T:
        """Run ``run`` in a transaction; return its result once it is committed.

        Raise what ``run`` raised, or :class:`DatabaseUnavailable` when the database kept failing.
        """
        unit = _Unit(run, Future())
        self._units.put(unit)
        result: T = await asyncio.wrap_future(unit.done)
        return result

    def _work(self) -> None:
        while True:
            group, last = self._gather()
            if group:
                self._run(group)
            if last:
                break
        if self._connection is not None:
            self._connection.close()

    def _gather(self) -> tuple[list[_Unit], bool]:
        unit = self._units.get()
        group: list[_Unit] = []
        while unit is not None:
            # From here on nobody can cancel it; a unit whose asker has left is not begun.
            if unit.done.set_running_or_notify_cancel():
                group.append(unit)
            if len(group) >= GROUP:
                return group, False
            try:
                unit = self._units.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _run(self, group: list[_Unit]) -> None:
        if len(group) > 1:
            try:
                results = self._commit(group)
            except Exception as error:  # noqa: BLE001  boundary: units below meet their own
                log.debug("a group of %d runs again singly: %s", len(group), type(error).__name__)
            else:
                for unit, result in zip(group, results, strict=True):
                    unit.done.set_result(result)
                return
        for unit in group:
            self._run_alone(unit)

    def _run_alone(self, unit: _Unit) -> None:
        for last, pause in ((n == len(RETRY_S) - 1, s) for n, s in enumerate(RETRY_S)):
            time.sleep(pause)
            try:
                unit.done.set_result(self._commit([unit])[0])
                return
            except DBAPIError as error:
                if last or not _may_pass(error):
                    log.error("a database call failed: %s", type(error.orig).__name__)
                    unit.done.set_exception(_unavailable(error))
                    return
            except PoolTimeout as error:
                unit.done.set_exception(_absent(error))
                return
            except Exception as error:  # noqa: BLE001  boundary: the caller gets it
                unit.done.set_exception(error)
                return

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """Give this thread's own connection: taking one from the pool costs two round trips."""
        if self._connection is None:
            self._connection = self._database.connect_to_write(brief=True)
        try:
            yield self._connection
        except DBAPIError:
            connection, self._connection = self._connection, None
            connection.invalidate()
            connection.close()
            raise

    def _commit(self, group: list[_Unit]) -> list[Any]:
        database = self._database
        with self._connected() as connection, connection.begin():
            whole = Transaction(connection, database.clock.now())
            results = []
            for unit in group:
                tx = Transaction(connection, whole.now, whole)
                results.append(unit.run(tx))
                tx.flush()
                whole.absorb(tx)
            whole.finish()
            if whole.woken and not database.is_sqlite:
                names = ",".join(sorted(whole.woken))
                connection.execute(text(f"SELECT pg_notify('{CHANNEL}', :n)"), {"n": names})
        self.commits += 1
        if whole.woken and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.call, *whole.woken)
        return results


def _may_pass(error: DBAPIError) -> bool:
    """Say whether the same unit may succeed on another try (locks, lost connections)."""
    return error.connection_invalidated or not _PASSING.isdisjoint(_kinds(error))


def _kinds(error: DBAPIError) -> set[str]:
    """Name the driver's error and what it is a kind of; psycopg has dozens of subclasses."""
    return {kind.__name__ for kind in type(error.orig).__mro__}


#: driver errors that say nothing about the unit: the database is away, full, or read-only
_AWAY = frozenset({"OperationalError", "InterfaceError", "InternalError"})
#: driver errors that another moment can mend
_PASSING = _AWAY | {"UniqueViolation"}


def _unavailable(error: DBAPIError) -> Exception:
    return error if _AWAY.isdisjoint(_kinds(error)) else _absent(error)


def _absent(error: Exception) -> DatabaseUnavailable:
    failure = DatabaseUnavailable(
        "The database did not take a write; check its disk space and that it is running."
    )
    failure.__cause__ = error
    return failure
