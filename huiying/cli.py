"""The command line: ``huiying …``. Names and options are fixed; other programs call them."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer

from admin.officials import Role
from bot import journal
from bot.config import load_settings
from bot.errors import BadInput, Failure
from bot.logs import set_up
from huiying.kb import ask_command, kb_app
from huiying.say import Config, Data, Json, plain_errors, show_json
from huiying.schema import HEAD, current, open_database, open_existing

app = typer.Typer(
    help="Huiying 回应: the reply desk of a public office.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
journal_app = typer.Typer(help="The journal: proof and export.", no_args_is_help=True)
db_app = typer.Typer(help="The database.", no_args_is_help=True)
official_app = typer.Typer(help="Who may act for the office.", no_args_is_help=True)
app.command("ask")(ask_command)
app.add_typer(kb_app, name="kb")
app.add_typer(journal_app, name="journal")
app.add_typer(db_app, name="db")
app.add_typer(official_app, name="official")

Language = Annotated[str, typer.Option("--lang", help="zh or en.")]
Department = Annotated[str, typer.Option("--department", help="Department; default: the desk's.")]


@app.command()
def demo(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the pages.")
    ] = 8080,
    lang: Language = "zh",
    data: Data = None,
    config: Config = None,
) -> None:
    """Start an office with sample knowledge on this machine; no token, no download."""
    from huiying.demo.run import run_demo  # noqa: PLC0415  loads the web server and the model

    with plain_errors():
        if lang not in ("zh", "en"):
            raise BadInput("--lang is zh or en.")
        set_up(level=30, as_json=False)  # its terminal shows where to go, nothing else
        settings = load_settings(config, data)
        _run(lambda stop: run_demo(settings, stop, port, lang))


@app.command()
def serve(
    data: Data = None,
    config: Config = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Instead of web.port.")
    ] = None,
) -> None:
    """Run the office: all configured channels, delivery, timers and the web server."""
    from huiying.app import Running  # noqa: PLC0415  loads the web server
    from huiying.app import serve as run  # noqa: PLC0415  the same

    def ready(running: Running) -> None:
        typer.echo(f"Huiying is ready at {running.url}", err=True)

    with plain_errors():
        set_up(as_json=not sys.stderr.isatty())
        settings = load_settings(config, data)
        if port is not None:
            settings = settings.model_copy(
                update={"web": settings.web.model_copy(update={"port": port})}
            )
        _run(lambda stop: run(settings, stop, ready))


@app.command()
def chat(lang: Language = "zh", data: Data = None, config: Config = None) -> None:
    """Hold the same conversation as on Telegram, in this terminal."""
    from bot.channels.terminal import TerminalChannel  # noqa: PLC0415  only here
    from huiying.app import serve as run  # noqa: PLC0415  loads the model

    with plain_errors():
        set_up(level=40, as_json=False)
        settings = load_settings(config, data)
        terminal = TerminalChannel(language=lang)
        _run(lambda stop: run(settings, stop, terminal=terminal))


@app.command()
def doctor(data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """Check settings, tokens, database, model, clock and webhooks; say how to mend each."""
    from huiying.doctor import examine  # noqa: PLC0415  asks Telegram and loads the model

    with plain_errors():
        set_up(level=40, as_json=False)
        findings = asyncio.run(examine(load_settings(config, data)))
        good = all(finding.ok for finding in findings)
        if as_json:
            show_json({"ok": good, "checks": [finding.as_json() for finding in findings]})
        else:
            for finding in findings:
                typer.echo(f"{'✓' if finding.ok else '✗'} {finding.name}: {finding.text}")
    if not good:
        raise typer.Exit(1)


@app.command()
def report(data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """Print figures: messages by outcome, cases by status."""
    from huiying.figures import figures  # noqa: PLC0415  only here

    with plain_errors():
        database = open_existing(load_settings(config, data))
        with database.session() as session:
            found = figures(session)
        database.close()
        if as_json:
            show_json(found)
            return
        for title, rows in found.items():
            typer.echo(f"{title}:")
            for name, count in rows.items():
                typer.echo(f"  {name:14} {count}")


@journal_app.command("verify")
def journal_verify(
    head: Annotated[
        str, typer.Option("--head", help="A head printed earlier; some row must still have it.")
    ] = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Prove the hash chain from the first row; name the first row that was tampered with."""
    with plain_errors():
        database = open_existing(load_settings(config, data))
        with database.session() as session:
            verdict = journal.verify(session.connection(), head)
        database.close()
        if as_json:
            show_json(
                {
                    "ok": verdict.ok,
                    "rows": verdict.rows,
                    "head": verdict.head,
                    "bad_row": verdict.bad_row,
                    "reason": verdict.reason,
                }
            )
        elif verdict.ok:
            typer.echo(f"The journal holds: {verdict.rows} rows, head {verdict.head}")
        if not verdict.ok:
            raise Failure(
                f"The journal does not hold at row {verdict.bad_row}: {verdict.reason}. "
                "Keep the database as it is and compare it with a backup."
            )


