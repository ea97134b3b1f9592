"""Gathering: missed questions are put into the gaps they belong to, a batch at a time.

Each batch goes in two steps.  :meth:`Gatherer.prepare` only reads: it encodes, looks for
near gaps, and asks whether an article answers by now.  :meth:`Gatherer.place` is one short
transaction that looks again at all it changes, so that a crash or a second process between
the two can neither lose a question nor place it twice.

A question joins the nearest live gap of its language whose title is alike enough, else it
opens one.  Near gaps are found in a graph (HNSW, Malkov and Yashunin 2018), so that a
question costs about the same however many gaps there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import faiss
import numpy as np
from sqlmodel import Session, col, or_, select, update

from knowledge import gap_questions, gaps
from knowledge.embedder import Embedder, Vectors
from knowledge.gap_questions import GapQuestion, Missed
from knowledge.gaps import Gap, GapStatus

#: Likeness of a question and a gap's title from which it joins; see :func:`likeness_floor`.
LIKENESS = 0.7
#: Questions placed, or titles encoded anew, in one transaction.
BATCH = 64
#: Near gaps looked at for each question.
NEAR = 16
#: Neighbours of a node of the graph, and nodes visited by one search.
_LINKS, _VISITED = 16, 64

#: Questions of two languages that have nothing to do with each other: how alike an embedder
#: finds these is what it calls unlike.
_UNRELATED = {
    "zh": "怎么办理居住证 明天会下雨吗 我的狗走丢了怎么办 公积金可以提取多少 图书馆几点关门"
    " 孩子上小学要什么材料 路灯坏了找谁修 护照过期了怎么换 养老金什么时候发 噪音扰民怎么投诉"
    " 停车罚单在哪里交 结婚登记需要预约吗".split(),
    "en": (
        "how do I renew my passport",
        "will it rain tomorrow",
        "my dog is lost",
        "how much tax do I pay",
        "when does the library close",
        "which school takes my child",
        "a street lamp is broken",
        "who pays my pension",
        "the neighbours are too loud",
        "where do I pay a parking fine",
        "how to register a marriage",
        "my water bill is wrong",
    ),
}

#: Gaps that questions may be near to: the live ones, and those merged into another.
_GATHERS = or_(col(Gap.status) != GapStatus.CLOSED.value, col(Gap.merged_into).is_not(None))

#: Says which article answers a question of a language outright, if any.
Outright = Callable[[str, str], str | None]


@dataclass(frozen=True, slots=True)
class _Item:
    """A question as it was looked at outside the transaction."""

    question: int
    vector: Vectors
    near: tuple[int, ...]
    answered: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction is to do: place questions, or store vectors of a changed model."""

    items: tuple[_Item, ...] = ()
    #: Gap, title and vector.
    encoded: tuple[tuple[int, str, bytes], ...] = ()
    #: Whether the graphs hold no gap that was closed before.
    fresh: bool = False


@dataclass(slots=True)
class Placed:
    """What became of a batch: the gaps opened and joined, and how many needed none."""

    opened: list[int] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    answered: int = 0
    #: Whether closed gaps hid the live ones, so that the graph must be made anew.
    hidden: bool = False

    @property
    def questions(self) -> int:
        """How many questions were settled."""
        return len(self.opened) + len(self.joined) + self.answered


