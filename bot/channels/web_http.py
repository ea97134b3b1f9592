"""What every request to our pages passes: limits, origin, size, headers, plain refusals."""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.channels.base import IntakeUnavailable, Malformed
from bot.channels.web_events import TooManyPages
from bot.errors import DatabaseUnavailable
from bot.files import FileRefused
from bot.rates import Bucket

log = logging.getLogger("huiying.web")

MAX_JSON = 2**20
_KEPT_BUCKETS = 20_000

Handler = Callable[[Request], Awaitable[Response]]

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

#: code → (HTTP status, the sentence); the pages have their own words for each code
PROBLEMS = {
    "malformed": (400, "This request cannot be read; reload the page and try again."),
    "no-session": (401, "Your session has ended; reload the page."),
    "foreign": (403, "This request came from another site and was not accepted."),
    "gone": (404, "This is no longer here."),
    "not-yours": (409, "Only your own last message can be changed."),
    "too-large": (413, "This is too large."),
    "empty": (422, "There is nothing in it; write something."),
    "file-type": (415, "This kind of file is not taken; send a picture, a PDF or a document."),
    "too-fast": (429, "That was a lot at once; wait a moment and try again."),
    "unavailable": (503, "We cannot take messages just now; it will be tried again by itself."),
}


class Problem(Exception):
    """The request is refused; ``code`` is one of :data:`PROBLEMS`."""

    def __init__(self, code: str, retry_after_s: float = 0) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s

    def response(self) -> Response:
        """Return the refusal: a code for the page and a sentence for people."""
        status, sentence = PROBLEMS[self.code]
        headers = {"Retry-After": str(int(self.retry_after_s) + 1)} if self.retry_after_s else {}
        return JSONResponse({"error": self.code, "message": sentence}, status, headers)


def endpoint(handler: Handler) -> Handler:
    """Return the handler with every foreseen failure turned into a plain refusal."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Problem as problem:
            return problem.response()
        except Malformed:
            return Problem("malformed").response()
        except FileRefused as refused:
            return Problem(refused.code).response()
        except TooManyPages:
            return Problem("too-fast", 5).response()
        except (IntakeUnavailable, DatabaseUnavailable) as error:
            log.warning("a page's request was not stored: %s", type(error).__name__)
            return Problem("unavailable", 2).response()

    return answer


class SecurityHeaders:
    """Adds :data:`HEADERS` to every response that does not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the headers added."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Throttle:
    """Token buckets by name, in this process."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def take(self, name: str, rate: tuple[int, float]) -> None:
        """Count one request of at most ``rate`` (requests, seconds); raise :class:`Problem`."""
        now = time.monotonic()
        bucket = self._buckets.get(name) or self._buckets.setdefault(name, Bucket.full(rate, now))
        if (delay := bucket.delay(now)) > 0:
            raise Problem("too-fast", delay)
        bucket.take(now)
        if len(self._buckets) > _KEPT_BUCKETS:
            self._buckets = {k: b for k, b in self._buckets.items() if b.level(now) < b.burst}


def ip_of(request: Request) -> str:
    """Return the network address a request came from."""
    return request.client.host if request.client else ""


def check_origin(request: Request, public_url: str) -> None:
    """Refuse a request that another site made the browser send (ASVS 5.0, 3.5).

    Browsers say so in ``Sec-Fetch-Site``; older ones in ``Origin``. Neither: refused.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise Problem("foreign")
        return
    origin = urlsplit(request.headers.get("origin", "")).netloc
    if not origin or origin not in (request.headers.get("host"), urlsplit(public_url).netloc):
        raise Problem("foreign")


async def read_body(request: Request, most: int) -> bytes:
    """Return the body; raise :class:`Problem` as soon as it is larger than ``most`` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Problem("too-large")
    return bytes(body)


async def read_json(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body; raise :class:`Problem`."""
    raw = await read_body(request, MAX_JSON)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed") from error
    if not isinstance(body, dict):
        raise Problem("malformed")
    return body


def is_secure(request: Request, public_url: str) -> bool:
    """Say whether the page is served over HTTPS, so that cookies can be bound to it."""
    return request.url.scheme == "https" or public_url.startswith("https:")
