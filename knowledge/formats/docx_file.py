"""DOCX: a document of Word or WPS, cut into passages at its headings.

Mammoth turns it into simple HTML by its styles; this file turns that into blocks.  Tables
become lines of cells with a bar between; pictures are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from zipfile import ZipFile

import mammoth

from knowledge.formats import passages, zips
from knowledge.formats.passages import Block
from knowledge.formats.rows import Found

_STYLES = "\n".join(
    (
        "p[style-name='Title'] => h1.title:fresh",
        "p[style-name='标题'] => h1.title:fresh",
        *(f"p[style-name='标题 {level}'] => h{level}:fresh" for level in range(1, 7)),
    )
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = ("ul", "ol")
_TITLE = "{http://purl.org/dc/elements/1.1/}title"


def read(path: Path) -> Iterator[Found]:
    """The document's passages, each under the number of the paragraph it begins with."""
    zips.check(path)
    with path.open("rb") as file:
        html = mammoth.convert_to_html(
            file, style_map=_STYLES, convert_image=mammoth.images.img_element(lambda _: {})
        ).value
    root = ElementTree.fromstring(f"<html>{html}</html>")  # noqa: S314 - Mammoth wrote it
    titles = [_text(e) for e in root if e.get("class") == "title"]
    blocks = [
        Block(text, line, _HEADINGS.get(element.tag, 0))
        for line, element in enumerate(root, 1)
        if (text := _lines(element)) and element.get("class") != "title"
    ]
    named = passages.Named(path.stem, titles[0] if titles else "", _property(path))
    yield from passages.rows(named, blocks, "paragraph")


def _property(path: Path) -> str:
    """The title in the document's properties, when somebody wrote one."""
    with ZipFile(path) as pack:
        if "docProps/core.xml" not in pack.namelist():
            return ""
        root = ElementTree.fromstring(pack.read("docProps/core.xml"))  # noqa: S314 - zips.check
    return (root.findtext(_TITLE) or "").strip()


def _lines(element: Element, depth: int = 0) -> str:
    """A paragraph, list or table as text."""
    if element.tag == "table":
        return "\n".join(" | ".join(_cells(row)) for row in element.iter("tr"))
    if element.tag in _LISTS:
        return "\n".join(_item(i, n, element, depth) for n, i in enumerate(element, 1))
    return _text(element)


def _cells(row: Element) -> Iterator[str]:
    return (_text(cell).replace("\n", " ") for cell in row)


def _item(item: Element, number: int, whole: Element, depth: int) -> str:
    """One item of a list, those of lists in it below it and set in."""
    bullet = f"{number}." if whole.tag == "ol" else "-"
    inner = [_lines(child, depth + 1) for child in item if child.tag in _LISTS]
    return "\n".join((f"{'  ' * depth}{bullet} {_text(item, skip=_LISTS)}", *inner))


def _text(element: Element, skip: tuple[str, ...] = ()) -> str:
    """The text of an element; paragraphs inside it (of a cell, a note) on one line."""
    return "".join(_pieces(element, skip)).strip()


def _pieces(element: Element, skip: tuple[str, ...]) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag == "br":
            yield "\n"
        elif child.tag == "a":
            yield _link(child)
        elif child.tag not in skip:
            yield from _pieces(child, skip)
            yield " " if child.tag == "p" else ""
        yield child.tail or ""


def _link(element: Element) -> str:
    """A link's text, and behind it where it leads; not the arrow that leads back from a note."""
    text, target = _text(element), element.get("href", "")
    if target.startswith(("https://", "http://")) and target not in text:
        return f"{text} ({target})"
    return "" if "note-ref-" in target else text
