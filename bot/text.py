"""Text that came from outside, made safe to store, to show and to pass on.

What a platform gave us stays untouched in the inbox; what is shown to another person goes through
:func:`clean`. It never raises, whatever the characters.
"""

import re

#: Lone surrogates: no encoding can carry them.
_SURROGATES = re.compile("[\ud800-\udfff]")
#: Control characters but tab and newline; NUL cannot be stored by PostgreSQL.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: What turns the direction of text or hides in it (Unicode TR 36, 39): marks, embeddings,
#: overrides, isolates, zero-width space, word joiner, byte order mark, tags' plain relatives. The
#: joiners U+200C and U+200D stay: emoji and several scripts are made with them.
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\x85\x0b\x0c]")
_GAPS = re.compile(r"\s+")


def clean(text: str) -> str:
    """Drop what cannot be stored or would mislead the eye; line ends become newlines."""
    text = _SURROGATES.sub("\ufffd", _LINE_ENDS.sub("\n", text))
    return _HIDDEN.sub("", _CONTROLS.sub("", text))


def one_line(text: str, limit: int) -> str:
    """Return the clean text on one line, at most ``limit`` characters."""
    flat = _GAPS.sub(" ", clean(text)).strip()
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def shortened(text: str, limit: int) -> str:
    """Return the clean text with its lines, at most ``limit`` characters."""
    kept = clean(text).strip()
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"
