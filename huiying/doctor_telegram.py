"""What the doctor asks Telegram: does the bot answer, does the group hear it, do updates arrive.

Each check returns what is well, or raises an error that says what to mend.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.channels.base import ChatMoved, Refused, Unreachable
from bot.channels.telegram import TelegramChannel
from bot.errors import BadInput, Failure

#: an error of the webhook's older than this is history, seconds
RECENT_S = 3600
#: more updates than this at Telegram mean that nobody fetches them
MANY_WAITING = 100


async def account(channel: TelegramChannel) -> str:
    """Ask whose token it is."""
    me = await channel.ask("getMe")
    return f"@{me.get('username', '?')} answers"


async def group(channel: TelegramChannel, chat: str) -> str:
    """Ask whether officials hear us in their group, and whether each case can have its topic."""
    try:
        about = await _chat(channel, chat)
        me = await channel.ask("getMe")
        member = await channel.ask("getChatMember", chat_id=about["id"], user_id=me["id"])
    except (Unreachable, Refused) as error:
        raise Failure(_unheard(chat, str(error))) from error
    if about["type"] not in ("group", "supergroup"):
        raise BadInput(f"telegram.admin_chat names a {about['type']}, not a group; correct it.")
    if member["status"] in ("left", "kicked"):
        raise Failure(_unheard(chat, "it is not a member"))
    name = f"{about.get('title', '')} ({about['id']})"
    if not about.get("is_forum"):
        return f"{name}, replies instead of topics; turn topics on there for one topic a case"
    if not member.get("can_manage_topics"):
        raise Failure(
            f"The bot may not open topics in {name}; make it an administrator who manages topics."
        )
    return f"{name}, one topic a case"


async def webhook(channel: TelegramChannel) -> str:
    """Compare where Telegram pushes updates with where we take them."""
    info = await channel.ask("getWebhookInfo")
    wanted, found = channel.webhook_url, str(info.get("url", ""))
    waiting = int(info.get("pending_update_count", 0))
    if wanted.startswith("/"):
        raise BadInput("telegram.mode is webhook, so web.public_url must be set; set it.")
    if found != wanted:
        raise Failure(_misplaced(wanted, found))
    if found and (error := _fresh_error(info, waiting)):
        raise Failure(
            f"Telegram cannot deliver to the webhook ({error}), {waiting} updates wait; "
            "check web.public_url and the proxy before it."
        )
    if waiting > MANY_WAITING:
        raise Failure(f"{waiting} updates wait at Telegram; is `huiying serve` running?")
    return f"{'as it should be' if found else 'none, we poll'}; {waiting} updates wait"


async def _chat(channel: TelegramChannel, chat: str) -> Mapping[str, Any]:
    """Describe the group, under its new id where it has moved: delivery follows as well."""
    try:
        return await channel.ask("getChat", chat_id=chat)
    except ChatMoved as moved:
        return await channel.ask("getChat", chat_id=moved.new_chat)


def _unheard(chat: str, why: str) -> str:
    return (
        f"The bot cannot write to the group {chat} ({why}); "
        "make it a member there, or correct telegram.admin_chat."
    )


def _misplaced(wanted: str, found: str) -> str:
    """Say what is wrong with an address; its path is a secret, so only the host is named."""
    host = urlsplit(found).netloc
    if not found:
        return "No webhook is set yet; start `huiying serve`, which sets it."
    if not wanted:
        return (
            f"A webhook at {host} takes the updates, but telegram.mode is polling; start "
            "`huiying serve`, which removes it, or stop the other program that uses this bot."
        )
    return (
        f"The webhook at {host} is not this office's; start `huiying serve`, which sets it anew, "
        "or stop the other program that uses this bot."
    )


def _fresh_error(info: Mapping[str, Any], waiting: int) -> str:
    """Return the last error, unless updates have gone through for long since."""
    fresh = waiting or time.time() - float(info.get("last_error_date", 0)) < RECENT_S
    return str(info.get("last_error_message", "")) if fresh else ""
