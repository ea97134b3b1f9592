"""Ranker: which of the candidate articles answers best, and what speaks for it.

Candidates come from the vectors and from the words.  Each gets a small feature vector; a
learned linear score orders them, and its softmax, in which "none of them" has a learned
score too, tells how far one stands out.  From that share, the lead over the next and the
likeness :mod:`knowledge.calibration` makes a probability, and where articles have several
phrasings from what these teach (:mod:`knowledge.discriminant`).  Few features decide on purpose:
with more, questions to knowledge of a kind not seen in training were decided worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from knowledge.discriminant import BOUND, Discriminant, learn
from knowledge.embedder import Vectors
from knowledge.entries import Entry, Kind
from knowledge.index import Index
from knowledge.lexical import Lexical, tokens

Floats = NDArray[np.float32]

#: Rows fetched from the vectors, and articles kept from vectors and from words.
NEAREST_ROWS, KEPT = 200, 10
#: Articles kept that the phrasings speak for most.
TAUGHT = 5
#: Most texts of which a discriminant is learned.
LEARNED_ROWS = 100_000

#: One candidate's features, in this order (cosines, or shares from 0 to 1).
RANK_FEATURES = (
    "dense_asked",  # nearest question or phrasing; nearest piece when it has neither
    "dense_answer",  # nearest piece of the answer; nearest question when it has none
    "dense_best",  # nearest of all its texts
    "dense_crowd",  # mean of its five nearest texts
    "words_asked",  # BM25 of the best question or phrasing, share of the highest possible
    "words_answer",  # the same of the best piece of the answer
    "cover",  # share of the question's word weight that the article has
    "overlap",  # word weight shared with the best text, over that of both together
    "taught",  # log odds by what the phrasings of this knowledge teach, over 6; 0 if nothing
)

#: What the probability that a candidate is right is made from.
DECISION_FEATURES = (
    "odds",  # log odds of its share of the softmax over ranking scores
    "lead",  # root of how far its score is above the best other's, times its likeness
    "dense_best",
    "taught",
)

_BEST, _TAUGHT = RANK_FEATURES.index("dense_best"), RANK_FEATURES.index("taught")


@dataclass(frozen=True, slots=True)
class Corpus:
    """All that is compared with a question; rows of one article lie side by side."""

    entries: tuple[Entry, ...]
    index: Index
    lexical: Lexical
    #: First row of each article, and one past the last: int64 of shape (articles + 1,).
    starts: NDArray[np.int64]
    #: True where the row is a piece of an answer, shape (rows,).
    is_answer: NDArray[np.bool_]
    #: What the phrasings teach; None where they are too few.
    discriminant: Discriminant | None

    @property
    def size(self) -> int:
        """Number of articles."""
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article that may answer, with what speaks for it."""

    article: int
    #: RANK_FEATURES, float32.
    features: Floats
    #: Ranking score; higher is better.
    score: float
    #: Its part of the softmax over the candidates and "none of them", 0 to 1.
    share: float
    #: Its score above the best other's ("none of them" where it is alone), at least 0.
    lead: float

    def decision_features(self, share: float | None = None) -> Floats:
        """DECISION_FEATURES, float32; *share* stands in for its own where given."""
        odds = log_odds(self.share if share is None else share)
        likeness = max(float(self.features[_BEST]), 0.0)
        lead, taught = sqrt(self.lead) * likeness, float(self.features[_TAUGHT])
        return np.array([odds, lead, likeness, taught], dtype=np.float32)


def corpus(entries: Sequence[Entry], index: Index, old: Corpus | None = None) -> Corpus:
    """Put entries and their vectors together with the word index; *old* saves some of the work."""
    owners = np.array([e.article for e in entries], dtype=np.int64)
    size = int(owners[-1]) + 1 if len(owners) else 0
    starts = np.searchsorted(owners, np.arange(size + 1)).astype(np.int64)
    is_answer = np.array([e.kind is Kind.ANSWER for e in entries], dtype=np.bool_)
    return Corpus(
        tuple(entries),
        index,
        Lexical([e.text for e in entries], owners.tolist(), size, old.lexical if old else None),
        starts,
        is_answer,
        _discriminant(index, owners, ~is_answer, size),
    )


def _discriminant(
    index: Index, owners: NDArray[np.int64], asked: NDArray[np.bool_], size: int
) -> Discriminant | None:
    if not 0 < len(owners) <= LEARNED_ROWS:
        return None
    return learn(index.vectors[np.flatnonzero(asked)], owners[asked], size)


