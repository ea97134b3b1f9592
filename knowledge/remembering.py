"""An embedder that encodes a text once, however often it is asked, as long as it lives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knowledge.embedder import Embedder, Kind, Vectors


class RememberingEmbedder:
    """Keeps every vector it has made (2 KB a text with the bundled encoder)."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.fingerprint, self.dim = embedder.fingerprint, embedder.dim
        self._made: dict[tuple[Kind, str], Vectors] = {}

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """Encode what is new and look up the rest; float32 of shape (len(texts), dim)."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        missing = [t for t in dict.fromkeys(texts) if (kind, t) not in self._made]
        vectors = self._embedder.encode(missing, kind)
        self._made.update(((kind, text), row) for text, row in zip(missing, vectors, strict=True))
        return np.stack([self._made[kind, text] for text in texts])
