"""Kinds: which file is read how."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from knowledge.errors import ArticleError, NotText
from knowledge.formats import apart, caps, csv_file, jsonl_file, markdown_file
from knowledge.formats.rows import Found

#: How each kind of file is read; what needs a large parser is read apart.
KINDS: dict[str, Callable[[Path], Iterator[Found]]] = {
    ".jsonl": jsonl_file.read,
    ".csv": csv_file.read,
    ".xlsx": partial(apart.read, "knowledge.formats.xlsx_file"),
    ".md": markdown_file.read,
    ".docx": partial(apart.read, "knowledge.formats.docx_file"),
    ".pdf": partial(apart.read, "knowledge.formats.pdf_file"),
}
#: Kinds that give passages: answers and their sources, and no other field.
DOCUMENTS = (".docx", ".pdf")


def read(path: Path) -> Iterator[Found]:
    """Every row of a file; one that stands for the whole file when it cannot be read."""
    reader = KINDS.get(path.suffix.lower())
    try:
        caps.check_file(path)
        if reader is None:
            raise ArticleError(f"only {', '.join(KINDS)} files can be imported; convert it.")
        yield from _some(reader(path))
    except NotText as error:
        yield Found(error.line, error)
    except ArticleError as error:
        yield Found(0, error)
    except OSError as error:
        why = error.strerror
        yield Found(0, ArticleError(f"the file cannot be read ({why}); check its path."))


def _some(rows: Iterator[Found]) -> Iterator[Found]:
    """The rows; a file without any is most often the wrong one."""
    first = next(rows, None)
    if first is None:
        raise ArticleError("the file has no rows; check that it is the right one.")
    yield first
    yield from rows


def files_of(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and in folders those of a known kind, hidden ones left out."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(_below(path))
        if not found:
            raise ArticleError(f"{path} holds no {', '.join(KINDS)} file; name another folder.")
        yield from found


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith((".", "~$")) and Path(name).suffix.lower() in KINDS:
                yield Path(here, name)
