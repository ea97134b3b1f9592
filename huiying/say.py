"""How the command line speaks: JSON alone on stdout, or text; errors as one plain sentence."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.exc import DBAPIError

from bot.db import explained
from bot.errors import BadInput, Failure, HuiyingError
from knowledge.errors import KnowledgeError

Data = Annotated[Path | None, typer.Option("--data", help="Data directory.")]
Config = Annotated[Path | None, typer.Option("--config", help="Configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what goes wrong into one sentence on stderr and its exit code; let faults of ours be."""
    try:
        yield
    except Exception as error:
        known = [_for_people(one) for one in _leaves(error)]
        first = known[0]
        if first is None or None in known:
            raise
        typer.echo(str(first), err=True)
        raise typer.Exit(first.exit_code) from None


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _for_people(error: Exception) -> HuiyingError | None:
    """Return what is to be said about an error, None when it is a fault of the program."""
    match error:
        case HuiyingError():
            return error
        case KnowledgeError():
            return Failure(str(error))
        case DBAPIError():
            return Failure(explained(error))
        case UnicodeEncodeError() if "\ud800" <= error.object[error.start] <= "\udfff":
            return BadInput("What was typed is not text (UTF-8) throughout; type it again.")
        case UnicodeEncodeError():
            return Failure(f"The output cannot show this text in {error.encoding}; use UTF-8.")
        case OSError() if not isinstance(error, BrokenPipeError):
            what = error.filename or "A file"
            return Failure(f"{what} cannot be used ({error.strerror}); check disk and permissions.")
    return None


def show_json(values: dict[str, Any]) -> None:
    """Print one JSON object."""
    typer.echo(json.dumps(values, ensure_ascii=False, default=str))
