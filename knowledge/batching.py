"""Batching: questions that many threads ask at once are encoded together.

The first to come leads: it encodes at once what waits, its own question among it.  What
arrives meanwhile waits for the next round, led by the one that has waited longest.  A lonely
question never waits, and a crowd shares the cost of reading the encoder's weights.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Lock

from knowledge.embedder import Embedder, Vectors

#: Most questions encoded in one round.
MOST = 32


@dataclass(slots=True, eq=False)
class _Asked:
    """One question that waits for its vector, or for its turn to lead."""

    text: str
    woken: Event = field(default_factory=Event)
    vector: Vectors | None = None
    error: Exception | None = None


class QuestionEncoder:
    """Encodes questions for any number of threads, MOST of them in a round."""

    def __init__(self, embedder: Embedder) -> None:
        """Encode with *embedder*, one round at a time."""
        self._embedder = embedder
        self._lock = Lock()
        self._waiting: deque[_Asked] = deque()
        self._led = False

    def encode(self, text: str) -> Vectors:
        """The vector of one question, shape (dim,); raises what the embedder raises for it."""
        mine = _Asked(text)
        with self._lock:
            self._waiting.append(mine)
            leads, self._led = not self._led, True
        if not leads:
            mine.woken.wait()
        if mine.vector is None and mine.error is None:
            self._lead()
        if mine.error is not None:
            raise mine.error
        assert mine.vector is not None
        return mine.vector

    def _lead(self) -> None:
        """Encode what waits, the longest waiting first, and pass the lead on."""
        with self._lock:
            round_ = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        try:
            self._encode(round_)
        finally:
            self._pass_on(round_)

    def _pass_on(self, round_: Sequence[_Asked]) -> None:
        with self._lock:
            self._led = bool(self._waiting)
            following = self._waiting[0] if self._waiting else None
        for asked in round_:
            if asked.vector is None and asked.error is None:
                asked.error = InterruptedError("the thread that encoded for others was ended")
            asked.woken.set()
        if following is not None:
            following.woken.set()

    def _encode(self, round_: Sequence[_Asked]) -> None:
        try:
            vectors = self._embedder.encode([asked.text for asked in round_], "query")
        except Exception as error:  # noqa: BLE001  boundary: each asker gets the one of its own text
            self._encode_each(round_, error)
            return
        for asked, vector in zip(round_, vectors, strict=True):
            asked.vector = vector

    def _encode_each(self, round_: Sequence[_Asked], error: Exception) -> None:
        """A text that cannot be encoded must not fail those it shares a round with."""
        if len(round_) == 1:
            round_[0].error = error
            return
        for asked in round_:
            self._encode([asked])
