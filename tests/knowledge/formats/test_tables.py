"""CSV and XLSX as editors and their programs write them."""

import csv
import datetime as dt
from pathlib import Path
from zipfile import ZipFile

import pytest
import xlsxwriter

from knowledge import exporting
from knowledge.drafts import Draft
from knowledge.errors import ImportRefused
from knowledge.formats import cells
from knowledge.formats.xlsx_write import CELL
from knowledge.importing import Row, read_files

Cells = list[list[object]]
HEADER: list[object] = ["id", "answer"]


def workbook(path: Path, **sheets: Cells) -> Path:
    """A workbook as another program writes it."""
    book = xlsxwriter.Workbook(path)
    formats = {
        "date": book.add_format({"num_format": "yyyy/m/d"}),
        "datetime": book.add_format({"num_format": "yyyy/m/d hh:mm"}),
    }
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for y, row in enumerate(rows):
            for x, value in enumerate(row):
                sheet.write(y, x, value, formats.get(type(value).__name__))
    book.close()
    return path


def bad(path: Path) -> list[str]:
    with pytest.raises(ImportRefused) as refused:
        read_files([path])
    return [str(row).removeprefix(f"{path}, ") for row in refused.value.bad]


def test_a_workbook_of_another_program(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        封面=[["云渚市图书馆"], ["2026 年版"]],
        借书=[
            ["ID", " Answer ", "date", "valid_to", "phrasings", "remark"],
            [
                7,
                "一楼办理。",
                dt.date(2026, 3, 2),
                dt.datetime.fromisoformat("2026-12-31"),
                "怎么办\n在哪办",
                "x",
            ],
            [None, None, None, None, None, None],
            ["b", '="三" & "天"', None, None, None, None],
        ],
        开放=[HEADER, ["c", 9.5]],
    )
    seven, b, c = read_files([path])
    assert (seven.draft.id, seven.draft.answer) == ("7", "一楼办理。")
    assert (seven.draft.date, seven.draft.valid_to) == (dt.date(2026, 3, 2), dt.date(2026, 12, 31))
    assert seven.draft.phrasings == ("怎么办", "在哪办")
    assert (seven.line, b.line, c.line) == (2, 4, 2)
    assert c.draft.answer == "9.5"


def test_bad_rows_of_a_workbook_are_named_by_sheet_and_row(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        一=[HEADER, ["a", "甲"], ["b", ""], ["c", "丙"]],
        二=[["id", "text"], ["d", "丁"]],
        三=[["id", "answer", "date"], ["e", "戊", "soon"]],
    )
    assert [reason.partition(":")[0] for reason in bad(path)] == [
        "sheet 一, row 3",
        "sheet 二, row 1",
        "sheet 三, row 2",
    ]


def test_a_workbook_without_articles_is_refused(tmp_path: Path) -> None:
    assert "no sheet has a header" in bad(workbook(tmp_path / "a.xlsx", 封面=[["云渚市"]]))[0]


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_a_table_without_rows_is_most_often_the_wrong_one(tmp_path: Path, name: str) -> None:
    exporting.write_file([], tmp_path / name)
    (reason,) = bad(tmp_path / name)
    assert reason.endswith("the file has no rows; check that it is the right one.")


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    dangers = ("=1+1", "+1", "-1", "@SUM(A1)", "＝1", "'=1")
    told = [
        Draft(id=text, answer=text, question=text, lang="zh", phrasings=(text, "x"))
        for text in dangers
    ]
    for name in ("a.csv", "a.xlsx"):
        exporting.write_file(told, tmp_path / name)
        assert [row.draft for row in read_files([tmp_path / name])] == told
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            assert all(not cell.startswith(tuple("=+-@＝")) for cell in row.values())
    with ZipFile(tmp_path / "a.xlsx") as pack:
        sheet = pack.read("xl/worksheets/sheet1.xml").decode()
    assert "<f" not in sheet
    assert '<t xml:space="preserve">=' not in sheet


def test_a_long_text_goes_on_in_further_columns(tmp_path: Path) -> None:
    told = Draft(id="a", answer="答" * 40_000, question="问" * 2_000, lang="zh")
    exporting.write_file([told], tmp_path / "a.xlsx")
    with ZipFile(tmp_path / "a.xlsx") as pack:
        texts = pack.read("xl/worksheets/sheet1.xml").decode().split("</t>")
    assert max(len(text.rpartition(">")[2]) for text in texts) == CELL
    (row,) = read_files([tmp_path / "a.xlsx"])
    assert row.draft == told


@pytest.mark.parametrize(
    ("cell", "phrasings"),
    [
        ("甲\n乙\r\n\n丙\n", ["甲", "乙", "丙"]),
        ('["甲\\n乙"]', ["甲\n乙"]),
        ("[甲", ["[甲"]),
        ("[1, 2]", ["[1, 2]"]),
        ("", []),
    ],
)
def test_phrasings_stand_one_a_line(cell: str, phrasings: list[str]) -> None:
    assert cells.read_phrasings(cell) == phrasings


def test_empty_rows_and_capitals_in_a_csv_header_are_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ID, Answer\n,\na,x\n\n,,\n", "utf-8")
    rows = read_files([path])
    assert [(row.line, row.draft.id) for row in rows] == [(3, "a")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", 'lacks "answer"'), ("answer\nx", 'lacks "id"'), ("id,answer,id\n", '"id" twice')],
)
def test_a_header_that_does_not_serve(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "a.csv").write_text(content, "utf-8")
    assert reason in bad(tmp_path / "a.csv")[0]


def test_a_file_that_names_no_language_leaves_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,answer\na,Ask at the desk.\n", "utf-8")
    (row,) = read_files([tmp_path / "a.csv"])
    assert isinstance(row, Row)
    assert (row.draft.lang, row.silent) == ("en", frozenset({"lang"}))
