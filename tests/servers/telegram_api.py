"""The methods of the Bot API that the played Telegram answers, with the real one's refusals."""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.servers.http import Upload
from tests.servers.telegram_world import ApiError, Chat, Json, World, utf16

MAX_TEXT, MAX_CAPTION, MAX_FILE = 4096, 1024, 20_000_000
#: send method → (parameter with the file, is the result a list of sizes)
FILE_METHODS = {
    "sendphoto": ("photo", True),
    "senddocument": ("document", False),
    "sendvoice": ("voice", False),
    "sendaudio": ("audio", False),
    "sendvideo": ("video", False),
    "sendsticker": ("sticker", False),
}
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are "
    "exactly the same as a current content and reply markup of the message"
)
TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"


class Params:
    """The parameters of one call; everything arrives as text, as forms do."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    def text(self, name: str) -> str:
        value = self.raw.get(name, "")
        if not isinstance(value, str):
            raise ApiError(400, f"Bad Request: {name} must be a string")
        return value

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(self.raw.get(name, default))
        except (TypeError, ValueError):
            raise ApiError(400, f"Bad Request: {name} must be a number") from None

    def json(self, name: str) -> Any:
        value = self.raw.get(name)
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise ApiError(400, f"Bad Request: can't parse {name} JSON object") from None

    def shown(self) -> Json:
        """Return them for the record, files by their names."""
        return {k: v.name if isinstance(v, Upload) else v for k, v in self.raw.items()}


class BotApi:
    """Each method takes :class:`Params` and returns the ``result``, or raises ApiError."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.methods: dict[str, Callable[[Params], Any]] = {
            "getme": lambda _: {**world.users[world.bot_id], "can_join_groups": True},
            "sendmessage": self._send_message,
            "sendlocation": self._send_location,
            "sendcontact": self._send_contact,
            "sendmediagroup": self._send_media_group,
            "editmessagetext": self._edit_text,
            "editmessagecaption": self._edit_caption,
            "editmessagereplymarkup": self._edit_markup,
            "deletemessage": self._delete_message,
            "answercallbackquery": self._answer_press,
            "createforumtopic": self._create_topic,
            "editforumtopic": self._edit_topic,
            "closeforumtopic": lambda p: self._close_topic(p, True),
            "reopenforumtopic": lambda p: self._close_topic(p, False),
            "deleteforumtopic": self._delete_topic,
            "getfile": self._get_file,
            "getchat": lambda p: world.reachable(p.number("chat_id")).as_json(),
            "getchatmember": self._get_chat_member,
            "leavechat": self._leave_chat,
            "setmycommands": lambda p: isinstance(p.json("commands"), list),
        }
        for name in FILE_METHODS:
            self.methods[name] = partial(self._send_file, name)

    def _send_message(self, p: Params) -> Json:
        text = _checked(p.text("text"), p.json("entities"), MAX_TEXT, "text")
        return self._post(p, {"text": text, **_optional("entities", p.json("entities"))})

    def _send_location(self, p: Params) -> Json:
        place = {name: float(p.text(name)) for name in ("latitude", "longitude")}
        return self._post(p, {"location": place})

    def _send_contact(self, p: Params) -> Json:
        names = ("phone_number", "first_name")
        if not all(p.text(name) for name in names):
            raise ApiError(400, "Bad Request: PHONE_NUMBER_INVALID")
        return self._post(p, {"contact": {name: p.text(name) for name in names}})

    def _send_file(self, method: str, p: Params) -> Json:
        name, sizes = FILE_METHODS[method]
        return self._post(p, {**self._file(p, name, p.raw.get(name), sizes), **_caption(p.raw)})

    def _send_media_group(self, p: Params) -> list[Json]:
        media = p.json("media")
        if not isinstance(media, list) or not 2 <= len(media) <= 10:
            raise ApiError(400, "Bad Request: group send failed: 2-10 items are needed")
        kinds = {item["type"] for item in media}
        if len(kinds) > 1 and kinds != {"photo", "video"}:
            raise ApiError(400, "Bad Request: these media cannot be in one album")
        group = str(next(self.world.albums))
        bodies = [
            {
                **self._file(p, item["type"], item["media"], item["type"] == "photo"),
                **_caption(item),
                "media_group_id": group,
            }
            for item in media
        ]
        return [self._post(p, body) for body in bodies]

    def _file(self, p: Params, kind: str, given: Any, sizes: bool) -> Json:
        if isinstance(given, str) and given.startswith("attach://"):
            given = p.raw.get(given.removeprefix("attach://"))
        if isinstance(given, Upload):
            file_id = self.world.store_file(given.data, kind)
            entry: Json = {"file_id": file_id, "file_name": given.name}
        elif isinstance(given, str) and given in self.world.files:
            entry = {"file_id": given}
        else:
            raise ApiError(400, "Bad Request: wrong file identifier/HTTP URL specified")
        size = len(self.world.files[entry["file_id"]])
        entry |= {"file_unique_id": f"u{entry['file_id']}", "file_size": size}
        return {kind: [{**entry, "width": 90, "height": 90}] if sizes else entry}

    def _post(self, p: Params, fields: Json) -> Json:
        chat = self.world.reachable(p.number("chat_id"))
        thread = self._thread(chat, p)
        markup = _markup(p)
        reply = p.json("reply_parameters") or {}
        original = chat.messages.get(reply.get("message_id", 0))
        if reply and original is None and not reply.get("allow_sending_without_reply"):
            raise ApiError(400, "Bad Request: message to be replied not found")
        if original is not None:
            fields["reply_to_message"] = {k: original[k] for k in ("message_id", "chat", "date")}
        fields |= _optional("reply_markup", markup)
        return self.world.post(chat, self.world.users[self.world.bot_id], thread, fields)

    def _thread(self, chat: Chat, p: Params) -> int | None:
        thread = p.number("message_thread_id")
        if not thread:
            return None
        topic = chat.topics.get(thread)
        if topic is None or topic.deleted:
            raise ApiError(400, "Bad Request: message thread not found")
        if topic.closed:
            raise ApiError(400, "Bad Request: TOPIC_CLOSED")
        return thread

    def _edit_text(self, p: Params) -> Json:
        message = self._editable(p)
        if "text" not in message:
            raise ApiError(400, "Bad Request: there is no text in the message to edit")
        text = _checked(p.text("text"), p.json("entities"), MAX_TEXT, "text")
        return _changed(message, {"text": text, "entities": p.json("entities") or None}, _markup(p))

    def _edit_caption(self, p: Params) -> Json:
        message = self._editable(p)
        return _changed(message, {"caption": p.text("caption") or None}, _markup(p))

    def _edit_markup(self, p: Params) -> Json:
        return _changed(self._editable(p), {}, _markup(p))

    def _editable(self, p: Params) -> Json:
        chat = self.world.reachable(p.number("chat_id"))
        message = chat.messages.get(p.number("message_id"))
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        if message["from"]["id"] != self.world.bot_id:
            raise ApiError(400, "Bad Request: message can't be edited")
        return message

    def _delete_message(self, p: Params) -> bool:
        chat = self.world.reachable(p.number("chat_id"))
        if chat.messages.pop(p.number("message_id"), None) is None:
            raise ApiError(400, "Bad Request: message to delete not found")
        return True

    def _answer_press(self, p: Params) -> bool:
        press = p.text("callback_query_id")
        if self.world.presses.get(press, "answered") is not None:
            raise ApiError(400, TOO_OLD)
        if len(p.text("text")) > 200:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        self.world.presses[press] = p.text("text")
        return True

    def _create_topic(self, p: Params) -> Json:
        chat, name = self.world.reachable(p.number("chat_id")), p.text("name")
        if not chat.forum:
            raise ApiError(400, "Bad Request: the chat is not a forum")
        if not chat.bot_manages_topics:
            raise ApiError(400, "Bad Request: not enough rights to create a topic")
        if not 1 <= len(name) <= 128:
            raise ApiError(400, "Bad Request: TOPIC_TITLE_EMPTY")
        return {"message_thread_id": self.world.open_topic(chat, name), "name": name}

    def _get_chat_member(self, p: Params) -> Json:
        chat = self.world.reachable(p.number("chat_id"))
        member: Json = {"user": self.world.users[p.number("user_id")], "status": chat.bot_status}
        if chat.bot_status == "administrator":
            member["can_manage_topics"] = chat.bot_manages_topics
        return member

    def _edit_topic(self, p: Params) -> bool:
        chat = self.world.reachable(p.number("chat_id"))
        self._topic(chat, p).name = p.text("name")
        return True

    def _close_topic(self, p: Params, closed: bool) -> bool:
        topic = self._topic(self.world.reachable(p.number("chat_id")), p)
        if topic.closed == closed:
            raise ApiError(400, "Bad Request: TOPIC_NOT_MODIFIED")
        topic.closed = closed
        return True

    def _delete_topic(self, p: Params) -> bool:
        self._topic(self.world.reachable(p.number("chat_id")), p).deleted = True
        return True

    def _topic(self, chat: Chat, p: Params) -> Any:
        topic = chat.topics.get(p.number("message_thread_id"))
        if topic is None or topic.deleted:
            raise ApiError(400, "Bad Request: message thread not found")
        return topic

    def _get_file(self, p: Params) -> Json:
        file_id = p.text("file_id")
        if file_id not in self.world.files:
            raise ApiError(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        size = len(self.world.files[file_id])
        if size > MAX_FILE:
            raise ApiError(400, "Bad Request: file is too big")
        unique = f"u{file_id}"
        path = f"files/{file_id}"
        return {"file_id": file_id, "file_unique_id": unique, "file_size": size, "file_path": path}

    def _leave_chat(self, p: Params) -> bool:
        self.world.reachable(p.number("chat_id")).gone = "bot is not a member of the chat"
        return True


def _optional(name: str, value: Any) -> Json:
    return {name: value} if value else {}


def _caption(given: Json) -> Json:
    entities = given.get("caption_entities")
    entities = json.loads(entities) if isinstance(entities, str) else entities
    caption = given.get("caption", "")
    if caption:
        _checked(caption, entities, MAX_CAPTION, "caption")
    return {**_optional("caption", caption), **_optional("caption_entities", entities)}


def _checked(text: str, entities: Any, limit: int, what: str) -> str:
    """Return ``text`` when the platform would take it with these entities."""
    if what == "text" and not text.strip():
        raise ApiError(400, "Bad Request: message text is empty")
    size = utf16(text)
    if size > limit:
        raise ApiError(400, f"Bad Request: message {what} is too long".replace("text ", ""))
    for entity in entities or []:
        begin, end = entity["offset"], entity["offset"] + entity["length"]
        if not 0 <= begin < end <= size or entity.get("type") is None:
            raise ApiError(400, "Bad Request: can't parse entities: ENTITY_BOUNDS_INVALID")
    return text


def _markup(p: Params) -> Json | None:
    """Return a valid inline keyboard, or None."""
    markup: Json | None = p.json("reply_markup")
    for button in (b for row in (markup or {}).get("inline_keyboard", []) for b in row):
        if not button.get("text"):
            raise ApiError(400, "Bad Request: text buttons must be non-empty")
        data = button.get("callback_data")
        if data is not None and not 1 <= len(data.encode()) <= 64:
            raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
        if data is None and not re.match(r"(https?|tg)://", button.get("url", "")):
            raise ApiError(400, "Bad Request: BUTTON_URL_INVALID")
    return markup if markup and markup["inline_keyboard"] else None


def _changed(message: Json, fields: Json, markup: Json | None) -> Json:
    """Apply an edit; an edit without a keyboard takes the keyboard away, as the platform does."""
    fields = {**fields, "reply_markup": markup}
    if all(message.get(name) == value for name, value in fields.items()):
        raise ApiError(400, NOT_MODIFIED)
    for name, value in fields.items():
        message[name] = value
        if value is None:
            del message[name]
    message["edit_date"] = message["date"] + 1
    return message
