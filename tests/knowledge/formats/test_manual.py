"""docs/knowledge.md shows every column and format, and what it shows can be imported."""

import re
from pathlib import Path

import pytest
import xlsxwriter

from knowledge.formats import caps
from knowledge.formats.rows import COLUMNS
from knowledge.importing import read_files
from tests.knowledge.formats.made import STYLES, Part, docx
from tests.test_docs import ROOT

MANUAL = (ROOT / "docs" / "knowledge.md").read_text("utf-8")
CHINESE, ENGLISH = MANUAL.split("\n## English\n")
HALVES = pytest.mark.parametrize("half", [CHINESE, ENGLISH], ids=["zh", "en"])
ARTICLES = {"csv": 2, "jsonl": 1, "markdown": 1}
#: What the styles are called on an editor's screen.
ON_SCREEN = {"标题": "Title", "正文": "Normal"}


def example(half: str, form: str) -> str:
    """The one example of a form."""
    (found,) = re.findall(rf"^```{form}\n(.+?)^```$", half, re.MULTILINE | re.DOTALL)
    return str(found)


def rows(half: str, form: str) -> list[list[str]]:
    return [line.split(" | ") for line in example(half, form).splitlines()]


@HALVES
def test_every_column_is_explained(half: str) -> None:
    explained = re.findall(r"^\| `([a-z_]+)` \|", half, re.MULTILINE)
    assert sorted(explained) == sorted([*COLUMNS, "source"])


@HALVES
@pytest.mark.parametrize("form", ARTICLES)
def test_every_example_can_be_imported(half: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{form.replace('markdown', 'md')}"
    path.write_text(example(half, form), "utf-8")
    drafts = [row.draft for row in read_files([path])]
    assert len(drafts) == ARTICLES[form]
    assert drafts[0].id == "card-1"
    assert drafts[0].phrasings
    assert drafts[0].lang == ("zh" if half is CHINESE else "en")


@HALVES
def test_the_table_is_the_same_as_a_workbook(half: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(example(half, "csv"), "utf-8")
    told = [row.draft for row in read_files([tmp_path / "a.csv"])]
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet()
    for x, name in enumerate(COLUMNS):
        sheet.write(0, x, name)
        for y, draft in enumerate(told, 1):
            value = getattr(draft, name)
            sheet.write(y, x, "\n".join(value) if name == "phrasings" else str(value or ""))
    book.close()
    assert [row.draft for row in read_files([tmp_path / "a.xlsx"])] == told


@HALVES
def test_a_document_gives_the_passages_that_are_shown(half: str, tmp_path: Path) -> None:
    ids = {name: style for style, name in STYLES.items()}
    parts: list[Part] = []
    for style, text in rows(half, "docx"):
        name = ON_SCREEN.get(style, style).replace("标题", "heading").replace("Heading", "heading")
        parts.append((ids.get(name, ""), text))
    stem = "指南" if half is CHINESE else "guide"
    found = [row.draft for row in read_files([docx(tmp_path / f"{stem}.docx", parts)])]
    shown = [[draft.id, draft.question, draft.source_title] for draft in found]
    assert shown == rows(half, "passages")


@HALVES
def test_the_caps_are_those_of_the_code(half: str) -> None:
    numbers = [
        *(f"{caps.FILE_BYTES // 10**6} MB", f"{caps.ROWS:,}", f"{caps.PAGES:,}"),
        *(f"{caps.UNPACKED_BYTES // 10**6} MB", f"{caps.RATIO} ", f"{caps.CPU_S} "),
        *(f"{caps.WALL_S} ", f"{caps.MEMORY_BYTES / 10**9:g} GB"),
    ]
    told = re.split(r"^### (?:上限|Caps)$", half, flags=re.MULTILINE)[1]
    assert [number for number in numbers if number not in told] == []
