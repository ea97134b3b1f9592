"""`huiying ask` and `huiying kb …` as another program calls them."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from bot.db import Database
from bot.journal import JournalRow
from huiying.cli import app
from knowledge import exporting
from tests.knowledge.conftest import office

DAMAGED = "the file is damaged; open it in its program and save it again"


class Desk:
    """Runs commands on one data directory."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data", str(self.data)])

    def json(self, *arguments: str) -> dict[str, Any]:
        """The one object on stdout; the command must have succeeded."""
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "data")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kb.jsonl"
    exporting.write_file(office(), path)
    return path


def test_import_ask_and_ask_again(desk: Desk, file: Path) -> None:
    done = desk.json("kb", "import", str(file), "--publish")
    assert (done["new"], done["changed"], done["unchanged"]) == (5, 0, 0)
    found = desk.json("ask", "借书证怎么办理")
    assert found["outcome"] == "answered"
    assert found["article"] == "library-card"
    assert found["answer"] == office()[0].answer
    assert found["source"] == "https://qingwan.example/library/card"
    assert found["candidates"][0] == {
        "article": "library-card",
        "question": "借书证怎么办理？",
        "confidence": 1.0,
    }
    assert {"confidence", "kb_version", "model", "ms"} <= set(found)
    again = desk.json("kb", "import", str(file), "--publish")
    assert (again["unchanged"], again["kb_version"]) == (5, done["kb_version"])


