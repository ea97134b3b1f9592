"""Files that are made to hurt cost one sentence and a short while."""

import os
import struct
import time
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from typer.testing import CliRunner

from huiying.cli import app
from knowledge.errors import ArticleError
from knowledge.formats import apart, caps, kinds, xlsx_write
from knowledge.formats.rows import Found
from tests.knowledge.formats.made import W, docx, packed, pdf, pdf_of, stream

SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
LAUGHS = '<!DOCTYPE d [<!ENTITY a "{}">{}]>'.format(
    "ha" * 50, "".join(f'<!ENTITY {b} "{f"&{a};" * 20}">' for a, b in pairwise("abcdefgh"))
)
DOCUMENT = (
    f'<w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>&h;</w:t></w:r></w:p></w:body></w:document>'
)


def workbook(path: Path, sheet: str | bytes) -> Path:
    """A workbook with this one sheet, the rest as we write it."""
    xlsx_write.write([], path.with_suffix(".empty"))
    with ZipFile(path.with_suffix(".empty")) as ours, ZipFile(path, "w", ZIP_DEFLATED) as pack:
        for name in ours.namelist()[:-1]:
            pack.writestr(name, ours.read(name))
        pack.writestr("xl/worksheets/sheet1.xml", sheet)
    return path


def zip_bomb(folder: Path) -> Path:
    """60 MB of blanks in 60 KB."""
    return workbook(folder / "bomb.xlsx", SHEET + " " * 60_000_000 + "</sheetData></worksheet>")


def lying_bomb(folder: Path) -> Path:
    """The same, saying that it unpacks to 1,000 bytes."""
    path = zip_bomb(folder)
    size = len(SHEET) + 60_000_000 + len("</sheetData></worksheet>")
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 1000)))
    return path


def many_parts(folder: Path) -> Path:
    path = docx(folder / "many.docx", [("", "一")])
    with ZipFile(path, "a") as pack:
        for n in range(caps.PARTS + 1):
            pack.writestr(f"x/{n}", "")
    return path


def billion_laughs(folder: Path) -> Path:
    return packed(folder / "laughs.docx", {"word/document.xml": LAUGHS + DOCUMENT})


def billion_laughs_in_utf_16(folder: Path) -> Path:
    content = ('<?xml version="1.0" encoding="utf-16"?>' + LAUGHS + DOCUMENT).encode("utf-16")
    return packed(folder / "laughs.docx", {"word/document.xml": content})


def deep_xml(folder: Path) -> Path:
    inner = "<w:sdt><w:sdtContent>" * 20_000 + "</w:sdtContent></w:sdt>" * 20_000
    document = f'<w:document xmlns:w="{W}"><w:body>{inner}</w:body></w:document>'
    return packed(folder / "deep.docx", {"word/document.xml": document})


def far_cell(folder: Path) -> Path:
    """Two cells at opposite corners, for which a table of 17 billion is made."""
    cell = '<row r="{0}"><c r="{1}{0}" t="inlineStr"><is><t>id</t></is></c></row>'
    rows = cell.format(1, "A") + cell.format(1_048_576, "XFD")
    return workbook(folder / "far.xlsx", f"{SHEET}{rows}</sheetData></worksheet>")


def endless_stream(folder: Path) -> Path:
    """Four gigabytes of page content, deflated twice."""
    once = zlib.compressobj(9)
    part = b"BT /F 9 Tf <4e00> Tj ET\n" * 80_000
    first, again = (once.compress(part) + once.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    squeezed = first + again * 2_000
    content = stream(zlib.compress(squeezed), b"/Filter[/FlateDecode/FlateDecode]")
    return pdf(folder / "endless.pdf", [content])


def deep_pdf(folder: Path) -> Path:
    """A page that is three million lists, one inside the other."""
    return pdf(folder / "deep.pdf", [b"[" * 3_000_000])


def page_that_holds_itself(folder: Path) -> Path:
    path = folder / "circle.pdf"
    return pdf_of(path, [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 9/Kids[2 0 R]>>"])


def many_pages(folder: Path) -> Path:
    return pdf(folder / "pages.pdf", [[]] * (caps.PAGES + 1))


def no_office_file(folder: Path) -> Path:
    path = folder / "a.docx"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    return path


def file_with_a_password(folder: Path) -> Path:
    path = folder / "a.xlsx"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4_000))
    return path


def cut_off(folder: Path) -> Path:
    path = docx(folder / "a.docx", [("", "一" * 1_000)])
    path.write_bytes(path.read_bytes()[:-100])
    return path


BOMBS: dict[Callable[[Path], Path], str] = {
    zip_bomb: "unpacks to more than",
    lying_bomb: "damaged",
    many_parts: "holds more than",
    billion_laughs: "entities",
    billion_laughs_in_utf_16: "entities",
    deep_xml: "damaged",
    far_cell: "memory",
    endless_stream: "memory",
    deep_pdf: "text",
    page_that_holds_itself: "",
    many_pages: "pages",
    no_office_file: "damaged",
    file_with_a_password: "password",
    cut_off: "damaged",
}


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_a_bomb_costs_one_sentence(
    bomb: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caps, "CPU_S", 3)
    path = bomb(tmp_path)
    assert path.stat().st_size < 3_500_000
    began = time.monotonic()
    done = CliRunner().invoke(app, ["kb", "import", str(path), "--data", str(tmp_path / "data")])
    assert time.monotonic() - began < caps.WALL_S / 3
    assert done.exit_code == 2, done.output
    assert BOMBS[bomb] in done.stderr
    assert done.stderr.count("\n") == 1, "one sentence"
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "what", ["connect", "run", "write", "secret", "crash", "sleep", "loop", "eat"]
)
def test_a_parser_gets_no_further_than_its_process(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIYING_TELEGRAM__TOKEN", "1:secret")
    monkeypatch.setattr(caps, "MEMORY_BYTES", 300_000_000)
    monkeypatch.setattr(caps, "CPU_S", 2)
    if what == "sleep":
        monkeypatch.setattr(caps, "WALL_S", 4)
    began = time.monotonic()
    (found,) = _curious(tmp_path, what)
    assert isinstance(found.values, ArticleError)
    assert time.monotonic() - began < caps.WALL_S / 2 or what == "sleep"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_parser_that_does_nothing_bad_is_heard(tmp_path: Path) -> None:
    (found,) = _curious(tmp_path, "nothing")
    assert found.values == {"id": "nothing", "answer": "was done"}


def _curious(folder: Path, what: str) -> list[Found]:
    """What comes back when a parser does *what*."""
    (folder / "a.txt").write_text(what)
    return list(apart.read("tests.knowledge.formats.curious", folder / "a.txt"))


def test_an_answer_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caps, "TEXT_BYTES", 20)
    path = docx(tmp_path / "a.docx", [("", "周一闭馆。")])
    (found,) = kinds.read(path)
    assert "of text" in str(found.values)


def test_what_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    (found,) = kinds.read(tmp_path / "a.csv")
    assert "no plain file" in str(found.values)
