"""Decisions: what becomes of a question, and the articles that speak for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from knowledge.calibration import Thresholds

#: Characters of the answer that stand for a missing question.
TITLE_CHARS = 60


class Outcome(StrEnum):
    """What becomes of a question."""

    #: The best article is sent as it is.
    ANSWERED = "answered"
    #: Up to three articles are shown to choose from.
    OFFERED = "offered"
    #: An official must answer.
    HANDED_OFF = "handed_off"


class Reason(StrEnum):
    """Why the outcome is what it is."""

    #: The question is one of the article's own, word for word.
    EXACT = "exact"
    #: The probability reaches the answer threshold.
    SURE = "sure"
    #: It only reaches the offer threshold.
    UNSURE = "unsure"
    #: It reaches neither.
    UNKNOWN = "unknown"
    #: The message holds no letter and no digit.
    NO_WORDS = "no_words"
    #: Nothing is published and valid today.
    NO_ARTICLES = "no_articles"


@dataclass(frozen=True, slots=True)
class Match:
    """An article found, as it may be shown to a citizen, and the probability that it is right."""

    article: str
    question: str
    answer: str
    confidence: float
    lang: str
    category: str
    department: str
    source_title: str
    source_url: str
    date: dt.date | None
    #: RANK_FEATURES, score and share by name, for the record.
    features: dict[str, float]

    @property
    def title(self) -> str:
        """The question, or the beginning of the text of an article that has none."""
        return self.question or self.answer[:TITLE_CHARS]

    @property
    def source(self) -> str:
        """Where the text comes from: its link, else its title."""
        return self.source_url or self.source_title


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a question, with all that is needed to decide it again."""

    outcome: Outcome
    reason: Reason
    #: The article that answers; only when answered.
    match: Match | None
    #: The best articles, the best first, whatever the outcome; OFFERED unless asked for more.
    candidates: tuple[Match, ...]
    #: The probability that the best candidate is right.
    confidence: float
    #: The probability that one of the candidates is.
    offer_confidence: float
    thresholds: Thresholds
    #: Language of the question, two letters; "" when it cannot be told.
    lang: str
    kb_version: int
    #: Embedder and learned weights.
    model: str
    #: Milliseconds it took.
    ms: float

    def to_json(self) -> dict[str, Any]:
        """The decision as `ask --json` prints it; of no article, its fields are null."""
        match = self.match
        return {
            "outcome": self.outcome.value,
            "reason": self.reason.value,
            "article": match.article if match else None,
            "question": match.question if match else None,
            "answer": match.answer if match else None,
            "source": match.source if match else None,
            "date": match.date.isoformat() if match and match.date else None,
            "department": match.department if match else None,
            "confidence": self.confidence,
            "candidates": [
                {"article": c.article, "question": c.title, "confidence": c.confidence}
                for c in self.candidates
            ],
            "lang": self.lang,
            "kb_version": self.kb_version,
            "model": self.model,
            "ms": self.ms,
        }

    def to_record(self) -> dict[str, Any]:
        """All of it: to_json with features, scores and thresholds, to explain or replay it."""
        return self.to_json() | {
            "offer_confidence": self.offer_confidence,
            "thresholds": {"answer": self.thresholds.answer, "offer": self.thresholds.offer},
            "candidates": [
                {"article": c.article, "question": c.title, "confidence": c.confidence}
                | {"features": c.features}
                for c in self.candidates
            ],
        }
