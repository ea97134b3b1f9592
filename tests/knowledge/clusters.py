"""Vectors as those of questions lie: topics, in them articles, around each its phrasings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from knowledge.embedder import Kind, Vectors

DIM = 64


class ClusterEmbedder:
    """Text "7" is the seventh of many points that lie in clusters; any other is made up."""

    dim = DIM
    fingerprint = "clusters/1"

    def __init__(self, spread: float = 0.9, articles: int = 60) -> None:
        """*spread* is how far phrasings lie from their article; topics hold several articles."""
        chance = np.random.default_rng(3)
        topics = chance.standard_normal((8, DIM))
        self._centres = topics[chance.integers(0, 8, articles)] * 0.8
        self._centres += chance.standard_normal((articles, DIM))
        self._spread = spread
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """The points that the texts number."""
        self.encoded.extend(texts)
        return unit(np.stack([self._point(int(text)) for text in texts]))

    def _point(self, number: int) -> NDArray[np.float64]:
        chance = np.random.default_rng(number)
        centre = self._centres[chance.integers(len(self._centres))]
        point: NDArray[np.float64] = centre + self._spread * chance.standard_normal(DIM)
        return point


def unit(vectors: NDArray[np.float64]) -> Vectors:
    """The same directions, each of length 1."""
    made: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return made


def recall(found: Sequence[NDArray[np.int64]], true: NDArray[np.int64]) -> float:
    """Share of the true nearest that were found."""
    both = (len(np.intersect1d(f, t)) for f, t in zip(found, true, strict=True))
    return sum(both) / true.size
