"""Calibration: from features to probabilities, and from stated targets to two thresholds.

Two logistic regressions give the probability that the best article is right, and that a
right one is among the first three.  A table measured while training, always on knowledge
of a kind left out of the training, says which share of outright answers is wrong at which
threshold; the answer threshold is read from it for the share the office accepts.  Choices
are shown from a fixed, stated probability on.  All of it is learned twice: for knowledge whose
phrasings teach how citizens ask, and for knowledge without.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any

from knowledge.ranker import DECISION_FEATURES, Candidate, Corpus, Floats, Ranker

#: Most articles offered at once.
OFFERED = 3
#: Probability that the right article is among those offered, from which choices are worth
#: showing: at least one in three of the faintest offers holds it.
USEFUL_OFFER = 0.33
#: Digits kept of a probability, so that every machine decides alike.
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression over DECISION_FEATURES."""

    weights: tuple[float, ...]
    bias: float

    def __post_init__(self) -> None:
        """Refuse weights that do not go with the features."""
        if len(self.weights) != len(DECISION_FEATURES):
            raise ValueError(f"{len(DECISION_FEATURES)} weights are needed")

    def __call__(self, features: Floats) -> float:
        """The probability, 0 to 1."""
        z = self.bias + sum(w * float(x) for w, x in zip(self.weights, features, strict=True))
        return round(1.0 / (1.0 + exp(-z)), DIGITS)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From *answer* on an article is sent outright; from *offer* on choices are shown."""

    answer: float
    offer: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Learned probabilities and what they were measured to mean."""

    #: That a candidate is right.
    right: Logistic
    #: That one of the first OFFERED candidates is right.
    among: Logistic
    #: (threshold, share of outright answers that were wrong), thresholds rising.
    wrong_answers: tuple[tuple[float, float], ...]

    def confidence(self, candidate: Candidate) -> float:
        """The probability that this candidate answers the question."""
        return self.right(candidate.decision_features())

    def offer_confidence(self, ranked: Sequence[Candidate]) -> float:
        """The probability that one of the first OFFERED candidates does."""
        share = sum(c.share for c in ranked[:OFFERED])
        return self.among(ranked[0].decision_features(share))

    def thresholds(self, max_wrong_answers: float) -> Thresholds:
        """The thresholds for the share of wrong outright answers the office accepts (0 to 1).

        When no threshold was measured to be that good, none is: nothing is answered outright.
        """
        answer = next((t for t, wrong in self.wrong_answers if wrong <= max_wrong_answers), 1.01)
        return Thresholds(answer, min(USEFUL_OFFER, answer))


@dataclass(frozen=True, slots=True)
class Judge:
    """What orders candidates and what their scores mean, for one kind of knowledge."""

    ranker: Ranker
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Weights:
    """All that was learned, as shipped in ``weights.json``."""

    #: Changes whenever anything learned changes; stored with each answer.
    name: str
    #: For knowledge whose articles have one question each, or none.
    plain: Judge
    #: For knowledge that has a discriminant.
    taught: Judge

    def judge(self, known: Corpus) -> Judge:
        """The judge for this knowledge."""
        return self.plain if known.discriminant is None else self.taught


@cache
def shipped_weights() -> Weights:
    """The weights that come with the package."""
    return read_weights(json.loads(files("knowledge").joinpath("weights.json").read_text("utf-8")))


def read_weights(values: dict[str, Any]) -> Weights:
    """Weights from their JSON form."""
    return Weights(values["name"], _judge(values["plain"]), _judge(values["taught"]))


def _judge(values: dict[str, Any]) -> Judge:
    calibration = Calibration(
        _logistic(values["right"]),
        _logistic(values["among"]),
        _table(values["wrong_answers"]),
    )
    return Judge(Ranker(values["rank"], values["none"]), calibration)


def _logistic(values: dict[str, Any]) -> Logistic:
    return Logistic(tuple(float(w) for w in values["weights"]), float(values["bias"]))


def _table(rows: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(threshold), float(share)) for threshold, share in rows)
