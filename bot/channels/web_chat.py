"""The citizen's page at ``/``: a conversation with the office, no account needed."""

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.channels import web_sessions as sessions
from bot.channels.base import Intake
from bot.channels.web_endpoints import Endpoints
from bot.channels.web_fields import text_of
from bot.channels.web_http import (
    PROBLEMS,
    SecurityHeaders,
    check_origin,
    endpoint,
    ip_of,
    read_json,
)
from bot.channels.web_room import PAGES, Room
from bot.channels.web_sessions import VISIT, Visitor

#: new conversations from one place on the network (a whole office may share one)
_SESSIONS = (60, 600.0)


class ChatPage:
    """The page itself and the sessions of its visitors."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def visitor(self, request: Request) -> Visitor | None:
        """Return the citizen whose token the browser holds."""
        token = request.cookies.get(self._room.cookie_name(request), "")
        if not token:
            return None
        return await self._room.read(lambda s, now: sessions.find_citizen(s, token, now))

    async def page(self, _request: Request) -> Response:
        """Return the chat page."""
        return self._room.page("chat.html", problems=list(PROBLEMS))

    async def session(self, request: Request) -> Response:
        """Resume the visitor's session, or start one when the page asks for it."""
        check_origin(request, self._room.settings.web.public_url)
        body = await read_json(request)
        language = text_of(body, "language", 10)
        known = await self.visitor(request)
        if known is None:
            return await self._start(request, language, body.get("create") is True)
        await self._room.write(lambda s, now: sessions.touch(s, known.session, language, now))
        response = JSONResponse({"session": True})
        token = request.cookies[self._room.cookie_name(request)]
        self._room.set_cookie(request, response, token, VISIT.days)
        return response

    async def _start(self, request: Request, language: str, create: bool) -> Response:
        if not create:
            return JSONResponse({"session": False})
        self._room.throttle.take(f"sessions {ip_of(request)}", _SESSIONS)
        token, _ = await self._room.write(lambda s, now: sessions.open_citizen(s, language, now))
        response = JSONResponse({"session": True})
        self._room.set_cookie(request, response, token, VISIT.days)
        return response


def chat_routes(room: Room, intake: Intake) -> list[BaseRoute]:
    """Return everything the citizen's page needs."""
    page = ChatPage(room)
    inner: list[BaseRoute] = [
        Route("/", endpoint(page.page), methods=["GET"]),
        Route("/chat/session", endpoint(page.session), methods=["POST"]),
        *Endpoints(room, intake, "/chat", page.visitor).routes(),
    ]
    return [*secured(inner), static_files()]


def secured(routes: list[BaseRoute]) -> list[BaseRoute]:
    """Return the routes with the security headers on every answer."""
    for route in routes:
        assert isinstance(route, Route)
        route.app = SecurityHeaders(route.app)
    return routes


def static_files() -> Mount:
    """Return the scripts and styles of our pages at ``/static``."""
    return Mount(
        "/static",
        StaticFiles(directory=PAGES),
        name="static",
        middleware=[Middleware(SecurityHeaders)],
    )
