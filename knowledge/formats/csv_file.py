"""CSV: a header row, then one article a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from knowledge.drafts import Draft, to_json
from knowledge.errors import ArticleError
from knowledge.formats import caps, cells
from knowledge.formats.rows import COLUMNS, Found


def read(path: Path) -> Iterator[Found]:
    """Every row below the header that is not empty, under the line on which it begins."""
    csv.field_size_limit(caps.ROW_CHARS)
    reader = csv.reader(io.StringIO(caps.text_of(path), newline=""), strict=True)
    line = 1
    names: tuple[str, ...] = ()
    try:
        for row in reader:
            if names and not cells.is_empty(row):
                yield _found(line, names, row)
            names = names or cells.header(row)
            line = reader.line_num + 1
        if not names:
            cells.header(())
    except csv.Error as error:
        yield Found(line, ArticleError(f"the row is not CSV ({error}); mend it."))
    except ArticleError as error:
        yield Found(line, error)


def write(articles: Iterable[Draft], path: Path) -> int:
    """A header and one row an article; the number of articles."""
    n = 0
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, restval="")
        writer.writeheader()
        for article in articles:
            values = to_json(article) | {"phrasings": cells.phrasings_cell(article.phrasings)}
            writer.writerow({name: cells.guarded(text) for name, text in values.items()})
            n += 1
    return n


def _found(line: int, names: tuple[str, ...], row: list[str]) -> Found:
    try:
        return Found(line, cells.row_values(names, row))
    except ArticleError as error:
        return Found(line, error)