class Gatherer:
    """Puts missed questions into gaps; one at a time for each database."""

    def __init__(self, embedder: Embedder, outright: Outright) -> None:
        self._embedder, self._outright = embedder, outright
        self._graphs: dict[str, _Graph] = {}
        self._seen = 0
        self._floors: dict[str, float] = {}

    def forget(self) -> None:
        """Read all gaps anew before the next batch: another process may have changed them."""
        self._graphs, self._seen = {}, 0

    def has_work(self, session: Session) -> bool:
        """Whether there is anything to do; cheap."""
        return bool(gap_questions.pending(session, 1)) or bool(self._unencoded(session, 1))

    def prepare(self, session: Session) -> Batch | None:
        """Look at what is to be done next; None when there is nothing."""
        stale = self._unencoded(session, BATCH)
        if stale:
            self.forget()
            return self._encoded(stale)
        waiting = gap_questions.pending(session, BATCH)
        if not waiting:
            return None
        fresh = not self._seen
        self._learn(session)
        return Batch(items=tuple(self._looked_at(waiting)), fresh=fresh)

    def _unencoded(self, session: Session, limit: int) -> list[tuple[int, str]]:
        """Gaps without a vector of this model, with their titles."""
        query = select(Gap.id, Gap.title).where(_GATHERS, Gap.model != self._embedder.fingerprint)
        return [(gap_id or 0, title) for gap_id, title in session.exec(query.limit(limit))]

    def _encoded(self, titles: list[tuple[int, str]]) -> Batch:
        vectors = self._embedder.encode([title for _, title in titles], "query")
        rows = zip(titles, vectors, strict=True)
        return Batch(encoded=tuple((gap, title, _stored(v)) for (gap, title), v in rows))

    def _looked_at(self, waiting: Sequence[GapQuestion]) -> Iterable[_Item]:
        vectors = self._embedder.encode([q.text for q in waiting], "query")
        for question, vector in zip(waiting, vectors, strict=True):
            graph = self._graphs.get(question.lang)
            near = graph.near(vector) if graph else ()
            yield _Item(question.id or 0, vector, near, self._is_answered(question))

    def _is_answered(self, question: GapQuestion) -> bool:
        """Whether an article answers it by now; not when the citizen found the answer no help."""
        if question.reason in (Missed.NOT_HELPFUL, Missed.UNSOLVED):
            return False
        return self._outright(question.text, question.lang) is not None

    def _learn(self, session: Session) -> None:
        """Take the gaps opened since the last batch into the graphs."""
        rows = session.exec(
            select(Gap.id, Gap.lang, Gap.vector)
            .where(_GATHERS, col(Gap.id) > self._seen)
            .order_by(col(Gap.id))
        ).all()
        for gap_id, lang, vector in rows:
            graph = self._graphs.setdefault(lang, _Graph(self._embedder.dim))
            graph.add(gap_id or 0, _vector(vector))
            self._seen = gap_id or 0

    def place(self, session: Session, batch: Batch) -> Placed:
        """Do what was prepared, in the transaction of *session*."""
        for gap_id, title, vector in batch.encoded:
            session.exec(
                update(Gap)
                .where(col(Gap.id) == gap_id, col(Gap.title) == title)
                .values(vector=vector, model=self._embedder.fingerprint)
            )
        done = Placed()
        opened: list[tuple[Gap, Gap]] = []
        for item in batch.items:
            question = session.get(GapQuestion, item.question, with_for_update=True)
            if question is None or question.placed:
                continue
            found = gaps.live(session, item.near)
            if item.answered:
                question.placed = True
                done.answered += 1
            elif not (found or batch.fresh) and len(item.near) == NEAR:
                done.hidden = True  # left for the next batch
            elif gap := self._most_alike([*found, *opened], item.vector, question.lang):
                gaps.join(session, gaps.get(session, gap.key), question)
                done.joined.append(gap.key)
            else:
                gap = self._opened(session, question, item.vector)
                opened.append((gap, gap))
                done.opened.append(gap.key)
        return done

    def _opened(self, session: Session, question: GapQuestion, vector: Vectors) -> Gap:
        return gaps.open_for(session, question, _stored(vector), self._embedder.fingerprint)

    def _most_alike(
        self, candidates: Sequence[tuple[Gap, Gap]], vector: Vectors, lang: str
    ) -> Gap | None:
        """Where the candidate nearest to a question leads, if it is alike enough."""
        model = self._embedder.fingerprint
        known = [pair for pair in candidates if pair[0].lang == lang and pair[0].model == model]
        if not known:
            return None
        cosines = np.stack([_vector(gap.vector) for gap, _ in known]) @ vector
        best = int(cosines.argmax())
        return known[best][1] if cosines[best] >= self._floor(lang) else None

    def _floor(self, lang: str) -> float:
        if lang not in self._floors:
            self._floors[lang] = likeness_floor(self._embedder, lang)
        return self._floors[lang]


class _Graph:
    """The titles of one language's gaps, searched in about logarithmic time."""

    def __init__(self, dim: int) -> None:
        faiss.omp_set_num_threads(1)
        self._index: Any = faiss.IndexHNSWFlat(dim, _LINKS, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efSearch = _VISITED
        self._ids: list[int] = []

    def add(self, gap_id: int, vector: Vectors) -> None:
        """Take in one gap."""
        self._index.add(vector[None, :])
        self._ids.append(gap_id)

    def near(self, vector: Vectors) -> tuple[int, ...]:
        """The ids of the NEAR nearest gaps, the nearest first."""
        _, rows = self._index.search(vector[None, :], min(NEAR, len(self._ids)))
        return tuple(self._ids[row] for row in rows[0] if row >= 0)


def likeness_floor(embedder: Embedder, lang: str) -> float:
    """The cosine that stands for LIKENESS with this embedder and language.

    Likeness is the cosine above what unrelated questions have, as a share of what is
    possible: 0 for unrelated, 1 for the same words.  Embedders differ much in the first,
    so a cosine alone would mean something else with each.
    """
    texts = _UNRELATED.get(lang) or [t for some in _UNRELATED.values() for t in some]
    vectors = embedder.encode(list(texts), "query")
    cosines = vectors @ vectors.T
    unlike = float(cosines[np.triu_indices(len(texts), 1)].mean())
    return unlike + LIKENESS * (1.0 - unlike)


def _vector(stored: bytes) -> Vectors:
    vector: Vectors = np.frombuffer(stored, dtype="<f4").astype(np.float32)
    return vector


def _stored(vector: Vectors) -> bytes:
    return vector.astype("<f4").tobytes()
