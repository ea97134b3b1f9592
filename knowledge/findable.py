"""Findable: whether an article's own questions find it when they are taken out.

A citizen's words are never quite the article's own.  Each of an article's questions and phrasings
in turn stands in for them: it is taken out and asked.  One text of every article is taken out at
a time, so that all of them are asked of the same knowledge and nothing has to be encoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from knowledge.decisions import Outcome
from knowledge.drafts import Draft
from knowledge.findings import Finding, Trouble
from knowledge.search import Knowledge

#: Texts of an article that are tried, its question first.
TRIED = 3


@dataclass(slots=True)
class _Trial:
    """What came of one article's texts."""

    tried: int = 0
    #: (text, the article that came first instead).
    missed: list[tuple[str, str]] = field(default_factory=list)
    #: Those of them that are answered outright.
    shadows: list[tuple[str, str]] = field(default_factory=list)


def check(
    known: Knowledge, progress: Callable[[int, int], None] | None = None
) -> Iterator[Finding]:
    """Articles that none of their own texts finds, and those another one answers for.

    Only what is served today is looked at, and only articles that are asked for in two ways or
    more: a lone question taken out leaves nothing to compare.
    """
    served = known.snapshot.served(known.today)
    articles = [
        a for a, is_served in zip(known.snapshot.articles, served, strict=True) if is_served
    ]
    rounds = [_taken_out(articles, turn) for turn in range(TRIED)]
    total, done = sum(len(left) for _, left in rounds), 0
    trials: dict[str, _Trial] = {}
    for kept, left in rounds:
        without = known.over(kept, today=known.today) if left else known
        for article, text in left.items():
            _try(without, article, text, trials.setdefault(article, _Trial()))
            done += 1
            if progress is not None:
                progress(done, total)
    for article, trial in trials.items():
        yield from _findings(article, trial)


def _taken_out(articles: list[Draft], turn: int) -> tuple[list[Draft], dict[str, str]]:
    """The articles without their text number *turn*, and that text by article id."""
    kept: list[Draft] = []
    left: dict[str, str] = {}
    for article in articles:
        asked = list(dict.fromkeys(filter(str.strip, (article.question, *article.phrasings))))
        if len(asked) < 2 or turn >= len(asked):
            kept.append(article)
            continue
        left[article.id] = asked.pop(turn)
        kept.append(replace(article, question=asked[0], phrasings=tuple(asked[1:])))
    return kept, left


def _try(known: Knowledge, article: str, text: str, trial: _Trial) -> None:
    decision = known.ask(text, depth=1)
    first = decision.candidates[0].article if decision.candidates else ""
    trial.tried += 1
    if first != article:
        trial.missed.append((text, first))
        if decision.outcome is Outcome.ANSWERED:
            trial.shadows.append((text, first))


def _findings(article: str, trial: _Trial) -> Iterator[Finding]:
    for text, other in trial.shadows:
        yield Finding(Trouble.SHADOWED, (article, other), f"{text!r} is answered with {other}")
    if len(trial.missed) == trial.tried:
        text, other = trial.missed[0]
        detail = (
            f"none of {trial.tried} own questions finds it; {text!r} finds {other or 'nothing'}"
        )
        yield Finding(Trouble.UNFOUND, (article,), detail)
