"""The lines of a PDF's pages, and the paragraphs that they make.

A PDF knows characters at places, nothing more.  PDFium puts them into lines; a line behind
which the next one's first word had no room goes on in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from ctypes import c_double
from dataclasses import dataclass, replace
from math import hypot

from pypdfium2 import PdfPage, PdfTextPage
from pypdfium2.raw import (
    FS_MATRIX,
    FS_RECTF,
    FPDFText_GetCharOrigin,
    FPDFText_GetFontSize,
    FPDFText_GetLooseCharBox,
    FPDFText_GetMatrix,
    FPDFText_GetUnicode,
)

#: Lines further apart than this many times their size belong to different paragraphs.
_GAP = 1.9
#: Widths in sizes: of a Chinese character with a mark behind it, of a letter, of a blank.
_CHARACTER, _LETTER, _BLANK = 2.5, 0.6, 1.0
#: What PDFium puts for the hyphen of a word that it made one again, and for what is no text.
_NO_TEXT = str.maketrans("", "", "\x02\ufffe\x00\uffff")
#: A running head stands on at least this many pages, and on half of all.
_RUNNING = 3
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]")
_NUMBER_ONLY = re.compile(r"\W*\d{1,4}\W*")


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or several put together; lengths in points, *y* is the baseline."""

    text: str
    page: int
    size: float
    y: float
    #: From its end to the right edge of the page's text.
    room: float


def page_lines(page: PdfPage, number: int) -> list[Line]:
    """The lines of a page from the top, as PDFium orders them."""
    text = page.get_textpage()
    try:
        spans = [span for span in _spans(text) if span[1]]
        found = [(*_measured(text, span), span[1]) for span in spans]
    finally:
        text.close()
    edge = max((right for _, _, right, _ in found), default=0.0)
    return [
        Line(content, number, round(2 * size) / 2, y, edge - right)
        for size, y, right, content in found
    ]


def paragraphs(lines: Sequence[Line]) -> Iterator[Line]:
    """Lines that belong together as one."""
    held: Line | None = None
    for line in lines:
        if held is not None and _goes_on(held, line):
            joined = _joined(held.text, line.text)
            held = replace(line, text=joined, page=held.page)
            continue
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield held


def without_running_heads(pages: Sequence[list[Line]]) -> list[Line]:
    """All lines but page numbers, and heads and feet that stand on many pages."""
    ends = [{lines[i].text for i in (0, -1)} for lines in pages if lines]
    counts = Counter(key for texts in ends for key in {_running(text) for text in texts})
    many = {key for key, n in counts.items() if n >= _RUNNING and 2 * n >= len(ends)}
    return [
        line
        for lines in pages
        for place, line in enumerate(lines)
        if place not in (0, len(lines) - 1)
        or not (_running(line.text) in many or _NUMBER_ONLY.fullmatch(line.text))
    ]


def _running(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def _spans(page: PdfTextPage) -> Iterator[tuple[list[int], str]]:
    """(places of its visible characters, text) of each line that has any."""
    places: list[int] = []
    chars: list[str] = []
    for place in range(page.count_chars()):
        char = chr(FPDFText_GetUnicode(page, place))
        if char not in "\r\n":
            chars.append(char)
            if not char.isspace():
                places.append(place)
        elif places:
            yield places, _plain("".join(chars))
            places, chars = [], []
        else:
            chars = []
    if places:
        yield places, _plain("".join(chars))


def _plain(text: str) -> str:
    """The text with its pairs put together, without what broken fonts leave behind."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return whole.translate(_NO_TEXT).strip(" \t\u3000")


def _measured(page: PdfTextPage, span: tuple[list[int], str]) -> tuple[float, float, float]:
    """(size, baseline, right edge) of a line."""
    first, last = span[0][0], span[0][-1]
    matrix, box, x, y = FS_MATRIX(), FS_RECTF(), c_double(), c_double()
    FPDFText_GetMatrix(page, first, matrix)
    FPDFText_GetCharOrigin(page, first, x, y)
    FPDFText_GetLooseCharBox(page, last, box)
    size = FPDFText_GetFontSize(page, first) * hypot(matrix.c, matrix.d)
    return size, y.value, box.right


def _goes_on(held: Line, line: Line) -> bool:
    if held.size != line.size or held.room > _first_word(line.text) * line.size:
        return False
    if held.page != line.page:
        return not held.text.endswith(tuple("。.!?！？:：;；"))
    return 0 < held.y - line.y <= _GAP * held.size


def _first_word(text: str) -> float:
    """How much room the first word needs, in sizes."""
    if _WIDE.match(text):
        return _CHARACTER
    return len(text.split(maxsplit=1)[0]) * _LETTER + _BLANK


def _joined(text: str, more: str) -> str:
    wide = _WIDE.match(text[-1]) or _WIDE.match(more[0])
    return text + more if wide else f"{text} {more}"
