"""The commands about knowledge: ``huiying ask`` and ``huiying kb …``.

Each prints for a reader, or with ``--json`` one JSON object and nothing else on stdout.
What is wrong goes to stderr as one plain sentence, with exit code 2 for bad input and 1
for a failure.
"""

import datetime as dt
import getpass
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress

from bot.config import Settings, load_settings
from bot.db import Database
from bot.errors import BadInput, Failure
from huiying.closed_gaps import Closed, after_publishing, refuse_blanks
from huiying.kb_gaps import gaps_app
from huiying.say import Config, Data, Json, plain_errors, show_json
from huiying.schema import open_database
from knowledge import articles, exporting, importing
from knowledge.checking import check
from knowledge.drafts import ArticleStatus, to_json
from knowledge.embedder import load_embedder
from knowledge.errors import ArticleError, ImportRefused, KnowledgeError
from knowledge.evaluate import evaluate, read_kb, read_queries
from knowledge.revisions import Act
from knowledge.search import Decision, Knowledge, Outcome, Reason

#: what ``ask`` says when it does not answer, in the asker's language
_WORDS = {
    "zh": {
        "offered": "您是不是想问：",
        "empty": "还没有发布任何条目；用 huiying kb import 文件 --publish 导入。",
        "unknown": "知识库里没有这个问题的答案；实际使用时会转给工作人员。",
    },
    "en": {
        "offered": "Did you mean:",
        "empty": "Nothing is published yet; `huiying kb import FILE --publish` brings articles in.",
        "unknown": "The knowledge has no answer to this; an official would be asked.",
    },
}

kb_app = typer.Typer(help="Knowledge in and out.", no_args_is_help=True)
kb_app.add_typer(gaps_app, name="gaps")

Why = Annotated[str, typer.Option("--why", help="Reason, kept in the article's history.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of articles.")]


def open_knowledge(settings: Settings) -> Knowledge:
    """The office's knowledge as configured, still empty; ``refresh`` it from a session."""
    zone = ZoneInfo(settings.office.timezone)
    return Knowledge(
        load_embedder(settings.knowledge.embedder),
        folder=settings.data_dir / "index",
        max_wrong_answers=settings.knowledge.max_wrong_answers,
        today=lambda: dt.datetime.now(zone).date(),
    )


