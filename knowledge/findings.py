"""Findings: what can be the matter with articles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """What can be the matter."""

    #: Two articles ask nearly the same and answer the same.
    DUPLICATE = "duplicate"
    #: Two articles ask nearly the same and answer differently.
    CONTRADICTION = "contradiction"
    #: None of its own questions finds the article when that question is taken out.
    UNFOUND = "unfound"
    #: Its own question, taken out, is answered with another article.
    SHADOWED = "shadowed"
    #: The validity ends soon.
    EXPIRING = "expiring"
    #: The validity has ended; the article is no longer served.
    EXPIRED = "expired"
    #: It supersedes an article that is not published.
    DANGLING = "dangling"
    #: A link that cannot work, by its form alone.
    LINK = "link"
    #: It names no source.
    UNSOURCED = "unsourced"
    #: It does not tell when the office last confirmed it.
    UNDATED = "undated"
    #: The answer is empty or shorter than a sentence.
    SHORT = "short"


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble and the articles it concerns."""

    trouble: Trouble
    articles: tuple[str, ...]
    detail: str
