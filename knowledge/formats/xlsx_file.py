"""XLSX: sheets with a header row, then one article a row.

Every sheet whose first row names ``id`` or ``answer`` is read; others (a cover, notes) are not.
Numbers and dates are taken as what they show.  A cell holds at most 32,767 characters, so a
longer text goes on in columns ``answer 2``, ``answer 3`` …
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum

from knowledge.errors import ArticleError
from knowledge.formats import caps, cells, zips
from knowledge.formats.rows import Found

Row = tuple[int, list[str]]
Value = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta

_MORE = re.compile(r"(.+) \d+")


def read(path: Path) -> Iterator[Found]:
    """Every row of every sheet of articles that is not empty."""
    zips.check(path)
    with CalamineWorkbook.from_path(path) as book:
        kinds = {sheet.name: sheet.typ for sheet in book.sheets_metadata}
        seen = False
        for name in book.sheet_names:
            if kinds[name] is SheetTypeEnum.WorkSheet:
                rows = _rows(book.get_sheet_by_name(name))
                first = next(rows, (0, []))
                if {"id", "answer"} & {cell.strip().lower() for cell in first[1]}:
                    seen = True
                    yield from _articles(f"sheet {name}, row", first, rows)
        if not seen:
            yield Found(0, ArticleError('no sheet has a header with "id" and "answer"; add one.'))


def _articles(unit: str, first: Row, rows: Iterator[Row]) -> Iterator[Found]:
    try:
        names = cells.header(first[1])
    except ArticleError as error:
        yield Found(first[0], error, unit)
        return
    columns = [_column(name, names) for name in names]
    for number, row in rows:
        whole = dict.fromkeys(columns, "")
        for column, cell in zip(columns, row, strict=True):
            whole[column] += cell
        yield Found(number, cells.row_values(tuple(whole), tuple(whole.values())), unit)


def _column(name: str, names: tuple[str, ...]) -> str:
    """The column that this one goes on with, else itself."""
    more = _MORE.fullmatch(name)
    return more[1] if more and more[1] in names else name


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    """(number in the sheet, texts of the cells) of each row that is not empty."""
    for number, row in enumerate(sheet.iter_rows(), 1):
        texts = [_text(value) for value in row]
        if number > caps.ROWS + 1:
            raise ArticleError(f"more than {caps.ROWS} rows; import in parts.")
        if not cells.is_empty(texts):
            yield number, texts


def _text(value: Value) -> str:
    """What the cell shows: 7 for 7.0, 2026-03-01 for a date."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    return str(value)
