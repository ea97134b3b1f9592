"""Discriminant: what an article's own phrasings say about how citizens will ask for it.

Where articles have several phrasings, the vectors of one article differ in some directions
more than in others.  A two-covariance model (probabilistic linear discriminant analysis:
Ioffe 2006; Sizov, Lee and Kinnunen 2014) learns from them which differences matter, and gives
for a question and each article a log likelihood ratio: how much likelier the question is if it
asks for this article than if it asks for one that is not here.  How high the ratio is for right
articles and for wrong ones in *this* knowledge is then learned from the knowledge itself,
without labels: each phrasing is asked as if it were not there, once with its article and once
as if its article were not there either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from knowledge.embedder import Vectors

Doubles = NDArray[np.float64]

#: Fewest articles with several phrasings, and fewest phrasings beyond the first in all.
ARTICLES, REPEATS = 5, 20
#: Phrasings' worth of evidence that the shape of the differences is as in no direction special.
PRIOR = 256.0
#: Least variance within articles in a direction, for phrasings that hardly differ.
LEAST = 1e-5
#: Directions kept, those first in which articles differ most.
DIRECTIONS = 150
#: Most comparisons of phrasings with articles that the self-trial makes.
TRIALS = 1_000_000
#: Pull of the trial's regression towards zero, in trials.
PULL = 1.0
#: Vectors taken in hand at a time.
PART = 1_024
#: Bound of the log odds given.
BOUND = 6.0


@dataclass(frozen=True, slots=True)
class Discriminant:
    """Learned from one knowledge; all arrays are float64."""

    #: Mean of the articles' means, shape (dim,).
    centre: Doubles
    #: To the kept directions, in which phrasings of one article vary by 1, (dim, directions).
    directions: Doubles
    #: Variance between articles in each, shape (directions,).
    between: Doubles
    #: Sums and numbers of the articles' phrasings there, (articles, directions), (articles,).
    sums: Doubles
    counts: Doubles
    #: Log odds that an article is right: this much for each unit of the ratio, and the bias.
    slope: float
    bias: float

    def ratios(self, vector: Vectors) -> Doubles:
        """Log likelihood ratio of each article for a question of shape (dim,), (articles,)."""
        found: Doubles = self._ratios(self._project(vector[None, :]))[0]
        return found

    def log_odds(self, vector: Vectors) -> Doubles:
        """Log odds, by this knowledge's own trial, that each article is right, (articles,)."""
        odds: Doubles = np.clip(self.slope * self.ratios(vector) + self.bias, -BOUND, BOUND)
        return odds

    def _project(self, vectors: Vectors | Doubles) -> Doubles:
        projected: Doubles = (vectors - self.centre) @ self.directions
        return projected

    def _ratios(self, asked: Doubles) -> Doubles:
        """Ratios of shape (questions, articles)."""
        mean, variance = _posterior(self.sums, self.counts, self.between)
        inverse = 1.0 / variance
        away = (asked**2) @ inverse.T - 2.0 * asked @ (mean * inverse).T
        away += ((mean**2) * inverse + np.log(variance)).sum(axis=1)
        return 0.5 * (_unknown(asked, self.between)[:, None] - away)


def learn(vectors: Vectors, owners: NDArray[np.int64], size: int) -> Discriminant | None:
    """The discriminant of *size* articles from their questions and phrasings.

    *vectors* has shape (rows, dim), ``owners[i]`` is the article of row i.  None when too few
    articles have several phrasings to learn from.
    """
    counts = np.bincount(owners, minlength=size).astype(np.float64)
    several = counts > 1
    if several.sum() < ARTICLES or (counts[several] - 1).sum() < REPEATS:
        return None
    within, between, centre = _covariances(vectors, owners, counts)
    directions, spread = _directions(within, between)
    sums = np.zeros((size, directions.shape[1]))
    for part, whose in _parts(vectors, owners):
        _add(sums, (part - centre) @ directions, whose)
    plain = Discriminant(centre, directions, spread, sums, counts, 1.0, 0.0)
    slope, bias = _own_trial(plain, vectors, owners)
    return replace(plain, slope=slope, bias=bias)


