"""Index: the vectors of all entries in FAISS, saved beside the database.

A saved index carries the embedder's fingerprint and the key (a hash) of every text.
Opening one for new knowledge keeps the vectors of the texts that stayed and encodes
only the others; vectors of two models never meet.  Files are written under new names
and the manifest, replaced last, makes them count, so that a crash leaves the old index.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from knowledge.embedder import Embedder, Vectors
from knowledge.errors import IndexUnusable

#: Bytes of a text's key.
KEY_BYTES = 16
#: Texts encoded between two reports of progress.
BATCH = 64
_FORMAT = 1
_MANIFEST = "manifest.json"
#: Age in seconds at which a file no manifest names is removed.
_SWEEP_AFTER_S = 600.0

#: Called with (encoded so far, to encode in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Index:
    """Immutable vectors of *n* texts; row i belongs to the i-th text given."""

    fingerprint: str
    #: uint8 of shape (n, KEY_BYTES).
    keys: NDArray[np.uint8]
    #: The FAISS index, exact inner product.
    faiss: Any
    #: The same vectors, float32 of shape (n, dim), in FAISS's memory: keep the index as long.
    vectors: Vectors

    def search(self, query: Vectors, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The *k* nearest rows of one query of shape (dim,): (cosines, rows), best first."""
        k = min(k, len(self.keys))
        if k == 0:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        scores, rows = self.faiss.search(query[None, :], k)
        return scores[0], rows[0]


def key(text: str) -> bytes:
    """What a text is known by, whatever article it belongs to."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=KEY_BYTES).digest()


def build(
    texts: Sequence[str],
    embedder: Embedder,
    old: Index | None = None,
    progress: Progress | None = None,
) -> Index:
    """Index *texts*, keeping from *old* the vectors it has; *old* itself when it fits."""
    keys = [key(text) for text in texts]
    if old is not None and old.fingerprint != embedder.fingerprint:
        old = None
    if old is not None and np.array_equal(old.keys, _key_rows(keys)):
        return old
    known = _known(old)
    vectors = np.empty((len(texts), embedder.dim), dtype=np.float32)
    missing: dict[bytes, list[int]] = {}
    for row, its_key in enumerate(keys):
        if its_key in known and old is not None:
            vectors[row] = old.vectors[known[its_key]]
        else:
            missing.setdefault(its_key, []).append(row)
    _encode_missing(texts, list(missing.values()), vectors, embedder, progress)
    return _assemble(embedder.fingerprint, _key_rows(keys), vectors)


def save(index: Index, folder: Path, kb_version: int) -> None:
    """Write the index under *folder* so that a crash leaves either the old or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{kb_version}-{os.getpid()}-{os.urandom(4).hex()}"
    vectors, keys = folder / f"{name}.faiss", folder / f"{name}.keys"
    faiss.write_index(index.faiss, str(vectors))
    keys.write_bytes(index.keys.tobytes())
    manifest = {
        "format": _FORMAT,
        "fingerprint": index.fingerprint,
        "kb_version": kb_version,
        "vectors": vectors.name,
        "keys": keys.name,
        "digest": _digest(vectors, keys),
    }
    draft = folder / f"{name}.json"
    draft.write_text(json.dumps(manifest), "utf-8")
    os.replace(draft, folder / _MANIFEST)
    _sweep(folder, keep={_MANIFEST, vectors.name, keys.name})


def load(folder: Path, fingerprint: str) -> Index:
    """Read the saved index; raises IndexUnusable when absent, damaged or of another model."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        vectors, keys = folder / manifest["vectors"], folder / manifest["keys"]
        if manifest["format"] != _FORMAT or manifest["fingerprint"] != fingerprint:
            raise IndexUnusable("The saved index belongs to another model; it is built anew.")
        if manifest["digest"] != _digest(vectors, keys):
            raise IndexUnusable("The saved index is damaged; it is built anew.")
        rows = np.frombuffer(keys.read_bytes(), dtype=np.uint8).reshape(-1, KEY_BYTES)
        found = faiss.read_index(str(vectors))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise IndexUnusable("There is no readable saved index; it is built anew.") from error
    return Index(fingerprint, rows, found, _view(found))


def _known(old: Index | None) -> dict[bytes, int]:
    if old is None:
        return {}
    return {row.tobytes(): place for place, row in enumerate(old.keys)}


def _encode_missing(
    texts: Sequence[str],
    places: list[list[int]],
    vectors: Vectors,
    embedder: Embedder,
    progress: Progress | None,
) -> None:
    """Fill the rows of the texts at *places*; each inner list holds rows of one same text."""
    for start in range(0, len(places), BATCH):
        batch = places[start : start + BATCH]
        found = embedder.encode([texts[rows[0]] for rows in batch], "passage")
        for rows, vector in zip(batch, found, strict=True):
            vectors[rows] = vector
        if progress is not None:
            progress(min(start + BATCH, len(places)), len(places))


def _key_rows(keys: list[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, KEY_BYTES)


def _assemble(fingerprint: str, keys: NDArray[np.uint8], vectors: Vectors) -> Index:
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    return Index(fingerprint, keys, flat, _view(flat))


def _view(flat: Any) -> Vectors:
    """FAISS's own rows as an array, without a copy."""
    if flat.ntotal == 0:
        return np.zeros((0, flat.d), dtype=np.float32)
    rows: Vectors = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d)
    return rows.reshape(flat.ntotal, flat.d)


def _digest(*paths: Path) -> str:
    """Digest of the files' bytes; reads in pieces, for the vectors may be large."""
    total = hashlib.blake2b(digest_size=KEY_BYTES)
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                total.update(piece)
    return total.hexdigest()


def _sweep(folder: Path, keep: set[str]) -> None:
    """Remove what earlier saves left, except what another process may just be writing."""
    for path in folder.iterdir():
        ours = path.suffix in (".faiss", ".keys") and path.name not in keep
        if ours and time.time() - path.stat().st_mtime > _SWEEP_AFTER_S:
            path.unlink(missing_ok=True)
