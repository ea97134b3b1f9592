"""The command line as other programs call it: options, JSON alone, one sentence, exit codes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
import typer

from bot import db
from huiying.cli import app
from tests.huiying.shell import run, sentence, tamper

#: every command and what it needs to be called at all
COMMANDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("demo",): (),
    ("serve",): (),
    ("chat",): (),
    ("ask",): ("hello",),
    ("doctor",): (),
    ("report",): (),
    ("journal", "verify"): (),
    ("journal", "export"): (),
    ("db", "upgrade"): (),
    ("official", "add"): ("Desk 1",),
    ("official", "list"): (),
    ("official", "dismiss"): ("1",),
    ("kb", "import"): ("some.jsonl",),
    ("kb", "export"): (),
    ("kb", "list"): (),
    ("kb", "publish"): ("a",),
    ("kb", "review"): ("a",),
    ("kb", "retire"): ("a",),
    ("kb", "rollback"): ("1",),
    ("kb", "versions"): (),
    ("kb", "test", "add"): ("hello", "--no-answer"),
    ("kb", "test", "import"): ("some.jsonl",),
    ("kb", "test", "list"): (),
    ("kb", "test", "remove"): ("1",),
    ("kb", "test", "run"): (),
    ("kb", "history"): ("a",),
    ("kb", "check"): (),
    ("kb", "explain"): ("hello",),
    ("kb", "eval"): ("some.jsonl",),
    ("kb", "gaps", "show"): ("1",),
    ("kb", "gaps", "draft"): ("1",),
    ("kb", "gaps", "merge"): ("1", "2"),
    ("kb", "gaps", "move"): ("1", "2"),
    ("kb", "gaps", "close"): ("1", "--why", "x"),
}
#: those that run until they are told to stop
LONG = {("demo",), ("serve",), ("chat",)}


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


def test_the_list_here_is_the_list_there() -> None:
    assert {path for path, _ in leaves(typer.main.get_command(app))} == set(COMMANDS)


def test_every_command_takes_data_and_config_and_says_what_it_does() -> None:
    for path, command in leaves(typer.main.get_command(app)):
        options = {name for option in command.params for name in option.opts}
        assert {"--data", "--config"} <= options, path
        assert ("--json" in options) == (path not in LONG), path
        assert command.help, path
        assert all(getattr(o, "help", "") for o in command.params if o.opts[0][0] == "-"), path


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_help_works_for_each(path: tuple[str, ...]) -> None:
    result = run(*path, "--help", COLUMNS="200", NO_COLOR="1", TERM="dumb")
    assert result.exit_code == 0
    assert "--data" in result.stdout
    assert "--config" in result.stdout


def test_the_start_is_light() -> None:
    heavy = (
        *("torch", "transformers", "sentence_transformers", "alembic", "uvicorn", "telegram"),
        *("python_calamine", "mammoth", "pypdfium2"),
    )
    code = (
        "import sys, time; began = time.process_time()\n"
        "from huiying.cli import app; import typer; typer.main.get_command(app)\n"
        f"print([m for m in {heavy} if m in sys.modules], time.process_time() - began)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, _, seconds = ran.stdout.strip().rpartition(" ")
    assert loaded == "[]"
    assert float(seconds) < 3, "processor time of importing; about 0.6 s on an idle machine"


# --- wrong input: exit 2 -------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(set(COMMANDS) - {("kb", "eval")}))
def test_a_missing_settings_file_is_bad_input(path: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*path, *COMMANDS[path], "--config", str(tmp_path / "none.toml"))
    assert "none.toml" in sentence(result, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[web\n", "not valid TOML"),
        ("[web]\ncolour = 1\n", "web.colour"),
        ("[web]\nport = -1\n", "web.port"),
        ('[office]\ntimezone = "Mars/X"\n', "office.timezone"),
        ('[database]\nurl = "mysql://x"\n', "database.url"),
        ('[telegram]\ntoken_file = "/nowhere/token"\n', "telegram.token_file"),
    ],
)
@pytest.mark.parametrize("command", ["report", "serve", "ask"])
def test_wrong_settings_are_named(content: str, words: str, command: str, tmp_path: Path) -> None:
    config = tmp_path / "huiying.toml"
    config.write_text(content)
    data = ("--data", str(tmp_path / "data"), *COMMANDS[command,])
    assert words in sentence(run(command, "--config", str(config), *data), 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("report", "--nonsense"),
        ("journal", "export", "--after", "x"),
        ("official", "add", "A", "--role", "king"),
        ("official", "add"),
        ("serve", "--port", "many"),
        ("ask",),
    ],
)
def test_what_is_typed_wrongly_exits_with_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_language_nobody_speaks_here(tmp_path: Path) -> None:
    assert "--lang" in sentence(run("demo", "--lang", "fr", "--data", str(tmp_path)), 2)


#: those that may make an office where none is
FOUNDING = LONG | {("kb", "import"), ("official", "add"), ("db", "upgrade")}


@pytest.mark.parametrize("path", sorted(set(COMMANDS) - FOUNDING - {("doctor",), ("kb", "eval")}))
def test_a_mistyped_directory_is_not_made_an_office(path: tuple[str, ...], tmp_path: Path) -> None:
    said = sentence(run(*path, *COMMANDS[path], "--data", str(tmp_path / "typo")), 2)
    assert "no office" in said
    assert "--data" in said
    assert not list(tmp_path.iterdir())


def test_an_eval_of_no_office_makes_none(tmp_path: Path) -> None:
    queries = tmp_path / "q.jsonl"
    queries.write_text('{"query": "?", "relevant": []}')
    run("kb", "eval", str(queries), "--data", str(tmp_path / "typo"))
    assert list(tmp_path.iterdir()) == [queries]


@pytest.mark.postgres
def test_an_empty_database_on_a_server_is_left_empty(tmp_path: Path, postgres_server: Any) -> None:
    url = postgres_server.create_database()
    environment = {"HUIYING_DATABASE__URL": url}
    assert "no office" in sentence(run("report", "--data", str(tmp_path), **environment), 2)
    assert run("db", "upgrade", "--data", str(tmp_path), **environment).exit_code == 0
    assert run("report", "--data", str(tmp_path), **environment).exit_code == 0
    postgres_server.drop_database(url)


def test_an_import_file_that_is_missing(tmp_path: Path) -> None:
    result = run("kb", "import", str(tmp_path / "none.jsonl"), "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "none.jsonl" in result.stderr
    assert "Traceback" not in result.output


# --- failures: exit 1 ----------------------------------------------------------------------------

SHORT = sorted(set(COMMANDS) - {("kb", "eval"), ("kb", "import"), ("doctor",)})


@pytest.mark.parametrize("path", SHORT)
def test_a_newer_database_is_refused_by_all(path: tuple[str, ...], office: Path) -> None:
    tamper(office, "UPDATE alembic_version SET version_num = '9999'")
    result = run(*path, *COMMANDS[path], "--data", str(office))
    assert "newer Huiying" in sentence(result, 1)


@pytest.mark.parametrize("path", SHORT)
def test_a_file_in_the_way_is_said(path: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = run(*path, *COMMANDS[path], "--data", str(tmp_path / "taken" / "data"))
    assert "--data" in sentence(result, 1)


def test_a_directory_nobody_may_write_is_said() -> None:
    assert "--data" in sentence(run("db", "upgrade", "--data", "/proc/nobody/writes/here"), 1)


@pytest.mark.parametrize("command", ["report", "serve"])
def test_a_postgresql_that_is_not_there_is_said(command: str, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    url = "postgresql://huiying:pass-word@127.0.0.1:1/huiying"
    result = run(command, "--data", str(tmp_path), HUIYING_DATABASE__URL=url)
    said = sentence(result, 1)
    assert "PostgreSQL at 127.0.0.1" in said
    assert "pass-word" not in said


def damage(data: Path, pages: range) -> None:
    """Overwrite pages of the file, as a failing disk does."""
    with (data / "huiying.db").open("r+b") as file:
        for page in pages:
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)


@pytest.mark.parametrize("path", [("ask",), ("kb", "list"), ("kb", "history")])
@pytest.mark.parametrize("pages", [range(2, 12), range(1, 40)])
def test_a_damaged_database_is_said(path: tuple[str, ...], pages: range, office: Path) -> None:
    damage(office, pages)
    said = sentence(run(*path, *COMMANDS[path], "--data", str(office)), 1)
    assert "restore a backup" in said


@pytest.mark.parametrize("path", [("official", "add"), ("kb", "publish")])
def test_a_database_that_another_program_holds_is_said(
    path: tuple[str, ...], office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "BUSY_MS", 50)
    other = pysqlite3.connect(office / "huiying.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    said = sentence(run(*path, *COMMANDS[path], "--data", str(office)), 1)
    assert "Another program" in said
    other.close()


@pytest.mark.parametrize("path", [("official", "add"), ("kb", "import")])
def test_a_full_disk_is_said(path: tuple[str, ...], office: Path) -> None:
    """The file may not grow, as on a full disk; the limit holds for a process."""
    file = office / "kb.jsonl"
    rows = [json.dumps({"id": f"a{n}", "answer": "A." * 2000}) for n in range(400)]
    file.write_text("\n".join(rows))
    argument = {"add": "N" * 80, "import": str(file)}[path[1]]
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (33000, 33000)); "
        "from huiying.cli import main; main()"
    )
    command = [sys.executable, "-c", code, *path, argument, "--data", str(office)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stderr
    assert "disk" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1, ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("official", "add", "\udcff"),
        ("official", "add", "A", "--department", "\udcff"),
        ("kb", "history", "\udcff"),
        ("kb", "publish", "\udcff"),
        ("kb", "list", "--category", "\udcff"),
    ],
)
def test_bytes_that_are_no_text_are_bad_input(arguments: tuple[str, ...], office: Path) -> None:
    assert "not text" in sentence(run(*arguments, "--data", str(office)), 2)
