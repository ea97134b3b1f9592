"""Faults inside a process: the n-th database call, or the n-th connection to the platform, fails.

``statement``: the n-th statement fails before it runs. ``commit``: the n-th commit fails and is
undone. ``committed``: the n-th commit is done, but its answer never comes back. ``outage``: from
the n-th statement on, the database is gone for :data:`OUTAGE_S`. ``connect``: the n-th connection
to the platform is refused. These are raised where the driver raises, with the driver's errors.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from sqlalchemy import Engine, event

#: how long the database is gone: longer than all tries of the writer take together, seconds
OUTAGE_S = 1.2
DATABASE_FAULTS = ("statement", "commit", "committed", "outage")


@dataclass
class Plan:
    """One fault to strike at the ``n``-th chance; ``struck`` says whether it came to that."""

    kind: str
    n: int
    struck: bool = False
    _count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self) -> bool:
        """Count one chance; say whether the fault strikes now."""
        with self._lock:
            if self._until:
                return time.monotonic() < self._until
            if next(self._count) != self.n or self.struck:
                return False
            self.struck = True
            self._until = time.monotonic() + OUTAGE_S if self.kind == "outage" else 0.0
            return True


@contextmanager
def planted(plan: Plan, engine: Engine) -> Iterator[Plan]:
    """Let the fault lie in wait for this engine, or for connections to the platform."""
    if plan.kind == "connect":
        with _connections(plan):
            yield plan
    else:
        _statements(plan, engine)
        _commits(plan, engine)
        yield plan


def _statements(plan: Plan, engine: Engine) -> None:
    failure = _failure(engine)

    def fail(*_: Any) -> None:
        if plan.kind in ("statement", "outage") and plan.strikes():
            raise failure("planted: this statement fails")

    for moment in ("do_execute", "do_executemany", "do_execute_no_params"):
        event.listen(engine, moment, fail)


def _commits(plan: Plan, engine: Engine) -> None:
    failure = _failure(engine)
    commit = engine.dialect.do_commit

    def do_commit(connection: Any) -> None:
        strikes = plan.kind in ("commit", "committed") and plan.strikes()
        if strikes and plan.kind == "commit":
            raise failure("planted: this commit fails")
        commit(connection)
        if strikes:
            raise failure("planted: the answer to this commit is lost")

    engine.dialect.do_commit = do_commit  # type: ignore[method-assign, assignment]


@contextmanager
def _connections(plan: Plan) -> Iterator[None]:
    connect = aiohttp.TCPConnector.connect

    async def refused(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if plan.strikes():
            key: ConnectionKey = request.connection_key
            raise aiohttp.ClientConnectorError(key, ConnectionRefusedError(111, "planted"))
        return await connect(self, request, *args, **kwargs)

    aiohttp.TCPConnector.connect = refused  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        aiohttp.TCPConnector.connect = connect  # type: ignore[method-assign]


def _failure(engine: Engine) -> Any:
    """Return the driver's own error for a call that may succeed another time."""
    dbapi: Any = engine.dialect.dbapi
    return dbapi.OperationalError