@journal_app.command("export")
def journal_export(
    after: Annotated[int, typer.Option("--after", help="Only rows after this number.")] = 0,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write the journal's rows as JSON lines (with --json: one object)."""
    with plain_errors():
        database = open_existing(load_settings(config, data))
        with database.session() as session:
            if as_json:
                typer.echo('{"rows": [', nl=False)
            for number, row in enumerate(journal.rows(session.connection(), after)):
                if as_json and number:
                    typer.echo(",", nl=False)
                typer.echo(json.dumps(row, ensure_ascii=False, default=str), nl=not as_json)
            if as_json:
                typer.echo("]}")
        database.close()


@db_app.command("upgrade")
def db_upgrade(data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """Bring the database to this version's schema."""
    with plain_errors():
        database = open_database(load_settings(config, data))
        version = current(database)
        database.close()
        if as_json:
            show_json({"schema": version, "newest": HEAD})
        else:
            typer.echo(f"The database has schema {version}, the newest.")


@official_app.command("add")
def official_add(
    name: Annotated[str, typer.Argument(help="Name the desk sees, e.g. 一号窗口.")],
    role: Annotated[Role, typer.Option("--role", help="What they may do.")] = Role.OFFICIAL,
    department: Department = "",
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Give somebody a one-time code to enrol with (Telegram), or a link to the desk page."""
    from huiying.staff import add_official  # noqa: PLC0415  only here

    with plain_errors():
        settings = load_settings(config, data)
        made = add_official(settings, name, role, department)
        if as_json:
            show_json(made)
        else:
            typer.echo(made["say"])


@official_app.command("list")
def official_list(data: Data = None, config: Config = None, as_json: Json = False) -> None:
    """List who may act for the office."""
    from huiying.staff import list_officials  # noqa: PLC0415  only here

    with plain_errors():
        found = list_officials(load_settings(config, data))
        if as_json:
            show_json({"officials": found})
        elif not found:
            typer.echo("Nobody may act yet; `huiying official add NAME` brings somebody in.")
        else:
            for row in found:
                typer.echo("{id:>4}  {name}  {role}  {department}  {channel}".format(**row))


@official_app.command("dismiss")
def official_dismiss(
    official: Annotated[int, typer.Argument(help="Id from `official list`.")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take the right to act away; what they did stays on record."""
    from huiying.staff import dismiss_official  # noqa: PLC0415  only here

    with plain_errors():
        name = dismiss_official(load_settings(config, data), official)
        if as_json:
            show_json({"id": official, "name": name, "active": False})
        else:
            typer.echo(f"Official {official} can no longer act.")


def _run(main: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    from huiying.app import run_until_signal  # noqa: PLC0415  loads the web server

    run_until_signal(main)


def main() -> None:
    """Run the command line; what is typed wrongly exits with 2, as typer does."""
    app()


if __name__ == "__main__":
    main()
