"""Rehearsal: what a publish would change, found out before it happens.

The office's test questions and citizens' past questions are asked of the knowledge as it is and
as it would be.  A test question passes when one of its articles is sent or is among the choices;
one that expects no article passes when none is sent outright.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.calibration import OFFERED
from knowledge.decisions import Decision, Outcome
from knowledge.masking import mask
from knowledge.questions import TestQuestion
from knowledge.search import Knowledge


@dataclass(frozen=True, slots=True)
class PastQuestion:
    """What a citizen asked, and in which language ("" where the text tells it)."""

    text: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a citizen gets: the outcome, and the article sent or those offered."""

    outcome: Outcome
    articles: tuple[str, ...] = ()

    @classmethod
    def of(cls, decision: Decision) -> Verdict:
        """What comes of a decision."""
        if decision.match is not None:
            return cls(decision.outcome, (decision.match.article,))
        if decision.outcome is not Outcome.OFFERED:
            return cls(decision.outcome)
        return cls(decision.outcome, tuple(c.article for c in decision.candidates[:OFFERED]))

    def passes(self, expected: Sequence[str]) -> bool:
        """Whether this is right where one of *expected* must be shown, or nothing sent."""
        if not expected:
            return self.outcome is not Outcome.ANSWERED
        return any(article in expected for article in self.articles)

    def same_as(self, other: Verdict) -> bool:
        """Whether a citizen gets the same, the order of choices aside."""
        return self.outcome is other.outcome and set(self.articles) == set(other.articles)

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON values."""
        return {"outcome": self.outcome.value, "articles": list(self.articles)}


@dataclass(frozen=True, slots=True)
class Tried:
    """A question with what it gets now and what it would get."""

    text: str
    lang: str
    before: Verdict
    after: Verdict

    @property
    def differs(self) -> bool:
        """Whether the citizen would get something else."""
        return not self.before.same_as(self.after)

    def to_json(self) -> dict[str, Any]:
        """The trial as JSON values."""
        return {
            "question": mask(self.text),
            "lang": self.lang,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
        }


@dataclass(frozen=True, slots=True)
class TestTried:
    """A test question with its trial."""

    __test__ = False  # pytest takes a class of this name for tests of its own

    number: int
    expected: tuple[str, ...]
    tried: Tried

    @property
    def passes(self) -> bool:
        """Whether it would pass."""
        return self.tried.after.passes(self.expected)

    @property
    def is_broken(self) -> bool:
        """Whether it passes now and would fail."""
        return self.tried.before.passes(self.expected) and not self.passes

    def to_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        mine = {"number": self.number, "expected": list(self.expected)}
        return mine | self.tried.to_json() | {"passes": self.passes, "broken": self.is_broken}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All that was tried."""

    tests: tuple[TestTried, ...]
    past: tuple[Tried, ...]

    @property
    def broken(self) -> tuple[TestTried, ...]:
        """Test questions that pass now and would fail: a reason not to publish."""
        return tuple(t for t in self.tests if t.is_broken)

    @property
    def failing(self) -> tuple[TestTried, ...]:
        """Test questions that would fail, also those that fail already."""
        return tuple(t for t in self.tests if not t.passes)

    @property
    def changed(self) -> tuple[Tried, ...]:
        """Past questions that would be answered differently."""
        return tuple(t for t in self.past if t.differs)

    def to_json(self) -> dict[str, Any]:
        """Counts, failing test questions and changed past questions as JSON values."""
        return {
            "tests": len(self.tests),
            "failing": [t.to_json() for t in self.failing],
            "broken": len(self.broken),
            "past": len(self.past),
            "changed": [t.to_json() for t in self.changed],
        }


def rehearse(
    before: Knowledge,
    after: Knowledge,
    tests: Sequence[TestQuestion],
    past: Sequence[PastQuestion],
    progress: Callable[[int, int], None] | None = None,
) -> Rehearsal:
    """Ask everything of both; with the same knowledge twice it is asked once."""
    asked = [*((t.text, t.lang) for t in tests), *((p.text, p.lang) for p in past)]
    tried: list[Tried] = []
    for number, (text, lang) in enumerate(asked, 1):
        first = Verdict.of(before.ask(text, lang or None))
        second = first if after is before else Verdict.of(after.ask(text, lang or None))
        tried.append(Tried(text, lang, first, second))
        if progress is not None:
            progress(number, len(asked))
    return Rehearsal(
        tuple(TestTried(t.id or 0, t.articles, r) for t, r in zip(tests, tried, strict=False)),
        tuple(tried[len(tests) :]),
    )
