"""Search: a citizen's question in, a decision out.

:class:`Knowledge` holds one immutable snapshot of all that is published and swaps it when
``kb_version`` moves; asking is safe from many threads at once.  What is not valid today, or
is superseded by an article that is, is never considered.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from knowledge import articles as store
from knowledge import index_files
from knowledge.batching import QuestionEncoder
from knowledge.calibration import OFFERED, Thresholds, Weights, shipped_weights
from knowledge.decisions import Decision, Match, Outcome, Reason
from knowledge.drafts import Draft
from knowledge.embedder import Embedder, Vectors
from knowledge.errors import IndexUnusable
from knowledge.index import Index, Progress
from knowledge.memory import Asking, Memory
from knowledge.ranker import RANK_FEATURES, Candidate
from knowledge.snapshot import Snapshot, take_snapshot
from knowledge.text import clean, cut, fold, has_words, language

__all__ = ["Decision", "Knowledge", "Match", "Outcome", "Reason", "Snapshot", "take_snapshot"]

logger = logging.getLogger(__name__)

#: Changed articles up to which only these are read.
FEW = 500


class Knowledge:
    """What the office knows, ready to be asked."""

    def __init__(
        self,
        embedder: Embedder,
        *,
        folder: Path | None = None,
        max_wrong_answers: float = 0.05,
        weights: Weights | None = None,
        today: Callable[[], dt.date] = lambda: dt.datetime.now(dt.UTC).date(),
    ) -> None:
        """Prepare an empty knowledge; :meth:`refresh` or :meth:`load` fills it.

        *folder* keeps the index between runs; *today* is the office's calendar day.
        """
        self._embedder, self._folder, self._today = embedder, folder, today
        self._weights = weights or shipped_weights()
        self._max_wrong_answers = max_wrong_answers
        self.model = f"{embedder.fingerprint}+{self._weights.name}"
        self._encoder = QuestionEncoder(embedder)
        #: What is searched now, and the decisions made on it.
        self._serving = (take_snapshot((), embedder, kb_version=-1), Memory())
        self._served: tuple[Snapshot, dt.date, NDArray[np.bool_]] | None = None
        #: The revision of each article in the snapshot, when it comes from a database.
        self._revisions: dict[str, int] = {}
        self._refreshing = Lock()

    @property
    def embedder(self) -> Embedder:
        """What turns its texts into vectors."""
        return self._embedder

    @property
    def kb_version(self) -> int:
        """Version of the snapshot that answers now; -1 before the first."""
        return self.snapshot.kb_version

    @property
    def snapshot(self) -> Snapshot:
        """What is searched now."""
        return self._serving[0]

    @property
    def thresholds(self) -> Thresholds:
        """In force for every question to what is searched now."""
        return self._thresholds(self.snapshot)

    @property
    def today(self) -> dt.date:
        """The office's calendar day."""
        return self._today()

    def load(
        self,
        articles: Sequence[Draft],
        kb_version: int = 0,
        progress: Progress | None = None,
    ) -> None:
        """Take these articles as all there is, apart from any database."""
        old, self._revisions = self.snapshot, {}
        self._serve(
            take_snapshot(articles, self._embedder, kb_version, old.corpus.index, progress, old)
        )

    def over(
        self,
        articles: Sequence[Draft],
        kb_version: int = 0,
        today: dt.date | None = None,
        progress: Progress | None = None,
    ) -> Knowledge:
        """The same model and error target over other articles, in memory.

        *today* stands still where given.  Vectors of texts that are known here are kept.
        """
        other = Knowledge(
            self._embedder,
            max_wrong_answers=self._max_wrong_answers,
            weights=self._weights,
            today=self._today if today is None else lambda: today,
        )
        other._serve(self.snapshot)
        other.load(articles, kb_version, progress)
        return other

    def refresh(self, session: Session, progress: Progress | None = None) -> bool:
        """Take over what is published now if it has changed; whether it had.

        Questions go on being answered from the old snapshot meanwhile.
        """
        with self._refreshing:
            version = store.kb_version(session)
            if version == self.kb_version:
                return False
            index, revisions = self._old_index(), store.published_revisions(session)
            articles = self._published(session, revisions)
            snapshot = take_snapshot(
                articles, self._embedder, version, index, progress, self.snapshot
            )
            self._serve(snapshot)
            self._revisions = revisions
            if self._folder is not None and snapshot.corpus.index is not index:
                self._save(snapshot, self._folder)
            return True

    def ask(self, text: str, lang: str | None = None, depth: int = OFFERED) -> Decision:
        """Decide about a question; any text gets a decision.

        *lang* is the asker's language when it is known better than by the text; *depth* is
        how many candidates to tell.
        """
        started = time.perf_counter()
        snapshot, memory = self._serving
        question = cut(clean(text))
        spoken = lang or language(question)
        asking = Asking(question, spoken, depth, self._today(), self._thresholds(snapshot))
        decision = memory.recall(asking, lambda: self._decide(snapshot, asking))
        return replace(decision, ms=round((time.perf_counter() - started) * 1e3, 3))

    def _decide(self, snapshot: Snapshot, asking: Asking) -> Decision:
        question = asking.question
        if not has_words(question):
            return self._unanswered(snapshot, Reason.NO_WORDS, asking)
        served = self._served_on(snapshot, asking.day)
        if not served.any():
            return self._unanswered(snapshot, Reason.NO_ARTICLES, asking)
        vector = self._encoder.encode(question)
        same = [i for i in snapshot.exact.get(fold(question), ()) if served[i]]
        if len(same) == 1:
            return self._exactly(snapshot, asking, vector, served, same[0])
        return self._in_best_language(snapshot, asking, vector, served)

    def _exactly(
        self,
        snapshot: Snapshot,
        asking: Asking,
        vector: Vectors,
        served: NDArray[np.bool_],
        article: int,
    ) -> Decision:
        """The question is this article's own: it answers, the others follow."""
        ranked = self._rank(snapshot, asking.question, vector, served)
        first = tuple(c for c in ranked if c.article == article)
        rest = tuple(c for c in ranked if c.article != article)
        only = np.arange(len(served)) == article
        first = first or self._rank(snapshot, asking.question, vector, only)
        return self._weigh(snapshot, (*first, *rest), asking, exact=True)

    def _in_best_language(
        self,
        snapshot: Snapshot,
        asking: Asking,
        vector: Vectors,
        served: NDArray[np.bool_],
    ) -> Decision:
        """The asker's language first; another one only when that is surer."""
        ranked = self._rank(snapshot, asking.question, vector, served)
        everywhere = self._weigh(snapshot, ranked, asking)
        spoken = served & (snapshot.langs == asking.lang[:2])
        if not spoken.any() or all(spoken[c.article] for c in ranked[:OFFERED]):
            return everywhere
        ranked = self._rank(snapshot, asking.question, vector, spoken)
        at_home = self._weigh(snapshot, ranked, asking)
        surer = everywhere.offer_confidence > at_home.offer_confidence
        return everywhere if surer else at_home

    def _rank(
        self, snapshot: Snapshot, question: str, vector: Vectors, allowed: NDArray[np.bool_]
    ) -> tuple[Candidate, ...]:
        ranker = self._weights.judge(snapshot.corpus).ranker
        return ranker.rank(snapshot.corpus, question, vector, allowed)

    def _weigh(
        self,
        snapshot: Snapshot,
        ranked: tuple[Candidate, ...],
        asking: Asking,
        exact: bool = False,
    ) -> Decision:
        calibration = self._weights.judge(snapshot.corpus).calibration
        sure = 1.0 if exact else calibration.confidence(ranked[0])
        among = 1.0 if exact else calibration.offer_confidence(ranked)
        told = ranked[: max(asking.depth, 1)]
        matches = [_match(snapshot, c, calibration.confidence(c)) for c in told]
        matches[0] = replace(matches[0], confidence=sure)
        outcome, reason = _outcome(asking.thresholds, sure, among, exact)
        found = self._unanswered(snapshot, reason, asking)
        return replace(
            found,
            outcome=outcome,
            match=matches[0] if outcome is Outcome.ANSWERED else None,
            candidates=tuple(matches[: asking.depth]),
            confidence=sure,
            offer_confidence=among,
        )

    def _unanswered(self, snapshot: Snapshot, reason: Reason, asking: Asking) -> Decision:
        return Decision(
            outcome=Outcome.HANDED_OFF,
            reason=reason,
            match=None,
            candidates=(),
            confidence=0.0,
            offer_confidence=0.0,
            thresholds=asking.thresholds,
            lang=asking.lang,
            kb_version=snapshot.kb_version,
            model=self.model,
            ms=0.0,
        )

    def _thresholds(self, snapshot: Snapshot) -> Thresholds:
        calibration = self._weights.judge(snapshot.corpus).calibration
        return calibration.thresholds(self._max_wrong_answers)

    def _served_on(self, snapshot: Snapshot, day: dt.date) -> NDArray[np.bool_]:
        """The served mask, worked out once a day and snapshot."""
        held = self._served
        if held is None or held[0] is not snapshot or held[1] != day:
            held = (snapshot, day, snapshot.served(day))
            self._served = held
        return held[2]

    def _serve(self, snapshot: Snapshot) -> None:
        """Answer from *snapshot* from now on; decisions made on another are forgotten."""
        self._serving = (snapshot, Memory())

    def _save(self, snapshot: Snapshot, folder: Path) -> None:
        """Save the index; a large one is from now on read from its file."""
        index = index_files.save(snapshot.corpus.index, folder, snapshot.kb_version)
        if index is not snapshot.corpus.index:
            self._serve(replace(snapshot, corpus=replace(snapshot.corpus, index=index)))

    def _published(self, session: Session, revisions: dict[str, int]) -> Sequence[Draft]:
        """The articles of these revisions; only those that changed are read when they are few."""
        held = self._revisions
        changed = [name for name, number in revisions.items() if held.get(name) != number]
        if len(changed) > FEW:
            return store.published(session)
        known = {article.id: article for article in self.snapshot.articles}
        known |= store.contents(session, changed)
        return [known[name] for name in revisions]

    def _old_index(self) -> Index | None:
        """The index whose vectors can be kept: this process's last, else the saved one."""
        if self.kb_version >= 0:
            return self.snapshot.corpus.index
        if self._folder is None or not index_files.is_saved(self._folder):
            return None
        try:
            return index_files.load(self._folder, self._embedder.fingerprint)
        except IndexUnusable as reason:
            logger.warning("%s", reason)
            return None


def _outcome(
    thresholds: Thresholds, sure: float, among: float, exact: bool
) -> tuple[Outcome, Reason]:
    if exact:
        return Outcome.ANSWERED, Reason.EXACT
    if sure >= thresholds.answer:
        return Outcome.ANSWERED, Reason.SURE
    if among >= thresholds.offer:
        return Outcome.OFFERED, Reason.UNSURE
    return Outcome.HANDED_OFF, Reason.UNKNOWN


def _match(snapshot: Snapshot, candidate: Candidate, confidence: float) -> Match:
    article = snapshot.articles[candidate.article]
    return Match(
        article=article.id,
        question=article.question,
        answer=article.answer,
        confidence=confidence,
        lang=article.lang,
        category=article.category,
        department=article.department,
        source_title=article.source_title,
        source_url=article.source_url,
        date=article.date,
        features=_named(candidate),
    )


def _named(candidate: Candidate) -> dict[str, float]:
    values = zip(RANK_FEATURES, candidate.features, strict=True)
    named = {name: round(float(value), 4) for name, value in values}
    return named | {"score": round(candidate.score, 4), "share": round(candidate.share, 4)}
