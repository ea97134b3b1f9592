"""What an error of python-telegram-bot means for delivery.

Two traps: ``BadRequest`` is a subclass of ``NetworkError``, and PTB raises ``TimedOut`` and
``NetworkError`` both for a request that never left and for one whose answer was lost. Only the
HTTP client's error behind them (``__cause__``) tells which.
"""

from datetime import timedelta

import aiohttp
from telegram import error as tg

from bot.channels.base import (
    ChatMoved,
    NotSent,
    Refused,
    RetryLater,
    SendError,
    ThreadGone,
    Unconfirmed,
    Unreachable,
)

#: Wait when the token is refused: somebody has to mend it, and messages must not die meanwhile.
TOKEN_REFUSED_S = 60.0
#: Wait when Telegram says that another process uses the account.
CONFLICT_S = 5.0

#: The request was not written: no connection was made, or none was free.
_BEFORE_WRITE = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)
#: The request could not even be built from the message.
_UNBUILDABLE = (UnicodeError, TypeError, ValueError)
_CHAT_GONE = ("chat not found", "user not found", "peer_id_invalid", "user is deactivated")
_THREAD_GONE = (
    "message thread not found",
    "topic_deleted",
    "topic_closed",
    "topic deleted",
    "topic closed",
    "topic_id_invalid",
)


def send_error(error: tg.TelegramError, scope: str = "chat") -> SendError:
    """Return what delivery should do about ``error``; ``scope`` of a wait Telegram asks for."""
    if isinstance(error, tg.RetryAfter):
        return RetryLater(seconds_of(error), scope)
    if isinstance(error, tg.ChatMigrated):
        return ChatMoved(str(error.new_chat_id))
    if isinstance(error, tg.Forbidden):
        return Unreachable(error.message)
    if isinstance(error, tg.BadRequest):
        return _bad_request(error.message)
    if isinstance(error, tg.InvalidToken | tg.EndPointNotFound):
        return RetryLater(TOKEN_REFUSED_S, "account")
    if isinstance(error, tg.Conflict):
        return RetryLater(CONFLICT_S, "account")
    return _network(error)


def seconds_of(error: tg.RetryAfter) -> float:
    """Return the wait Telegram asks for."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def says(error: tg.TelegramError, *words: str) -> bool:
    """Tell whether Telegram's description contains one of ``words`` (in lower case)."""
    description = error.message.lower()
    return any(word in description for word in words)


def _bad_request(description: str) -> SendError:
    lower = description.lower()
    if any(words in lower for words in _THREAD_GONE):
        return ThreadGone(description)
    if any(words in lower for words in _CHAT_GONE):
        return Unreachable(description)
    return Refused(description)


def _network(error: tg.TelegramError) -> SendError:
    cause = error.__cause__
    if isinstance(cause, _BEFORE_WRITE):
        return NotSent(f"Telegram cannot be reached ({type(cause).__name__})")
    if isinstance(cause, _UNBUILDABLE) or says(error, "request entity too large"):
        return Refused(f"Telegram cannot be given this message ({error.message[:120]})")
    if isinstance(cause, RuntimeError):
        return NotSent("the connection to Telegram is closed")
    return Unconfirmed(f"Telegram did not answer ({type(cause or error).__name__})")
