"""What every command about knowledge stands on: the office, its knowledge, and how it speaks."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress

from bot.clock import Clock, SystemClock
from bot.config import Settings, load_settings
from bot.db import Database
from bot.errors import BadInput
from huiying.say import plain_errors, show_json
from huiying.schema import open_existing
from knowledge import articles
from knowledge.embedder import Embedder, load_embedder
from knowledge.errors import ArticleError, ImportRefused
from knowledge.search import Knowledge

Why = Annotated[str, typer.Option("--why", help="Reason, kept in the article's history.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of articles.")]
As = Annotated[
    str, typer.Option("--as", metavar="NAME", help="Editor who acts, from `official list`.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Publish although test questions fail; needs --why.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Try only, keep nothing.")]


def open_knowledge(
    settings: Settings, embedder: Embedder | None = None, clock: Clock | None = None
) -> Knowledge:
    """The office's knowledge as configured, still empty; ``refresh`` it from a session."""
    zone, clock = ZoneInfo(settings.office.timezone), clock or SystemClock()
    return Knowledge(
        embedder or load_embedder(settings.knowledge.embedder),
        folder=settings.data_dir / "index",
        max_wrong_answers=settings.knowledge.max_wrong_answers,
        today=lambda: clock.now().astimezone(zone).date(),
    )


@contextmanager
def office(
    data: Path | None,
    config: Path | None,
    opened: Callable[[Settings], Database] = open_existing,
) -> Iterator[tuple[Settings, Database]]:
    """The office's settings and its open database."""
    settings = load_settings(config, data)
    database = opened(settings)
    try:
        yield settings, database
    finally:
        database.close()


def ready(settings: Settings, database: Database, embedder: Embedder | None = None) -> Knowledge:
    """The office's knowledge with all that is published."""
    known = open_knowledge(settings, embedder)
    refresh(known, database)
    return known


def refresh(known: Knowledge, database: Database) -> None:
    """Take over what is published now."""
    with database.session() as session, bar("Encoding") as progress:
        known.refresh(session, progress)


def version(database: Database) -> int:
    """The version of the knowledge that is served."""
    with database.session() as session:
        return articles.kb_version(session)


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, if that is a terminal, that appears with the first report."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)


@contextmanager
def plain_kb_errors(as_json: bool = False) -> Iterator[None]:
    """Say what is wrong in one sentence, several bad rows one a line before it, and exit."""
    with plain_errors():
        try:
            yield
        except ImportRefused as error:
            for row in error.bad if len(error.bad) > 1 else ():
                typer.echo(str(row), err=True)
            if as_json:
                show_json({"bad": [asdict(r) for r in error.bad]})
            raise BadInput(str(error)) from error
        except ArticleError as error:
            raise BadInput(str(error)) from error


def show(as_json: bool, values: dict[str, Any], text: Callable[[], str]) -> None:
    """Print one JSON object, or the text for a reader."""
    typer.echo(json.dumps(values, ensure_ascii=False) if as_json else text())
