"""The commands about knowledge: ``huiying ask`` and ``huiying kb …``.

Each prints for a reader, or with ``--json`` one JSON object and nothing else on stdout.
What is wrong goes to stderr as one plain sentence, with exit code 2 for bad input and 1
for a failure.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.text import one_line
from bot.transaction import Transaction
from huiying import kb_explain, kb_publish, kb_questions
from huiying.closed_gaps import after_publishing, refuse_blanks
from huiying.editors import Editor
from huiying.kb_gaps import gaps_app
from huiying.kb_office import As, DryRun, Force, Why, bar, office, plain_kb_errors, ready, show
from huiying.publishing import SHOWN, How, more, publish, remembering, with_rehearsal
from huiying.say import Config, Data, Json
from huiying.schema import open_database
from knowledge import articles, exporting, importing
from knowledge.checking import check
from knowledge.drafts import ArticleStatus, to_json
from knowledge.embedder import load_embedder
from knowledge.evaluate import evaluate, never_found, read_kb, read_queries
from knowledge.findings import Finding, Trouble
from knowledge.formats import jsonl_file
from knowledge.index import Progress
from knowledge.search import Decision, Knowledge, Outcome, Reason

#: what an import does with an article
_KINDS = ("new", "changed", "unchanged")
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

_FILES = "Files (CSV, XLSX, JSONL, Markdown, DOCX, PDF), and folders of them."
_OUT = "File ending in .csv, .xlsx or .jsonl; or a folder, ending in /, for Markdown."

for _commands in (kb_publish, kb_questions, kb_explain):
    _commands.register(kb_app)


def ask_command(
    text: Annotated[str, typer.Argument(help="The question, in your own words.")],
    lang: Annotated[str | None, typer.Option(help="Language of the asker, as zh or en.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Ask the knowledge one question."""
    with plain_kb_errors(), office(data, config) as (settings, database):
        decision = ready(settings, database).ask(text, lang)
        show(as_json, decision.to_json(), lambda: _decision_text(decision))


@kb_app.command("import")
def import_command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help=_FILES)],
    publish_them: Annotated[bool, typer.Option("--publish", help="Publish the articles.")] = False,
    dry_run: DryRun = False,
    why: Why = "",
    force: Force = False,
    as_editor: As = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take articles from files: all rows, or none when one is bad."""
    with plain_kb_errors(as_json), office(data, config, open_database) as (settings, database):
        with bar("Reading") as progress:
            rows = importing.read_files(paths, publish_them, progress)
        reason = why if force else why or "import"
        how = How(as_editor, reason, force, dry_run, as_json)
        with bar("Importing") as progress:
            change = partial(_import, rows, publish_them, progress)
            done = publish(settings, database, change, how)
        if publish_them and not dry_run:
            moved = (*done.result.new, *done.result.changed)
            after_publishing(settings, database, done.known, moved)
        result: dict[str, Any] = {n: len(getattr(done.result, n)) for n in _KINDS}
        result |= {"dry_run": dry_run, **done.to_json()}
        said = "{new} new, {changed} changed, {unchanged} unchanged".format(**result)
        said += " (nothing kept)" if dry_run else ""
        show(as_json, result, lambda: with_rehearsal(said, done))


def _import(
    rows: tuple[importing.Row, ...],
    publish_them: bool,
    progress: Progress,
    tx: Transaction,
    editor: Editor,
) -> importing.Imported:
    done = importing.store_rows(tx.session, rows, editor.act(tx.now), publish_them, progress)
    if publish_them:
        refuse_blanks(tx.session, (*done.new, *done.changed))
    body: dict[str, Any] = {"new": list(done.new), "changed": list(done.changed)}
    body |= {"unchanged": len(done.unchanged), "publish": publish_them}
    tx.journal("kb_imported", body | editor.journalled)
    return done


@kb_app.command("export")
def export_command(
    out: Annotated[str | None, typer.Option("--out", help=_OUT)] = None,
    status: Annotated[ArticleStatus | None, typer.Option(help="Only these.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write articles as import reads them, JSONL on stdout by default."""
    with plain_kb_errors(), office(data, config) as (_, database), database.session() as session:
        texts = articles.phrasings(session)
        found = articles.listing(session, status)
        drafts = [articles.content(a, texts.get(a.id, ())) for a in found]
        if out is None and as_json:
            show(True, {"articles": [to_json(d) for d in drafts]}, str)
        elif out is None:
            jsonl_file.write_to(drafts, sys.stdout)
        else:
            to_folder = out.endswith("/") or Path(out).is_dir()
            write = exporting.write_folder if to_folder else exporting.write_file
            result = {"articles": write(drafts, Path(out)), "file": out}
            show(as_json, result, lambda: f"{len(drafts)} articles")