def test_nothing_is_kept_of_a_bad_file(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": "a", "answer": "A."}\nnot json\n{"id": "b"}\n')
    done = desk.run("kb", "import", str(path), "--publish")
    assert done.exit_code == 2
    assert "line 2" in done.stderr
    assert "line 3" in done.stderr
    assert "Traceback" not in done.output
    assert desk.json("kb", "list")["articles"] == []


def test_a_dry_run_keeps_nothing(desk: Desk, file: Path) -> None:
    assert desk.json("kb", "import", str(file), "--publish", "--dry-run")["new"] == 5
    assert desk.json("kb", "list")["articles"] == []


def test_publish_retire_and_history(desk: Desk, file: Path) -> None:
    desk.json("kb", "import", str(file))
    assert desk.json("ask", "借书证怎么办理")["reason"] == "no_articles"
    assert desk.json("kb", "publish", "library-card", "--why", "checked")["moved"] == [
        "library-card"
    ]
    assert desk.json("ask", "借书证怎么办理")["outcome"] == "answered"
    desk.json("kb", "retire", "library-card")
    assert desk.json("ask", "借书证怎么办理")["outcome"] == "handed_off"
    rows = desk.json("kb", "history", "library-card")["revisions"]
    assert [r["status"] for r in rows] == ["draft", "published", "retired"]
    assert rows[1]["why"] == "checked"


def test_each_editorial_act_is_in_the_journal(desk: Desk, file: Path) -> None:
    desk.json("kb", "import", str(file))
    desk.json("kb", "publish", "library-card", "dog-licence")
    database = Database.open(f"sqlite:///{desk.data / 'huiying.db'}")
    with database.session() as session:
        rows = session.exec(select(JournalRow)).all()
    database.close()
    kinds = [(r.kind, r.subject) for r in rows]
    assert ("kb_imported", "") in kinds
    assert ("kb_published", "library-card") in kinds
    assert ("kb_published", "dog-licence") in kinds


def test_one_unknown_id_publishes_none(desk: Desk, file: Path) -> None:
    desk.json("kb", "import", str(file))
    done = desk.run("kb", "publish", "library-card", "nobody")
    assert done.exit_code == 2
    assert "nobody" in done.stderr
    assert desk.json("kb", "list")["counts"]["published"] == 0


def test_export_round_trip(desk: Desk, file: Path, tmp_path: Path) -> None:
    desk.json("kb", "import", str(file), "--publish")
    for name in ("out.jsonl", "out.csv"):
        desk.json("kb", "export", "--out", str(tmp_path / name))
        assert desk.json("kb", "import", str(tmp_path / name))["unchanged"] == 5
    lines = desk.run("kb", "export").stdout.splitlines()
    assert len(lines) == 5
    assert len(desk.json("kb", "export")["articles"]) == 5


def test_explain_and_check(desk: Desk, file: Path) -> None:
    desk.json("kb", "import", str(file), "--publish")
    found = desk.json("kb", "explain", "借书的卡")
    assert {"answer", "offer"} == set(found["thresholds"])
    assert "dense_best" in found["candidates"][0]["features"]
    troubles = [f["trouble"] for f in desk.json("kb", "check")["findings"]]
    assert set(troubles) == {"link", "unsourced", "undated"}
    assert "unsourced (4)\n  bulky-waste: names no source" in desk.run("kb", "check").stdout


def test_eval_builds_in_memory_and_touches_no_data(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    queries = tmp_path / "q.jsonl"
    queries.write_text(
        '{"query": "借书证怎么办理", "relevant": ["library-card"], "type": "in"}\n'
        '{"query": "宇宙有多大", "relevant": [], "type": "far_oos"}\n'
    )
    before = sorted(tmp_path.iterdir())
    done = CliRunner().invoke(app, ["kb", "eval", str(queries), "--kb", str(file), "--json"])
    found = json.loads(done.stdout)
    assert (found["hit1"], found["answered"], found["oos_answered"]) == (1, 1, 0)
    assert sorted(tmp_path.iterdir()) == before


def test_eval_of_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["kb", "eval", str(tmp_path / "none.jsonl")])
    assert done.exit_code == 2
    assert "check its path" in done.stderr


def measured(queries: Path, content: str, kb: Path) -> Result:
    queries.write_text(content)
    return CliRunner().invoke(app, ["kb", "eval", str(queries), "--kb", str(kb), "--json"])


@pytest.mark.parametrize("lacking", ["queries", "kb"])
def test_eval_of_nothing_is_bad_input(tmp_path: Path, file: Path, lacking: str) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    asked = "" if lacking == "queries" else '{"query": "?", "relevant": []}'
    done = measured(tmp_path / "q.jsonl", asked, file if lacking == "queries" else empty)
    assert done.exit_code == 2
    assert "no rows" in done.stderr
    assert "nothing was measured" in done.stderr
    assert "imported" not in done.output


def test_eval_of_articles_that_are_over_is_bad_input(tmp_path: Path) -> None:
    kb = tmp_path / "kb.jsonl"
    kb.write_text('{"id": "a", "question": "A?", "answer": "A.", "valid_to": "2020-01-01"}')
    done = measured(tmp_path / "q.jsonl", '{"query": "A?", "relevant": ["a"]}', kb)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nothing can be measured" in done.stderr


def test_eval_names_answers_that_can_never_be_found(tmp_path: Path, file: Path) -> None:
    query = '{"query": "借书证怎么办理", "relevant": ["library-card-2", "library-card"]}\n'
    done = measured(tmp_path / "q.jsonl", query + query.replace("library-card", "nobody"), file)
    assert done.exit_code == 0
    assert "counted as missed: library-card-2, nobody, nobody-2." in done.stderr
    assert json.loads(done.stdout)["hit1"] == 0.5


def test_eval_lists_its_bad_rows_as_such(tmp_path: Path, file: Path) -> None:
    done = measured(tmp_path / "q.jsonl", '{"query": 7}\n', file)
    assert done.exit_code == 2
    assert "line 1" in done.stderr
    assert "nothing was measured" in done.stderr


def test_every_form_of_export_comes_back_unchanged(desk: Desk, file: Path, tmp_path: Path) -> None:
    desk.json("kb", "import", str(file), "--publish")
    (tmp_path / "there").mkdir()
    for out in ("out.xlsx", "new/", "there"):
        told = f"{tmp_path / out}{'/' if out.endswith('/') else ''}"
        assert desk.json("kb", "export", "--out", told) == {"articles": 5, "file": told}
        done = desk.json("kb", "import", str(tmp_path / out))
        assert (done["new"], done["changed"], done["unchanged"]) == (0, 0, 5)
    assert (tmp_path / "new" / "dog-licence.md").exists()


@pytest.mark.parametrize("out", ["out.docx", "out", "out.xlsx/x.csv"])
def test_an_export_that_cannot_be_written_is_one_sentence(
    desk: Desk, file: Path, tmp_path: Path, out: str
) -> None:
    done = desk.run("kb", "export", "--out", str(tmp_path / out))
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.glob("out*")) == []


def test_one_bad_file_keeps_all_others_out(desk: Desk, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.md").write_text("答案", "utf-8")
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    done = desk.run("kb", "import", str(file), str(folder), "--publish")
    assert done.exit_code == 2
    assert done.stderr == f"{folder / 'bad.pdf'}: {DAMAGED}; nothing was imported.\n"
    assert desk.json("kb", "list")["articles"] == []
