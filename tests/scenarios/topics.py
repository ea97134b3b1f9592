"""An embedder that is told what a text is about: texts of one topic are alike, others are not."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from knowledge.embedder import Kind, Vectors
from knowledge.text import fold


class Topics:
    """A text without a topic is a topic of its own."""

    dim = 64

    def __init__(self, fingerprint: str = "topics/1") -> None:
        self.fingerprint = fingerprint
        #: topic by text
        self.of: dict[str, str] = {}
        self.encoded: list[str] = []

    def about(self, topic: str, *texts: str) -> None:
        """Say what these texts are about."""
        self.of |= dict.fromkeys(map(fold, texts), topic)

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """Return a random direction for each topic."""
        self.encoded.extend(texts)
        topics = [self.of.get(fold(text), fold(text)) for text in texts]
        rows = [np.random.default_rng(crc32(t.encode())).standard_normal(self.dim) for t in topics]
        vectors = np.array(rows, dtype=np.float32).reshape(len(rows), self.dim)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit
