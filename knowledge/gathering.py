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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import faiss
import numpy as np
from sqlmodel import Session, col, or_, select, update

from knowledge import gap_questions, gaps
from knowledge.embedder import Embedder, Vectors
from knowledge.gap_questions import GapQuestion, Missed
from knowledge.gaps import Gap, GapStatus
from knowledge.text import normalise

#: Likeness of a question and a gap's title from which it joins; see :func:`likeness_floor`.
LIKENESS = 0.7
#: Questions placed, or titles encoded anew, in one transaction: citizens' messages wait for it.
BATCH = 16
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
    lang: str
    vector: Vectors
    #: Gaps that it is alike enough to join, each with the cosine.
    alike: tuple[tuple[float, int], ...]
    answered: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction is to do: place questions, or store vectors of a changed model."""

    items: tuple[_Item, ...] = ()
    #: Gap, title and vector.
    encoded: tuple[tuple[int, str, bytes], ...] = ()


@dataclass(slots=True)
class Placed:
    """What became of a batch: the gaps opened and joined, and how many needed none."""

    opened: list[int] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    answered: int = 0

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
        self._learn(session)
        return Batch(items=tuple(self._looked_at(session, waiting)))

    def _unencoded(self, session: Session, limit: int) -> list[tuple[int, str]]:
        """Gaps without a vector of this model, with their titles."""
        query = select(Gap.id, Gap.title).where(_GATHERS, Gap.model != self._embedder.fingerprint)
        return [(gap_id or 0, title) for gap_id, title in session.exec(query.limit(limit))]

    def _encoded(self, titles: list[tuple[int, str]]) -> Batch:
        vectors = self._encode([title for _, title in titles])
        rows = zip(titles, vectors, strict=True)
        return Batch(encoded=tuple((gap, title, _stored(v)) for (gap, title), v in rows))

    def _looked_at(self, session: Session, waiting: Sequence[GapQuestion]) -> Iterator[_Item]:
        vectors = self._encode([q.asks for q in waiting])
        for question, vector in zip(waiting, vectors, strict=True):
            answered = self._is_answered(question)
            alike = () if answered else tuple(self._alike(session, question.lang, vector))
            yield _Item(question.id or 0, question.lang, vector, alike, answered)

    def _alike(self, session: Session, lang: str, vector: Vectors) -> Iterator[tuple[float, int]]:
        """The gaps that a question may join, each with the cosine of the title that is alike."""
        for gap, end in self._near(session, lang, vector):
            cosine = float(_vector(gap.vector) @ vector)
            if cosine >= self._floor(lang):
                yield cosine, end.key

    def _near(self, session: Session, lang: str, vector: Vectors) -> list[tuple[Gap, Gap]]:
        """Near gaps that still gather; where closed ones hide them, the graph is made anew."""
        near = self._graphs[lang].near(vector) if lang in self._graphs else ()
        found = gaps.live(session, near)
        if found or len(near) < NEAR:
            return found
        self.forget()
        self._learn(session)
        return gaps.live(session, self._graphs[lang].near(vector) if lang in self._graphs else ())

    def _encode(self, texts: list[str]) -> Vectors:
        """Encode questions so that case and variants of Chinese make no difference."""
        return self._embedder.encode([normalise(text) for text in texts], "query")

    def _is_answered(self, question: GapQuestion) -> bool:
        """Whether an article answers it by now; not when the citizen found the answer no help."""
        if question.reason in (Missed.NOT_HELPFUL, Missed.UNSOLVED):
            return False
        return self._outright(question.asks, question.lang) is not None

    def _learn(self, session: Session) -> None:
        """Take the gaps opened since the last batch into the graphs."""
        rows = session.exec(
            select(Gap.id, Gap.lang, Gap.vector)
            .where(_GATHERS, col(Gap.id) > self._seen, Gap.model == self._embedder.fingerprint)
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
        opened: list[tuple[_Item, int]] = []
        for item in batch.items:
            question = session.get(GapQuestion, item.question, with_for_update=True)
            if question is None or question.placed:
                continue
            gap = None if item.answered else self._home(session, item, opened)
            if item.answered:
                question.placed = True
                done.answered += 1
            elif gap is not None:
                gaps.join(session, gap, question)
                done.joined.append(gap.key)
            else:
                vector, model = _stored(item.vector), self._embedder.fingerprint
                done.opened.append(gaps.open_for(session, question, vector, model).key)
                opened.append((item, done.opened[-1]))
        return done

    def _home(
        self, session: Session, item: _Item, opened: Sequence[tuple[_Item, int]]
    ) -> Gap | None:
        """The most alike gap that is still live, also among those that this batch opened."""
        cosines = ((float(o.vector @ item.vector), gap) for o, gap in opened if o.lang == item.lang)
        floor = self._floor(item.lang)
        alike = [*item.alike, *((cosine, gap) for cosine, gap in cosines if cosine >= floor)]
        found = (gaps.get(session, gap_id) for _, gap_id in sorted(alike, reverse=True))
        return next((gap for gap in found if gap.is_live), None)

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
