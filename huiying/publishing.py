"""Publishing: a change of what citizens are served is rehearsed first, then made.

The change is tried in a transaction that is given up; what would be published is put beside what
is, and the office's test questions and citizens' past questions are asked of both.  Nothing is
locked meanwhile.  Only then is the change made, if nobody else published in between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

import typer

from bot.config import Settings
from bot.db import Database
from bot.errors import BadInput, Failure
from bot.text import one_line
from bot.transaction import Transaction
from huiying.editors import Editor, editor_of
from huiying.kb_office import bar, ready, refresh
from huiying.past import past_questions
from huiying.say import show_json
from knowledge import articles, questions
from knowledge.drafts import Draft
from knowledge.embedder import load_embedder
from knowledge.masking import mask
from knowledge.questions import TestQuestion
from knowledge.rehearsal import PastQuestion, Rehearsal, TestTried, Tried, Verdict, rehearse
from knowledge.remembering import RememberingEmbedder
from knowledge.search import Knowledge

T = TypeVar("T")

#: lines of a kind shown to a reader; ``--json`` has them all
SHOWN = 20
#: characters of a question shown to a reader
QUESTION_CHARS = 60

#: what to change; it may run twice and must touch nothing but its transaction
Change = Callable[[Transaction, Editor], T]


@dataclass(frozen=True, slots=True)
class How:
    """How a change is to be made, and by whom.

    *force*: although test questions fail. *dry_run*: only tried. *at_once*: not tried before.
    """

    as_editor: str = ""
    why: str = ""
    force: bool = False
    dry_run: bool = False
    as_json: bool = False
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Published(Generic[T]):
    """What the change gave back, the knowledge it led to, and what was tried before it."""

    result: T
    known: Knowledge
    rehearsal: Rehearsal | None

    @property
    def kb_version(self) -> int:
        """The version that is served now."""
        return self.known.kb_version

    def to_json(self) -> dict[str, Any]:
        """Version and rehearsal as JSON values."""
        rehearsal = self.rehearsal.to_json() if self.rehearsal else None
        return {"kb_version": self.kb_version, "rehearsal": rehearsal}


@dataclass(frozen=True, slots=True)
class _Trial(Generic[T]):
    """A change that was not kept: what it gave back, and what would be published."""

    result: T
    moved: bool
    articles: tuple[Draft, ...]


class _GivenUp(Exception):
    """Ends the transaction of a trial without keeping it."""


def publish(settings: Settings, database: Database, change: Change[T], how: How) -> Published[T]:
    """Rehearse *change* and make it.

    Raises Failure when test questions that pass now would fail, and when somebody else
    published meanwhile.
    """
    if how.force and not how.why:
        raise BadInput("--force needs a reason; give it with --why.")
    with database.session() as session:
        editor = editor_of(settings, session, how.as_editor, how.why)
        tests = questions.listing(session)
        past = past_questions(session, settings.knowledge.past_questions)
    known = ready(settings, database, remembering(settings))
    rehearsal = None
    if how.dry_run or ((tests or past) and not how.at_once):
        trial = _try(database, change, editor)
        rehearsal = _rehearse(known, trial, tests, past) if trial.moved else None
        if rehearsal is not None and rehearsal.broken and not (how.force or how.at_once):
            _refuse(rehearsal, how.as_json)
        if how.dry_run:
            return Published(trial.result, known, rehearsal)
    result = make(database, known, change, editor, _journalled(rehearsal, how))
    refresh(known, database)
    return Published(result, known, rehearsal)


def make(
    database: Database,
    known: Knowledge,
    change: Change[T],
    editor: Editor,
    rehearsed: dict[str, Any] | None = None,
) -> T:
    """Make *change* to the knowledge that *known* is; Failure when it has moved since.

    *rehearsed* is what the journal keeps of a rehearsal.
    """
    with database.transaction() as tx:
        if articles.hold_version(tx.session) != known.kb_version:
            raise Failure("Somebody else published meanwhile; run the command again.")
        if rehearsed is not None:
            tx.journal("kb_rehearsed", rehearsed | editor.journalled)
        return change(tx, editor)


def remembering(settings: Settings) -> RememberingEmbedder:
    """The configured embedder, for a command that shows it the same texts more than once."""
    return RememberingEmbedder(load_embedder(settings.knowledge.embedder))


def _try(database: Database, change: Change[T], editor: Editor) -> _Trial[T]:
    trials: list[_Trial[T]] = []
    try:
        with database.transaction() as tx:
            before = articles.kb_version(tx.session)
            result = change(tx, editor)
            moved = articles.kb_version(tx.session) != before
            trials.append(_Trial(result, moved, articles.published(tx.session) if moved else ()))
            raise _GivenUp
    except _GivenUp:
        return trials[0]


def _rehearse(
    known: Knowledge,
    trial: _Trial[T],
    tests: Sequence[TestQuestion],
    past: Sequence[PastQuestion],
) -> Rehearsal:
    with bar("Encoding") as progress:
        after = known.over(trial.articles, known.kb_version + 1, progress=progress)
    with bar("Asking") as progress:
        return rehearse(known, after, tests, past, progress)


def _refuse(rehearsal: Rehearsal, as_json: bool) -> NoReturn:
    """Show what would break and give up."""
    if as_json:
        show_json({"refused": True, "rehearsal": rehearsal.to_json()})
    else:
        typer.echo(told(rehearsal))
    raise Failure(
        f"{counted(len(rehearsal.broken), 'test question')} would break, so nothing was published; "
        "mend the articles or the test questions, or publish with --force and --why."
    )


def _journalled(rehearsal: Rehearsal | None, how: How) -> dict[str, Any] | None:
    """What the journal keeps of a rehearsal: numbers and ids, no citizen's words."""
    if rehearsal is None:
        return None
    return {
        "tests": len(rehearsal.tests),
        "failing": [t.number for t in rehearsal.failing],
        "broken": [t.number for t in rehearsal.broken],
        "past": len(rehearsal.past),
        "changed": len(rehearsal.changed),
        "forced": how.force and bool(rehearsal.broken),
    }


