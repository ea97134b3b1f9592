"""Internal notes: a line that starts with ``//`` never leaves the office.

When the first line is a note, the whole message is one: whoever begins with ``//`` means to talk
to colleagues, and a forgotten mark on the second line must not reach the citizen. Full-width
slashes count, and so do marks behind blanks or invisible characters. In an album each message is
taken by itself, and the file of a note stays here with it.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from bot.messages import IncomingMessage
from bot.text import clean

#: letters and symbols that show nothing (Hangul fillers, Braille blank)
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800"
#: what looks like a slash: full-width, fraction, division, big solidus
_SLASHES = dict.fromkeys(map(ord, "\uff0f\u2044\u2215\u29f8"), "/")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message taken apart: what the citizen may read, and what stays here."""

    public: str
    internal: str


def is_note(line: str) -> bool:
    """Say whether a line is internal."""
    seen = "".join(c for c in clean(line) if not _is_blank(c))[:2]
    return seen.translate(_SLASHES) == "//"


def _is_blank(char: str) -> bool:
    return unicodedata.category(char)[0] in "ZCM" or char in _FILLERS


def split(text: str) -> Spoken:
    """Take a message apart."""
    lines = clean(text).splitlines()
    filled = [line for line in lines if line.strip()]
    if filled and is_note(filled[0]):
        return Spoken("", "\n".join(lines).strip())
    public = [line for line in lines if not is_note(line)]
    internal = [line for line in lines if is_note(line)]
    return Spoken("\n".join(public).strip(), "\n".join(internal).strip())


def apart(
    album: Sequence[IncomingMessage],
) -> tuple[list[IncomingMessage], list[IncomingMessage]]:
    """Return the messages that go out, and those that are notes and stay here.

    One without words goes with the words before it; at the front, with the first after it.
    """
    stay = [_is_a_note(message.text) for message in album]
    stays = next((s for s in stay if s is not None), False)
    out: list[IncomingMessage] = []
    kept: list[IncomingMessage] = []
    for message, by_its_words in zip(album, stay, strict=True):
        stays = stays if by_its_words is None else by_its_words
        (kept if stays else out).append(message)
    return out, kept


def _is_a_note(text: str) -> bool | None:
    """Say whether a whole message is a note; None when it has no words."""
    spoken = split(text)
    return not spoken.public if spoken.public or spoken.internal else None
