"""JSONL: one article a line, as a JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from knowledge.drafts import Draft, to_json
from knowledge.errors import ArticleError
from knowledge.formats import caps
from knowledge.formats.rows import Found


def read(path: Path) -> Iterator[Found]:
    """Every line that is not empty."""
    for number, line in enumerate(caps.text_of(path).split("\n"), 1):
        if line.strip():
            yield Found(number, _object(line))


def write(articles: Iterable[Draft], path: Path) -> int:
    """One JSON object a line; the number of lines."""
    with path.open("w", encoding="utf-8") as out:
        return write_to(articles, out)


def write_to(articles: Iterable[Draft], out: TextIO) -> int:
    """The same, to an open file."""
    n = 0
    for article in articles:
        out.write(json.dumps(to_json(article), ensure_ascii=False) + "\n")
        n += 1
    return n


def _object(line: str) -> dict[str, Any] | ArticleError:
    if len(line) > caps.ROW_CHARS:
        return ArticleError(f"the row is longer than {caps.ROW_CHARS} characters.")
    try:
        values = json.loads(line)
    except RecursionError:
        return ArticleError("the row is not JSON (too deeply nested); mend it.")
    except json.JSONDecodeError as error:
        return ArticleError(f"the row is not JSON ({error.msg}); mend it.")
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        return ArticleError("the row holds a number of too many digits; write it as a text.")
    if not isinstance(values, dict):
        return ArticleError("the row is not a JSON object; write one object a line.")
    return values
