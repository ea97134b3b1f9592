"""Writing XLSX: one sheet, every text a text, every date a date.

The package is the smallest that ECMA-376 allows, with the text format on every cell, so that
a spreadsheet keeps ``007`` and ``=1`` as they are also when somebody types in the cell.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from knowledge.drafts import Draft
from knowledge.formats import cells
from knowledge.formats.rows import COLUMNS

#: Most UTF-16 units in a cell.
CELL = 32_767

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
#: Styles by their place in cellXfs below.
_TEXT, _TITLE, _DATE = 1, 2, 3

_PARTS = {
    "[Content_Types].xml": f"""<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>
<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>
</Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">
<bookViews><workbookView/></bookViews>
<sheets><sheet name="articles" sheetId="1" r:id="rId1"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>
<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>""",
    "xl/styles.xml": f"""<styleSheet xmlns="{_MAIN}">
<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>
<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>
<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>
<fills count="2"><fill><patternFill patternType="none"/></fill>
<fill><patternFill patternType="gray125"/></fill></fills>
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>
<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>
<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>
</styleSheet>""",
}
_SHEET = f"""<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">
<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>
<cols><col min="1" max="99" width="24" style="{_TEXT}" customWidth="1"/></cols><sheetData>"""

#: What XML cannot hold is written ``_xHHHH_``, and so is what looks like that (ECMA-376 22.9.2.19).
_ODD = re.compile("[\\x00-\\x08\\x0b-\\x1f]|_(?=x[0-9A-Fa-f]{4}_)")


def write(articles: Iterable[Draft], path: Path) -> int:
    """A header and one row an article; the number of articles."""
    rows = [_texts(article) for article in articles]
    columns = _columns(rows)
    with ZipFile(path, "w", ZIP_DEFLATED) as pack:
        for name, text in _PARTS.items():
            pack.writestr(name, _HEAD + text)
        with pack.open("xl/worksheets/sheet1.xml", "w") as out:
            for text in _sheet(columns, rows):
                out.write(text.encode())
    return len(rows)


def _texts(article: Draft) -> dict[str, str | dt.date]:
    """An article's values by column, long ones going on in columns of their own."""
    values: dict[str, str | dt.date] = {}
    for name in COLUMNS:
        value = getattr(article, name)
        if name == "phrasings":
            value = cells.phrasings_cell(value)
        if isinstance(value, str):
            values |= {_more(name, n): part for n, part in enumerate(_parts(value), 1)}
        elif value is not None:
            values[name] = value
    return values


def _more(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"


def _parts(text: str) -> Iterator[str]:
    """The text in parts that a cell holds."""
    text = cells.guarded(text)
    size = CELL if len(text.encode("utf-16-le")) == 2 * len(text) else CELL // 2
    return (text[start : start + size] for start in range(0, len(text), size))


def _columns(rows: list[dict[str, str | dt.date]]) -> list[str]:
    """All columns, those that go on behind the others in their order."""
    used = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    return [*COLUMNS, *sorted(used, key=lambda name: (len(name), name))]


def _sheet(columns: list[str], rows: list[dict[str, str | dt.date]]) -> Iterator[str]:
    yield _HEAD + _SHEET
    yield f"<row>{''.join(_cell(name, _TITLE) for name in columns)}</row>"
    for row in rows:
        yield f"<row>{''.join(_cell(row.get(name, ''), _TEXT) for name in columns)}</row>"
    yield "</sheetData></worksheet>"


def _cell(value: str | dt.date, style: int) -> str:
    if isinstance(value, dt.date):
        day = _serial(value)
        return f'<c s="{_DATE}"><v>{day}</v></c>' if day else _cell(value.isoformat(), style)
    if not value:
        return f'<c s="{style}"/>'
    text = escape(_ODD.sub(lambda odd: f"_x{ord(odd[0]):04X}_", value))
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _serial(date: dt.date) -> int:
    """The day's number in a spreadsheet; 0 before March 1900, which they count differently."""
    return (date - dt.date(1899, 12, 30)).days if date >= dt.date(1900, 3, 1) else 0
