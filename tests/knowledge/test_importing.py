"""Files in, all rows or none, and out again without loss."""

import csv
import io
import json
from pathlib import Path

import pytest
from sqlmodel import Session

from knowledge import articles, exporting
from knowledge.errors import ImportRefused
from knowledge.formats import caps
from knowledge.importing import read_files, store_rows
from tests.knowledge.conftest import ACT, office


def write(path: Path, *lines: object) -> Path:
    text = "\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines)
    path.write_text(text, "utf-8")
    return path


def reasons(*paths: Path) -> list[tuple[int, str]]:
    with pytest.raises(ImportRefused) as refused:
        read_files(paths)
    return [(bad.line, bad.reason) for bad in refused.value.bad]


def test_rows_become_published_articles(session: Session, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        {"id": "a", "answer": "到一楼办理借书证。", "source": "https://qingwan.example/a"},
        {"id": 7, "answer": "Ask at the desk.", "source": "Leaflet", "date": "2026/03/01"},
    )
    done = store_rows(session, read_files([path]), ACT, publish=True)
    assert done.new == ("a", "7")
    seven, a = articles.published(session)
    assert (a.lang, a.source_url, a.source_title) == ("zh", "https://qingwan.example/a", "")
    assert (seven.lang, seven.source_title, str(seven.date)) == ("en", "Leaflet", "2026-03-01")


def test_importing_again_changes_only_what_changed(session: Session, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"id": i, "answer": f"Answer {i}."} for i in "abc"]
    store_rows(session, read_files([write(tmp_path / "1.jsonl", *rows)]), ACT, publish=True)
    session.commit()
    rows[1]["answer"] = "Another answer."
    done = store_rows(session, read_files([write(tmp_path / "2.jsonl", *rows)]), ACT, True)
    assert (done.new, done.changed, done.unchanged) == ((), ("b",), ("a", "c"))
    assert [len(articles.history(session, i)) for i in "abc"] == [1, 2, 1]


def test_without_publish_a_known_article_keeps_its_status(session: Session, tmp_path: Path) -> None:
    path = write(tmp_path / "1.jsonl", {"id": "a", "answer": "Yes."})
    store_rows(session, read_files([path]), ACT, publish=True)
    path = write(tmp_path / "1.jsonl", {"id": "a", "answer": "No."}, {"id": "b", "answer": "B."})
    store_rows(session, read_files([path]), ACT)
    assert [(a.id, a.answer) for a in articles.published(session)] == [("a", "No.")]


def test_every_bad_row_is_listed_with_its_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "bad.jsonl",
        {"id": "a", "answer": "Fine."},
        "{not json",
        "",
        "[1, 2]",
        {"id": "a", "answer": "Again."},
        {"id": "b"},
        {"id": "c", "answer": ["no"]},
        {"id": "d", "answer": "x", "date": "soon"},
        {"id": "e", "answer": "half \ud800"},
        {"id": "f", "answer": "nul \x00"},
        {"id": "g", "answer": "x", "phrasings": "not a list"},
    )
    found = dict(reasons(path))
    assert sorted(found) == [2, 4, 5, 6, 7, 8, 9, 10, 11]
    assert "not JSON" in found[2]
    assert "not a JSON object" in found[4]
    assert "line 1" in found[5]
    assert "neither" in found[6]
    assert "a date like" in found[8]
    assert "half a pair" in found[9]


def test_what_cannot_be_published_is_listed_with_all_else(tmp_path: Path) -> None:
    good = write(tmp_path / "b.jsonl", {"id": "b", "answer": "B."})
    path = write(
        tmp_path / "a.jsonl",
        {"id": "b", "answer": "again"},
        {"id": "a1", "question": "No answer?", "answer": ""},
        {"id": "a2", "answer": "A.", "date": "x"},
    )
    with pytest.raises(ImportRefused) as refused:
        read_files([good, path], publish=True)
    places = [(Path(bad.path).name, bad.line) for bad in refused.value.bad]
    assert places == [("a.jsonl", 1), ("a.jsonl", 2), ("a.jsonl", 3)]
    assert "no answer" in refused.value.bad[1].reason
    assert len(reasons(path)) == 1, "a draft may still lack its answer"


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl", ""), ("b.jsonl", "\n \n"), ("c.csv", "id,answer\n")]
)
def test_a_file_without_rows_is_refused(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    ((line, reason),) = reasons(path)
    assert line == 0
    assert "no rows" in reason


@pytest.mark.parametrize("name", ["a\nb", "a\u2028b", "a\u202eb", "a\x1bb", "a\tb"])
def test_an_id_that_cannot_be_seen_or_typed_is_refused(tmp_path: Path, name: str) -> None:
    ((line, reason),) = reasons(write(tmp_path / "a.jsonl", {"id": name, "answer": "A."}))
    assert line == 1
    assert "unseen character" in reason


def test_a_row_that_cannot_be_stored_refuses_the_import(session: Session, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", {"id": "a", "answer": "A."}, {"id": "b", "question": "Only asked?"}
    )
    rows = read_files([path])
    with pytest.raises(ImportRefused, match="nothing was imported") as refused:
        store_rows(session, rows, ACT, publish=True)
    assert [(b.line, "no answer" in b.reason) for b in refused.value.bad] == [(2, True)]


@pytest.mark.parametrize(
    ("name", "content", "line", "reason"),
    [
        ("a.xyz", b"{}", 0, "can be imported"),
        ("a.jsonl", b'{"id": "a", "answer": "A."}\n\xff\xfe', 2, "UTF-8"),
        ("a.csv", b"id,text\n1,x\n", 1, '"answer"'),
        ("a.csv", b"id,answer\n1,x,y\n", 2, "more cells"),
        ("a.csv", b'id,answer\n1,fine\n2,"open', 3, "not CSV"),
    ],
)
def test_unreadable_files_say_why(
    tmp_path: Path, name: str, content: bytes, line: int, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    ((found_line, found),) = reasons(path)
    assert (found_line, reason in found) == (line, True), found


def test_a_missing_file_is_a_plain_sentence(tmp_path: Path) -> None:
    ((line, reason),) = reasons(tmp_path / "none.jsonl")
    assert line == 0
    assert "check its path" in reason


def test_a_file_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caps, "FILE_BYTES", 10)
    ((_, reason),) = reasons(write(tmp_path / "a.jsonl", {"id": "a", "answer": "long enough"}))
    assert "split it" in reason


def test_deep_nesting_is_a_bad_row(tmp_path: Path) -> None:
    ((line, reason),) = reasons(write(tmp_path / "a.jsonl", "[" * 100_000))
    assert line == 1
    assert "not JSON" in reason


def test_a_number_nobody_can_read_is_named_as_one(tmp_path: Path) -> None:
    row = '{"id": ' + "9" * 6000 + ', "answer": "A."}'
    ((line, reason),) = reasons(write(tmp_path / "a.jsonl", row))
    assert line == 1
    assert "too many digits" in reason
    assert "nested" not in reason


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_export_and_import_lose_nothing(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out.{form}"
    assert exporting.write_file(office(), path) == len(office())
    assert tuple(row.draft for row in read_files([path])) == office()


def test_csv_cells_hold_commas_and_lines(tmp_path: Path) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "answer", "phrasings"])
    writer.writerow(["a", "one, two\nthree", "first\nsecond\n"])
    path = tmp_path / "a.csv"
    path.write_text(out.getvalue(), "utf-8-sig", newline="")
    (row,) = read_files([path])
    assert row.draft.answer == "one, two\nthree"
    assert row.draft.phrasings == ("first", "second")
