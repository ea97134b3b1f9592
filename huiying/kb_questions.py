"""``huiying kb test …``: the office's own test questions, asked before every publish."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.config import Settings
from bot.db import Database
from bot.errors import BadInput, Failure
from huiying.editors import editor_of
from huiying.kb_office import As, bar, office, plain_kb_errors, ready, show
from huiying.publishing import counted, remembering, told
from huiying.say import Config, Data, Json
from knowledge import questions
from knowledge.evaluate import Query, read_queries
from knowledge.questions import TestQuestion
from knowledge.rehearsal import rehearse

Lang = Annotated[str, typer.Option("--lang", help="Language of the asker.")]

test_app = typer.Typer(
    help="The office's own test questions, asked before every publish.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(test_app, name="test")


@test_app.command("add")
def add_command(
    text: Annotated[str, typer.Argument(metavar="QUESTION", help="As a citizen would ask.")],
    article: Annotated[
        list[str] | None, typer.Option("--article", help="Article that must answer; repeatable.")
    ] = None,
    no_answer: Annotated[
        bool, typer.Option("--no-answer", help="No article may be sent as the answer.")
    ] = False,
    lang: Lang = "",
    as_editor: As = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Add a test question, or change what is expected of one."""
    with plain_kb_errors(), office(data, config) as opened:
        if bool(article) == no_answer:
            raise BadInput("Say what is expected: --article ID, or --no-answer.")
        _put(opened, [Query(text, tuple(article or ()), "")], lang, as_editor, as_json)


@test_app.command("import")
def import_command(
    path: Annotated[Path, typer.Argument(metavar="QUERIES.jsonl", help="As `kb eval` reads.")],
    lang: Lang = "",
    as_editor: As = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take test questions from a file, one a line: {"query", "relevant": [ids]}."""
    with plain_kb_errors(as_json), office(data, config) as opened:
        _put(opened, read_queries(path), lang, as_editor, as_json)


@test_app.command("list")
def list_command(data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """List the test questions and what is expected of them."""
    with plain_kb_errors(), office(data, config) as (_, database), database.session() as session:
        rows = [_row(t) for t in questions.listing(session)]
        lines = ["{number}\t{question}\t{said}".format(said=_expected(r), **r) for r in rows]
        show(as_json, {"tests": rows}, lambda: "\n".join(lines) or "There are none yet.")


@test_app.command("remove")
def remove_command(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER…", help="From `kb test list`.")],
    as_editor: As = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take test questions away."""
    with plain_kb_errors(), office(data, config) as (settings, database):
        with database.transaction() as tx:
            editor = editor_of(settings, tx.session, as_editor, "")
            gone = [_row(questions.remove(tx.session, number)) for number in numbers]
            tx.journal("kb_tests_removed", {"tests": gone, **editor.journalled})
        show(as_json, {"removed": gone}, lambda: f"{counted(len(gone), 'test question')} removed.")


@test_app.command("run")
def run_command(data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """Ask them all of what is published now; exit code 1 when one fails."""
    with plain_kb_errors(), office(data, config) as (settings, database):
        with database.session() as session:
            tests = questions.listing(session)
        known = ready(settings, database, remembering(settings))
        with bar("Asking") as progress:
            result = rehearse(known, known, tests, (), progress)
        show(as_json, result.to_json(), lambda: told(result) or "There are none yet.")
        if failing := len(result.failing):
            raise Failure(
                f"{counted(failing, 'test question')} failed; mend the articles, or what is "
                "expected with `huiying kb test add`."
            )


def _put(
    opened: tuple[Settings, Database],
    queries: Sequence[Query],
    lang: str,
    as_editor: str,
    as_json: bool,
) -> None:
    settings, database = opened
    with database.transaction() as tx:
        editor = editor_of(settings, tx.session, as_editor, "")
        act = editor.act(tx.now)
        put = [questions.put(tx.session, q.text, q.relevant, act, lang) for q in queries]
        rows = [_row(test) for test, _ in put]
        tx.journal("kb_tests_put", {"tests": rows, **editor.journalled})
    new = sum(is_new for _, is_new in put)
    result = {"new": new, "known": len(put) - new, "tests": rows}
    show(as_json, result, lambda: f"{new} new, {len(put) - new} known before.")


def _row(test: TestQuestion) -> dict[str, Any]:
    return {
        "number": test.id,
        "question": test.text,
        "lang": test.lang,
        "expected": list(test.articles),
    }


def _expected(row: dict[str, Any]) -> str:
    return " or ".join(row["expected"]) or "no answer"
