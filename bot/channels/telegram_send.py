"""One outgoing message as calls of the Bot API.

Formatting goes as entities with UTF-16 offsets, never as markup text: nothing a citizen wrote can
become markup. Link previews are off. A text of more than 4,096 UTF-16 units goes out in several
messages; a caption holds 1,024, the rest follows as text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from bot.channels.base import Refused
from bot.channels.telegram_raw import cleaned
from bot.messages import Attachment, AttachmentKind, Button, OutgoingMessage, Span, SpanKind
from bot.splitting import Piece, split, utf16_ranges
from bot.text import one_line

MAX_TEXT, MAX_CAPTION, MAX_NOTICE, MAX_ALBUM = 4096, 1024, 200, 10

#: Larger pictures are sent as documents (Bot API, sendPhoto); bytes.
MAX_PHOTO = 10_000_000

CAPTION_ENTITIES = "caption_entities"
_ENTITIES = {
    SpanKind.BOLD: "bold",
    SpanKind.ITALIC: "italic",
    SpanKind.CODE: "code",
    SpanKind.QUOTE: "blockquote",
    SpanKind.LINK: "text_link",
}
#: method, parameter of the file, takes a caption
_FILES = {
    AttachmentKind.PHOTO: ("sendPhoto", "photo", True),
    AttachmentKind.DOCUMENT: ("sendDocument", "document", True),
    AttachmentKind.VOICE: ("sendVoice", "voice", True),
    AttachmentKind.AUDIO: ("sendAudio", "audio", True),
    AttachmentKind.VIDEO: ("sendVideo", "video", True),
    AttachmentKind.STICKER: ("sendSticker", "sticker", False),
}
#: What may stand together in one album (Bot API, sendMediaGroup).
_ALBUMS = {
    AttachmentKind.PHOTO: "seen",
    AttachmentKind.VIDEO: "seen",
    AttachmentKind.DOCUMENT: "documents",
    AttachmentKind.AUDIO: "audio",
}
_NO_PREVIEW = {"is_disabled": True}
#: before the name of a file that could not be sent
LOST_FILE = "📎 ✗ "
#: parameters that every sending call takes
_EVERYWHERE = {"chat_id", "message_thread_id", "reply_markup", "reply_parameters"}


@dataclass(frozen=True, slots=True)
class Part:
    """One call. ``uploads`` are parameters whose bytes must first be fetched.

    ``messages`` is how many messages it makes. ``when_gone`` replaces an edit whose message no
    longer exists. ``files`` names what goes with it.
    """

    method: str
    params: dict[str, Any]
    uploads: dict[str, Attachment] = field(default_factory=dict)
    messages: int = 1
    when_gone: "Part | None" = None
    files: tuple[str, ...] = ()

    def plain(self) -> "Part":
        """Return the same call without formatting."""
        params = {k: v for k, v in self.params.items() if k != "entities" and k != CAPTION_ENTITIES}
        if "media" in params:
            params["media"] = [
                {k: v for k, v in item.items() if k != CAPTION_ENTITIES} for item in params["media"]
            ]
        return replace(self, params=params)

    def as_caption(self) -> "Part":
        """Return an edit of a text as one of a caption (the message is a photo or a file)."""
        names = {"text": "caption", "entities": CAPTION_ENTITIES}
        left = {k: v for k, v in self.params.items() if k != "link_preview_options"}
        params = {names.get(key, key): value for key, value in left.items()}
        return Part("editMessageCaption", params, when_gone=self.when_gone)

    def as_documents(self) -> "Part | None":
        """Return the same pictures as documents; None where Telegram has them as pictures only."""
        if self.method == "sendPhoto" and "photo" in self.uploads:
            return replace(self, method="sendDocument", uploads={"document": self.uploads["photo"]})
        items = self.params.get("media", [])
        if items and len(self.uploads) == len(items) and items[0]["type"] != "document":
            return self.with_params(media=[{**item, "type": "document"} for item in items])
        return None

    def without_files(self) -> "Part | None":
        """Return the words alone, with a line for each file that stays behind; None without."""
        if not self.files:
            return None
        words = self.params.get("media", [self.params])[0]
        lines = [words["caption"]] if "caption" in words else []
        params = {k: v for k, v in self.params.items() if k in _EVERYWHERE}
        if CAPTION_ENTITIES in words:
            params["entities"] = words[CAPTION_ENTITIES]
        lines += [f"{LOST_FILE}{name}" for name in self.files]
        params |= {"text": "\n".join(lines), "link_preview_options": _NO_PREVIEW}
        return Part("sendMessage", params)

    def with_params(self, **params: Any) -> "Part":
        """Return the same call with more parameters."""
        return replace(self, params={**self.params, **params})


def plan(channel: str, message: OutgoingMessage, edits: str = "") -> list[Part]:
    """Return the calls that send ``message``, in order. Raise :class:`Refused`.

    An edit replaces text and buttons, not attachments; what does not fit follows as new messages.
    """
    if message.answers_press:
        return [_notice(message)]
    place = _place(message)
    if edits:
        return _with_buttons(_edit(place, message, edits), message.buttons)
    attachments = [_fitting(channel, attachment) for attachment in message.attachments]
    media = [_media(channel, album) for album in _albums(attachments)]
    captioned = _captioned(media, bool(message.buttons))
    pieces = _pieces(message, MAX_CAPTION if captioned is not None else 0)
    if captioned is not None and pieces:
        media[captioned] = _caption(media[captioned], pieces.pop(0))
    parts = [*media, *(_text(piece) for piece in pieces)]
    if message.buttons and (not parts or parts[-1].messages > 1):
        parts.append(_text(Piece("⬆️")))
    parts = _with_buttons([part.with_params(**place) for part in parts], message.buttons)
    if not parts:
        raise Refused("The message is empty.")
    if message.reply_to:
        parts[0] = parts[0].with_params(reply_parameters=_reply(message.reply_to))
    return parts


def _place(message: OutgoingMessage) -> dict[str, Any]:
    address = message.address
    place: dict[str, Any] = {"chat_id": address.chat}
    if address.thread:
        place["message_thread_id"] = as_number(address.thread, "thread")
    return place


def as_number(text: str, what: str) -> int:
    """Return an id of Telegram's as the number it is. Raise :class:`Refused`."""
    try:
        return int(text)
    except ValueError:
        raise Refused(f"This is not a Telegram {what}: {text[:40]!r}") from None


