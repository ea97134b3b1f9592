"""Markdown: a file an article, its fields as YAML front matter, its answer as the text below.

Without ``id`` the file's name is the id, and without ``question`` a heading that opens the text
is the question.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from knowledge.drafts import Draft, to_json
from knowledge.errors import ArticleError
from knowledge.formats import caps
from knowledge.formats.cells import read_phrasings
from knowledge.formats.rows import Found

_FENCE = re.compile(r"^---[ \t]*\r?$", re.MULTILINE)
_HEADING = re.compile(r"\s*#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*(?:\r?\n|$)")
_NULL = "tag:yaml.org,2002:null"
#: A name that every file system keeps apart from all others, long ones in bytes left out.
_PLAIN = re.compile(r"[^\W_][\w-]*(?:\.[\w-]+)*")
_NAME_BYTES = 120
_WINDOWS = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


class _Dumper(yaml.SafeDumper):
    """YAML that writes what a reader cannot see (a line break, a blank that is none) as escapes."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent)


class _Loader(yaml.SafeLoader):
    """YAML whose scalars are texts: ``id: 007`` and ``lang: no`` stay what they say."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag == _NULL]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(path: Path) -> Iterator[Found]:
    """The one article of a file."""
    text = caps.text_of(path)
    if len(text) > caps.ROW_CHARS:
        yield Found(0, ArticleError(f"the text is longer than {caps.ROW_CHARS} characters."))
        return
    try:
        fields, body = _split(text)
        yield Found(0, _values(fields, body, path.stem))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        yield Found(line, ArticleError(f"the front matter is not YAML ({error.problem}); mend it."))
    except (yaml.YAMLError, RecursionError):
        yield Found(1, ArticleError("the front matter is not YAML; mend it."))
    except ArticleError as error:
        yield Found(1, error)


def write(articles: Iterable[Draft], folder: Path) -> int:
    """A file an article in *folder*, which is made; the number of articles."""
    folder.mkdir(parents=True, exist_ok=True)
    n = 0
    for article in articles:
        (folder / name_of(article.id)).write_bytes(text_of(article).encode())
        n += 1
    return n


def text_of(article: Draft) -> str:
    """The whole file of an article."""
    fields = {"id": article.id, "question": article.question} | to_json(article)
    fields.pop("answer", None)
    front = yaml.dump(
        fields, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=float("inf")
    )
    return f"---\n{front}---\n\n{article.answer}\n"


def name_of(article_id: str) -> str:
    """The file's name: the id itself where every file system takes it as it is.

    Any other id (with a slash, a capital letter, too long …) is written as far as it can
    be, with a fingerprint that keeps it apart from its like.
    """
    folded = unicodedata.normalize("NFC", article_id).casefold()
    plain = _PLAIN.fullmatch(article_id) and not _WINDOWS.fullmatch(folded)
    if plain and folded == article_id and len(article_id.encode()) <= _NAME_BYTES:
        return f"{article_id}.md"
    mark = hashlib.sha256(article_id.encode()).hexdigest()[:12]
    stem = re.sub(r"[^\w-]+", "-", folded).strip("-_")
    return f"{stem.encode()[:_NAME_BYTES].decode(errors='ignore')}-{mark}.md"


def _split(text: str) -> tuple[dict[str, Any], str]:
    """Front matter and the text below it."""
    opening = _FENCE.match(text)
    if opening is None:
        return {}, text
    closing = _FENCE.search(text, opening.end())
    if closing is None:
        raise ArticleError('the front matter has no end; close it with a line "---".')
    fields = yaml.load(text[opening.end() : closing.start()], Loader=_Loader) or {}  # noqa: S506 - a SafeLoader
    if not isinstance(fields, dict):
        raise ArticleError('the front matter is no list of fields; write lines like "id: x".')
    return fields, text[closing.end() :]


def _values(fields: dict[str, Any], body: str, stem: str) -> dict[str, Any]:
    values = {"id": stem} | fields
    if "question" not in fields and (opening := _HEADING.match(body)):
        values["question"], body = opening[1], body[opening.end() :]
    if isinstance(values.get("phrasings"), str):
        values["phrasings"] = read_phrasings(values["phrasings"])
    return values | {"answer": body}
