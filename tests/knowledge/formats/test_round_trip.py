"""Out and in again, through every form an editor keeps articles in, nothing is lost."""

import datetime as dt
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from knowledge import articles, exporting
from knowledge.drafts import ArticleStatus, Draft
from knowledge.errors import ArticleError
from knowledge.formats import csv_file, jsonl_file, markdown_file, xlsx_file, xlsx_write
from knowledge.formats.rows import Found
from knowledge.importing import read_files, row_draft, store_rows
from tests.knowledge.conftest import ACT, office

#: Pieces that some format could take for its own.
PIECES = (
    *("=1+1", "'=1", "''@x", "+86 10", "-", "@a", "＝1", '"', "'", '""', ",", ";", "\t", "[", "]"),
    *("\n", "\r\n", "\r", "\n\n", "\u00a0", "\u3000", "\u2028", "\x85", "\x0b", "\x0c", "\ufeff"),
    *("---\n", "---", "id: x\n", "# 标题\n", "> ", "- a\n", ": ", " #", "|", "{a: b}", "&b"),
    *("_x0041_", "_x005F_", "_x005F_x0041_", "<r><t>x</t></r>", "&amp;", "]]>", "\x01", "\x1f"),
    *("null", "~", "yes", "no", "007", "1e3", "2026-03-01", "!!int 1", "*a", "%", '["a"]'),
    *("云渚市", "😀", "é", "e\u0301", " ", "  ", "a", "A"),
)
NO_TEXT = "\x00\ufffe\uffff"


def _texts(limit: int) -> st.SearchStrategy[str]:
    piece = st.sampled_from(PIECES) | st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters=NO_TEXT), max_size=4
    )
    return st.lists(piece, max_size=4).map(lambda pieces: "".join(pieces)[:limit])


def _ids() -> st.SearchStrategy[str]:
    odd = (
        "a/b",
        "../x",
        "CON",
        "con",
        "A",
        "a",
        ".",
        "-",
        "长" * 200,
        "é",
        "e\u0301",
        "x.md",
        "a b",
    )
    return (st.sampled_from(odd) | _texts(200)).map(str.strip).filter(_is_id)


def _is_id(text: str) -> bool:
    unseen = ("Cc", "Cf", "Zl", "Zp")
    return bool(text) and all(unicodedata.category(c) not in unseen for c in text)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    days = st.none() | st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
    start, end = sorted((draw(st.dates()), draw(st.dates())))
    values = {name: draw(_texts(200)) for name in ("category", "department", "source_title")}
    try:
        return Draft(
            id=draw(_ids()),
            answer=draw(_texts(2000)),
            question=draw(_texts(2000)),
            phrasings=tuple(draw(st.lists(_texts(500), max_size=4))),
            lang=draw(st.sampled_from(["zh", "en", "no"])),
            source_url=draw(_texts(200)),
            date=draw(days),
            valid_from=draw(st.none() | st.just(start)),
            valid_to=draw(st.none() | st.just(end)),
            supersedes=draw(st.none() | _ids()),
            **values,
        )
    except ArticleError:
        return Draft(id=draw(_ids()), answer="一楼办理。", lang="zh")


offices = st.lists(drafts(), min_size=1, max_size=3, unique_by=lambda draft: draft.id)


def _through_file(
    name: str, write: Callable[[list[Draft], Path], int], read: Callable[[Path], Iterator[Found]]
) -> Callable[[list[Draft], Path], list[Found]]:
    def through(told: list[Draft], folder: Path) -> list[Found]:
        assert write(told, folder / name) == len(told)
        return list(read(folder / name))

    return through


def _through_folder(told: list[Draft], folder: Path) -> list[Found]:
    markdown_file.write(told, folder)
    files = [folder / markdown_file.name_of(draft.id) for draft in told]
    assert len({file.name.casefold() for file in files}) == len(told) == len(list(folder.iterdir()))
    return [found for file in files for found in markdown_file.read(file)]


WAYS = {
    "csv": _through_file("a.csv", csv_file.write, csv_file.read),
    "jsonl": _through_file("a.jsonl", jsonl_file.write, jsonl_file.read),
    "xlsx": _through_file("a.xlsx", xlsx_write.write, xlsx_file.read),
    "md": _through_folder,
}


@given(told=offices)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_an_article_says_comes_back(told: list[Draft]) -> None:
    for way, through in WAYS.items():
        with TemporaryDirectory() as folder:
            rows = through(told, Path(folder))
        wrong = [row for row in rows if isinstance(row.values, ArticleError)]
        assert not wrong, way
        assert [row_draft(cast(dict[str, Any], row.values)) for row in rows] == told, way


#: An office whose articles try every format, and one that does not name its language.
NASTY = (
    *office(),
    Draft(id="formula", answer='=HYPERLINK("https://qingwan.example")', question="'=1", lang="en"),
    Draft(id="front", answer="---\nid: other\n---\n# 不是标题\n正文", lang="zh"),
    Draft(id="Front", answer="两行\n\n  缩进\u00a0。", question="", lang="zh"),
    Draft(id="path/../长" + "长" * 180, answer="x", phrasings=("一\n二", '["三"]'), lang="zh"),
    Draft(id="007", answer="No language is named.", question="2026-03-01"),
    Draft(
        id="dates",
        answer="答" * 40_000,
        lang="zh",
        phrasings=tuple(f"{n}" + "问" * 490 for n in range(500)),
        date=dt.date(1899, 12, 31),
        valid_from=dt.date(2026, 1, 1),
        valid_to=dt.date(2026, 12, 31),
        supersedes="007",
    ),
)


@pytest.mark.parametrize("out", ["a.csv", "a.jsonl", "a.xlsx", "folder"])
def test_an_office_exported_and_imported_is_unchanged(
    session: Session, tmp_path: Path, out: str
) -> None:
    for draft, status in zip(NASTY, list(ArticleStatus) * 9, strict=False):
        articles.create(session, draft, ACT, status)
    session.commit()
    write = exporting.write_file if "." in out else exporting.write_folder
    assert write(NASTY, tmp_path / out) == len(NASTY)
    done = store_rows(session, read_files([tmp_path / out]), ACT)
    assert (done.new, done.changed, len(done.unchanged)) == ((), (), len(NASTY))


def test_blank_ends_and_line_breaks_are_settled_when_a_draft_is_made() -> None:
    draft = Draft(id="a", answer=" a\r\nb\rc\n", phrasings=("x ", "x", " "))
    assert (draft.answer, draft.phrasings) == ("a\nb\nc", ("x",))
