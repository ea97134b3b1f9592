"""Word-by-word comparison, weighed by how rare a word is in this knowledge.

Tokens are whole words where a script writes spaces, and single characters plus pairs of
neighbours where it does not (Chinese, Japanese, Korean), which needs no dictionary and
forgives names and new words.  Scores follow BM25 (Robertson and Zaragoza 2009).
"""

from __future__ import annotations

import itertools
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.text import normalise

#: BM25 saturation and length correction.
K1, B = 1.2, 0.6

_RUN = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff]+|[^\\W_]+(?:'[^\\W_]+)?"
)
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")
_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ied", "es", "ed", "s", "y", "e")


def tokens(text: str) -> list[str]:
    """The comparable pieces of a text, in order, repeats kept."""
    found: list[str] = []
    for run in _RUN.findall(normalise(text)):
        if _DENSE.match(run):
            found.extend(run)
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            found.append(_stem(run))
    return found


def _stem(word: str) -> str:
    """A crude stem: one common ending off, at least three letters left."""
    word = word.removesuffix("'s")
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


@dataclass(frozen=True, slots=True)
class Postings:
    """For each token, the rows that hold it (compressed sparse rows over tokens)."""

    ids: dict[str, int]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]

    def of(self, token: str) -> slice:
        """Where the token's rows lie; an empty slice when no row has it."""
        at = self.ids.get(token)
        return slice(0, 0) if at is None else slice(self.starts[at], self.starts[at + 1])


class Lexical:
    """Immutable word index over texts that belong to articles."""

    def __init__(self, texts: Sequence[str], owners: Sequence[int], articles: int) -> None:
        """Index *texts*; ``owners[i]`` is the article (0 … *articles* - 1) text i belongs to."""
        self._rows = len(texts)
        self._articles = articles
        self._postings, by_article = _count(texts, owners)
        self._cover = by_article
        holders = np.diff(by_article.starts)
        self._idf = np.log1p((articles - holders + 0.5) / (holders + 0.5)).astype(np.float32)
        #: Weight of a token that no article has: as rare as can be.
        self.unknown = float(np.log1p((articles + 0.5) / 0.5))

    def __contains__(self, token: str) -> bool:
        """Whether any text has the token."""
        return token in self._cover.ids

    def idf(self, token: str) -> float:
        """Rarity of a token; that of an unseen one when no article has it."""
        at = self._cover.ids.get(token)
        return self.unknown if at is None else float(self._idf[at])

    def scores(self, query: Iterable[str]) -> NDArray[np.float32]:
        """BM25 of each text for the query's tokens, float32 of shape (texts,)."""
        total = np.zeros(self._rows, dtype=np.float32)
        for token in set(query):
            at = self._postings.of(token)
            if at.stop:
                total[self._postings.rows[at]] += self._postings.weights[at] * self.idf(token)
        return total

    def cover(self, query: Iterable[str]) -> NDArray[np.float32]:
        """Share (0–1) of the query's token weight each article has, shape (articles,)."""
        total = np.zeros(self._articles, dtype=np.float32)
        weight = 0.0
        for token in set(query):
            at, rarity = self._cover.of(token), self.idf(token)
            total[self._cover.rows[at]] += rarity
            weight += rarity
        return total / np.float32(weight or 1.0)

    def ceiling(self, query: Iterable[str]) -> float:
        """Score of a text made of exactly the query's tokens, for scaling."""
        return sum(self.idf(token) for token in set(query)) or 1.0


def _count(texts: Sequence[str], owners: Sequence[int]) -> tuple[Postings, Postings]:
    # The loop over every token runs in C: a new token takes the next number when it is looked up.
    ids: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    token_of, row_of, times = array("i"), array("i"), array("f")
    lengths = np.zeros(len(texts), dtype=np.float32)
    for row, text in enumerate(texts):
        seen = Counter(tokens(text))
        token_of.extend(map(ids.__getitem__, seen))
        row_of.extend(itertools.repeat(row, len(seen)))
        times.extend(seen.values())
        lengths[row] = seen.total()
    ids.default_factory = None  # from here on an unknown token is unknown
    token_ids = np.array(token_of, dtype=np.int32)
    rows = np.array(row_of, dtype=np.int32)
    tf = np.array(times, dtype=np.float32)
    usual = max(float(lengths.mean()), 1.0) if len(texts) else 1.0
    norm = K1 * (1 - B + B * lengths / usual)
    weights = (tf * (K1 + 1) / (tf + norm[rows])).astype(np.float32)
    held = np.asarray(owners, dtype=np.int64)[rows]
    return _postings(ids, token_ids, rows, weights), _distinct(ids, token_ids, held)


def _postings(
    ids: dict[str, int],
    token: NDArray[np.int32],
    rows: NDArray[np.int32],
    weights: NDArray[np.float32],
) -> Postings:
    order = np.argsort(token, kind="stable")
    starts = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum(np.bincount(token, minlength=len(ids)), out=starts[1:])
    return Postings(ids, starts, rows[order], weights[order])


def _distinct(ids: dict[str, int], token: NDArray[np.int32], held: NDArray[np.int64]) -> Postings:
    """Postings over articles, one row for each pair of token and article."""
    pairs = np.sort(token.astype(np.int64) << 32 | held)
    pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))] if len(pairs) else pairs
    token_once = (pairs >> 32).astype(np.int32)
    held_once = (pairs & 0xFFFFFFFF).astype(np.int32)
    return _postings(ids, token_once, held_once, np.ones(len(pairs), dtype=np.float32))
