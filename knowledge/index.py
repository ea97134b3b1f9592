"""Index: the vectors of all entries, in FAISS.

Up to EXACT_UP_TO vectors a question is compared with every one.  Beyond, most lie in a
:class:`~knowledge.large.Large`, which is dear to make and therefore kept: what is added
later waits beside it in an exact tail, what is deleted is passed over, and only when either
has grown large is everything put together anew.

An index carries the embedder's fingerprint and the key (a hash) of every text.  Building one
for new knowledge keeps the vectors of the texts that stayed and encodes only the others;
vectors of two models never meet.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from knowledge.embedder import Embedder, Vectors
from knowledge.large import Large, Places, one_thread

#: Vectors up to which every question is compared with all of them.
EXACT_UP_TO = 100_000
#: Most vectors that wait beside a large part, and the share of it that may be dead.
TAIL, DEAD = 10_000, 0.1
#: Bytes of a text's key.
KEY_BYTES = 16
#: Texts encoded between two reports of progress.
BATCH = 64

#: Called with (encoded so far, to encode in all).
Progress = Callable[[int, int], None]
#: uint8 of shape (n, KEY_BYTES).
Keys = NDArray[np.uint8]


class Rows(Protocol):
    """Vectors by row: an array, or what reads them where they lie."""

    def __getitem__(self, rows: slice | Places) -> Vectors:
        """Float32 of shape (rows, dim)."""
        ...


class Store(Protocol):
    """Holds vectors and finds the nearest."""

    @property
    def rows(self) -> Rows:
        """The vectors by row."""
        ...

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Places]:
        """The nearest rows of each query: cosines and rows of shape (queries, k), best first.

        Where fewer are found the rest is -1.
        """
        ...


class Exact:
    """Every vector as it is; a question is compared with all of them."""

    def __init__(self, flat: Any) -> None:
        """*flat* is a FAISS index of inner products."""
        self.faiss = flat
        #: Float32 of shape (n, dim), in FAISS's memory, which they keep alive.
        self.rows: Vectors = np.zeros((0, flat.d), dtype=np.float32)
        if flat.ntotal:
            numbers = (ctypes.c_float * (flat.ntotal * flat.d)).from_address(int(flat.get_xb()))
            numbers.owner = flat
            self.rows = np.frombuffer(numbers, dtype=np.float32).reshape(-1, flat.d)

    @classmethod
    def of(cls, rows: Vectors) -> Exact:
        """Hold *rows*, float32 of shape (n, dim)."""
        flat = faiss.IndexFlatIP(rows.shape[1])
        flat.add(rows)
        return cls(flat)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Places]:
        """The nearest rows of each query."""
        one_thread()
        found: tuple[Vectors, Places] = self.faiss.search(queries, k)
        return found


class Layered:
    """A large part, a tail beside it, and which row lies where."""

    def __init__(self, large: Large, tail: Exact, places: Places) -> None:
        """``places[row]`` counts through the large part and on through the tail."""
        self.large, self.tail, self.places = large, tail, places
        self._row_of = np.full(len(large.rows) + len(tail.rows), -1, dtype=np.int64)
        self._row_of[places] = np.arange(len(places))
        alive = self._row_of[: len(large.rows)] >= 0
        # FAISS reads the bits where they lie: they are kept as long as the selector.
        self._alive = np.packbits(alive, bitorder="little")
        selector: Any = faiss.IDSelectorBitmap
        self._only = None if alive.all() else selector(self._alive)

    @property
    def rows(self) -> Rows:
        """The vectors by row."""
        return self

    def __getitem__(self, rows: slice | Places) -> Vectors:
        """The vectors of some rows, float32 of shape (rows, dim)."""
        places = self.places[rows]
        size = len(self.large.rows)
        found = np.empty((len(places), self.large.rows.shape[1]), dtype=np.float32)
        found[places < size] = self.large.rows[places[places < size]]
        found[places >= size] = self.tail.rows[places[places >= size] - size]
        return found

    def kept(self, source: Places) -> Places:
        """Where the rows *source* lie in the large part, each place once; -1 for all others."""
        places = np.where(source >= 0, self.places[source], -1)
        places[places >= len(self.large.rows)] = -1
        again = np.ones(len(places), dtype=np.bool_)
        again[np.unique(places, return_index=True)[1]] = False
        places[again] = -1
        return places

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Places]:
        """The nearest rows of each query."""
        cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        for number, query in enumerate(queries):
            its_cosines, its_rows = self._search_one(query, k)
            cosines[number, : len(its_rows)], rows[number, : len(its_rows)] = its_cosines, its_rows
        return cosines, rows

    def _search_one(self, query: Vectors, k: int) -> tuple[Vectors, Places]:
        cosines, places = self.large.search(query, k, self._only)
        if len(self.tail.rows):
            tail = self.tail.search(query[None, :], min(k, len(self.tail.rows)))
            cosines = np.concatenate((cosines, tail[0][0]))
            places = np.concatenate((places, tail[1][0] + len(self.large.rows)))
        best = np.argsort(-cosines, kind="stable")[:k]
        return cosines[best], self._row_of[places[best]]


@dataclass(frozen=True, slots=True)
class Index:
    """Immutable vectors of *n* texts; row i belongs to the i-th text given."""

    fingerprint: str
    keys: Keys
    store: Exact | Layered

    @property
    def vectors(self) -> Rows:
        """The vectors by row: ``index.vectors[rows]`` is float32 of shape (rows, dim)."""
        return self.store.rows

    def search(self, query: Vectors, k: int) -> tuple[Vectors, Places]:
        """The *k* nearest rows of one query of shape (dim,): (cosines, rows), best first."""
        cosines, rows = self.search_many(query[None, :], k)
        found = rows[0] >= 0
        return cosines[0][found], rows[0][found]

    def search_many(self, queries: Vectors, k: int) -> tuple[Vectors, Places]:
        """The same for queries of shape (m, dim): arrays of shape (m, k), row -1 where none is."""
        k = min(k, len(self.keys))
        if k == 0:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        return self.store.search(queries, k)


def key(text: str) -> bytes:
    """What a text is known by, whatever article it belongs to."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=KEY_BYTES).digest()


