"""Entries: the texts under which an article can be found.

An article is found by its question, by each phrasing, and by the pieces of its answer, so
one without a question (a plain passage of policy) is found too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from knowledge.drafts import Draft
from knowledge.text import clean, cut, is_dense_script, passages

#: Characters an answer's piece should have where one is a syllable, and elsewhere.
PIECE_DENSE, PIECE_SPACED = 150, 400
#: Most pieces of one answer that are searched.
PIECES = 40


class Kind(IntEnum):
    """Which part of the article a text is."""

    QUESTION = 0
    PHRASING = 1
    ANSWER = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One searchable text; *article* is the article's place in the snapshot."""

    article: int
    kind: Kind
    text: str


def entries(articles: Sequence[Draft]) -> list[Entry]:
    """All entries, those of one article side by side, articles in order."""
    return [
        Entry(place, kind, text)
        for place, article in enumerate(articles)
        for kind, text in _texts(article)
    ]


def _texts(article: Draft) -> Iterator[tuple[Kind, str]]:
    """The article's texts; at least one, so that every article owns a row."""
    empty = True
    for kind, text in _candidates(article):
        if searchable := cut(clean(text)):
            empty = False
            yield kind, searchable
    if empty:
        yield Kind.QUESTION, article.id


def _candidates(article: Draft) -> Iterator[tuple[Kind, str]]:
    yield Kind.QUESTION, article.question
    for phrasing in dict.fromkeys(article.phrasings):
        if phrasing != article.question:
            yield Kind.PHRASING, phrasing
    size = PIECE_DENSE if is_dense_script(article.answer[:200]) else PIECE_SPACED
    for piece in passages(article.answer, size)[:PIECES]:
        yield Kind.ANSWER, piece
