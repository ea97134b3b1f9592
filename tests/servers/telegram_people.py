"""What people do on the played Telegram: citizens in private chats, officials in a forum group."""

import re
import time
from typing import Any

from tests.servers.telegram_world import Chat, Json, World

_COMMAND = re.compile(r"/\w+(@\w+)?")
ANONYMOUS_ADMIN = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}


class Member:
    """A person in one chat; every verb returns the message as the bot will see it."""

    def __init__(self, world: World, user: Json, chat: Chat) -> None:
        self.world = world
        self.user = user
        self.chat = chat

    def edits(self, message: Json, text: str) -> Json:
        """Change the text of an earlier message."""
        edited = {**message, "text": text, "edit_date": message["date"] + 1}
        self.chat.messages[message["message_id"]] = edited
        self.world.updates.add("edited_message", edited)
        return edited

    def presses(self, button: str, message: Json | None = None) -> str:
        """Press the newest button with this label or data; return the callback query id."""
        message, data = self._find_button(button, message)
        press = self.world.press_id()
        query = {
            "id": press,
            "from": self.user,
            "message": message,
            "chat_instance": str(self.chat.id),
            "data": data,
        }
        self.world.updates.add("callback_query", query)
        return press

    def notice(self, press: str) -> str | None:
        """Return what the bot answered to a press; None when it has not answered."""
        return self.world.presses[press]

    def _find_button(self, button: str, message: Json | None) -> tuple[Json, str]:
        shown = [message] if message else reversed(self.chat.messages.values())
        for candidate in shown:
            for row in candidate.get("reply_markup", {}).get("inline_keyboard", []):
                for found in row:
                    if button in (found["text"], found.get("callback_data")):
                        return candidate, found["callback_data"]
        raise AssertionError(f"There is no button {button!r} in chat {self.chat.id}.")

    def _post(self, fields: Json, thread: int | None = None) -> Json:
        message = self.world.post(self.chat, self.user, thread, fields)
        self.world.updates.add("message", message)
        return message

    def _membership(self, kind: str, user: Json, old: str, new: str) -> None:
        change = {
            "chat": self.chat.as_json(),
            "from": self.user,
            "date": int(time.time()),
            "old_chat_member": {"user": user, "status": old},
            "new_chat_member": {"user": user, "status": new},
        }
        self.world.updates.add(kind, change)


def _text(text: str) -> Json:
    command = _COMMAND.match(text)
    if command is None:
        return {"text": text}
    entity = {"type": "bot_command", "offset": 0, "length": command.end()}
    return {"text": text, "entities": [entity]}


def _in_topic(message: Json, topic: int) -> bool:
    return bool(message.get("message_thread_id") == topic)


class Citizen(Member):
    """A person in a private chat with the bot."""

    def says(self, text: str, reply_to: int = 0, **more: Any) -> Json:
        """Write a message; ``more`` is put into it as it is (``forward_origin`` …)."""
        if reply_to:
            original = self.chat.messages[reply_to]
            more["reply_to_message"] = {k: original[k] for k in ("message_id", "chat", "date")}
        return self._post({**_text(text), **more})

    def sends_photo(self, data: bytes = b"jpeg", caption: str = "", **more: Any) -> Json:
        """Send a photo; the bot sees a small and a large size of it."""
        sizes = [self._file(data[:1], "photo", width=90), self._file(data, "photo", width=900)]
        return self._post({"photo": sizes, **({"caption": caption} if caption else {}), **more})

    def sends_document(
        self, name: str, data: bytes, caption: str = "", mime: str = "", **more: Any
    ) -> Json:
        """Send a file."""
        file = self._file(data, "document", file_name=name, mime_type=mime or "application/pdf")
        return self._post({"document": file, **({"caption": caption} if caption else {}), **more})

    def sends_voice(self, data: bytes = b"ogg", **more: Any) -> Json:
        """Send a voice message."""
        voice = self._file(data, "voice", duration=1, mime_type="audio/ogg")
        return self._post({"voice": voice, **more})

    def sends_location(self, latitude: float, longitude: float) -> Json:
        """Send a place."""
        return self._post({"location": {"latitude": latitude, "longitude": longitude}})

    def sends_contact(self, phone: str, name: str) -> Json:
        """Send a contact."""
        return self._post({"contact": {"phone_number": phone, "first_name": name}})

    def sends_album(self, *photos: bytes, caption: str = "") -> list[Json]:
        """Send several photos at once: separate updates with one ``media_group_id``."""
        group = str(next(self.world.albums))
        captions = [caption] + [""] * (len(photos) - 1)
        return [
            self.sends_photo(data, text, media_group_id=group)
            for data, text in zip(photos, captions, strict=True)
        ]

    def forwards(self, text: str, author: str = "Somebody") -> Json:
        """Pass on what somebody else wrote."""
        origin = {"type": "hidden_user", "sender_user_name": author, "date": int(time.time())}
        return self.says(text, forward_origin=origin)

    def blocks(self) -> None:
        """Block the bot."""
        self.chat.gone = "bot was blocked by the user"
        self._membership("my_chat_member", self.world.users[self.world.bot_id], "member", "kicked")

    def unblocks(self) -> None:
        """Take the block back."""
        self.chat.gone = ""
        self._membership("my_chat_member", self.world.users[self.world.bot_id], "kicked", "member")

    def _file(self, data: bytes, kind: str, **more: Any) -> Json:
        file_id = self.world.store_file(data, kind)
        size = {"file_size": len(data), **({"height": 90} if kind == "photo" else {})}
        return {"file_id": file_id, "file_unique_id": f"u{file_id}", **size, **more}


class Official(Citizen):
    """A person in a forum group; ``topic`` 0 is the general one."""

    def writes(
        self, topic: int, text: str, reply_to: int = 0, anonymous: bool = False, **more: Any
    ) -> Json:
        """Write into a topic. As the platform does, a plain message there replies to its root."""
        original = self.chat.messages.get(reply_to or topic)
        if original is not None:
            more["reply_to_message"] = {k: v for k, v in original.items() if k != "reply_markup"}
        sender = self.user
        if anonymous:
            sender, more["sender_chat"] = ANONYMOUS_ADMIN, self.chat.as_json()
        fields = {**_text(text), **more}
        message = self.world.post(self.chat, sender, topic or None, fields)
        self.world.updates.add("message", message)
        return message

    def closes_topic(self, topic: int) -> Json:
        """Close a topic; bots cannot write there any more."""
        self.chat.topics[topic].closed = True
        return self._post({"forum_topic_closed": {}}, topic)

    def reopens_topic(self, topic: int) -> Json:
        """Open it again."""
        self.chat.topics[topic].closed = False
        return self._post({"forum_topic_reopened": {}}, topic)

    def deletes_topic(self, topic: int) -> None:
        """Delete a topic with all its messages; the platform tells bots nothing."""
        self.chat.topics[topic].deleted = True
        here = [m["message_id"] for m in self.chat.messages.values() if _in_topic(m, topic)]
        for message_id in here:
            del self.chat.messages[message_id]

    def joins(self) -> Json:
        """Enter the group."""
        self._membership("chat_member", self.user, "left", "member")
        return self._post({"new_chat_members": [self.user]})

    def adds_bot(self) -> None:
        """Add the bot to this group."""
        self._membership("my_chat_member", self.world.users[self.world.bot_id], "left", "member")
