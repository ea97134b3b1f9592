"""Exporting: articles out, in the very form that importing reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from knowledge.drafts import Draft, to_json
from knowledge.errors import ArticleError

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


def write_file(articles: Iterable[Draft], path: Path) -> int:
    """CSV to a path that ends in .csv, else JSONL; ArticleError when it cannot be written."""
    is_csv = path.suffix.lower() == ".csv"
    try:
        with path.open("w", encoding="utf-8-sig" if is_csv else "utf-8", newline="") as out:
            return (write_csv if is_csv else write_jsonl)(articles, out)
    except OSError as error:
        raise ArticleError(
            f"{path} cannot be written ({error.strerror}); choose another."
        ) from error


def write_jsonl(articles: Iterable[Draft], out: TextIO) -> int:
    """One JSON object a line; the number of lines."""
    n = 0
    for article in articles:
        out.write(json.dumps(to_json(article), ensure_ascii=False) + "\n")
        n += 1
    return n


def write_csv(articles: Iterable[Draft], out: TextIO) -> int:
    """A header and one row an article, phrasings one a line inside their cell."""
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    n = 0
    for article in articles:
        writer.writerow(to_json(article) | {"phrasings": "\n".join(article.phrasings)})
        n += 1
    return n
