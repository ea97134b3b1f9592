"""The command line in a test's hand: run a command, read its one sentence or its one object."""

import json
from pathlib import Path
from typing import Any

import pysqlite3
from typer.testing import CliRunner, Result

from huiying.cli import app


def run(*arguments: str, **environment: str) -> Result:
    """Run in this process."""
    return CliRunner().invoke(app, list(arguments), env=environment)


def sentence(result: Result, code: int) -> str:
    """Return the one sentence on stderr of a run that failed as it should."""
    assert result.exit_code == code, (result.exit_code, result.output, result.exception)
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].endswith((".", "?"))
    return lines[0]


def json_of(result: Result, code: int = 0) -> Any:
    """Return the one JSON object on stdout."""
    assert result.exit_code == code, (result.output, result.exception)
    assert len(result.stdout.splitlines()) == 1
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def tamper(data: Path, *statements: str) -> None:
    """Change the database behind everybody's back."""
    connection = pysqlite3.connect(data / "huiying.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
