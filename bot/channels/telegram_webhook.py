"""Our own webhook endpoint: check, store, answer 200; parse later.

python-telegram-bot's handler answers 200 before anything is kept and 400 to what it cannot parse,
which Telegram then repeats for ever. Here a body that is no update goes to quarantine, and 200
means committed. 503 asks Telegram to try again.
"""

import hashlib
import hmac
import json
import logging
import re

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bot.channels.base import Intake, IntakeUnavailable
from bot.channels.telegram_keep import keep
from bot.errors import BadInput

log = logging.getLogger(__name__)

MAX_BODY = 1_000_000
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name


class Webhook:
    """The endpoint of one account. Raise :class:`BadInput` for a secret Telegram would refuse."""

    def __init__(self, name: str, secret: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", secret):
            raise BadInput(
                "telegram.webhook_secret must be 16 to 256 of A-Z a-z 0-9 _ - when telegram.mode "
                "is webhook; set HUIYING_TELEGRAM__WEBHOOK_SECRET."
            )
        self._name = name
        self._secret = secret.encode()
        # Derived, so that it cannot be guessed and needs no setting of its own.
        self.path = f"/telegram/{hmac.digest(self._secret, b'path', 'sha256').hex()[:32]}"

    def route(self, intake: Intake) -> Route:
        """Return the route that stores what Telegram posts."""

        async def receive(request: Request) -> Response:
            status = self._refusal(request)
            if status is None:
                body = await _body(request)
                status = 413 if body is None else await self._keep(intake, body)
            return Response(status_code=status)

        return Route(self.path, receive, methods=["POST"])

    def _refusal(self, request: Request) -> int | None:
        given = request.headers.get(SECRET_HEADER, "").encode()
        if not hmac.compare_digest(given, self._secret):
            return 403
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return None if kind == "application/json" else 415

    async def _keep(self, intake: Intake, body: bytes) -> int:
        try:
            await self._store(intake, body)
        except IntakeUnavailable:
            log.warning("An update cannot be stored; Telegram is asked to send it again.")
            return 503
        return 200

    async def _store(self, intake: Intake, body: bytes) -> None:
        try:
            update = json.loads(body)
        except (ValueError, RecursionError) as error:
            external_id = f"unparsable:{hashlib.sha256(body).hexdigest()}"
            await intake.quarantine(self._name, external_id, body, f"not JSON: {error}")
        else:
            await keep(intake, self._name, [update])


async def _body(request: Request) -> bytes | None:
    """Return the body; None when it is larger than we take."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)
