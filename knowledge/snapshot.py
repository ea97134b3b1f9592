"""Snapshot: all that is published at one version, ready to be searched and never changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge import index as indexes
from knowledge.drafts import Draft, live
from knowledge.embedder import Embedder
from knowledge.entries import entries
from knowledge.ranker import Corpus, corpus
from knowledge.text import fold


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
) -> Snapshot:
    """Make *articles* searchable, encoding only texts that *old* does not hold."""
    found = entries(articles)
    index = indexes.build([e.text for e in found], embedder, old, progress)
    langs = np.array([a.lang[:2] for a in articles], dtype="U2")
    return Snapshot(kb_version, tuple(articles), corpus(found, index), langs, _exact(articles))


def _exact(articles: Sequence[Draft]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for place, article in enumerate(articles):
        for text in (article.question, *article.phrasings):
            if folded := fold(text):
                found.setdefault(folded, set()).add(place)
    return {text: tuple(sorted(places)) for text, places in found.items()}
