"""How the command line speaks: JSON alone on stdout, or text; errors as one plain sentence."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.errors import HuiyingError
from knowledge.errors import KnowledgeError

Data = Annotated[Path | None, typer.Option("--data", help="Data directory.")]
Config = Annotated[Path | None, typer.Option("--config", help="Configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn an error meant for people into its sentence on stderr and its exit code."""
    try:
        yield
    except* (HuiyingError, KnowledgeError) as group:
        error = _first(group)
        typer.echo(str(error), err=True)
        raise typer.Exit(getattr(error, "exit_code", 1)) from None


def _first(group: BaseExceptionGroup[HuiyingError | KnowledgeError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def show_json(values: dict[str, Any]) -> None:
    """Print one JSON object."""
    typer.echo(json.dumps(values, ensure_ascii=False, default=str))
