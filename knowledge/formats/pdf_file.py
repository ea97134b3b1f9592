"""PDF: a document cut into passages at its headings.

Headings are what the bookmarks name; without bookmarks, what is set larger than the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from pypdfium2 import PdfDocument, PdfiumError

from knowledge.errors import ArticleError, Damaged
from knowledge.formats import caps, passages
from knowledge.formats.passages import Block
from knowledge.formats.pdf_lines import Line, page_lines, paragraphs, without_running_heads
from knowledge.formats.rows import Found

#: A heading is at least this much larger than the text, and no longer than HEADING_CHARS.
_LARGER, HEADING_CHARS = 1.1, 150
_BOOKMARKS = 10_000

#: (page, text without blanks) → level
Outline = dict[tuple[int, str], int]


def read(path: Path) -> Iterator[Found]:
    """The document's passages, each under the page on which it begins."""
    with _opened(path) as document:
        pages: list[list[Line]] = []
        for number in range(1, len(document) + 1):
            try:
                pages.append(page_lines(document[number - 1], number))
            except PdfiumError:
                yield Found(number, Damaged(), "page")
                return
        texts = list(paragraphs(without_running_heads(pages)))
        blocks = _blocks(texts, _outline(document))
        named = passages.Named(path.stem, property=_property(document))
    yield from passages.rows(named, blocks, "page")


def _opened(path: Path) -> PdfDocument:
    try:
        document = PdfDocument(path)
    except PdfiumError as error:
        if "password" in str(error).lower():
            raise ArticleError("the file has a password; save it without one.") from error
        raise
    if len(document) > caps.PAGES:
        raise ArticleError(f"the document has more than {caps.PAGES} pages; split it.")
    return document


def _outline(document: PdfDocument) -> Outline:
    found: Outline = {}
    for mark in islice(document.get_toc(), _BOOKMARKS):
        target = mark.get_dest()
        page = target.get_index() if target else None
        if page is not None:
            found[page + 1, _squeezed(mark.get_title())] = mark.level + 1
    return found


def _blocks(texts: Sequence[Line], outline: Outline) -> list[Block]:
    levels = [outline.get((line.page, _squeezed(line.text)), 0) for line in texts]
    if not any(levels):
        levels = _levels_by_size(texts)
    return [Block(t.text, t.page, level) for t, level in zip(texts, levels, strict=True)]


def _levels_by_size(texts: Sequence[Line]) -> list[int]:
    """A level for each text: its size's place among those larger than most of the text."""
    sizes: Counter[float] = Counter()
    for text in texts:
        sizes[text.size] += len(text.text)
    usual = sizes.most_common(1)[0][0] if sizes else 0.0
    large = {t.size for t in texts if t.size >= usual * _LARGER and len(t.text) <= HEADING_CHARS}
    places = {size: place for place, size in enumerate(sorted(large, reverse=True), 1)}
    return [places.get(t.size, 0) if len(t.text) <= HEADING_CHARS else 0 for t in texts]


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _property(document: PdfDocument) -> str:
    """The title that somebody gave it, not the name of the file it was printed from."""
    title = document.get_metadata_value("Title").strip()
    is_name = title.startswith("Microsoft Word") or Path(title).suffix.lower() in (
        ".doc",
        ".docx",
        ".pdf",
        ".wps",
    )
    return "" if is_name else title
