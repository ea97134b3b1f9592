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
from math import fsum

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


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each text has which token (compressed sparse rows over texts)."""

    #: Number of each token; one that no text has any more keeps its number.
    ids: dict[str, int]
    #: First place of each text, and one past the last: shape (texts + 1,).
    starts: NDArray[np.int64]
    #: Token numbers, each once a text, and how often that text has them.
    tokens: NDArray[np.int32]
    times: NDArray[np.float32]

    @property
    def rows(self) -> NDArray[np.int32]:
        """The text of each place."""
        sizes = np.diff(self.starts)
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)

    @property
    def lengths(self) -> NDArray[np.float32]:
        """Tokens of each text, repeats counted."""
        texts = len(self.starts) - 1
        return np.bincount(self.rows, self.times, texts).astype(np.float32)

    def of(self, row: int) -> list[int]:
        """The token numbers of one text."""
        found: list[int] = self.tokens[self.starts[row] : self.starts[row + 1]].tolist()
        return found

    def followed_by(self, more: Counts) -> Counts:
        """These texts and then *more*, whose numbers of tokens go on from these."""
        starts = np.concatenate((self.starts, more.starts[1:] + self.starts[-1]))
        tokens = np.concatenate((self.tokens, more.tokens))
        return Counts(more.ids, starts, tokens, np.concatenate((self.times, more.times)))

    def take(self, rows: NDArray[np.int64]) -> Counts:
        """The texts at *rows*, in that order."""
        sizes = np.diff(self.starts)[rows]
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(sizes, out=starts[1:])
        places = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], sizes)
        return Counts(self.ids, starts, self.tokens[places], self.times[places])


class Lexical:
    """Immutable word index over texts that belong to articles."""

    def __init__(
        self,
        texts: Sequence[str],
        owners: Sequence[int],
        articles: int,
        old: Lexical | None = None,
    ) -> None:
        """Index *texts*; ``owners[i]`` is the article (0 … *articles* - 1) text i belongs to.

        Texts that *old* holds are not taken apart again; the result is the same.
        """
        self._texts, self._articles = tuple(texts), articles
        counts = self._counts = _count(self._texts, old)
        held = np.asarray(owners, dtype=np.int64)[counts.rows]
        self._postings = _postings(counts.ids, counts.tokens, counts.rows, _weights(counts))
        self._cover = _distinct(counts.ids, counts.tokens, held)
        #: Weight of a token that no article has: as rare as can be.
        self.unknown = float(np.log1p((articles + 0.5) / 0.5))
        holders = np.diff(self._cover.starts)
        idf = np.log1p((articles - holders + 0.5) / (holders + 0.5)).astype(np.float32)
        self._idf: list[float] = np.where(holders, idf.astype(np.float64), self.unknown).tolist()
        rarity = np.asarray(self._idf)[counts.tokens]
        self._weight = np.bincount(counts.rows, rarity, len(self._texts))

    def __contains__(self, token: str) -> bool:
        """Whether any text has the token."""
        at = self._cover.of(token)
        return bool(at.stop > at.start)

    def idf(self, token: str) -> float:
        """Rarity of a token; that of an unseen one when no article has it."""
        at = self._cover.ids.get(token)
        return self.unknown if at is None else self._idf[at]

    def overlap(self, query: Iterable[str], row: int) -> float:
        """Weight of the tokens that *query* and a text share, over that of both together."""
        mine, ids = dict.fromkeys(query), self._counts.ids
        known = {at for token in mine if (at := ids.get(token)) is not None}
        shared = fsum(self._idf[at] for at in known.intersection(self._counts.of(row)))
        either = sum(self.idf(token) for token in mine) + float(self._weight[row]) - shared
        return shared / either if either else 0.0

    def known(self) -> tuple[Counts, dict[str, int]]:
        """The counts and where each text's are; nothing when most tokens have fallen out of use."""
        if 2 * np.count_nonzero(np.diff(self._cover.starts)) < len(self._counts.ids):
            return _NOTHING, {}
        return self._counts, {text: row for row, text in enumerate(self._texts)}

    def scores(self, query: Iterable[str]) -> NDArray[np.float32]:
        """BM25 of each text for the query's tokens, float32 of shape (texts,)."""
        total = np.zeros(len(self._texts), dtype=np.float32)
        for token in dict.fromkeys(query):
            at = self._postings.of(token)
            if at.stop:
                total[self._postings.rows[at]] += self._postings.weights[at] * self.idf(token)
        return total

    def cover(self, query: Iterable[str]) -> NDArray[np.float32]:
        """Share (0–1) of the query's token weight each article has, shape (articles,)."""
        total = np.zeros(self._articles, dtype=np.float32)
        weight = 0.0
        for token in dict.fromkeys(query):
            at, rarity = self._cover.of(token), self.idf(token)
            total[self._cover.rows[at]] += rarity
            weight += rarity
        return total / np.float32(weight or 1.0)

    def ceiling(self, query: Iterable[str]) -> float:
        """Score of a text made of exactly the query's tokens, for scaling."""
        return sum(self.idf(token) for token in dict.fromkeys(query)) or 1.0


_NOTHING = Counts({}, np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))


def _count(texts: Sequence[str], old: Lexical | None) -> Counts:
    """Count the tokens of *texts*, those that *old* has counted by copying."""
    counted, places = (_NOTHING, {}) if old is None else old.known()
    fresh = dict.fromkeys(text for text in texts if text not in places)
    places |= {text: len(counted.starts) - 1 + i for i, text in enumerate(fresh)}
    everything = counted.followed_by(_take_apart(fresh, counted.ids))
    return everything.take(np.fromiter((places[t] for t in texts), np.int64, len(texts)))


def _take_apart(texts: Iterable[str], known: dict[str, int]) -> Counts:
    # The loop over every token runs in C: a new token takes the next number when it is looked up.
    ids: defaultdict[str, int] = defaultdict(itertools.count(len(known)).__next__, known)
    token_of, times, starts = array("i"), array("f"), array("q", [0])
    for text in texts:
        seen = Counter(tokens(text))
        token_of.extend(map(ids.__getitem__, seen))
        times.extend(seen.values())
        starts.append(len(token_of))
    ids.default_factory = None  # from here on an unknown token is unknown
    return Counts(
        ids, np.array(starts, np.int64), np.array(token_of, np.int32), np.array(times, np.float32)
    )


def _weights(counts: Counts) -> NDArray[np.float32]:
    """The BM25 weight of each token in each text, before its rarity."""
    lengths, tf = counts.lengths, counts.times
    usual = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    norm = K1 * (1 - B + B * lengths / usual)
    weights: NDArray[np.float32] = (tf * (K1 + 1) / (tf + norm[counts.rows])).astype(np.float32)
    return weights


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
