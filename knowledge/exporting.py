"""Exporting: articles out, in the very form that importing reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from knowledge.drafts import Draft
from knowledge.errors import ArticleError
from knowledge.formats import csv_file, jsonl_file, markdown_file, xlsx_write

#: How each kind of file is written.
_KINDS: dict[str, Callable[[Iterable[Draft], Path], int]] = {
    ".csv": csv_file.write,
    ".jsonl": jsonl_file.write,
    ".xlsx": xlsx_write.write,
}


def write_file(articles: Iterable[Draft], path: Path) -> int:
    """Write a file of the kind its suffix says; the number of articles.

    Raises ArticleError when the suffix is unknown or the file cannot be written.
    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        kinds = ", ".join(_KINDS)
        raise ArticleError(f"{path} must end in {kinds}, or in / for a folder of Markdown files.")
    return _written(kind, articles, path)


def write_folder(articles: Iterable[Draft], folder: Path) -> int:
    """Write a Markdown file an article into a folder, which is made; the number of articles."""
    return _written(markdown_file.write, articles, folder)


def _written(
    write: Callable[[Iterable[Draft], Path], int], articles: Iterable[Draft], path: Path
) -> int:
    try:
        return write(articles, path)
    except OSError as error:
        raise ArticleError(
            f"{path} cannot be written ({error.strerror}); choose another."
        ) from error