def with_rehearsal(said: str, done: Published[Any]) -> str:
    """What was done, after what was tried before it."""
    tried = told(done.rehearsal) if done.rehearsal is not None else ""
    return f"{tried}\n{said}" if tried else said


def told(rehearsal: Rehearsal) -> str:
    """The rehearsal for a reader."""
    tests, past, changed = len(rehearsal.tests), len(rehearsal.past), rehearsal.changed
    lines: list[str] = []
    if tests:
        passing = tests - len(rehearsal.failing)
        lines.append(f"Test questions: {passing} of {tests} pass.")
        lines += [_test_line(t) for t in rehearsal.failing[:SHOWN]]
        lines += more(len(rehearsal.failing))
    if past:
        differ = f"{len(changed)} of {past}" if changed else f"none of {past}"
        lines.append(f"Past questions: {differ} would be answered differently.")
        lines += [f"  {_tried_line(t)}" for t in changed[:SHOWN]]
        lines += more(len(changed))
    return "\n".join(lines)


def _test_line(test: TestTried) -> str:
    expected = " or ".join(test.expected) or "no answer"
    since = "would break" if test.is_broken else "fails already"
    return f"  ✗ {test.number} ({since}; expected {expected}) {_tried_line(test.tried)}"


def _tried_line(tried: Tried) -> str:
    question = one_line(mask(tried.text), QUESTION_CHARS)
    if not tried.differs:
        return f"{question}: {_verdict(tried.after)}"
    return f"{question}: {_verdict(tried.before)} → {_verdict(tried.after)}"


def _verdict(verdict: Verdict) -> str:
    outcome = verdict.outcome.value.replace("_", " ")
    return f"{outcome} {', '.join(verdict.articles)}".strip()


def more(found: int) -> list[str]:
    """The line that says how many of *found* are not shown, if any."""
    return [f"  … and {found - SHOWN} more (--json lists all)"] if found > SHOWN else []


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
