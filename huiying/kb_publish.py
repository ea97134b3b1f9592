"""The commands of an article's life: publish, review, retire, roll back, and the versions."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.errors import BadInput
from bot.transaction import Transaction
from huiying.closed_gaps import Closed, after_publishing, refuse_blanks
from huiying.editors import Editor
from huiying.kb_office import As, DryRun, Force, Ids, Why, office, plain_kb_errors, show
from huiying.publishing import How, publish, with_rehearsal
from huiying.say import Config, Data, Json, show_json
from knowledge import articles, versions
from knowledge.drafts import ArticleStatus

#: longest subject of a journal row
SUBJECT_CHARS = 80


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("publish")(publish_command)
    app.command("review")(review_command)
    app.command("retire")(retire_command)
    app.command("rollback")(rollback_command)
    app.command("versions")(versions_command)


def publish_command(
    ids: Ids,
    why: Why = "",
    answer_waiting: Annotated[
        bool, typer.Option("--answer-waiting", help="Send it to those who asked and still wait.")
    ] = False,
    force: Force = False,
    dry_run: DryRun = False,
    as_editor: As = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Publish articles: from now on citizens are served them; gaps they answer are closed."""
    how = How(as_editor, why, force, dry_run, as_json)
    _move(ids, ArticleStatus.PUBLISHED, how, data, config, answer_waiting)


def review_command(
    ids: Ids,
    why: Why = "",
    force: Force = False,
    dry_run: DryRun = False,
    as_editor: As = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Hand articles over to be checked; one that was published is no longer served."""
    how = How(as_editor, why, force, dry_run, as_json)
    _move(ids, ArticleStatus.REVIEW, how, data, config)


def retire_command(
    ids: Ids,
    why: Why = "",
    force: Force = False,
    dry_run: DryRun = False,
    as_editor: As = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Retire articles: they are kept, and no longer served."""
    how = How(as_editor, why, force, dry_run, as_json)
    _move(ids, ArticleStatus.RETIRED, how, data, config)


def rollback_command(
    target: Annotated[str, typer.Argument(metavar="VERSION|ID", help="See `kb versions`.")],
    to: Annotated[
        int | None, typer.Option("--to", help="Revision that article ID goes back to.")
    ] = None,
    why: Why = "",
    dry_run: DryRun = False,
    as_editor: As = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Serve again what was served at a version, or give one article an earlier content back."""
    how = How(as_editor, why or f"rollback to {to or target}", False, dry_run, as_json, True)
    with plain_kb_errors(), office(data, config) as (settings, database):
        if to is not None:
            change = partial(_restore, target, to)
        elif target.isdecimal():
            change = partial(_roll_back, int(target))
        else:
            raise BadInput(
                "`kb rollback` takes a version from `kb versions`, or an article's id with "
                "--to and a revision from `kb history`."
            )
        done = publish(settings, database, change, how)
        result = {"changed": list(done.result), "dry_run": dry_run, **done.to_json()}
        verb = "would change" if dry_run else "changed"
        said = f"{len(done.result)} articles {verb}; the knowledge is at version {done.kb_version}."
        show(as_json, result, lambda: with_rehearsal(said, done))


def versions_command(
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the versions of the knowledge: when, by whom, why, how many articles changed."""
    with plain_kb_errors(), office(data, config) as (_, database), database.session() as session:
        rows = [asdict(v) for v in versions.listing(session, limit)]
        if as_json:
            show_json({"versions": [r | {"at": r["at"].isoformat()} for r in rows]})
        for row in rows if not as_json else ():
            typer.echo(
                "{kb_version}\t{at:%Y-%m-%d %H:%M} UTC\t{who}\t{articles}\t{why}".format(**row)
            )


def _move(
    ids: list[str],
    status: ArticleStatus,
    how: How,
    data: Path | None,
    config: Path | None,
    answer_waiting: bool = False,
) -> None:
    """Bring every article to *status*, or none, and show which moved."""
    closed: list[Closed] = []
    with plain_kb_errors(), office(data, config) as (settings, database):
        done = publish(settings, database, partial(_set_status, ids, status), how)
        if status is ArticleStatus.PUBLISHED and not how.dry_run:
            closed = after_publishing(settings, database, done.known, ids, answer_waiting)
        result: dict[str, Any] = {"status": status.value, "moved": done.result}
        result |= {"dry_run": how.dry_run, **done.to_json(), "gaps": [asdict(g) for g in closed]}
        verb = "would be" if how.dry_run else "are now"
        said = f"{len(done.result)} of {len(ids)} {verb} {status.value}."
        show(
            how.as_json, result, lambda: "\n".join([with_rehearsal(said, done), *map(str, closed)])
        )


def _set_status(
    ids: list[str], status: ArticleStatus, tx: Transaction, editor: Editor
) -> list[str]:
    act = editor.act(tx.now)
    moved = [i for i in ids if articles.set_status(tx.session, i, status, act)]
    for article in moved:
        _journal(tx, f"kb_{status.value}", article, editor)
    if status is ArticleStatus.PUBLISHED:
        refuse_blanks(tx.session, ids)
    return moved


def _restore(article: str, number: int, tx: Transaction, editor: Editor) -> list[str]:
    moved = articles.restore(tx.session, article, number, editor.act(tx.now))
    if moved:
        _journal(tx, "kb_restored", article, editor, revision=number)
    return [article] if moved else []


def _roll_back(version: int, tx: Transaction, editor: Editor) -> list[str]:
    moved = versions.roll_back(tx.session, version, editor.act(tx.now))
    tx.journal("kb_rolled_back", {"to": version, "changed": moved, **editor.journalled})
    return list(moved)


def _journal(tx: Transaction, kind: str, article: str, editor: Editor, **more: Any) -> None:
    """Write down what was done with an article; an id may be longer than a row's subject."""
    tx.journal(kind, {"article": article, **more, **editor.journalled}, article[:SUBJECT_CHARS])