def ask_command(
    text: Annotated[str, typer.Argument(help="The question, in your own words.")],
    lang: Annotated[str | None, typer.Option(help="Language of the asker, as zh or en.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Ask the knowledge one question."""
    with _plain_errors(), _office(data, config) as (settings, database):
        decision = _ready(settings, database).ask(text, lang)
        _show(as_json, decision.to_json(), lambda: _decision_text(decision))


@kb_app.command("import")
def import_command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="JSONL or CSV files.")],
    publish: Annotated[bool, typer.Option("--publish", help="Publish the articles.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only, keep nothing.")] = False,
    why: Why = "import",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take articles from files: all rows, or none when one is bad."""
    with _plain_errors(as_json), _office(data, config) as (settings, database):
        rows = importing.read_files(paths)
        done = _import(database, rows, why, publish, dry_run)
        if not dry_run:
            known = _ready(settings, database)
        if publish and not dry_run:
            after_publishing(settings, database, known, (*done.new, *done.changed))
        result = {name: len(getattr(done, name)) for name in ("new", "changed", "unchanged")}
        result |= {"dry_run": dry_run, "kb_version": _version(database)}
        said = "{new} new, {changed} changed, {unchanged} unchanged".format(**result)
        _show(as_json, result, lambda: said + (" (nothing kept)" if dry_run else ""))


@kb_app.command("export")
def export_command(
    out: Annotated[Path | None, typer.Option("--out", help="File; .csv gives CSV.")] = None,
    status: Annotated[ArticleStatus | None, typer.Option(help="Only these.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write articles as import reads them, JSONL on stdout by default."""
    with _plain_errors(), _office(data, config) as (_, database), database.session() as session:
        texts = articles.phrasings(session)
        found = articles.listing(session, status)
        drafts = [articles.content(a, texts.get(a.id, ())) for a in found]
        if out is None and as_json:
            _show(True, {"articles": [to_json(d) for d in drafts]}, str)
        elif out is None:
            exporting.write_jsonl(drafts, sys.stdout)
        else:
            exporting.write_file(drafts, out)
            _show(
                as_json,
                {"articles": len(drafts), "file": str(out)},
                lambda: f"{len(drafts)} articles",
            )


@kb_app.command("list")
def list_command(
    status: Annotated[ArticleStatus | None, typer.Option(help="Only these.")] = None,
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List articles and how many there are of each status."""
    with _plain_errors(), _office(data, config) as (_, database), database.session() as session:
        found = articles.listing(session, status, category)
        names = ("id", "status", "lang", "category", "department", "question", "revision")
        rows = [{name: getattr(a, name) for name in names} for a in found]
        counts = {s.value: n for s, n in articles.counts(session).items()}
        version = articles.kb_version(session)
        result = {"articles": rows, "counts": counts, "kb_version": version}
        lines = [f"{r['id']}\t{r['status']}\t{r['lang']}\t{r['question']}" for r in rows]
        _show(as_json, result, lambda: "\n".join([*lines, _counted(counts)]))


@kb_app.command("publish")
def publish_command(
    ids: Ids,
    why: Why = "",
    answer_waiting: Annotated[
        bool, typer.Option("--answer-waiting", help="Send it to those who asked and still wait.")
    ] = False,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Publish articles: from now on citizens are served them; gaps they answer are closed."""
    _move(ids, ArticleStatus.PUBLISHED, why, data, config, as_json, answer_waiting)


@kb_app.command("retire")
def retire_command(
    ids: Ids, why: Why = "", data: Data = None, config: Config = None, as_json: Json = False
) -> None:
    """Retire articles: they are kept, and no longer served."""
    _move(ids, ArticleStatus.RETIRED, why, data, config, as_json)


@kb_app.command("history")
def history_command(
    article: Annotated[str, typer.Argument(metavar="ID")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show who changed an article, when and why."""
    with _plain_errors(), _office(data, config) as (_, database), database.session() as session:
        rows = [
            {"number": r.number, "at": r.at.isoformat(), "who": r.who, "why": r.why}
            | {"status": r.status.value, "content": to_json(r.content)}
            for r in articles.history(session, article)
        ]
        lines = ["{number}\t{at}\t{who}\t{status}\t{why}".format(**row) for row in rows]
        _show(as_json, {"article": article, "revisions": rows}, lambda: "\n".join(lines))


@kb_app.command("check")
def check_command(
    days: Annotated[int, typer.Option(min=0, help="Report validity ending within.")] = 30,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Find duplicates, contradictions and articles that expire."""
    with _plain_errors(), _office(data, config) as (settings, database):
        known = _ready(settings, database)
        found = check(known.snapshot, known.today, days)
        rows = [asdict(f) for f in found]
        lines = [f"{f.trouble.value}: {', '.join(f.articles)}: {f.detail}" for f in found]
        _show(as_json, {"findings": rows}, lambda: "\n".join(lines) or "Nothing found.")


@kb_app.command("explain")
def explain_command(
    text: Annotated[str, typer.Argument(help="A question.")],
    lang: Annotated[str | None, typer.Option(help="Language of the asker.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show what a decision is made of: features, scores, thresholds."""
    with _plain_errors(), _office(data, config) as (settings, database):
        decision = _ready(settings, database).ask(text, lang)
        result = decision.to_record()
        _show(as_json, result, lambda: json.dumps(result, ensure_ascii=False, indent=2))


@kb_app.command("eval")
def eval_command(
    queries: Annotated[Path, typer.Argument(metavar="QUERIES.jsonl")],
    kb: Annotated[Path | None, typer.Option("--kb", help="Articles to build in memory.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval and decisions; with --kb apart from any office's data."""
    with _plain_errors(as_json):
        asked = read_queries(queries)
        started = time.perf_counter()
        known = _knowledge_of_file(kb) if kb else _knowledge_of_office(data, config)
        built = time.perf_counter() - started
        with _bar("Asking") as progress:
            result = evaluate(known, asked, built, progress)
        lines = [f"{name}\t{value}" for name, value in result.items()]
        _show(as_json, dict(result), lambda: "\n".join(lines))


def _knowledge_of_file(path: Path) -> Knowledge:
    known = Knowledge(load_embedder())
    with _bar("Encoding") as progress:
        known.load(read_kb(path), progress=progress)
    return known


def _knowledge_of_office(data: Path | None, config: Path | None) -> Knowledge:
    with _office(data, config) as (settings, database):
        return _ready(settings, database)


def _import(
    database: Database, rows: tuple[importing.Row, ...], why: str, publish: bool, dry_run: bool
) -> importing.Imported:
    try:
        with database.transaction() as tx, _bar("Importing") as progress:
            act = Act(getpass.getuser(), tx.now, why)
            done = importing.store_rows(tx.session, rows, act, publish, progress)
            if publish:
                refuse_blanks(tx.session, (*done.new, *done.changed))
            if dry_run:
                raise _GiveUp(done)
            body: dict[str, Any] = {"new": list(done.new), "changed": list(done.changed)}
            body |= {"unchanged": len(done.unchanged), "publish": publish, "who": act.who}
            tx.journal("kb_imported", {**body, "why": why})
            return done
    except _GiveUp as given:
        return given.done


class _GiveUp(Exception):
    """Ends a dry run's transaction without keeping it."""

    def __init__(self, done: importing.Imported) -> None:
        self.done = done


def _move(
    ids: list[str],
    status: ArticleStatus,
    why: str,
    data: Path | None,
    config: Path | None,
    as_json: bool,
    answer_waiting: bool = False,
) -> None:
    """Bring every article to *status*, or none, and show which moved."""
    closed: list[Closed] = []
    with _plain_errors(), _office(data, config) as (settings, database):
        with database.transaction() as tx:
            act = Act(getpass.getuser(), tx.now, why)
            moved = [i for i in ids if articles.set_status(tx.session, i, status, act)]
            for article in moved:
                tx.journal(f"kb_{status.value}", {"who": act.who, "why": why}, article)
            if status is ArticleStatus.PUBLISHED:
                refuse_blanks(tx.session, ids)
        known = _ready(settings, database)
        if status is ArticleStatus.PUBLISHED:
            closed = after_publishing(settings, database, known, ids, answer_waiting)
        result: dict[str, Any] = {"status": status.value, "moved": moved}
        result |= {"kb_version": _version(database), "gaps": [asdict(gap) for gap in closed]}
        said = f"{len(moved)} of {len(ids)} are now {status.value}."
        _show(as_json, result, lambda: "\n".join([said, *map(str, closed)]))


@contextmanager
def _office(data: Path | None, config: Path | None) -> Iterator[tuple[Settings, Database]]:
    settings = load_settings(config, data)
    database = open_database(settings)
    try:
        yield settings, database
    finally:
        database.close()


def _ready(settings: Settings, database: Database) -> Knowledge:
    known = open_knowledge(settings)
    with database.session() as session, _bar("Encoding") as progress:
        known.refresh(session, progress)
    return known


def _version(database: Database) -> int:
    with database.session() as session:
        return articles.kb_version(session)


@contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr that appears with the first report."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


@contextmanager
def _plain_errors(as_json: bool = False) -> Iterator[None]:
    """Say what is wrong in one sentence, bad rows one a line before it, and exit."""
    with plain_errors():
        try:
            yield
        except ImportRefused as error:
            for row in error.bad:
                typer.echo(str(row), err=True)
            if as_json:
                show_json({"bad": [asdict(r) for r in error.bad]})
            raise BadInput(str(error)) from error
        except ArticleError as error:
            raise BadInput(str(error)) from error
        except KnowledgeError as error:
            raise Failure(str(error)) from error


def _show(as_json: bool, values: dict[str, Any], text: Callable[[], str]) -> None:
    typer.echo(json.dumps(values, ensure_ascii=False) if as_json else text())


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {status}" for status, n in counts.items())


def _decision_text(decision: Decision) -> str:
    if decision.match is not None:
        found = decision.match
        day = found.date.isoformat() if found.date else ""
        return "\n".join(
            filter(
                None,
                (found.answer, "", " · ".join(filter(None, (found.department, found.source, day)))),
            )
        )
    words = _WORDS["zh" if decision.lang == "zh" else "en"]
    if decision.outcome is Outcome.OFFERED:
        lines = (f"{i}. {c.title}" for i, c in enumerate(decision.candidates, 1))
        return "\n".join((words["offered"], *lines))
    return words["empty" if decision.reason is Reason.NO_ARTICLES else "unknown"]
