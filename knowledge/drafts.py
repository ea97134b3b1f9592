"""An article's content, apart from any database: its fields, its limits, its life."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from knowledge.errors import ArticleError


class ArticleStatus(StrEnum):
    """Where an article stands; only a published one is ever served."""

    #: Being written.
    DRAFT = "draft"
    #: Written, waiting for an editor's check.
    REVIEW = "review"
    #: Served while its validity lasts and nothing supersedes it.
    PUBLISHED = "published"
    #: Withdrawn; kept for the record.
    RETIRED = "retired"


#: Steps an editor may take; publishing a published article again is no step at all.
_STEPS: dict[ArticleStatus, frozenset[ArticleStatus]] = {
    ArticleStatus.DRAFT: frozenset(
        {ArticleStatus.REVIEW, ArticleStatus.PUBLISHED, ArticleStatus.RETIRED}
    ),
    ArticleStatus.REVIEW: frozenset(
        {ArticleStatus.DRAFT, ArticleStatus.PUBLISHED, ArticleStatus.RETIRED}
    ),
    ArticleStatus.PUBLISHED: frozenset({ArticleStatus.REVIEW, ArticleStatus.RETIRED}),
    ArticleStatus.RETIRED: frozenset({ArticleStatus.DRAFT, ArticleStatus.PUBLISHED}),
}

#: Longest values taken, in characters.
LIMITS: dict[str, int] = {
    "id": 200,
    "lang": 12,
    "category": 200,
    "department": 200,
    "question": 2_000,
    "answer": 40_000,
    "source_title": 500,
    "source_url": 2_000,
    "supersedes": 200,
}
#: Texts whose line breaks and ends are settled at construction; "id" is refused instead.
_SETTLED = tuple(name for name in LIMITS if name not in ("id", "supersedes"))
#: Longest phrasing in characters, and most phrasings of one article.
PHRASING_CHARS = 500
PHRASINGS = 500


#: Unicode categories of characters that no id may hold: controls, formats, line breaks.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Draft:
    """An article's content as an editor writes it; construction refuses what breaks a rule.

    Texts lose the blanks at their ends and break lines with ``\\n``, so that two drafts are equal
    when a reader sees no difference, whatever file or form they came from.
    """

    id: str
    answer: str
    question: str = ""
    phrasings: tuple[str, ...] = ()
    lang: str = ""
    category: str = ""
    department: str = ""
    source_title: str = ""
    source_url: str = ""
    date: dt.date | None = None
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    supersedes: str | None = None

    def __post_init__(self) -> None:
        """Settle the texts and check the rules that need no database."""
        for name in _SETTLED:
            object.__setattr__(self, name, _settled(getattr(self, name)))
        phrasings = dict.fromkeys(filter(None, map(_settled, self.phrasings)))
        object.__setattr__(self, "phrasings", tuple(phrasings))
        if not self.id.strip():
            raise ArticleError('"id" is missing; give each article its own.')
        if self.id != self.id.strip():
            raise ArticleError('"id" begins or ends with a blank; remove it.')
        if any(unicodedata.category(c) in _UNSEEN for c in self.id):
            raise ArticleError('"id" holds a line break or another unseen character; remove it.')
        if not (self.question.strip() or self.answer.strip()):
            raise ArticleError('The article has neither "question" nor "answer"; give one.')
        self._check_lengths()
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ArticleError('"valid_from" is after "valid_to"; swap them.')
        if self.supersedes == self.id:
            raise ArticleError('"supersedes" names the article itself; name the older one.')

    def _check_lengths(self) -> None:
        for name, limit in LIMITS.items():
            if len(getattr(self, name) or "") > limit:
                raise ArticleError(f'"{name}" is longer than {limit} characters; shorten it.')
        if len(self.phrasings) > PHRASINGS:
            raise ArticleError(f'"phrasings" has more than {PHRASINGS} entries; keep the best.')
        if any(len(p) > PHRASING_CHARS for p in self.phrasings):
            raise ArticleError(f"A phrasing is longer than {PHRASING_CHARS} characters.")

    def is_valid(self, today: dt.date) -> bool:
        """Whether *today* lies in the validity period, both ends included."""
        started = self.valid_from is None or self.valid_from <= today
        return started and (self.valid_to is None or today <= self.valid_to)


def _settled(text: str) -> str:
    return text.strip().replace("\r\n", "\n").replace("\r", "\n")


def live(articles: Iterable[Draft], today: dt.date) -> Iterator[Draft]:
    """Of published articles, those to serve today: valid and not superseded by a valid one."""
    valid = [a for a in articles if a.is_valid(today)]
    replaced = {a.supersedes for a in valid if a.supersedes}
    return (a for a in valid if a.id not in replaced)


def to_json(draft: Draft) -> dict[str, Any]:
    """The content as JSON values, empty fields left out."""
    values = {k: v for k, v in asdict(draft).items() if v not in ("", None, ())}
    return {
        k: v.isoformat() if isinstance(v, dt.date) else list(v) if isinstance(v, tuple) else v
        for k, v in values.items()
    }


def from_json(values: dict[str, Any]) -> Draft:
    """The content that to_json wrote."""
    values = dict(values)
    values.pop("status", None)
    for name in ("date", "valid_from", "valid_to"):
        if values.get(name):
            values[name] = dt.date.fromisoformat(values[name])
    values["phrasings"] = tuple(values.get("phrasings", ()))
    return Draft(**{"answer": "", **values})


def check_step(draft: Draft, was: ArticleStatus, now: ArticleStatus) -> None:
    """Refuse a step of the article's life that is not allowed."""
    if now is not was and now not in _STEPS[was]:
        raise ArticleError(f"A {was.value} article cannot become {now.value}.")
    if now is ArticleStatus.PUBLISHED:
        check_publishable(draft)


def check_publishable(draft: Draft) -> None:
    """Refuse what citizens cannot be served."""
    if not draft.answer.strip():
        raise ArticleError(f"Article {draft.id!r} has no answer; write one before publishing it.")
