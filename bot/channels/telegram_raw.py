"""Reading a raw Telegram object: the value of the right type, or :class:`Malformed`."""

from collections.abc import Mapping
from typing import Any

from bot.channels.base import Malformed

Raw = Mapping[str, Any]


def object_at(raw: Raw, key: str) -> Raw | None:
    """Return the object at ``key``; None when there is none."""
    value = raw.get(key)
    if value is not None and not isinstance(value, Mapping):
        raise Malformed(f"{key} is not an object")
    return value


def objects_at(raw: Raw, key: str) -> list[Raw]:
    """Return the list of objects at ``key``; empty when there is none."""
    value = raw.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise Malformed(f"{key} is not a list of objects")
    return value


def text_at(raw: Raw, key: str) -> str:
    """Return the text at ``key``; "" when there is none."""
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{key} is not a text")
    return value


def number(raw: Raw, key: str) -> int:
    """Return the whole number at ``key``; 0 when there is none."""
    return 0 if raw.get(key) is None else whole(raw, key)


def whole(raw: Raw, key: str) -> int:
    """Return the whole number that must be at ``key`` (at most 64 bits, as Telegram promises)."""
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise Malformed(f"{key} is not a whole number")
    return value


def real(raw: Raw, key: str) -> float:
    """Return the number that must be at ``key``."""
    value = raw.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 2**53:
        raise Malformed(f"{key} is not a number")
    return float(value)


def cleaned(text: str) -> str:
    """Return ``text`` as every database and platform takes it, character for character.

    NUL and lone surrogates become U+FFFD, so that offsets into the text stay right.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\x00", "\ufffd")
