"""Rows: what every format gives, and the columns that articles have in files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knowledge.errors import ArticleError

#: The keys of an article in a file, in the order in which they are written.
COLUMNS = (
    "id",
    "lang",
    "category",
    "department",
    "question",
    "phrasings",
    "answer",
    "source_title",
    "source_url",
    "date",
    "valid_from",
    "valid_to",
    "supersedes",
)


@dataclass(frozen=True, slots=True)
class Found:
    """One row as a file has it: its keys, or what is wrong with it."""

    #: Counted from 1; 0 stands for the file as a whole.
    line: int
    values: dict[str, Any] | ArticleError
    #: What *line* counts: lines, the rows of a sheet, passages, pages.
    unit: str = "line"
