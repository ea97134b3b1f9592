"""Checking: what an editor should look at before citizens do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from math import isqrt

import faiss
import numpy as np

from knowledge import findable, form
from knowledge.drafts import Draft
from knowledge.embedder import Vectors
from knowledge.entries import Kind
from knowledge.findings import Finding, Trouble
from knowledge.index import Exact, Index
from knowledge.large import Places
from knowledge.search import Knowledge
from knowledge.snapshot import Snapshot
from knowledge.text import fold

#: Cosine of two questions from which they are shown as perhaps the same.
ALIKE = 0.9
#: Neighbours looked at for each question.
_NEIGHBOURS = 8
#: Rows up to which every pair is compared, and cells of near rows looked through beyond.
_EXACT_ROWS, _CELLS = 5_000, 4


def check(
    known: Knowledge,
    waiting: Sequence[Draft] = (),
    days: int = 30,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Finding, ...]:
    """All findings about what is published, and about the form of what is *waiting* to be.

    *days* is how far ahead an end of validity is reported.
    """
    snapshot, today = known.snapshot, known.today
    return (
        *_alike(snapshot, today),
        *findable.check(known, progress),
        *_dates(snapshot.articles, today, days),
        *_dangling(snapshot.articles),
        *form.check((*snapshot.articles, *waiting)),
    )


def _alike(snapshot: Snapshot, today: dt.date) -> Iterator[Finding]:
    served = snapshot.served(today)
    for first, second, cosine in _near_pairs(snapshot):
        if served[first] and served[second]:
            one, other = snapshot.articles[first], snapshot.articles[second]
            same = fold(one.answer) == fold(other.answer)
            yield Finding(
                Trouble.DUPLICATE if same else Trouble.CONTRADICTION,
                (one.id, other.id),
                f"{one.question or one.id} / {other.question or other.id} (likeness {cosine:.2f})",
            )


def _near_pairs(snapshot: Snapshot) -> Iterator[tuple[int, int, float]]:
    """Pairs of articles of one language whose questions are ALIKE, each pair once."""
    entries, index = snapshot.corpus.entries, snapshot.corpus.index
    neighbours = _neighbours(index)
    asked = [row for row, e in enumerate(entries) if e.kind is not Kind.ANSWER]
    seen: set[tuple[int, int]] = set()
    for start in range(0, len(asked), 256):
        rows = np.array(asked[start : start + 256])
        scores, found = neighbours(index.vectors[rows], min(_NEIGHBOURS, len(entries)))
        for row, near, cosines in zip(rows, found, scores, strict=True):
            for other, cosine in zip(near, cosines, strict=True):
                pair = _pair(snapshot, int(row), int(other))
                if cosine >= ALIKE and pair is not None and pair not in seen:
                    seen.add(pair)
                    yield (*pair, float(cosine))


def _neighbours(index: Index) -> Callable[[Vectors, int], tuple[Vectors, Places]]:
    """What finds near rows: of many rows only those in the nearest cells, or it would take long.

    Texts as like as :data:`ALIKE` are nearly always in the same cell.
    """
    if not isinstance(index.store, Exact) or len(index.keys) <= _EXACT_ROWS:
        return index.search_many
    rows, dim = index.store.rows.shape
    cells = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, isqrt(rows), faiss.METRIC_INNER_PRODUCT)
    cells.cp.niter, cells.cp.max_points_per_centroid = 5, 50  # roughly is enough
    cells.train(index.store.rows)
    cells.add(index.store.rows)
    cells.nprobe = _CELLS
    found: Callable[[Vectors, int], tuple[Vectors, Places]] = cells.search
    return found


def _pair(snapshot: Snapshot, row: int, other: int) -> tuple[int, int] | None:
    """The two rows' articles in order, when they are two, of one language, and both asked."""
    one, two = snapshot.corpus.entries[row], snapshot.corpus.entries[other]
    if one.article == two.article or two.kind is Kind.ANSWER:
        return None
    if snapshot.langs[one.article] != snapshot.langs[two.article]:
        return None
    return (min(one.article, two.article), max(one.article, two.article))


def _dates(articles: tuple[Draft, ...], today: dt.date, days: int) -> Iterator[Finding]:
    for article in articles:
        if article.valid_to is None or article.valid_to > today + dt.timedelta(days=days):
            continue
        over = article.valid_to < today
        trouble = Trouble.EXPIRED if over else Trouble.EXPIRING
        yield Finding(trouble, (article.id,), f"valid to {article.valid_to.isoformat()}")


def _dangling(articles: tuple[Draft, ...]) -> Iterator[Finding]:
    ids = {a.id for a in articles}
    for article in articles:
        if article.supersedes and article.supersedes not in ids:
            detail = f"supersedes {article.supersedes}, which is not published"
            yield Finding(Trouble.DANGLING, (article.id,), detail)