class Ranker:
    """Orders candidates by a learned linear score."""

    def __init__(self, weights: Sequence[float], none: float) -> None:
        """*weights* go with RANK_FEATURES; *none* is the score of "none of them"."""
        if len(weights) != len(RANK_FEATURES):
            raise ValueError(f"the ranker needs {len(RANK_FEATURES)} weights")
        self._weights = np.asarray(weights, dtype=np.float32)
        self._none = none

    def rank(
        self, known: Corpus, text: str, vector: Vectors, allowed: NDArray[np.bool_]
    ) -> tuple[Candidate, ...]:
        """The *allowed* articles (bool, shape (articles,)) that may answer, the best first.

        *vector* is the question's, of shape (dim,).  Empty when no article is allowed.
        """
        if not allowed.any():
            return ()
        query = _Query(known, tokens(text), vector, allowed)
        articles = query.articles()
        features = np.stack([query.features(article) for article in articles])
        scores = features @ self._weights
        order = sorted(range(len(articles)), key=lambda i: (-scores[i], articles[i]))
        return self._candidates([articles[i] for i in order], features[order], scores[order])

    def _candidates(
        self, articles: list[int], features: Floats, scores: Floats
    ) -> tuple[Candidate, ...]:
        """Candidates from articles in their order."""
        shares = _softmax(scores, self._none)
        second = float(scores[1]) if len(scores) > 1 else self._none
        lead = max(float(scores[0]) - second, 0.0)
        return tuple(
            Candidate(article, features[i], float(scores[i]), float(shares[i]), 0.0 if i else lead)
            for i, article in enumerate(articles)
        )


class _Query:
    """One question against one corpus: the scores that all candidates share."""

    def __init__(
        self, known: Corpus, words: list[str], vector: Vectors, allowed: NDArray[np.bool_]
    ) -> None:
        self.known, self.words, self.vector, self.allowed = known, words, vector, allowed
        cosines, rows = known.index.search(vector, NEAREST_ROWS)
        owner = np.searchsorted(known.starts, rows, side="right") - 1
        served = allowed[owner]
        self.cosines, self.owners = cosines[served], owner[served]
        self.bm25 = known.lexical.scores(words)
        self.ceiling = known.lexical.ceiling(words)
        self.cover = known.lexical.cover(words) * allowed
        self.by_words = self._best_by_words()
        self.taught = self._taught()

    def articles(self) -> list[int]:
        """Candidates from vectors, words and what the phrasings teach, each once."""
        dense = list(dict.fromkeys(self.owners.tolist()))[:KEPT]
        found = [*dense, *self.by_words.tolist(), *self._best_taught()]
        return list(dict.fromkeys(found or np.flatnonzero(self.allowed)[:1].tolist()))

    def features(self, article: int) -> Floats:
        """The candidate's RANK_FEATURES, float32."""
        rows = slice(int(self.known.starts[article]), int(self.known.starts[article + 1]))
        cosines = self.known.index.vectors[rows] @ self.vector
        words = self.bm25[rows] / self.ceiling
        answer = self.known.is_answer[rows]
        best = float(cosines.max())
        nearest = np.sort(cosines)[-5:]
        row = rows.start + int((cosines + words).argmax())
        return np.array(
            [
                _top(cosines, ~answer, best),
                _top(cosines, answer, best),
                best,
                nearest.mean(),
                _top(words, ~answer, float(words.max())),
                _top(words, answer, float(words.max())),
                self.cover[article],
                self._overlap(row),
                self.taught[article],
            ],
            dtype=np.float32,
        )

    def _best_by_words(self) -> NDArray[np.int64]:
        """Articles with the highest BM25 of any text, best first."""
        if not len(self.bm25):
            return np.zeros(0, np.int64)
        best = np.maximum.reduceat(self.bm25, self.known.starts[:-1]) * self.allowed
        top = np.argsort(-best, kind="stable")[:KEPT]
        found: NDArray[np.int64] = top[best[top] > 0]
        return found

    def _best_taught(self) -> list[int]:
        """Allowed articles that the phrasings speak for most."""
        if self.known.discriminant is None:
            return []
        order = np.argsort(-self.taught, kind="stable")
        best: list[int] = order[self.allowed[order]][:TAUGHT].tolist()
        return best

    def _taught(self) -> NDArray[np.float64]:
        """Log odds of each article by what this knowledge's phrasings teach, over their bound."""
        taught = self.known.discriminant
        if taught is None:
            return np.zeros(self.known.size)
        return taught.log_odds(self.vector) / BOUND

    def _overlap(self, row: int) -> float:
        """Word weight that the question and a text share, over the weight of both together."""
        return self.known.lexical.overlap(self.words, row)


def log_odds(share: float) -> float:
    """log(share / (1 - share)), within ±8."""
    kept = min(max(share, 1e-9), 1 - 1e-9)
    return min(max(log(kept / (1 - kept)), -8.0), 8.0)


def _softmax(scores: Floats, none: float) -> Floats:
    """Shares of the candidates beside "none of them"; they add up to less than 1."""
    highest = max(float(scores.max()), none)
    raised: Floats = np.exp(scores - highest)
    shares: Floats = raised / (raised.sum() + np.float32(np.exp(none - highest)))
    return shares


def _top(values: Floats, where: NDArray[np.bool_], otherwise: float) -> float:
    return float(values[where].max()) if where.any() else otherwise
