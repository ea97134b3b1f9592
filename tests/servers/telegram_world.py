"""What the played Telegram knows: people, chats, topics, messages, files, waiting updates."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

BOT_ID = 123456789
TOKEN = f"{BOT_ID}:played-telegram-knows-this-token-only"
BOT = {"id": BOT_ID, "is_bot": True, "first_name": "Huiying", "username": "huiying_test_bot"}
#: What getUpdates brings when it was never told (the Bot API leaves these two out).
UNASKED = {"chat_member", "message_reaction"}


class ApiError(Exception):
    """An answer with ``ok: false``."""

    def __init__(self, status: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters or {}


@dataclass(slots=True)
class Topic:
    """A forum topic."""

    name: str
    closed: bool = False
    deleted: bool = False


@dataclass(slots=True)
class Chat:
    """A private chat or a group."""

    id: int
    type: str = "private"
    title: str = ""
    forum: bool = False
    #: the person blocked the bot, or the group removed it
    gone: str = ""
    #: what the bot is in a group, and whether it may open topics there
    bot_status: str = "administrator"
    bot_manages_topics: bool = True
    migrated_to: int | None = None
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Json] = field(default_factory=dict)
    ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def as_json(self) -> Json:
        """Return the chat as it stands in a message."""
        if self.type == "private":
            return {"id": self.id, "type": "private", "first_name": self.title}
        return {"id": self.id, "type": self.type, "title": self.title, "is_forum": self.forum}


@dataclass(slots=True)
class Pending:
    """An update the bot has not confirmed. A planted one survives until it was delivered once."""

    update: Any
    id: int
    planted: bool = False


class UpdateQueue:
    """Updates in the order of arrival; an offset confirms (Bot API, "Getting updates")."""

    def __init__(self) -> None:
        self.pending: list[Pending] = []
        self.next_id = 500_000_001
        self.allowed: set[str] | None = None
        #: time and id of each update the bot has confirmed
        self.confirmed: list[tuple[float, int]] = []
        #: ids an offset skipped although they had never been delivered
        self.lost: list[int] = []
        #: called after an update was queued
        self.on_add: Callable[[], None] = lambda: None
        self._delivered: set[int] = set()
        self._held: list[Pending] | None = None

    def add(self, kind: str, content: Json) -> Json | None:
        """Queue one update; None when the bot did not ask for this kind."""
        if kind in UNASKED if self.allowed is None else kind not in self.allowed:
            return None
        update = {"update_id": self.next_id, kind: content}
        self._append(Pending(update, self.next_id))
        return update

    def plant(self, update: Any) -> None:
        """Queue anything at all, once more or malformed; without a number it takes the next."""
        given = update.get("update_id") if isinstance(update, dict) else None
        known = given if isinstance(given, int) and given < 2**63 else self.next_id
        self._append(Pending(update, known, True))

    def fetch(self, offset: int, limit: int) -> list[Any]:
        """Confirm what is below ``offset`` and return up to ``limit`` updates."""
        if offset > 0:
            self._confirm(offset)
        batch = self.pending[:limit]
        for item in batch:
            self._delivered.add(item.id)
            item.planted = False
        return [item.update for item in batch]

    def confirm(self, item: Pending) -> None:
        """Confirm one update (a webhook answered 200)."""
        self.pending.remove(item)
        self.confirmed.append((time.monotonic(), item.id))

    def hold(self) -> None:
        """Keep new updates back until :meth:`release`."""
        self._held = []

    def release(self, reverse: bool = False) -> None:
        """Queue what was held back, in the order of arrival or the other way round."""
        held, self._held = self._held or [], None
        self.pending += reversed(held) if reverse else held
        self.on_add()

    def _append(self, item: Pending) -> None:
        if item.id == self.next_id:
            self.next_id += 1
        (self.pending if self._held is None else self._held).append(item)
        self.on_add()

    def _confirm(self, offset: int) -> None:
        now = time.monotonic()
        left = []
        for item in self.pending:
            if item.id >= offset or item.planted:
                left.append(item)
            elif item.id in self._delivered:
                self.confirmed.append((now, item.id))
            else:
                self.lost.append(item.id)
        self.pending = left


class World:
    """People, chats and files; it knows the platform's rules about chats, not its HTTP."""

    def __init__(self) -> None:
        self.updates = UpdateQueue()
        self.users: dict[int, Json] = {BOT_ID: dict(BOT)}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, bytes] = {}
        self.presses: dict[str, str | None] = {}
        self.bot_id = BOT_ID
        self.albums = itertools.count(13_000_000_001)
        self._counter = itertools.count(1)

    def person(self, user_id: int, name: str = "", language: str = "zh") -> Json:
        """Return the user, made at first sight."""
        if user_id not in self.users:
            self.users[user_id] = {
                "id": user_id,
                "is_bot": False,
                "first_name": name or f"U{user_id}",
                "language_code": language,
            }
        return self.users[user_id]

    def private(self, user_id: int) -> Chat:
        """Return the private chat with a user, made at first sight."""
        if user_id not in self.chats:
            name = self.users[user_id]["first_name"]
            self.chats[user_id] = Chat(user_id, title=name)
        return self.chats[user_id]

    def reachable(self, chat_id: int) -> Chat:
        """Return the chat the bot may write to; raise :class:`ApiError` as the platform does."""
        chat = self.chats.get(chat_id)
        if chat is None:
            raise ApiError(400, "Bad Request: chat not found")
        if chat.migrated_to is not None:
            text = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, text, {"migrate_to_chat_id": chat.migrated_to})
        if chat.gone:
            raise ApiError(403, f"Forbidden: {chat.gone}")
        return chat

    def post(self, chat: Chat, sender: Json, thread: int | None, fields: Json) -> Json:
        """Put a message into a chat and return it as the bot sees it."""
        message: Json = {
            "message_id": next(chat.ids),
            "from": sender,
            "chat": chat.as_json(),
            "date": int(time.time()),
            **fields,
        }
        if thread is not None:
            message["message_thread_id"] = thread
            message["is_topic_message"] = True
        chat.messages[message["message_id"]] = message
        return message

    def store_file(self, data: bytes, kind: str = "file") -> str:
        """Keep bytes and return their file id."""
        file_id = f"{kind}-{next(self._counter)}"
        self.files[file_id] = data
        return file_id

    def open_topic(self, chat: Chat, name: str) -> int:
        """Make a topic; its id is that of the service message that made it."""
        root = self.post(chat, self.users[BOT_ID], None, {"forum_topic_created": {"name": name}})
        thread = int(root["message_id"])
        root.update(message_thread_id=thread, is_topic_message=True)
        chat.topics[thread] = Topic(name)
        return thread

    def press_id(self) -> str:
        """Return a new callback query id that may be answered once."""
        press = f"press-{next(self._counter)}"
        self.presses[press] = None
        return press


def utf16(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
