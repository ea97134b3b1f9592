"""Cells: what CSV and XLSX share, one cell a value, the same in both.

A spreadsheet takes a text that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, so such
a text is written with an apostrophe before it, which reading takes away again.  Phrasings stand
one a line in their cell; those that hold line breaks themselves stand there as a JSON list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from knowledge.errors import ArticleError

_FORMULA = re.compile("'*[=+\\-@＝＋－＠]")
_BREAK = re.compile(r"\r\n|\r|\n")


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that ``guarded`` wrote."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def phrasings_cell(phrasings: Sequence[str]) -> str:
    """Phrasings in one cell: one a line, or a JSON list where lines would not tell them apart."""
    lines = "\n".join(phrasings)
    if read_phrasings(lines) == list(phrasings):
        return lines
    return json.dumps(list(phrasings), ensure_ascii=False)


def read_phrasings(cell: str) -> list[str]:
    """The phrasings of a cell."""
    if cell.startswith("["):
        try:
            found = json.loads(cell)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return found
    return [line.strip() for line in _BREAK.split(cell) if line.strip()]


def header(cells: Sequence[str]) -> tuple[str, ...]:
    """The columns that a first row names; raises ArticleError when they do not serve."""
    names = tuple(cell.strip().lower() for cell in cells)
    for needed in ("answer", "id"):
        if needed not in names:
            raise ArticleError(f'the header lacks "{needed}"; name the columns there.')
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise ArticleError(f'the header names "{twice}" twice; keep one.')
    return names


def is_empty(cells: Sequence[str]) -> bool:
    """Whether a row says nothing at all."""
    return not any(cell.strip() for cell in cells)


def row_values(names: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """A row's keys; raises ArticleError when it has more cells than columns."""
    if not is_empty(cells[len(names) :]):
        raise ArticleError("the row has more cells than the header; quote cells with commas.")
    values: dict[str, Any] = {n: unguarded(c) for n, c in zip(names, cells, strict=False)}
    return values | {"phrasings": read_phrasings(values.get("phrasings", ""))}
