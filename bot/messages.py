"""What goes in and what goes out, the same for every platform.

All values are frozen: a message that was read, decided or queued is never changed. ``to_json`` and
``outgoing_from_json`` are the stored form in the outbox.
"""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

#: what others see of a secret
HIDDEN = "····"


@dataclass(frozen=True, slots=True)
class Address:
    """A place on a channel that messages come from and go to.

    ``thread`` is empty for the chat itself. A thread that starts with ``~`` is our own name for a
    thread ("~K7Q2M"); delivery finds or opens the platform's thread for it (see bot/threads.py).
    """

    channel: str
    chat: str
    thread: str = ""

    @property
    def key(self) -> str:
        """Return the one string that names this place: ``channel/chat/thread``."""
        return f"{self.channel}/{self.chat}/{self.thread}"

    @property
    def place(self) -> str:
        """Return the chat whatever the thread, ``channel/chat``."""
        return f"{self.channel}/{self.chat}"

    def with_thread(self, thread: str) -> "Address":
        """Return the same chat with another thread."""
        return replace(self, thread=thread)


class MessageKind(StrEnum):
    """What kind of event a message is."""

    #: a new message: text, attachments or both
    TEXT = "text"
    #: a new version of an earlier message (``external_id`` is the earlier one's)
    EDIT = "edit"
    #: a button was pressed; ``button`` holds its token
    BUTTON = "button"
    #: the sender blocked us or left (``text`` holds the platform's word for it)
    LEFT = "left"
    #: something happened in the chat itself: a member joined, the chat moved …
    NOTICE = "notice"
    #: a message was withdrawn by its sender
    WITHDRAWN = "withdrawn"


class AttachmentKind(StrEnum):
    """What an attachment is; decides which platform call sends it on."""

    PHOTO = "photo"
    DOCUMENT = "document"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file or a datum that travels with a message.

    ``channel`` and ``file_id`` say where the bytes are; ``data`` holds what is not a file
    (``latitude``/``longitude`` of a location, ``phone``/``name`` of a contact). ``size`` in bytes.
    ``unique`` is a name that does not change, where the platform's ``file_id`` may.
    """

    kind: AttachmentKind
    channel: str
    file_id: str = ""
    name: str = ""
    mime: str = ""
    size: int = 0
    data: dict[str, Any] = field(default_factory=dict)
    unique: str = ""

    @property
    def file(self) -> str:
        """Return what tells this file from others whenever it comes; "" when it is no file."""
        return self.unique or self.file_id


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote. ``id`` is the platform's stable user id.

    ``verified`` is true only when the platform vouches that this very account wrote these very
    words to us: not forwarded, not anonymous, not a channel, not a bot, not via an inline bot.
    Only a verified sender can act as an official.
    """

    id: str
    name: str = ""
    language: str = ""
    verified: bool = True


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One event from a platform, translated."""

    address: Address
    external_id: str
    sender: Sender
    kind: MessageKind = MessageKind.TEXT
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    #: token of the pressed button (``kind`` is BUTTON)
    button: str = ""
    #: what the platform needs to acknowledge the press (Telegram: callback query id)
    press_id: str = ""
    #: external id of the message this one answers, if any
    reply_to: str = ""
    #: album id: messages of one album arrive as separate events and are handled as one
    group_id: str = ""
    #: True in a one-to-one chat with the citizen; False in a group
    private: bool = True
    sent_at: datetime | None = None
    #: the chat's id on the platform, when ``address`` calls a chat that moved by its first one
    chat: str = ""

    @property
    def place(self) -> str:
        """Return the platform's own chat, ``channel/chat``: external ids are unique in it."""
        return replace(self.address, chat=self.chat or self.address.chat).place


@dataclass(frozen=True, slots=True)
class Button:
    """A choice under a message. ``token`` is opaque (bot/buttons.py), or ``url`` opens a link."""

    label: str
    token: str = ""
    url: str = ""


class SpanKind(StrEnum):
    """Formatting of a stretch of text; there is no markup language on our side."""

    BOLD = "bold"
    ITALIC = "italic"
    CODE = "code"
    QUOTE = "quote"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Span:
    """A formatted stretch; ``offset`` and ``length`` in Python characters of ``text``."""

    kind: SpanKind
    offset: int
    length: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One thing to send. Long text is split by the channel; it stays one message here.

    ``card`` names a message that is edited in place when it is sent again with the same name to
    the same address (a case card). ``reply_to`` is an external id. ``thread_title`` is the title
    to give the thread when ``address.thread`` is our own name (``~…``) and must first be opened.
    ``answers_press`` is the press id to acknowledge with ``text`` as a short notice (no message).
    ``secret`` is a stretch of ``text`` for the reader's eyes only: wherever else the text is shown
    or kept it is :attr:`shown`.
    """

    address: Address
    text: str = ""
    spans: tuple[Span, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""
    card: str = ""
    thread_title: str = ""
    answers_press: str = ""
    secret: str = ""

    @property
    def shown(self) -> str:
        """Return the text as anybody but its reader may see it: dots stand for the secret."""
        return self.text.replace(self.secret, HIDDEN) if self.secret else self.text

    def to_json(self) -> dict[str, Any]:
        """Return the stored form: plain dicts, lists and strings."""
        return {k: v for k, v in asdict(self).items() if v not in ("", (), [])}


def outgoing_from_json(row: dict[str, Any]) -> OutgoingMessage:
    """Rebuild what :meth:`OutgoingMessage.to_json` stored."""
    return OutgoingMessage(
        address=Address(**row["address"]),
        text=row.get("text", ""),
        spans=tuple(Span(**{**s, "kind": SpanKind(s["kind"])}) for s in row.get("spans", ())),
        buttons=tuple(tuple(Button(**b) for b in line) for line in row.get("buttons", ())),
        attachments=tuple(attachment_from_json(a) for a in row.get("attachments", ())),
        reply_to=row.get("reply_to", ""),
        card=row.get("card", ""),
        thread_title=row.get("thread_title", ""),
        answers_press=row.get("answers_press", ""),
        secret=row.get("secret", ""),
    )


def attachment_from_json(row: dict[str, Any]) -> Attachment:
    """Rebuild one stored attachment."""
    return Attachment(**{**row, "kind": AttachmentKind(row["kind"])})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the platform said after a send: the external ids of the sent parts, in order."""

    external_ids: tuple[str, ...]