def _reply(message_id: str) -> dict[str, Any]:
    number = as_number(message_id, "message")
    return {"message_id": number, "allow_sending_without_reply": True}


def _notice(message: OutgoingMessage) -> Part:
    params = {"callback_query_id": message.answers_press}
    if pieces := split(cleaned(message.text), (), MAX_NOTICE):
        params["text"] = pieces[0].text
    return Part("answerCallbackQuery", params, messages=0)


def _pieces(message: OutgoingMessage, first: int = 0) -> list[Piece]:
    return split(cleaned(message.text), message.spans, MAX_TEXT, "utf16", first)


def _edit(place: dict[str, Any], message: OutgoingMessage, edits: str) -> list[Part]:
    target = {"chat_id": place["chat_id"], "message_id": as_number(edits, "message")}
    pieces = _pieces(message)
    if not pieces:
        return [Part("editMessageReplyMarkup", target)]
    texts = [_text(piece).with_params(**place) for piece in pieces]
    shown = {k: v for k, v in texts[0].params.items() if k != "message_thread_id"}
    edit = Part("editMessageText", {**shown, **target}, when_gone=texts[0])
    return [edit, *texts[1:]]


def _text(piece: Piece) -> Part:
    params = {"text": piece.text, "link_preview_options": _NO_PREVIEW, **_formatting(piece)}
    return Part("sendMessage", params)


