"""Telegram's updates in our words: raw update → :class:`RawEvent` → :class:`IncomingMessage`.

This reads the raw dictionary, not python-telegram-bot's ``Update.de_json``. That one raises
whatever a wrong type happens to cause (AttributeError, TypeError, OverflowError …) and builds many
objects for one short text; here a wrong type is :class:`Malformed` and nothing else, and what is
stored stays readable by every later release.

The texts of a NOTICE: ``migrated:<new chat>``, ``joined:<user>[,<user>…]``, ``left:<user>``,
``role:<user>:<status>``, ``added:<status>`` and ``removed:<status>`` (of this bot in a group),
``unblocked``, ``topic_created``, ``topic_edited``, ``topic_closed``, ``topic_reopened``,
``general_topic_hidden``, ``general_topic_shown``. A member who joins a group where the bot is an
administrator is told twice (service message and chat_member).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.channels.base import Malformed, RawEvent
from bot.channels.telegram_media import attachments
from bot.channels.telegram_raw import Raw, cleaned, number, object_at, objects_at, text_at, whole
from bot.messages import Address, IncomingMessage, MessageKind, Sender

#: What we ask Telegram for; chat_member and message_reaction come only when they are listed.
ALLOWED_UPDATES = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "chat_member",
    "message_reaction",
)
#: Time to wait for the rest of an album, seconds.
ALBUM_HOLD_S = 1.0
#: Accounts that stand for somebody else: anonymous administrator, channel, Telegram itself.
_STAND_INS = {1087968824, 136817688, 777000}
#: Fields that show that the words are not the sender's own.
_NOT_OWN_WORDS = (
    "forward_origin",
    "forward_date",
    "forward_from",
    "forward_from_chat",
    "via_bot",
    "sender_chat",
    "sender_business_bot",
    "is_automatic_forward",
)
_TOPIC_NOTICES = {
    "forum_topic_created": "topic_created",
    "forum_topic_edited": "topic_edited",
    "forum_topic_closed": "topic_closed",
    "forum_topic_reopened": "topic_reopened",
    "general_forum_topic_hidden": "general_topic_hidden",
    "general_forum_topic_unhidden": "general_topic_shown",
}
#: Service messages nobody needs to act on.
_SERVICE = re.compile(
    r"pinned_message|(new|delete)_chat_(title|photo)|(super)?group_chat_created|migrate_from_chat_id"
    r"|channel_chat_created|message_auto_delete_timer_changed|video_chat_\w+|boost_added"
    r"|chat_background_set|write_access_allowed|proximity_alert_triggered|giveaway\w*"
)
_COMMAND = re.compile(r"(/[A-Za-z0-9_]{1,64})@([A-Za-z0-9_]{1,64})")
#: Direction overrides, zero-width characters and controls: a name must not rearrange a line.
_INVISIBLE = re.compile("[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
#: Longer than any id Telegram gives; what identifies a row must not grow without bound.
_MAX_ID = 64
_PRESENT = {"creator", "administrator", "member", "restricted"}


def event(channel: str, update: Any) -> RawEvent:
    """Return what to store for one update; a malformed one is stored too, and read() refuses it."""
    try:
        return _event(channel, update)
    except Malformed:
        body = update if isinstance(update, dict) else {"malformed": update}
        return RawEvent(f"malformed:{_digest(update)}", Address(channel, "malformed").key, body)


def _digest(update: Any) -> str:
    # Sorted, so that a repeat is recognised whatever the order of its keys.
    text = json.dumps(update, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _event(channel: str, update: Any) -> RawEvent:
    if not isinstance(update, Mapping):
        raise Malformed("the update is not an object")
    update_id = whole(update, "update_id")
    kind, content = _content(update)
    message = _message_of(kind, content)
    address = _address(channel, kind, content)
    message_id = number(message, "message_id")
    parts = [update_id, kind, address.chat, message_id, number(message, "edit_date") or None]
    press = cleaned(text_at(content, "id"))[:_MAX_ID] if kind == "callback_query" else ""
    return RawEvent(
        external_id=":".join(str(part) for part in parts if part is not None) + press,
        ordering_key=address.key,
        body=update,
        alternate_id=_alternate_id(kind, address, message_id, press),
        hold_s=ALBUM_HOLD_S if "media_group_id" in message else 0.0,
    )


def _alternate_id(kind: str, address: Address, message_id: int, press: str) -> str:
    if kind == "message":
        return f"m:{address.chat}:{message_id}"
    return f"c:{press}" if press else ""


def read(channel: str, body: Raw, username: str = "") -> IncomingMessage | None:
    """Translate a stored update; None when nobody needs it. Raise :class:`Malformed`.

    ``username`` is the bot's own: "/help@name" becomes "/help" when it is ours, or when it is "".
    """
    if not isinstance(body, Mapping):
        raise Malformed("the update is not an object")
    whole(body, "update_id")
    kind, content = _content(body)
    if kind in ("message", "edited_message"):
        return _read_message(channel, kind, content, username)
    if kind == "callback_query":
        return _read_press(channel, content)
    if kind in ("my_chat_member", "chat_member"):
        return _read_membership(channel, kind, content)
    return None


def _content(update: Raw) -> tuple[str, Raw]:
    for kind in ALLOWED_UPDATES:
        content = object_at(update, kind)
        if content is not None:
            return kind, content
    if len(update) < 2:
        raise Malformed("the update is empty")
    return "other", {}


def _message_of(kind: str, content: Raw) -> Raw:
    return object_at(content, "message") or {} if kind == "callback_query" else content


def _address(channel: str, kind: str, content: Raw) -> Address:
    message = _message_of(kind, content)
    chat = object_at(message, "chat")
    if chat is None and kind == "callback_query":
        chat = object_at(content, "from")
    if kind == "other":
        return Address(channel, "other")
    if chat is None:
        raise Malformed("there is no chat")
    in_topic = message.get("is_topic_message") is True
    return Address(
        channel,
        str(whole(chat, "id")),
        str(whole(message, "message_thread_id")) if in_topic else "",
    )


def _read_message(channel: str, kind: str, raw: Raw, username: str) -> IncomingMessage | None:
    notice = _notice(raw)
    if notice is None and any(_SERVICE.fullmatch(str(key)) for key in raw):
        return None
    text = cleaned(text_at(raw, "text") or text_at(raw, "caption"))
    return IncomingMessage(
        address=_address(channel, kind, raw),
        external_id=str(whole(raw, "message_id")),
        sender=_sender(raw),
        kind=_kind(kind, notice),
        text=_own_command(text, username) if notice is None else notice,
        attachments=() if notice else attachments(channel, raw),
        reply_to=_reply_to(raw),
        group_id=cleaned(text_at(raw, "media_group_id")),
        private=_is_private(raw),
        sent_at=_time(raw, "edit_date" if kind == "edited_message" else "date"),
    )


def _kind(kind: str, notice: str | None) -> MessageKind:
    if notice is not None:
        return MessageKind.NOTICE
    return MessageKind.EDIT if kind == "edited_message" else MessageKind.TEXT


def _notice(raw: Raw) -> str | None:
    """Return the text of a NOTICE for a service message, None for a message of a person."""
    if "migrate_to_chat_id" in raw:
        return f"migrated:{whole(raw, 'migrate_to_chat_id')}"
    if joined := objects_at(raw, "new_chat_members"):
        return "joined:" + ",".join(str(whole(user, "id")) for user in joined)
    if (left := object_at(raw, "left_chat_member")) is not None:
        return f"left:{whole(left, 'id')}"
    return next((word for key, word in _TOPIC_NOTICES.items() if key in raw), None)


def _own_command(text: str, username: str) -> str:
    found = _COMMAND.match(text)
    if found is None or (username and found[2].lower() != username.lower()):
        return text
    return found[1] + text[found.end() :]


def _reply_to(raw: Raw) -> str:
    """Return the answered message; in a topic every plain message "answers" the topic's root."""
    original = object_at(raw, "reply_to_message")
    if original is None:
        return ""
    message_id = whole(original, "message_id")
    root = raw.get("is_topic_message") is True and message_id == raw.get("message_thread_id")
    return "" if root else str(message_id)


