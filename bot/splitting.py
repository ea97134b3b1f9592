"""Long text in pieces that a platform accepts, cut where a reader would pause.

Length is counted in the platform's unit: UTF-16 code units (Telegram), UTF-8 bytes (WeChat) or
characters. A cut falls behind the last sentence end of the room there is, else behind a line, a
comma or a space, and only then inside a word; never inside an emoji that is made of several
characters. Spans are carried over to their pieces.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from bot.messages import Span

#: Places to cut, best first; a cut is made behind the match. Chinese and full-width marks end a
#: sentence by themselves, Latin ones only before white space ("3.5", "gov.cn" are not cut).
_BREAKS = (
    re.compile(r"\n[ \t]*\n|[。！？…]+[”’」』）】》]*|(?<![.!?])[.!?]++[\"')\]”’]*+(?=\s)"),
    re.compile(r"\n"),
    re.compile(r"[；，、：]|[;,:](?=\s)|\s"),
)
#: A cut before one of these would tear a visible character apart: joiner, variation selector,
#: skin tone, combining mark, tag.
_CLINGING = re.compile(
    "[\u200d\ufe00-\ufe0f\u0300-\u036f\u20d0-\u20ff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
#: A flag is two of these.
_FLAG_LETTERS = re.compile("[\U0001f1e6-\U0001f1ff]+$")
#: A piece that uses less of its room than this is cut at a worse place instead.
_LEAST_FILL = 0.3


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text with the spans that fall into it, counted from its own beginning."""

    text: str
    spans: tuple[Span, ...] = ()


def units(text: str, unit: str = "utf16") -> int:
    """Return the length of ``text`` in ``unit``: "utf16", "bytes" (of UTF-8) or "chars"."""
    if unit == "chars" or text.isascii():
        return len(text)
    return sum(_widths(text, unit))


def split(
    text: str, spans: Sequence[Span], limit: int, unit: str = "utf16", first: int = 0
) -> list[Piece]:
    """Cut ``text`` into pieces of at most ``limit`` units; of at most ``first`` for the first one.

    White space at a cut is dropped; a text of nothing but white space gives no piece.
    """
    if units(text, unit) <= (first or limit):
        return [Piece(text, _spans_within(spans, 0, len(text)))] if text.strip() else []
    pieces = []
    room = first or limit
    for start, end in _stretches(text, room, limit, unit):
        pieces.append(Piece(text[start:end], _spans_within(spans, start, end)))
    return pieces


def utf16_ranges(piece: Piece) -> list[tuple[int, int]]:
    """Return offset and length of each span of ``piece``, counted in UTF-16 code units."""
    if units(piece.text) == len(piece.text):
        return [(span.offset, span.length) for span in piece.spans]
    at = [0, *accumulate(_widths(piece.text, "utf16"))]
    ends = [min(span.offset + span.length, len(piece.text)) for span in piece.spans]
    return [
        (at[span.offset], at[end] - at[span.offset])
        for span, end in zip(piece.spans, ends, strict=True)
    ]


def _stretches(text: str, room: int, limit: int, unit: str) -> Iterator[tuple[int, int]]:
    start = _skip_space(text, 0)
    while start < len(text):
        end = start + _cut(text[start : start + room + 1], room, unit)
        tail = start + len(text[start:end].rstrip())
        yield start, tail
        start = _skip_space(text, end)
        room = limit


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _cut(window: str, room: int, unit: str) -> int:
    """Return how many characters of ``window`` go into a piece of ``room`` units (at least one)."""
    fits = max(1, bisect_right(list(accumulate(_widths(window, unit))), room))
    if fits >= len(window):
        return len(window)
    for pattern in _BREAKS:
        ends = [
            min(match.end(), fits)
            for match in pattern.finditer(window, 0, fits + 1)
            if match.end() <= fits or match[0].isspace()
        ]
        if ends and ends[-1] >= fits * _LEAST_FILL:
            return ends[-1]
    return _whole_characters(window, fits)


def _whole_characters(window: str, fits: int) -> int:
    """Move a cut back in front of the visible character it would tear."""
    for cut in range(fits, max(1, fits - 32), -1):
        if not _tears(window, cut):
            return cut
    return fits


def _tears(window: str, cut: int) -> bool:
    if _CLINGING.match(window[cut]) or window[cut - 1] == "\u200d":
        return True
    before = _FLAG_LETTERS.findall(window[max(0, cut - 64) : cut])
    letters = before[-1] if before else ""
    return len(letters) % 2 == 1 and "\U0001f1e6" <= window[cut] <= "\U0001f1ff"


def _widths(text: str, unit: str) -> Iterator[int]:
    if unit == "utf16":
        return (2 if char > "\uffff" else 1 for char in text)
    if unit == "bytes":
        return (_utf8_width(char) for char in text)
    return (1 for _ in text)


def _utf8_width(char: str) -> int:
    if char < "\x80":
        return 1
    if char < "\u0800":
        return 2
    return 3 if char <= "\uffff" else 4


def _spans_within(spans: Sequence[Span], start: int, end: int) -> tuple[Span, ...]:
    found = []
    for span in spans:
        begin = max(span.offset, start)
        stop = min(span.offset + span.length, end)
        if begin < stop:
            found.append(replace(span, offset=begin - start, length=stop - begin))
    return tuple(found)
