"""Passages: a document cut at its headings into articles.

A passage's id is the document's name and the headings above it, so that it stays the same when
other passages come, go or move.  What stands under one heading is one passage; a long section
is cut between paragraphs, and its further parts are numbered.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from knowledge.drafts import LIMITS
from knowledge.errors import ArticleError
from knowledge.formats.rows import Found
from knowledge.text import language

#: Characters that a passage should have at most.
PASSAGE_CHARS = 1_500
#: Characters from which a passage's own language can be told.
_TELLING = 60
#: Stands between a document's title and its headings.
ARROW = " › "

_SENTENCE_END = re.compile(r"[。！？!?；\n]|[.;]\s")
#: Numbers before a heading, which change when a chapter is put in before: 3.2, 第三章, 二、, (1)
_NUMBER = re.compile(
    r"^(?:\d+(?:\.\d+)*[.、．)）]?\s+|\d+(?:\.\d+)*[、．)）]\s*|\d+(?:\.\d+)+\s*"
    r"|第[\d一二三四五六七八九十百零〇]+[编章节条款部分]+[、.：:\s]*"
    r"|[一二三四五六七八九十]+[、.．]\s*|[(（][\d一二三四五六七八九十]+[)）]\s*)"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a list item, a table, or a heading of a document."""

    text: str
    #: Where it begins: number of the block, or page.
    line: int
    #: 1 for the highest heading; 0 for what is none.
    level: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """What a document may be called."""

    #: The file's name without its suffix; ids begin with it.
    stem: str
    #: What it calls itself on its first page, and in its properties.
    title: str = ""
    property: str = ""


@dataclass(slots=True)
class _Section:
    """One heading and what stands under it."""

    path: tuple[str, ...]
    line: int
    texts: list[str]


def rows(named: Named, blocks: Sequence[Block], unit: str) -> Iterator[Found]:
    """A row for each passage; ArticleError when the document has no text."""
    if all(block.level for block in blocks):
        raise ArticleError("the document has no text; recognise the text of its pictures first.")
    title, blocks = _titled(named, blocks)
    lang = language(" ".join(block.text for block in blocks)[:20_000])
    seen: Counter[str] = Counter()
    for section in _sections(blocks):
        base = _id(named.stem, section.path)
        for text in _pieces(section.texts):
            seen[base] += 1
            values = {
                "id": base if seen[base] == 1 else f"{base}#{seen[base]}",
                "question": _question(section.path) if seen[base] == 1 else "",
                "answer": text,
                "lang": language(text) if len(text) >= _TELLING else lang,
                "source_title": _cut("source_title", ARROW.join((title, *section.path))),
            }
            yield Found(section.line, values, unit)


def _titled(named: Named, blocks: Sequence[Block]) -> tuple[str, Sequence[Block]]:
    """The document's title, and the blocks without it."""
    first = blocks[0]
    if not named.title and first.level == 1 and all(b.level != 1 for b in blocks[1:]):
        return first.text, blocks[1:]
    return named.title or named.property or named.stem, blocks


def _sections(blocks: Iterable[Block]) -> Iterator[_Section]:
    """Sections that say something, in order."""
    above: list[tuple[int, str]] = []
    section = _Section((), 1, [])
    for block in blocks:
        if not block.level:
            section.line = section.line if section.texts else block.line
            section.texts.append(block.text)
            continue
        if section.texts:
            yield section
        above = [(level, text) for level, text in above if level < block.level]
        above.append((block.level, block.text))
        section = _Section(tuple(text for _, text in above), block.line, [])
    if section.texts:
        yield section


def _pieces(texts: Iterable[str]) -> Iterator[str]:
    """Paragraphs together, at most PASSAGE_CHARS long where a sentence ends in time."""
    held: list[str] = []
    for text in texts:
        for part in _parts(text):
            if held and sum(map(len, held)) + len(part) > PASSAGE_CHARS:
                yield "\n".join(held)
                held = []
            held.append(part)
    if held:
        yield "\n".join(held)


def _parts(text: str) -> Iterator[str]:
    """A paragraph in parts of at most PASSAGE_CHARS that end with a sentence if they can."""
    while len(text) > PASSAGE_CHARS:
        ends = [end.end() for end in _SENTENCE_END.finditer(text, 0, PASSAGE_CHARS)]
        cut = ends[-1] if ends else PASSAGE_CHARS
        yield text[:cut].strip()
        text = text[cut:].strip()
    yield text


def _id(stem: str, headings: Sequence[str]) -> str:
    """The document's name and the headings without their numbers, within the limit."""
    whole = "/".join(re.sub(r"[\s/#]+", "-", part).strip("-") for part in (stem, *_plain(headings)))
    room = LIMITS["id"] - 8
    if len(whole) <= room:
        return whole
    return f"{whole[: room - 9]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _question(headings: Sequence[str]) -> str:
    return _cut("question", ARROW.join(_plain(headings)))


def _plain(headings: Iterable[str]) -> Iterator[str]:
    """Headings without their numbers."""
    return (_NUMBER.sub("", heading, count=1) or heading for heading in headings)


def _cut(name: str, text: str) -> str:
    limit = LIMITS[name]
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
