"""Reading what a page sent: every field is checked, nothing is trusted.

The same checks serve the page's request and the stored event, so what was stored can be read.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.channels.base import Malformed
from bot.messages import (
    Address,
    Attachment,
    AttachmentKind,
    IncomingMessage,
    MessageKind,
    Sender,
)

#: longest text we take; a longer one than Limits.text_units is refused by a sentence, not here
MAX_TEXT = 250_000
#: what no database or browser takes: NUL and lone surrogates
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text as every database takes it, character for character: spans stay right."""
    return _UNSTORABLE.sub("\ufffd", text)


def text_of(body: Mapping[str, Any], name: str, most: int = 120, least: int = 0) -> str:
    """Return a text field ("" when absent); raise :class:`Malformed`."""
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Malformed(f"{name} is not a text")
    if not least <= len(value) <= most:
        raise Malformed(f"{name} has {len(value)} characters")
    return clean(value)


def id_of(body: Mapping[str, Any], name: str = "id") -> str:
    """Return an id made by the page (a UUID); raise :class:`Malformed`."""
    value = text_of(body, name, 64, 8)
    if not re.fullmatch(r"[A-Za-z0-9-]+", value):
        raise Malformed(f"{name} is not an id")
    return value


def list_of(body: Mapping[str, Any], name: str, most: int = 10) -> list[Any]:
    """Return a list field; raise :class:`Malformed`."""
    value = body.get(name, [])
    if not isinstance(value, list) or len(value) > most:
        raise Malformed(f"{name} is not a list of at most {most}")
    return value


def incoming(channel: str, body: Mapping[str, Any]) -> IncomingMessage:
    """Translate a stored event; raise :class:`Malformed`.

    ``target`` is the message that an edit changes or that a pressed button stands under.
    """
    kind = _kind(body)
    own_id, target = text_of(body, "id", 120, 1), text_of(body, "target", 120)
    return IncomingMessage(
        address=Address(channel, text_of(body, "chat", 120, 1), text_of(body, "thread", 60)),
        external_id=own_id if kind is MessageKind.TEXT else target,
        sender=_sender(body),
        kind=kind,
        text=text_of(body, "text", MAX_TEXT),
        attachments=_attachments(channel, list_of(body, "files")),
        button=text_of(body, "button"),
        press_id=own_id if kind is MessageKind.BUTTON else "",
        reply_to=text_of(body, "reply_to"),
        private=body.get("private") is True,
        sent_at=_moment(body),
    )


def _kind(body: Mapping[str, Any]) -> MessageKind:
    name = text_of(body, "kind")
    if name not in (MessageKind.TEXT, MessageKind.EDIT, MessageKind.BUTTON):
        raise Malformed("kind is not one of ours")
    return MessageKind(name)


def _sender(body: Mapping[str, Any]) -> Sender:
    name, language = text_of(body, "name"), text_of(body, "language", 10)
    return Sender(text_of(body, "user", 120, 1), name, language, verified=True)


def _attachments(channel: str, files: Sequence[Any]) -> tuple[Attachment, ...]:
    return tuple(_attachment(channel, file) for file in files)


def _attachment(channel: str, file: Any) -> Attachment:
    if not isinstance(file, Mapping):
        raise Malformed("a file is not an object")
    kind, size = text_of(file, "kind"), file.get("size", 0)
    if kind not in list(AttachmentKind) or type(size) is not int:
        raise Malformed("a file has no kind or no size")
    file_id, name, mime = (text_of(file, part, 200) for part in ("id", "name", "mime"))
    return Attachment(AttachmentKind(kind), channel, file_id, name, mime, size)


def _moment(body: Mapping[str, Any]) -> datetime | None:
    text = text_of(body, "at", 40)
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise Malformed("at is not a time") from error
    if moment is not None and moment.tzinfo is None:
        raise Malformed("at has no zone")
    return moment
