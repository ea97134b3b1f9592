"""Importing: files of articles in, all rows or none.

JSONL (one object a line) and CSV (a header row) carry the same keys: ``id`` and ``answer``,
and optionally ``question``, ``category``, ``department``, ``phrasings`` (a list; in CSV one
a line inside the cell), ``lang``, ``source`` (a link or a title), ``source_title``, ``date``,
``valid_from``, ``valid_to``, ``supersedes``.  Other keys are passed over.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from knowledge import articles as store
from knowledge.articles import Article
from knowledge.drafts import ArticleStatus, Draft, check_publishable
from knowledge.errors import ArticleError, BadRow, ImportRefused
from knowledge.revisions import Act
from knowledge.text import language

#: Largest file in bytes, most rows of one import, longest line or cell in characters.
FILE_BYTES, ROWS, ROW_CHARS = 200_000_000, 200_000, 500_000
SUFFIXES = (".jsonl", ".csv")

#: a line's number, and the object in it or what is wrong with it
Found = tuple[int, dict[str, Any] | ArticleError]

_TEXTS = ("id", "question", "answer", "lang", "category", "department", "source_title")
_DATES = ("date", "valid_from", "valid_to")


@dataclass(frozen=True, slots=True)
class Row:
    """One row as read: where it stands and what it says."""

    path: str
    line: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, by article id."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]

    @property
    def total(self) -> int:
        """Rows read."""
        return len(self.new) + len(self.changed) + len(self.unchanged)


def read_files(paths: Sequence[Path], publish: bool = False) -> tuple[Row, ...]:
    """Read and check every row of every file; raises ImportRefused listing all bad rows.

    With *publish* a row must also be fit to be published.
    """
    rows: list[Row] = []
    bad: list[BadRow] = []
    for path in paths:
        for found in _read(path, publish):
            if isinstance(found, Row):
                rows.append(found)
            else:
                bad.append(found)
    bad.extend(_doubled(rows))
    if len(rows) > ROWS:
        bad.append(BadRow(str(paths[-1]), 0, f"more than {ROWS} rows; import in parts."))
    if bad:
        raise ImportRefused(tuple(bad))
    return tuple(rows)


def store_rows(
    session: Session,
    rows: Sequence[Row],
    act: Act,
    publish: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Write rows as articles; an unchanged row leaves no revision.

    With *publish* every row's article is published; else new ones are drafts and known
    ones stay as they are.  Raises ImportRefused when a row cannot be stored; the caller
    then gives up the transaction.
    """
    known = _known(session, [row.draft.id for row in rows])
    target = ArticleStatus.PUBLISHED if publish else None
    done: dict[str, list[str]] = {"new": [], "changed": [], "unchanged": []}
    bad: list[BadRow] = []
    for number, row in enumerate(rows, 1):
        try:
            done[_store(session, row.draft, known.get(row.draft.id), act, target)].append(
                row.draft.id
            )
        except ArticleError as error:
            bad.append(BadRow(row.path, row.line, str(error)))
        if progress is not None:
            progress(number, len(rows))
    if bad:
        raise ImportRefused(tuple(bad))
    return Imported(tuple(done["new"]), tuple(done["changed"]), tuple(done["unchanged"]))


def row_draft(values: dict[str, Any]) -> Draft:
    """An article's content from a row's keys; raises ArticleError with a plain reason."""
    fields: dict[str, Any] = {name: _text(values, name) for name in _TEXTS}
    fields |= {name: _date(values, name) for name in _DATES}
    fields["supersedes"] = _text(values, "supersedes") or None
    fields["phrasings"] = _phrasings(values.get("phrasings"))
    source = _text(values, "source")
    is_link = source.startswith(("https://", "http://"))
    fields["source_url"] = _text(values, "source_url") or (source if is_link else "")
    fields["source_title"] = fields["source_title"] or ("" if is_link else source)
    draft = Draft(**fields)
    guessed = draft.lang or language(f"{draft.question} {draft.answer[:500]}")
    return replace(draft, lang=guessed)


def _store(
    session: Session,
    draft: Draft,
    known: tuple[Article, Draft] | None,
    act: Act,
    target: ArticleStatus | None,
) -> str:
    if known is None:
        store.create(session, draft, act, target or ArticleStatus.DRAFT)
        return "new"
    article, old = known
    changed = store.write(session, article, old, draft, act, target)
    return "changed" if changed else "unchanged"


