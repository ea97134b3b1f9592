"""Large: many vectors, one byte a number for finding and 16 bits for scoring.

An inverted file (Jégou et al. 2011) sorts the vectors into lists by nearest centre.  A
question is compared with the vectors of a few lists, one byte a number; the best of them
are scored again with their 16-bit numbers.  How many lists are looked at is tuned when the
file is made, so that RECALL is reached on questions it has not seen.
"""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from knowledge.embedder import Vectors

Halves = NDArray[np.float16]
Places = NDArray[np.int64]
#: Where something is saved, by suffix, with the digest of each file.
Files = dict[str, tuple[Path, str]]

#: Share of the true ten nearest that tuning asks for, on each kind of question.
RECALL = 0.99
#: Candidates that are scored again, at least.
_CANDIDATES = 100
#: Vectors for each centre while training.
_TRAINED_BY = 39
#: Questions of each kind while tuning, and their kinds: how long what is added to a vector is.
_TUNED_BY, _DISTANCES = 100, (0.0, 0.6, 1.0)
#: Vectors converted at once.
_BLOCK = 1 << 15


class Large:
    """An immutable inverted file over rows; both may lie in mapped files."""

    def __init__(self, lists: Any, rows: Halves, files: Files | None = None) -> None:
        """*lists* is FAISS's, *rows* float16 of shape (n, dim), *files* where both are saved."""
        self.lists, self.rows, self.files = lists, rows, files or {}

    @classmethod
    def of(cls, rows: Halves) -> Large:
        """Train, fill and tune lists for *rows* (a million of them take minutes)."""
        one_thread()
        chance = np.random.default_rng(7)
        lists = _trained(rows, chance)
        for block in _blocks(rows):
            lists.add(block)
        made = cls(lists, rows)
        made._tune(chance)
        return made

    def search(self, query: Vectors, k: int, only: Any = None) -> tuple[Vectors, Places]:
        """The nearest places of one query of shape (dim,): (cosines, places), best first.

        At most *k*; *only* is a FAISS selector of the places that may be found.
        """
        parameters: Any = faiss.SearchParametersIVF
        one_thread()
        params = parameters(sel=only, nprobe=self.lists.nprobe)
        found = self.lists.search(query[None, :], max(k, _CANDIDATES), params=params)[1][0]
        places = found[found >= 0]
        cosines = self.rows[places].astype(np.float32) @ query
        best = np.argsort(-cosines, kind="stable")[:k]
        return cosines[best], places[best]

    def _tune(self, chance: np.random.Generator) -> None:
        """Look at as many lists as RECALL takes on the hardest kind of question."""
        lists, probes = self.lists, 1
        for distance in _DISTANCES:
            queries = _questions(self.rows, distance, chance)
            true = nearest(self.rows, queries, 10)
            while probes < lists.nlist and self._recall(queries, true, probes) < RECALL:
                probes *= 2
        lists.nprobe = min(probes, lists.nlist)

    def _recall(self, queries: Vectors, true: Places, probes: int) -> float:
        self.lists.nprobe = probes
        found = [self.search(query, true.shape[1])[1] for query in queries]
        return sum(len(np.intersect1d(*pair)) for pair in zip(found, true, strict=True)) / true.size


def one_thread() -> None:
    """Let FAISS use the calling thread alone.

    OpenMP keeps this number for each thread that calls it.  Without it every thread that asks
    gets a team of its own, which waits by spinning: a third of a crowd's processor time.
    """
    faiss.omp_set_num_threads(1)


def _trained(rows: Halves, chance: np.random.Generator) -> Any:
    """Empty lists, one for each of about 2√n centres."""
    count, dim = rows.shape
    centres = max(1, min(int(2 * sqrt(count)), count // _TRAINED_BY))
    lists = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dim),
        dim,
        centres,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    sample = np.sort(chance.choice(count, min(count, centres * _TRAINED_BY), replace=False))
    lists.train(rows[sample].astype(np.float32))
    return lists


def _blocks(rows: Halves) -> Any:
    return (rows[at : at + _BLOCK].astype(np.float32) for at in range(0, len(rows), _BLOCK))


def _questions(rows: Halves, distance: float, chance: np.random.Generator) -> Vectors:
    """Unit vectors as far from some of the rows as questions are from what they ask about."""
    picked = np.sort(chance.choice(len(rows), min(_TUNED_BY, len(rows)), replace=False))
    added = chance.standard_normal((len(picked), rows.shape[1])) / sqrt(rows.shape[1])
    moved = rows[picked].astype(np.float32) + distance * added
    queries: Vectors = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return queries


def nearest(rows: Halves, queries: Vectors, k: int) -> Places:
    """The true *k* nearest rows of each query, shape (queries, k)."""
    heap = faiss.ResultHeap(len(queries), min(k, len(rows)), keep_max=True)
    for number, block in enumerate(_blocks(rows)):
        cosines = queries @ block.T
        best = np.argsort(-cosines, axis=1)[:, :k]
        heap.add_result(np.take_along_axis(cosines, best, 1), best + number * _BLOCK)
    heap.finalize()
    places: Places = heap.I
    return places
