"""Evaluation: how often the right article is found, answered or offered, and a wrong one answered.

Knowledge and questions come as JSONL: an article a line as in :mod:`knowledge.importing`,
and a question a line, ``{"query", "relevant": [ids], "type"}``, where ``relevant`` is empty
when the knowledge has no answer.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.calibration import OFFERED
from knowledge.drafts import PHRASING_CHARS, Draft, live
from knowledge.errors import ArticleError, BadRow, ImportRefused
from knowledge.formats import kinds
from knowledge.importing import row_draft
from knowledge.search import Decision, Knowledge, Outcome

#: Places of the ranking that are looked at.
PLACES = 10

Measures = dict[str, float | int | str | None]


@dataclass(frozen=True, slots=True)
class Query:
    """One test question; *relevant* is empty when the knowledge has no answer to it."""

    text: str
    relevant: tuple[str, ...]
    #: "in", "near_oos", "far_oos" …
    type: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A test question, what was decided, and the articles found, the best first."""

    query: Query
    decision: Decision
    found: tuple[str, ...]

    @property
    def is_in(self) -> bool:
        """Whether the knowledge has an answer."""
        return bool(self.query.relevant)

    @property
    def answered(self) -> bool:
        """Whether an article was sent outright."""
        return self.decision.outcome is Outcome.ANSWERED

    @property
    def offered(self) -> bool:
        """Whether choices were shown."""
        return self.decision.outcome is Outcome.OFFERED

    @property
    def answered_right(self) -> bool:
        """Whether the article sent outright is a right one."""
        return self.answered and self.found[0] in self.query.relevant

    @property
    def resolved(self) -> bool:
        """Whether a right article was sent or among those offered."""
        return self.answered_right or (self.offered and self.rank <= OFFERED)

    @property
    def rank(self) -> int:
        """Place of the first right article, from 1; PLACES + 1 when there is none."""
        places = [i for i, a in enumerate(self.found, 1) if a in self.query.relevant]
        return places[0] if places else PLACES + 1


def read_queries(path: Path) -> tuple[Query, ...]:
    """The test questions of a file; raises ImportRefused listing its bad rows."""
    return tuple(_read(path, _query))


def read_kb(path: Path) -> tuple[Draft, ...]:
    """The articles of a file as they would be published; phrasings cut to their limit."""
    return tuple(_read(path, _article))


def never_found(knowledge: Knowledge, queries: Sequence[Query]) -> tuple[str, ...]:
    """The relevant ids that no article served today has; ArticleError when none is served."""
    served = {article.id for article in live(knowledge.snapshot.articles, knowledge.today)}
    if not served:
        raise ArticleError("No article is published and valid, so nothing can be measured.")
    return tuple(sorted({i for query in queries for i in query.relevant} - served))


def evaluate(
    knowledge: Knowledge,
    queries: Sequence[Query],
    build_s: float,
    progress: Callable[[int, int], None] | None = None,
) -> Measures:
    """Ask every question and measure; *build_s* is how long the knowledge took to build."""
    asked: list[Asked] = []
    for number, query in enumerate(queries, 1):
        decision = knowledge.ask(query.text, depth=PLACES)
        asked.append(Asked(query, decision, tuple(m.article for m in decision.candidates)))
        if progress is not None:
            progress(number, len(queries))
    times = np.array([a.decision.ms for a in asked] or [0.0])
    return measure(asked) | {
        "build_s": round(build_s, 2),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p95_ms": round(float(np.percentile(times, 95)), 2),
        "qps": round(1e3 / max(float(times.mean()), 1e-6), 1),
        "rss_mb": rss_mb(),
        "model": knowledge.model,
    }


def measure(asked: Sequence[Asked]) -> Measures:
    """Shares over questions; None where there is no question to measure on."""
    inside = [a for a in asked if a.is_in]
    outside = [a for a in asked if not a.is_in]
    outright = [a for a in asked if a.answered]
    return {
        "n_in": len(inside),
        "n_oos": len(outside),
        "hit1": _share(inside, lambda a: a.rank == 1),
        "hit3": _share(inside, lambda a: a.rank <= 3),
        "mrr10": _mean([1 / a.rank if a.rank <= PLACES else 0.0 for a in inside]),
        "ndcg10": _mean([_ndcg(a) for a in inside]),
        "auroc": _auroc(inside, outside),
        "auroc_near": _auroc(inside, [a for a in outside if a.query.type.startswith("near")]),
        "auroc_far": _auroc(inside, [a for a in outside if a.query.type.startswith("far")]),
        "answered": _share(inside, lambda a: a.answered_right),
        "answered_precision": _share(outright, lambda a: a.answered_right),
        "resolved": _share(inside, lambda a: a.resolved),
        "oos_answered": _share(outside, lambda a: a.answered),
        "oos_offered": _share(outside, lambda a: a.offered),
    }


def rss_mb() -> float:
    """Most memory this process has held, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def _read(path: Path, convert: Callable[[dict[str, Any]], Any]) -> Iterator[Any]:
    good: list[Any] = []
    bad: list[BadRow] = []
    for found in kinds.read(path):
        try:
            if isinstance(found.values, ArticleError):
                raise found.values
            good.append(convert(found.values))
        except ArticleError as error:
            bad.append(BadRow(str(path), found.line, str(error), found.unit))
    if bad:
        raise ImportRefused(tuple(bad), "measured")
    yield from good


def _query(values: dict[str, Any]) -> Query:
    text, relevant = values.get("query"), values.get("relevant")
    if not isinstance(text, str) or not isinstance(relevant, list):
        raise ArticleError('the row needs "query" (a text) and "relevant" (a list of ids).')
    ids = tuple(str(r) for r in relevant)
    return Query(text, ids, str(values.get("type") or ("in" if ids else "oos")))


def _article(values: dict[str, Any]) -> Draft:
    phrasings = values.get("phrasings")
    if isinstance(phrasings, list):
        cut = [p[:PHRASING_CHARS] if isinstance(p, str) else p for p in phrasings]
        values = values | {"phrasings": cut}
    return row_draft(values)


def _share(asked: Sequence[Asked], test: Callable[[Asked], bool]) -> float | None:
    return _mean([float(test(a)) for a in asked])


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _ndcg(asked: Asked) -> float:
    """Normalised discounted gain of the first PLACES (Järvelin and Kekäläinen 2002)."""
    gains = [1 / log2(i + 1) for i in range(1, PLACES + 1)]
    got = sum(g for g, a in zip(gains, asked.found, strict=False) if a in asked.query.relevant)
    return got / sum(gains[: max(len(asked.query.relevant), 1)])


def _auroc(inside: Sequence[Asked], outside: Sequence[Asked]) -> float | None:
    """Chance that a question with an answer gets the higher confidence; ties count half."""
    if not inside or not outside:
        return None
    above = np.sort([a.decision.confidence for a in outside])
    mine = np.array([a.decision.confidence for a in inside])
    wins = np.searchsorted(above, mine, "left") + np.searchsorted(above, mine, "right")
    return round(float(wins.mean() / 2 / len(above)), 4)
