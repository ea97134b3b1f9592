"""The web server: the channels' routes on one port, and a health page."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from sqlalchemy import func, select, true
from sqlmodel import Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from bot import conversations, outbox
from bot.config import WebSettings
from bot.db import Database
from bot.errors import Failure
from bot.inbox import QUARANTINED, InboxRow
from bot.intake import Quarantine
from bot.outbox import OutboxRow


class _Server(uvicorn.Server):
    """Leaves the signals to us: the spine has to end before the server does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class WebServer:
    """Serves ``routes`` on the configured address."""

    def __init__(
        self, settings: WebSettings, routes: Sequence[BaseRoute], database: Database
    ) -> None:
        self._socket = _listening(settings)
        self.port: int = self._socket.getsockname()[1]
        self.url = url_of(settings.host, self.port)
        app = Starlette(routes=[*routes, Route("/health", _health(database))])
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                forwarded_allow_ips=settings.trusted_proxies,
                access_log=False,  # a sign-in code must not land in a log
                lifespan="off",
                timeout_graceful_shutdown=3,
            )
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        self._server.should_exit = True
        stopping.cancel()
        await serving


def url_of(host: str, port: int) -> str:
    """Return the address a browser on this machine opens."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  listening everywhere includes loopback
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listening(settings: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise Failure(
            f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}); "
            "choose another with --port or web.port."
        ) from error
    listener.listen(256)
    listener.setblocking(False)
    return listener


def _health(database: Database):  # type: ignore[no-untyped-def]
    async def health(_request: Request) -> JSONResponse:
        """Say in figures whether work is being done; no personal data."""
        return JSONResponse(await asyncio.to_thread(figures, database))

    return health


def figures(database: Database) -> dict[str, int]:
    """Count what waits (undecided conversations, unsent messages) and what was given up."""
    with database.session() as session:
        return {
            "waiting": sum(conversations.waiting(session.connection()).values()),
            "unsent": _count(session, OutboxRow, OutboxRow.settled == False),  # noqa: E712  SQL
            "quarantined": count_quarantined(session),
            **outbox.count_lost(session.connection()),
        }


def count_quarantined(session: Session) -> int:
    """Count what could not be read: events, and bodies that were not even that."""
    unreadable = _count(session, InboxRow, InboxRow.status == QUARANTINED)
    return unreadable + _count(session, Quarantine, true())


def _count(session: Session, table: type, condition: object) -> int:
    statement = select(func.count()).select_from(table).where(condition)  # type: ignore[arg-type]
    return int(session.connection().scalar(statement) or 0)
