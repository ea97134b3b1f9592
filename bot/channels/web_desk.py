"""The officials' page at ``/desk``: one group chat whose threads are the cases.

Nobody gets in but with a one-time sign-in code. Several officials may be signed in at the same
browser (a demonstration, a shared counter); each tab says with ``as`` who is writing.
"""

from datetime import datetime
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.channels import web_sessions as sessions
from bot.channels import web_transcript as transcript
from bot.channels.base import Intake
from bot.channels.web_chat import secured, static_files
from bot.channels.web_endpoints import Endpoints
from bot.channels.web_http import PROBLEMS, Problem, check_origin, endpoint, ip_of, read_body
from bot.channels.web_room import Room
from bot.channels.web_sessions import DESK_CHAT, SHIFT, Visitor
from bot.channels.web_transcript import Place, view

#: sign-in tries from one place on the network
_SIGN_INS = (20, 600.0)
_TOPICS = 300
_MOST_OFFICIALS = 4
#: separates the tokens of several officials in one cookie; not in the URL-safe alphabet
_AND = "."


class DeskPage:
    """The page, its sign-in, and the list of topics."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def officials(self, request: Request) -> list[tuple[str, Visitor]]:
        """Return the officials signed in at this browser, with their tokens."""
        tokens = request.cookies.get(self._room.cookie_name(request), "").split(_AND)
        tokens = [token for token in tokens if token][:_MOST_OFFICIALS]
        if not tokens:
            return []

        def look(session: Session) -> list[tuple[str, Visitor | None]]:
            now = self._room.now()
            return [(token, sessions.find_official(session, token, now)) for token in tokens]

        found = await self._room.read(lambda session, _: look(session))
        return [(token, visitor) for token, visitor in found if visitor is not None]

    async def visitor(self, request: Request) -> Visitor | None:
        """Return the official this tab acts as; the only one when it does not say."""
        officials = [visitor for _, visitor in await self.officials(request)]
        wanted = request.query_params.get("as", "")
        if not wanted:
            return officials[-1] if officials else None
        return next((visitor for visitor in officials if visitor.user == wanted), None)

    async def page(self, request: Request) -> Response:
        """Return the desk, or the one sentence that says how to get in."""
        if not await self.officials(request):
            return self._room.page("desk_closed.html", 401, state="closed")
        return self._room.page("desk.html", problems=list(PROBLEMS))

    async def state(self, request: Request) -> Response:
        """Return who is signed in and the topics."""
        officials = [visitor for _, visitor in await self.officials(request)]
        if not officials:
            raise Problem("no-session")
        place = Place(self._room.name, DESK_CHAT)
        overview = await self._room.read(lambda session, _: _overview(session, place))
        people = [{"user": visitor.user, "name": visitor.name} for visitor in officials]
        return JSONResponse({"officials": people, **overview})

    async def ask_code(self, request: Request) -> Response:
        """Show the button that uses the code up; a link preview must not do that."""
        code = request.query_params.get("code", "")[:200]
        return self._room.page("desk_closed.html", state="code" if code else "closed", code=code)

    async def sign_in(self, request: Request) -> Response:
        """Use the code up and open the desk."""
        check_origin(request, self._room.settings.web.public_url)
        self._room.throttle.take(f"sign-in {ip_of(request)}", _SIGN_INS)
        code = (await read_body(request, 1000)).decode("ascii", "replace").removeprefix("code=")
        opened = await self._room.write(lambda s, now: sessions.redeem(s, code, now))
        if opened is None:
            return self._room.page("desk_closed.html", 403, state="used")
        token, official = opened
        others = [t for t, v in await self.officials(request) if v.user != official.user]
        response = RedirectResponse("/desk#new", 303)
        tokens = [*others[-_MOST_OFFICIALS + 1 :], token]
        self._room.set_cookie(request, response, _AND.join(tokens), SHIFT.total_seconds() / 86400)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the sessions of everybody signed in at this browser."""
        check_origin(request, self._room.settings.web.public_url)
        tokens = [token for token, _ in await self.officials(request)]

        def end(session: Session, _now: datetime) -> None:
            for token in tokens:
                sessions.sign_out(session, token)

        await self._room.write(end)
        response = JSONResponse({"session": False})
        self._room.set_cookie(request, response, "", 0)
        return response


def _overview(session: Session, place: Place) -> dict[str, Any]:
    """Return where to listen from, the last words of the main room, and the topics."""
    seq = transcript.latest(session, place)
    general = transcript.before(session, place, "", "", 1)
    pairs = transcript.topics(session, place, _TOPICS)
    return {
        "seq": seq,
        "general": view(general[0]) if general else None,
        "topics": [{"topic": view(topic), "last": view(last)} for topic, last in pairs],
    }


def desk_routes(room: Room, intake: Intake) -> list[BaseRoute]:
    """Return everything the officials' page needs."""
    page = DeskPage(room)
    inner: list[BaseRoute] = [
        Route("/desk", endpoint(page.page), methods=["GET"]),
        Route("/desk/state", endpoint(page.state), methods=["GET"]),
        Route("/desk/sign-in", endpoint(page.ask_code), methods=["GET"]),
        Route("/desk/sign-in", endpoint(page.sign_in), methods=["POST"]),
        Route("/desk/sign-out", endpoint(page.sign_out), methods=["POST"]),
        *Endpoints(room, intake, "/desk", page.visitor).routes(),
    ]
    return [*secured(inner), static_files()]