def _formatting(piece: Piece, name: str = "entities") -> dict[str, Any]:
    ranges = utf16_ranges(piece)
    entities = [_entity(s, *r) for s, r in zip(piece.spans, ranges, strict=True)]
    return {name: entities} if entities else {}


def _entity(span: Span, offset: int, length: int) -> dict[str, Any]:
    entity = {"type": _ENTITIES[span.kind], "offset": offset, "length": length}
    return {**entity, "url": span.url} if span.kind is SpanKind.LINK else entity


def _with_buttons(parts: list[Part], buttons: Sequence[Sequence[Button]]) -> list[Part]:
    if buttons:
        rows = [[_button(button) for button in row] for row in buttons]
        last = parts[-1].with_params(reply_markup={"inline_keyboard": rows})
        if last.when_gone is not None:
            markup = last.params["reply_markup"]
            last = replace(last, when_gone=last.when_gone.with_params(reply_markup=markup))
        parts[-1] = last
    return parts


def _button(button: Button) -> dict[str, str]:
    action = {"url": button.url} if button.url else {"callback_data": button.token}
    return {"text": cleaned(button.label), **action}


def _albums(attachments: Sequence[Attachment]) -> Iterator[list[Attachment]]:
    """Put neighbours that may stand in one album together, at most ten."""
    for family, found in groupby(attachments, key=lambda a: _ALBUMS.get(a.kind, "")):
        together = list(found)
        size = MAX_ALBUM if family else 1
        yield from (together[i : i + size] for i in range(0, len(together), size))


def _fitting(channel: str, attachment: Attachment) -> Attachment:
    """Make a document of a picture that is too large to be uploaded as one."""
    large = attachment.kind is AttachmentKind.PHOTO and attachment.size > MAX_PHOTO
    if large and attachment.channel != channel:
        return replace(attachment, kind=AttachmentKind.DOCUMENT)
    return attachment


def _media(channel: str, album: list[Attachment]) -> Part:
    files = tuple(one_line(a.name or a.kind.value, 100) for a in album)
    return replace(_without_names(channel, album), files=files)


def _without_names(channel: str, album: list[Attachment]) -> Part:
    if len(album) == 1:
        return _single(channel, album[0])
    items, uploads = [], {}
    for number, attachment in enumerate(album):
        media = attachment.file_id
        if attachment.channel != channel:
            uploads[f"file{number}"] = attachment
            media = f"attach://file{number}"
        items.append({"type": _FILES[attachment.kind][1], "media": media})
    return Part("sendMediaGroup", {"media": items}, uploads, len(album))


def _single(channel: str, attachment: Attachment) -> Part:
    data = attachment.data
    if attachment.kind is AttachmentKind.LOCATION:
        return Part("sendLocation", {k: data.get(k, 0.0) for k in ("latitude", "longitude")})
    if attachment.kind is AttachmentKind.CONTACT:
        name, phone = str(data.get("name") or "-"), str(data.get("phone", ""))
        return Part("sendContact", {"phone_number": phone, "first_name": name})
    method, param, _ = _FILES[attachment.kind]
    if attachment.channel != channel:
        return Part(method, {}, {param: attachment})
    return Part(method, {param: attachment.file_id})


def _captioned(media: list[Part], buttons: bool) -> int | None:
    """Return which media call carries the text; None when it goes as a message of its own.

    An album cannot have buttons: then the text follows it and carries them.
    """
    if not media or (buttons and media[-1].messages > 1):
        return None
    takes = {"sendMediaGroup", *(m for m, _, caption in _FILES.values() if caption)}
    return next((i for i, part in enumerate(media) if part.method in takes), None)


def _caption(part: Part, piece: Piece) -> Part:
    caption = {"caption": piece.text, **_formatting(piece, CAPTION_ENTITIES)}
    if part.method != "sendMediaGroup":
        return part.with_params(**caption)
    first, *others = part.params["media"]
    return part.with_params(media=[{**first, **caption}, *others])
