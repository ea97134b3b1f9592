"""Form: what is wrong with an article by the look of it, without any network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from knowledge.drafts import Draft
from knowledge.findings import Finding, Trouble
from knowledge.text import fold, is_dense_script

#: Letters of the shortest sentence where one is a syllable or a word, and words elsewhere.
SENTENCE_DENSE, SENTENCE_WORDS = 6, 4

#: Up to where a link in running text goes; full-width punctuation ends it too.
_LINK = re.compile(r"(?:https?|ftp)://[^\s<>\"'，。；：！？、（）《》【】「」]*", re.IGNORECASE)
_END = ".,;:!?)]}"
_MAIL = re.compile(r"[^\s@/:]+@[^\s@/]+\.[^\s@/]+")
_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_HOST = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(?:\.(?!-)[\w-]{1,63}(?<!-))+\.?")
#: Reserved for examples and tests (RFC 2606, RFC 6761).
_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org)|example|invalid|test|localhost)$")
_PLACEHOLDER = re.compile(r"(?:^|\.)(?:x{3,}|your-?(?:domain|site|website)|todo|tbd)(?:\.|$)")


def check(articles: Iterable[Draft]) -> Iterator[Finding]:
    """Every finding about the form of these articles."""
    for article in articles:
        for link in _links(article):
            if reason := fault_of_link(link):
                yield Finding(Trouble.LINK, (article.id,), f"{link}: {reason}")
        if not (article.source_title.strip() or article.source_url.strip()):
            yield Finding(Trouble.UNSOURCED, (article.id,), "names no source")
        if article.date is None:
            yield Finding(Trouble.UNDATED, (article.id,), "has no date")
        if is_short(article.answer):
            said = article.answer.strip() or "nothing"
            yield Finding(Trouble.SHORT, (article.id,), f"answers only: {said[:80]}")


def fault_of_link(link: str) -> str:
    """What is wrong with a link, "" when its form is sound."""
    if _MAIL.fullmatch(link):
        return "a mail address; write mailto: before it"
    if re.search(r"\s", link):
        return "holds a blank"
    try:
        parts = urlsplit(link)
        port_is_sound = parts.port != 0
    except ValueError:
        return "cannot be read as an address"
    if parts.scheme == "mailto":
        return "" if _MAIL.fullmatch(parts.path) else "names no mail address"
    if parts.scheme not in _SCHEMES:
        return "does not begin with https://"
    if parts.scheme == "tel":
        return ""
    return _fault_of_host(parts) if port_is_sound else "cannot be read as an address"


def is_short(answer: str) -> bool:
    """Whether an answer, its links aside, is less than a sentence."""
    words = _LINK.sub(" ", answer)
    if is_dense_script(words[:200]):
        return len(fold(words)) < SENTENCE_DENSE
    return sum(any(c.isalnum() for c in word) for word in words.split()) < SENTENCE_WORDS


def _links(article: Draft) -> Iterator[str]:
    if url := article.source_url.strip():
        yield url
    for found in dict.fromkeys(_LINK.findall(article.answer)):
        yield found.rstrip(_END)


def _fault_of_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if not host:
        return "names no host"
    if _is_ip(host):
        return "names a machine by its number, which readers cannot trust"
    if _RESERVED.search(host) or _PLACEHOLDER.search(host):
        return "stands for a link that was never filled in"
    if not _HOST.fullmatch(host):
        return "names no host that can exist"
    return "is not encrypted; write https://" if parts.scheme == "http" else ""


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
