"""Internal notes: a line that starts with ``//`` never leaves the office.

When the first line is a note, the whole message is one: whoever begins with ``//`` means to talk
to colleagues, and a forgotten mark on the second line must not reach the citizen. Full-width
slashes count, and so do marks behind blanks or invisible characters.
"""

import unicodedata
from dataclasses import dataclass

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