def _known(session: Session, ids: Sequence[str]) -> dict[str, tuple[Article, Draft]]:
    """Articles there already, fetched in a few queries."""
    found: dict[str, tuple[Article, Draft]] = {}
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        texts = store.phrasings(session, part)
        for article in session.exec(select(Article).where(col(Article.id).in_(part))):
            found[article.id] = (article, store.content(article, texts.get(article.id, ())))
    return found


def read_objects(path: Path) -> Iterator[Found]:
    """Each row of a JSONL or CSV file."""
    try:
        raw = _bytes(path)
        text = raw.decode("utf-8-sig")
    except ArticleError as error:
        yield 0, error
    except OSError as error:
        yield 0, ArticleError(f"the file cannot be read ({error.strerror}); check its path.")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        yield line, ArticleError("this is not UTF-8; save the file as UTF-8.")
    else:
        rows = (_csv_rows if path.suffix.lower() == ".csv" else _jsonl_rows)(text)
        yield from _some(rows)


def _some(rows: Iterator[Found]) -> Iterator[Found]:
    """The rows; a file without any is most often the wrong one."""
    nothing = ArticleError("the file has no rows; check that it is the right one.")
    yield next(rows, (0, nothing))
    yield from rows


def _read(path: Path, publish: bool) -> Iterator[Row | BadRow]:
    for line, values in read_objects(path):
        try:
            if isinstance(values, ArticleError):
                raise values
            draft = row_draft(values)
            if publish:
                check_publishable(draft)
            yield Row(str(path), line, draft)
        except ArticleError as error:
            yield BadRow(str(path), line, str(error))


def _bytes(path: Path) -> bytes:
    if path.suffix.lower() not in SUFFIXES:
        raise ArticleError(f"only {' and '.join(SUFFIXES)} files can be imported; convert it.")
    if path.stat().st_size > FILE_BYTES:
        raise ArticleError(f"the file is larger than {FILE_BYTES // 1_000_000} MB; split it.")
    return path.read_bytes()


def _jsonl_rows(text: str) -> Iterator[Found]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _json_row(line)


def _json_row(line: str) -> dict[str, Any] | ArticleError:
    if len(line) > ROW_CHARS:
        return ArticleError(f"the row is longer than {ROW_CHARS} characters.")
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


def _csv_rows(text: str) -> Iterator[Found]:
    csv.field_size_limit(ROW_CHARS)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    missing = {"id", "answer"} - set(reader.fieldnames or ())
    if missing:
        yield 1, ArticleError(f'the header lacks "{min(missing)}"; name the columns there.')
        return
    line = reader.line_num + 1
    try:
        for values in reader:
            yield line, _csv_row(values)
            line = reader.line_num + 1
    except csv.Error as error:
        yield line, ArticleError(f"the row is not CSV ({error}); mend it.")


def _csv_row(values: dict[str | Any, Any]) -> dict[str, Any] | ArticleError:
    if None in values:
        return ArticleError("the row has more cells than the header; quote cells with commas.")
    row: dict[str, Any] = {str(k): v or "" for k, v in values.items()}
    row["phrasings"] = [p for p in row.get("phrasings", "").splitlines() if p.strip()]
    return row


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ArticleError(f'"{name}" must be a text.')
    text = str(value)
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise ArticleError(f'"{name}" holds a character that is no text (NUL or half a pair).')
    return text.strip()


def _phrasings(value: object) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        raise ArticleError('"phrasings" must be a list of texts.')
    texts = (_text({"phrasings": item}, "phrasings") for item in value)
    return tuple(dict.fromkeys(text for text in texts if text))


def _date(values: dict[str, Any], name: str) -> dt.date | None:
    text = _text(values, name)
    if not text:
        return None
    try:
        return dt.datetime.fromisoformat(text.replace("/", "-")).date()
    except ValueError as error:
        raise ArticleError(
            f'"{name}" must be a date like 2025-03-31, not {text[:20]!r}.'
        ) from error


def _doubled(rows: Iterable[Row]) -> Iterator[BadRow]:
    seen: dict[str, Row] = {}
    for row in rows:
        first = seen.setdefault(row.draft.id, row)
        if first is not row:
            place = f"{first.path}, line {first.line}"
            yield BadRow(row.path, row.line, f'id "{row.draft.id}" is already at {place}.')
