"""Memory: decisions made before on the same knowledge, so that they are made once."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from knowledge.calibration import Thresholds
from knowledge.decisions import Decision

#: Most decisions kept; the one not asked for longest goes first.
MOST = 2_000


class Asking(NamedTuple):
    """All that a decision depends on beside the knowledge and the model."""

    #: The question as it is searched, cleaned and cut.
    question: str
    lang: str
    #: Candidates told.
    depth: int
    day: dt.date
    thresholds: Thresholds


class Memory:
    """The decisions of one snapshot; it is thrown away with it."""

    def __init__(self, most: int = MOST) -> None:
        """Keep *most* decisions."""
        self._most = most
        self._lock = Lock()
        self._decisions: OrderedDict[Asking, Decision] = OrderedDict()

    def __len__(self) -> int:
        """How many decisions are kept."""
        return len(self._decisions)

    def recall(self, asking: Asking, decide: Callable[[], Decision]) -> Decision:
        """The decision made before, else a new one; several threads may make it at once."""
        with self._lock:
            if asking in self._decisions:
                self._decisions.move_to_end(asking)
                return self._decisions[asking]
        decision = decide()
        with self._lock:
            self._decisions[asking] = decision
            if len(self._decisions) > self._most:
                self._decisions.popitem(last=False)
        return decision
