"""Telegram, through python-telegram-bot: what goes out, and the two ways in.

The pieces: telegram_read (in), telegram_send (out), telegram_errors, telegram_poll,
telegram_webhook, telegram_api. Limits are those of the Bot API ("Limits" in its FAQ); every wait
Telegram asks for comes out as :class:`RetryLater`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from starlette.routing import Route
from telegram import InputFile
from telegram import error as tg

from bot.channels.base import Intake, Limits, NotSent, Refused, SendError, Unconfirmed
from bot.channels.telegram_api import MAX_DOWNLOAD, BotApi
from bot.channels.telegram_errors import says, seconds_of, send_error
from bot.channels.telegram_poll import REFUSED_ACCOUNT, BackOff, Poller, rest
from bot.channels.telegram_raw import cleaned
from bot.channels.telegram_read import ALLOWED_UPDATES, read
from bot.channels.telegram_send import Part, as_number, plan
from bot.channels.telegram_webhook import Webhook
from bot.config import TelegramSettings
from bot.errors import BadInput
from bot.messages import Address, Attachment, IncomingMessage, OutgoingMessage, Receipt
from bot.rates import rate

log = logging.getLogger(__name__)

MAX_TITLE = 128
#: Topics opened at once; more in a burst has got bots banned.
TOPIC_BURST = 3
#: Connections Telegram may hold to our webhook at once.
MAX_CONNECTIONS = 40

#: What Telegram says of a picture that it will not take as one.
_NO_PHOTO = ("photo_invalid_dimensions", "too big for a photo", "image_process_failed")

OpenFile = Callable[[Attachment], Awaitable[bytes]]


class TelegramChannel:
    """One bot account. Raise :class:`BadInput` when the settings cannot work.

    ``public_url`` is where Telegram reaches our web server (webhook mode only). ``open_file``
    returns the bytes of an attachment that lies on another channel.
    """

    def __init__(
        self,
        settings: TelegramSettings,
        public_url: str = "",
        name: str = "telegram",
        open_file: OpenFile | None = None,
    ) -> None:
        if not settings.token.get_secret_value():
            raise BadInput("No Telegram token is set; put it into HUIYING_TELEGRAM__TOKEN.")
        self.name = name
        #: the bot's own name, known once :meth:`run` has asked
        self.username = ""
        self.limits = Limits(
            threads=True,
            per_chat=rate(settings.per_chat, 1),
            per_group=rate(settings.per_group_minute, 60),
            per_account=rate(settings.per_second, 1),
            openings=(TOPIC_BURST, TOPIC_BURST * 60 / settings.topics_per_minute),
        )
        self._api = BotApi(settings)
        self._poller = Poller(name, self._api, settings.poll_timeout_s)
        self._public_url = public_url.rstrip("/")
        self._secret = settings.webhook_secret.get_secret_value()
        self._webhook = Webhook(name, self._secret) if settings.mode == "webhook" else None
        self._open_file = open_file

    @property
    def last_poll_at(self) -> float:
        """``time.monotonic()`` of the last answered poll; 0.0 before the first and by webhook."""
        return self._poller.last_poll_at

    @property
    def webhook_url(self) -> str:
        """Where Telegram is to push updates; "" when we poll."""
        return self._public_url + self._webhook.path if self._webhook else ""

    # --- in ------------------------------------------------------------------------------------

    def read(self, body: Mapping[str, Any]) -> IncomingMessage | None:
        """Translate a stored update; see bot/channels/telegram_read.py."""
        return read(self.name, body, self.username)

    async def run(self, intake: Intake, stop: asyncio.Event) -> None:
        """Receive until ``stop``. Raise :class:`BadInput` when Telegram refuses the token."""
        await self._until_done(self._greet, stop)
        if self._webhook is None:
            await self._poller.run(intake, stop)
        else:
            await self._until_done(self._set_webhook, stop)
            await stop.wait()

    def routes(self, intake: Intake) -> list[Route]:
        """Return the routes of the web server that receive updates; none when we poll."""
        return [] if self._webhook is None else [self._webhook.route(intake)]

    async def ask(self, method: str, **params: Any) -> Mapping[str, Any]:
        """Return what a "get…" method says. Raise BadInput or :class:`SendError`."""
        try:
            answer: Mapping[str, Any] = await self._api.call(method, params)
        except tg.InvalidToken as error:
            raise BadInput(REFUSED_ACCOUNT) from error
        except tg.TelegramError as error:
            raise send_error(error, "account") from error
        return answer

    async def close(self) -> None:
        """Close all connections; call when nothing is sent any more."""
        await self._api.close()

    async def _greet(self) -> None:
        me = await self._api.call("getMe", {})
        self.username = str(me.get("username", ""))

    async def _set_webhook(self) -> None:
        params = {
            "url": self.webhook_url,
            "secret_token": self._secret,
            "allowed_updates": ALLOWED_UPDATES,
            "max_connections": MAX_CONNECTIONS,
        }
        try:
            await self._api.call("setWebhook", params)
        except tg.BadRequest as error:
            raise BadInput(
                f"Telegram refuses the webhook ({error.message}); check web.public_url."
            ) from error

    async def _until_done(self, step: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
        """Take a first step, however long Telegram cannot be reached."""
        back_off = BackOff()
        while not stop.is_set():
            try:
                await step()
                return
            except tg.InvalidToken as error:
                raise BadInput(REFUSED_ACCOUNT) from error
            except tg.RetryAfter as error:
                await rest(stop, seconds_of(error))
            except tg.TelegramError as error:
                log.warning("Telegram cannot be reached yet (%s).", type(error).__name__)
                await rest(stop, back_off.next())

    # --- out -----------------------------------------------------------------------------------

    async def send(
        self, message: OutgoingMessage, key: str, edits: str = "", already: tuple[str, ...] = ()
    ) -> Receipt:
        """Send or edit, part by part; Telegram has no idempotency keys, so ``key`` is not used."""
        done = list(already)
        for part in _remaining(plan(self.name, message, edits), len(already)):
            try:
                done += await self._deliver(part)
            except SendError as error:
                error.sent = tuple(done)
                raise
        return Receipt(tuple(done))

    async def open_thread(self, address: Address, title: str) -> str:
        """Open a forum topic; Refused when the chat is no forum or we may not."""
        name = " ".join(cleaned(title).split())[:MAX_TITLE].strip() or "…"
        try:
            topic = await self._api.call(
                "createForumTopic", {"chat_id": address.chat, "name": name}
            )
        except tg.TelegramError as error:
            raise send_error(error) from error
        return str(topic["message_thread_id"])

    async def close_thread(self, address: Address) -> None:
        """Close a forum topic; one that is closed or gone already is no error."""
        thread = as_number(address.thread, "thread")
        await self._quietly(
            "closeForumTopic",
            {"chat_id": address.chat, "message_thread_id": thread},
            "topic_not_modified",
            "thread not found",
        )

    async def leave(self, address: Address) -> None:
        """Leave a group; one we are not in is no error."""
        await self._quietly("leaveChat", {"chat_id": address.chat}, "not a member", "not found")

    async def announce_commands(self, commands: Mapping[str, str], language: str = "") -> None:
        """Show ``commands`` (name → what it does) in Telegram's menu."""
        rows = [{"command": name, "description": text} for name, text in commands.items()]
        await self._quietly("setMyCommands", {"commands": rows, "language_code": language or None})

    async def fetch(self, attachment: Attachment) -> bytes:
        """Return the bytes of a file of at most 20 MB."""
        if attachment.size > MAX_DOWNLOAD:
            raise Refused("The file is larger than the 20 MB Telegram lets bots download.")
        try:
            return await self._api.download(attachment.file_id)
        except tg.InvalidToken as error:
            raise Refused("Telegram no longer has this file.") from error
        except tg.TelegramError as error:
            problem = send_error(error, "account")
            # Reading twice does no harm: an answer that was lost is as good as none.
            raise (
                NotSent(str(problem)) if isinstance(problem, Unconfirmed) else problem
            ) from error

    async def _deliver(self, part: Part) -> list[str]:
        """Send one part; a file that cannot be had or is refused stays behind, its words go."""
        try:
            return await self._call(part)
        except Refused:
            words = part.without_files()
            if words is None:
                raise
            log.warning("A file could not be sent to Telegram; its words go without it.")
        # One message stands for all of the album's: the next try counts messages.
        return await self._call(words) * part.messages

    async def _call(self, part: Part) -> list[str]:
        """Make one call; return the ids of the messages it made or changed."""
        params = {**part.params, **await self._uploads(part)}
        try:
            return _ids(await self._api.call(part.method, params), part)
        except tg.BadRequest as error:
            if _done_already(error):
                return _ids(True, part)
            other = _instead(part, error)
            if other is None:
                raise send_error(error) from error
        except tg.TelegramError as error:
            raise send_error(error, "chat" if "chat_id" in params else "account") from error
        return await self._call(other)

    async def _uploads(self, part: Part) -> dict[str, InputFile]:
        return {
            param: InputFile(
                await self._bytes(attachment), attachment.name or attachment.kind.value
            )
            for param, attachment in part.uploads.items()
        }

    async def _bytes(self, attachment: Attachment) -> bytes:
        if self._open_file is None:
            raise Refused(f"Files of {attachment.channel} cannot be sent to Telegram.")
        try:
            return await self._open_file(attachment)
        except BadInput as error:
            raise Refused(str(error)) from error

    async def _quietly(self, method: str, params: dict[str, Any], *fine: str) -> None:
        try:
            await self._api.call(method, params)
        except tg.TelegramError as error:
            if not (fine and says(error, *fine)):
                raise send_error(error) from error


def _remaining(parts: Sequence[Part], sent: int) -> Iterator[Part]:
    """Leave out the parts that ``sent`` messages cover."""
    for part in parts:
        if part.messages and part.messages <= sent:
            sent -= part.messages
        else:
            yield part


def _ids(result: Any, part: Part) -> list[str]:
    if isinstance(result, list):
        return [str(message["message_id"]) for message in result]
    if isinstance(result, dict):
        return [str(result["message_id"])]
    edited = part.params.get("message_id")
    return [] if edited is None else [str(edited)]


def _done_already(error: tg.BadRequest) -> bool:
    """Tell whether a refusal means that there was nothing left to do."""
    return says(error, "message is not modified", "query is too old", "query id is invalid")


def _instead(part: Part, error: tg.BadRequest) -> Part | None:
    """Return the call to make instead of a refused one, if there is one."""
    gone = says(error, "message to edit not found", "message can't be edited", "message_id_invalid")
    if gone and part.when_gone is not None:
        return part.when_gone
    if says(error, "no text in the message to edit"):
        return part.as_caption()
    if says(error, "entit") and part.plain() != part:
        return part.plain()
    if says(error, *_NO_PHOTO):
        return part.as_documents()
    return None
