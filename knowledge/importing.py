"""Importing: files of articles in, all rows or none.

:mod:`knowledge.formats` reads the files; what a row must be and how it is stored stands here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from knowledge import articles as store
from knowledge.articles import Article
from knowledge.drafts import ArticleStatus, Draft, check_publishable
from knowledge.errors import ArticleError, BadRow, ImportRefused
from knowledge.formats import kinds
from knowledge.formats.caps import ROWS
from knowledge.revisions import Act
from knowledge.text import language

Progress = Callable[[int, int], None]

#: NUL, halves of pairs, and the two that Unicode says are no characters and XML refuses.
_NO_TEXT = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")
_TEXTS = ("id", "question", "answer", "lang", "category", "department", "source_title")
_DATES = ("date", "valid_from", "valid_to")
#: What a passage says of an article that is known already; the rest is an editor's.
_PASSAGE = frozenset({"id", "answer", "source_title"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row as read: where it stands and what it says."""

    path: str
    line: int
    draft: Draft
    unit: str = "line"
    #: Fields of which the file says nothing; a known article keeps its own.
    silent: frozenset[str] = field(default=frozenset())

    def bad(self, reason: str) -> BadRow:
        """This row with what is wrong with it."""
        return BadRow(self.path, self.line, reason, self.unit)


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


def read_files(
    paths: Sequence[Path], publish: bool = False, progress: Progress | None = None
) -> tuple[Row, ...]:
    """Read and check every row of every file; raises ImportRefused listing all bad rows.

    Of a folder the files of known kinds are read.  With *publish* a row must also be fit to be
    published.
    """
    rows: list[Row] = []
    bad: list[BadRow] = []
    files = tuple(kinds.files_of(paths))
    for number, path in enumerate(files):
        if progress is not None:
            progress(number, len(files))
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
    progress: Progress | None = None,
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
            what = _store(session, row, known.get(row.draft.id), act, target)
            done[what].append(row.draft.id)
        except ArticleError as error:
            bad.append(row.bad(str(error)))
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
    row: Row,
    known: tuple[Article, Draft] | None,
    act: Act,
    target: ArticleStatus | None,
) -> str:
    if known is None:
        store.create(session, row.draft, act, target or ArticleStatus.DRAFT)
        return "new"
    article, old = known
    draft = replace(row.draft, **{name: getattr(old, name) for name in row.silent})
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


def _read(path: Path, publish: bool) -> Iterator[Row | BadRow]:
    for found in kinds.read(path):
        try:
            if isinstance(found.values, ArticleError):
                raise found.values
            draft = row_draft(found.values)
            if publish:
                check_publishable(draft)
            yield Row(str(path), found.line, draft, found.unit, _silent(path, found.values))
        except ArticleError as error:
            yield BadRow(str(path), found.line, str(error), found.unit)


def _silent(path: Path, values: dict[str, Any]) -> frozenset[str]:
    if path.suffix.lower() in kinds.DOCUMENTS:
        return frozenset(Draft.__dataclass_fields__) - _PASSAGE
    return frozenset() if values.get("lang") else frozenset({"lang"})


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ArticleError(f'"{name}" must be a text.')
    text = str(value)
    if _NO_TEXT.search(text):
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
            place = f"{first.path}, {first.unit} {first.line}" if first.line else first.path
            yield row.bad(f'id "{row.draft.id}" is already at {place}.')