def build(
    texts: Sequence[str],
    embedder: Embedder,
    old: Index | None = None,
    progress: Progress | None = None,
    exact_up_to: int = EXACT_UP_TO,
) -> Index:
    """Index *texts*, keeping from *old* the vectors it has; *old* itself when it fits."""
    keys = np.frombuffer(b"".join(map(key, texts)), dtype=np.uint8).reshape(-1, KEY_BYTES)
    if old is not None and old.fingerprint != embedder.fingerprint:
        old = None
    if old is not None and np.array_equal(old.keys, keys):
        return old
    source = _source(keys, old)
    large = len(texts) > exact_up_to
    missing = [text for text, row in zip(texts, source, strict=True) if row < 0]
    fresh = _encode(missing, embedder, progress, np.float16 if large else np.float32)
    store = _layered(source, old, fresh) if large else Exact.of(_joined(source, old, fresh))
    return Index(embedder.fingerprint, keys, store)


def _source(keys: Keys, old: Index | None) -> Places:
    """The row of *old* that has each text, -1 where none has."""
    known: dict[bytes, list[int]] = {}
    for row, its_key in enumerate([] if old is None else _listed(old.keys)):
        known.setdefault(its_key, []).append(row)
    return np.fromiter((_taken(known.get(k)) for k in _listed(keys)), np.int64, len(keys))


def _taken(rows: list[int] | None) -> int:
    """One of the rows of a text, another each time while there are several."""
    if not rows:
        return -1
    return rows.pop() if len(rows) > 1 else rows[0]


def _listed(keys: Keys) -> list[bytes]:
    found: list[bytes] = keys.view(f"V{KEY_BYTES}").ravel().tolist()
    return found


def _encode(
    texts: Sequence[str], embedder: Embedder, progress: Progress | None, kind: type[Any]
) -> NDArray[Any]:
    """The vectors of *texts*, float16 or float32 of shape (len(texts), dim); equal ones once."""
    distinct = list(dict.fromkeys(texts))
    vectors = np.empty((len(distinct), embedder.dim), dtype=kind)
    for start in range(0, len(distinct), BATCH):
        batch = distinct[start : start + BATCH]
        vectors[start : start + len(batch)] = embedder.encode(batch, "passage")
        if progress is not None:
            progress(start + len(batch), len(distinct))
    if len(distinct) == len(texts):
        return vectors
    row_of = {text: row for row, text in enumerate(distinct)}
    return vectors[[row_of[text] for text in texts]]


def _joined(source: Places, old: Index | None, fresh: NDArray[Any]) -> NDArray[Any]:
    """All vectors in their order, of the type of *fresh*: those of *old* and the fresh ones."""
    if old is None:
        return fresh
    vectors = np.empty((len(source), fresh.shape[1]), dtype=fresh.dtype)
    vectors[source >= 0] = old.vectors[source[source >= 0]]
    vectors[source < 0] = fresh
    return vectors


def _layered(source: Places, old: Index | None, fresh: NDArray[Any]) -> Layered:
    """Keep the large part of *old* while little beside it has changed; else make a new one."""
    if old is not None and isinstance(old.store, Layered):
        large, places = old.store.large, old.store.kept(source)
        beside = np.flatnonzero(places < 0)
        dead = len(large.rows) - (len(places) - len(beside))
        if len(beside) <= TAIL and dead <= DEAD * len(large.rows):
            places[beside] = len(large.rows) + np.arange(len(beside))
            tail = _joined(source[beside], old, fresh.astype(np.float32))
            return Layered(large, Exact.of(tail), places)
    large = Large.of(_joined(source, old, fresh))
    nothing = np.zeros((0, fresh.shape[1]), dtype=np.float32)
    return Layered(large, Exact.of(nothing), np.arange(len(source)))