def _read_press(channel: str, raw: Raw) -> IncomingMessage:
    message = object_at(raw, "message") or {}
    user = object_at(raw, "from")
    if user is None:
        raise Malformed("nobody pressed the button")
    return IncomingMessage(
        address=_address(channel, "callback_query", raw),
        external_id=str(number(message, "message_id") or ""),
        sender=_user(user, verified=_is_person(user)),
        kind=MessageKind.BUTTON,
        button=cleaned(text_at(raw, "data")),
        press_id=cleaned(text_at(raw, "id")),
        private=_is_private(message) if message else True,
    )


def _read_membership(channel: str, kind: str, raw: Raw) -> IncomingMessage | None:
    old, new = object_at(raw, "old_chat_member") or {}, object_at(raw, "new_chat_member") or {}
    user = object_at(new, "user")
    if user is None:
        raise Malformed("nobody's membership changed")
    was, now = text_at(old, "status"), cleaned(text_at(new, "status"))
    private = _is_private(raw)
    text = _own_change(private, now) if kind == "my_chat_member" else _change(user, was, now)
    left = private and now not in _PRESENT
    return IncomingMessage(
        address=_address(channel, kind, raw),
        external_id=f"{kind}:{number(raw, 'date')}:{whole(user, 'id')}",
        sender=_sender(raw),
        kind=MessageKind.LEFT if left else MessageKind.NOTICE,
        text=text,
        private=private,
        sent_at=_time(raw, "date"),
    )


def _own_change(private: bool, now: str) -> str:
    if private:
        return "unblocked" if now in _PRESENT else now
    return f"{'added' if now in _PRESENT else 'removed'}:{now}"


def _change(user: Raw, was: str, now: str) -> str:
    user_id = whole(user, "id")
    if (was in _PRESENT) == (now in _PRESENT):
        return f"role:{user_id}:{now}"
    return f"joined:{user_id}" if now in _PRESENT else f"left:{user_id}"


def _sender(raw: Raw) -> Sender:
    user = object_at(raw, "from")
    if user is None:
        chat = object_at(raw, "sender_chat")
        if chat is None:
            raise Malformed("nobody sent this")
        return Sender(str(whole(chat, "id")), _name(text_at(chat, "title")), verified=False)
    own_words = not any(raw.get(key) for key in _NOT_OWN_WORDS)
    return _user(user, verified=own_words and _is_person(user))


def _user(user: Raw, verified: bool) -> Sender:
    name = f"{text_at(user, 'first_name')} {text_at(user, 'last_name')}"
    language = cleaned(text_at(user, "language_code"))
    return Sender(str(whole(user, "id")), _name(name), language, verified)


def _is_person(user: Raw) -> bool:
    return not user.get("is_bot") and whole(user, "id") not in _STAND_INS


def _name(name: str) -> str:
    return _INVISIBLE.sub(" ", cleaned(name)).strip()


def _is_private(raw: Raw) -> bool:
    chat = object_at(raw, "chat") or {}
    return text_at(chat, "type") == "private"


def _time(raw: Raw, key: str) -> datetime | None:
    seconds = number(raw, key)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (OverflowError, OSError, ValueError):
        raise Malformed(f"{key} is no date") from None
