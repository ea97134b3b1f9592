"""Files, places and contacts of a Telegram message."""

from bot.channels.telegram_raw import Raw, cleaned, number, object_at, objects_at, real, text_at
from bot.messages import Attachment, AttachmentKind

#: Fields with one file each. An animation also comes as "document"; a round video is a video.
_FILES = {
    "document": AttachmentKind.DOCUMENT,
    "voice": AttachmentKind.VOICE,
    "audio": AttachmentKind.AUDIO,
    "video": AttachmentKind.VIDEO,
    "video_note": AttachmentKind.VIDEO,
    "sticker": AttachmentKind.STICKER,
}


def attachments(channel: str, raw: Raw) -> tuple[Attachment, ...]:
    """Return what travels with a message. Raise :class:`Malformed`."""
    found = [
        _file(channel, kind, file)
        for field, kind in _FILES.items()
        if (file := object_at(raw, field)) is not None
    ]
    if sizes := objects_at(raw, "photo"):
        found.insert(0, _file(channel, AttachmentKind.PHOTO, max(sizes, key=_area)))
    if (place := object_at(raw, "location")) is not None:
        found.append(_location(channel, place))
    if (contact := object_at(raw, "contact")) is not None:
        found.append(_contact(channel, contact))
    return tuple(found)


def _area(size: Raw) -> int:
    return number(size, "width") * number(size, "height")


def _file(channel: str, kind: AttachmentKind, file: Raw) -> Attachment:
    return Attachment(
        kind,
        channel,
        file_id=cleaned(text_at(file, "file_id")),
        name=cleaned(text_at(file, "file_name")),
        mime=cleaned(text_at(file, "mime_type")),
        size=number(file, "file_size"),
        unique=cleaned(text_at(file, "file_unique_id")),
    )


def _location(channel: str, place: Raw) -> Attachment:
    data = {"latitude": real(place, "latitude"), "longitude": real(place, "longitude")}
    return Attachment(AttachmentKind.LOCATION, channel, data=data)


def _contact(channel: str, contact: Raw) -> Attachment:
    name = f"{text_at(contact, 'first_name')} {text_at(contact, 'last_name')}"
    phone = cleaned(text_at(contact, "phone_number"))
    data = {"phone": phone, "name": cleaned(name).strip()}
    return Attachment(AttachmentKind.CONTACT, channel, data=data)