def _covariances(
    vectors: Vectors, owners: NDArray[np.int64], counts: Doubles
) -> tuple[Doubles, Doubles, Doubles]:
    """Covariance within articles, between them, and the mean of the articles' means."""
    dim = vectors.shape[1]
    several, asked = counts > 1, counts > 0
    sums, within = np.zeros((len(counts), dim)), np.zeros((dim, dim))
    for part, whose in _parts(vectors, owners):
        _add(sums, part, whose)
        part = part[several[whose]]
        within += part.T @ part
    means = sums / np.maximum(counts, 1)[:, None]
    within -= sums[several].T @ means[several]
    freedom = float((counts[several] - 1).sum())
    even = max(np.trace(within) / freedom / dim, LEAST) * np.eye(dim)
    within = (within + PRIOR * even) / (freedom + PRIOR)
    centre = means[asked].mean(axis=0)
    apart = means[asked] - centre
    between = apart.T @ apart / max(len(apart) - 1, 1) - within * (1 / counts[asked]).mean()
    return within, between, centre


def _parts(
    vectors: Vectors, owners: NDArray[np.int64]
) -> Iterator[tuple[Doubles, NDArray[np.int64]]]:
    """The rows in double precision and their articles, some at a time: all at once is too much."""
    for at in range(0, len(vectors), PART):
        yield vectors[at : at + PART].astype(np.float64), owners[at : at + PART]


def _add(sums: Doubles, rows: Doubles, owners: NDArray[np.int64]) -> None:
    """Add rows to the sums of their articles; rows of one article lie side by side."""
    first = np.flatnonzero(np.diff(owners, prepend=-1))
    np.add.at(sums, owners[first], np.add.reduceat(rows, first, axis=0))


def _directions(within: Doubles, between: Doubles) -> tuple[Doubles, Doubles]:
    """The directions in which *within* is 1 and *between* diagonal, the widest first."""
    values, vectors = np.linalg.eigh(within)
    whiten = vectors / np.sqrt(values)
    spread, turn = np.linalg.eigh(whiten.T @ between @ whiten)
    order = np.argsort(-spread)[:DIRECTIONS]
    return whiten @ turn[:, order], np.maximum(spread[order], 0.0)


def _posterior(sums: Doubles, counts: Doubles, between: Doubles) -> tuple[Doubles, Doubles]:
    """Mean and variance of an article's next phrasing after those that are known."""
    certainty = 1.0 + counts[:, None] * between
    return between * sums / certainty, 1.0 + between / certainty


def _unknown(asked: Doubles, between: Doubles) -> Doubles:
    """Twice the negative log density of questions to an article that is not here, less pi's."""
    variance = 1.0 + between
    found: Doubles = (asked**2 / variance).sum(axis=1) + np.log(variance).sum()
    return found


def _own_trial(
    plain: Discriminant, vectors: Vectors, owners: NDArray[np.int64]
) -> tuple[float, float]:
    """Slope and bias from ratio to log odds, learned from the knowledge's own phrasings.

    Each is asked twice as if it were not there: with its article, which is right when it comes
    first, and without, when whatever comes first is wrong.  The covariances are not learned anew
    without it: that would cost as much again for each, and in an office with few articles says
    more of the covariances than of the phrasings.
    """
    asked = np.flatnonzero(plain.counts[owners] > 1)
    asked = asked[:: -(-len(asked) * len(plain.counts) // TRIALS)]
    projected, mine = plain._project(vectors[asked].astype(np.float64)), owners[asked]
    ratios = plain._ratios(projected)
    ratios[np.arange(len(asked)), mine] = -np.inf
    other = ratios.max(axis=1)
    mean, variance = _posterior(plain.sums[mine] - projected, plain.counts[mine] - 1, plain.between)
    away = ((projected - mean) ** 2 / variance + np.log(variance)).sum(axis=1)
    own = 0.5 * (_unknown(projected, plain.between) - away)
    first = np.concatenate([np.maximum(own, other), other])
    right = np.concatenate([own >= other, np.zeros(len(asked), dtype=np.bool_)])
    return _logistic(first, right.astype(np.float64))


def _logistic(values: Doubles, right: Doubles) -> tuple[float, float]:
    """Logistic regression on one value by Newton's method; never falling."""
    scale = float(values.std()) + 1e-9
    rows = np.column_stack([values / scale, np.ones(len(values))])
    theta = np.zeros(2)
    for _ in range(30):
        predicted = 1 / (1 + np.exp(-np.clip(rows @ theta, -30, 30)))
        slope = rows.T @ (predicted - right) + PULL * theta
        bend = (rows.T * (predicted * (1 - predicted))) @ rows + PULL * np.eye(2)
        theta -= np.linalg.solve(bend, slope)
    return max(float(theta[0]) / scale, 0.0), float(theta[1])
