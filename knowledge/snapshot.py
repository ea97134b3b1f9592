"""Snapshot: all that is published at one version, ready to be searched and never changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from knowledge import index as indexes
from knowledge.drafts import Draft, live
from knowledge.embedder import Embedder
from knowledge.entries import Entry, entries
from knowledge.ranker import Corpus, corpus
from knowledge.text import fold


@dataclass(frozen=True, slots=True)
class Prepared:
    """An article with what is made of its texts alone."""

    article: Draft
    #: Where it stands among the articles.
    place: int
    #: Its entries there.
    entries: tuple[Entry, ...]
    #: Its question and phrasings, folded.
    folded: frozenset[str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is published at one version, ready to be searched."""

    kb_version: int
    articles: tuple[Draft, ...]
    corpus: Corpus
    #: Two-letter language of each article, str of shape (articles,).
    langs: NDArray[np.str_]
    #: Places of the articles that have this question or phrasing, by its folded text.
    exact: dict[str, tuple[int, ...]]
    #: What the next snapshot takes over of articles that stay as they are, by id.
    prepared: dict[str, Prepared]

    def served(self, today: dt.date) -> NDArray[np.bool_]:
        """Which articles may be served on a day, bool of shape (articles,)."""
        ids = {a.id for a in live(self.articles, today)}
        return np.array([a.id in ids for a in self.articles], dtype=np.bool_)


def take_snapshot(
    articles: Sequence[Draft],
    embedder: Embedder,
    kb_version: int = 0,
    old: indexes.Index | None = None,
    progress: indexes.Progress | None = None,
    before: Snapshot | None = None,
) -> Snapshot:
    """Make *articles* searchable, encoding only texts that *old* does not hold.

    What *before* has made of articles that stay as they are is taken over.
    """
    known = {} if before is None else before.prepared
    prepared = [_prepare(at, article, known.get(article.id)) for at, article in enumerate(articles)]
    found = [entry for its in prepared for entry in its.entries]
    index = indexes.build([e.text for e in found], embedder, old, progress)
    return Snapshot(
        kb_version,
        tuple(its.article for its in prepared),
        corpus(found, index, None if before is None else before.corpus),
        np.array([a.lang[:2] for a in articles], dtype="U2"),
        _exact(prepared),
        {its.article.id: its for its in prepared},
    )


def _prepare(place: int, article: Draft, known: Prepared | None) -> Prepared:
    if known is None or not (known.article is article or known.article == article):
        folded = frozenset(map(fold, (article.question, *article.phrasings))) - {""}
        known = Prepared(article, 0, tuple(entries([article])), folded)
    if known.place == place:
        return known
    moved = tuple(replace(entry, article=place) for entry in known.entries)
    return replace(known, place=place, entries=moved)


def _exact(prepared: Sequence[Prepared]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for place, its in enumerate(prepared):
        for text in its.folded:
            found[text] = (*found.get(text, ()), place)
    return found