@kb_app.command("list")
def list_command(
    status: Annotated[ArticleStatus | None, typer.Option(help="Only these.")] = None,
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List articles and how many there are of each status."""
    with plain_kb_errors(), office(data, config) as (_, database), database.session() as session:
        found = articles.listing(session, status, category)
        names = ("id", "status", "lang", "category", "department", "question", "revision")
        rows = [{name: getattr(a, name) for name in names} for a in found]
        counts = {s.value: n for s, n in articles.counts(session).items()}
        version = articles.kb_version(session)
        result = {"articles": rows, "counts": counts, "kb_version": version}
        lines = [f"{r['id']}\t{r['status']}\t{r['lang']}\t{r['question']}" for r in rows]
        show(as_json, result, lambda: "\n".join([*lines, _counted(counts)]))


@kb_app.command("history")
def history_command(
    article: Annotated[str, typer.Argument(metavar="ID")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show who changed an article, when and why."""
    with plain_kb_errors(), office(data, config) as (_, database), database.session() as session:
        rows = [
            {"number": r.number, "at": r.at.isoformat(), "who": r.who, "why": r.why}
            | {"author": r.author, "kb_version": r.kb_version}
            | {"status": r.status.value, "content": to_json(r.content)}
            for r in articles.history(session, article)
        ]
        lines = ["{number}\t{at}\t{who}\t{status}\t{why}".format(**row) for row in rows]
        show(as_json, {"article": article, "revisions": rows}, lambda: "\n".join(lines))


@kb_app.command("check")
def check_command(
    days: Annotated[int, typer.Option(min=0, help="Report validity ending within.")] = 30,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Find what an editor should look at: duplicates, contradictions, dead ends, and more."""
    with plain_kb_errors(), office(data, config) as (settings, database):
        known = ready(settings, database, remembering(settings))
        with database.session() as session:
            waiting = articles.waiting(session)
        with bar("Checking") as progress:
            found = check(known, waiting, days, progress)
        rows = [asdict(f) for f in found]
        show(as_json, {"findings": rows}, lambda: _told(found) or "Nothing found.")


def _told(found: Sequence[Finding]) -> str:
    """The findings of each kind together, and of many only the first."""
    by_trouble: dict[Trouble, list[str]] = {}
    for finding in found:
        line = f"  {', '.join(finding.articles)}: {one_line(finding.detail, 160)}"
        by_trouble.setdefault(finding.trouble, []).append(line)
    lines: list[str] = []
    for trouble, its in by_trouble.items():
        lines += [f"{trouble.value} ({len(its)})", *its[:SHOWN], *more(len(its))]
    return "\n".join(lines)


@kb_app.command("eval")
def eval_command(
    queries: Annotated[Path, typer.Argument(metavar="QUERIES.jsonl")],
    kb: Annotated[Path | None, typer.Option("--kb", help="Articles to build in memory.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval and decisions; with --kb apart from any office's data."""
    with plain_kb_errors(as_json):
        asked = read_queries(queries)
        started = time.perf_counter()
        known = _knowledge_of_file(kb) if kb else _knowledge_of_office(data, config)
        built = time.perf_counter() - started
        if lacking := never_found(known, asked):
            some = ", ".join(lacking[:5]) + (" …" if len(lacking) > 5 else "")
            typer.echo(f"Not in the knowledge, so counted as missed: {some}.", err=True)
        with bar("Asking") as progress:
            result = evaluate(known, asked, built, progress)
        lines = [f"{name}\t{value}" for name, value in result.items()]
        show(as_json, dict(result), lambda: "\n".join(lines))


def _knowledge_of_file(path: Path) -> Knowledge:
    known = Knowledge(load_embedder())
    with bar("Encoding") as progress:
        known.load(read_kb(path), progress=progress)
    return known


def _knowledge_of_office(data: Path | None, config: Path | None) -> Knowledge:
    with office(data, config) as (settings, database):
        return ready(settings, database)


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
