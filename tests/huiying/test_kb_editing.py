"""An editor's day on the command line: test questions, publishing, four eyes, going back."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bot import journal
from bot.db import Database
from knowledge import exporting
from knowledge.drafts import Draft
from tests.knowledge.conftest import office
from tests.knowledge.test_commands import Desk

CARD, DOG = office()[0], office()[1]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An office with five published articles."""
    desk = Desk(tmp_path / "data")
    desk.json("kb", "import", written(tmp_path, *office()), "--publish")
    return desk


@pytest.fixture
def any_desk(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The same office, once on SQLite and once on PostgreSQL."""
    monkeypatch.setenv("HUIYING_DATABASE__URL", database_url)
    desk = Desk(tmp_path / "data")
    desk.json("kb", "import", written(tmp_path, *office()), "--publish")
    return desk


def written(folder: Path, *drafts: Draft) -> str:
    path = folder / "kb.jsonl"
    exporting.write_file(drafts, path)
    return str(path)


def refused(done: Result, code: int, *words: str) -> str:
    """The one sentence of a command that was refused."""
    assert done.exit_code == code, done.output
    (line,) = done.stderr.strip().splitlines()
    assert all(word in line for word in words), line
    return line


def opened(desk: Desk) -> Database:
    url = os.environ.get("HUIYING_DATABASE__URL")
    return Database.open(url or f"sqlite:///{desk.data / 'huiying.db'}")


def journalled(desk: Desk, kind: str) -> list[dict[str, Any]]:
    database = opened(desk)
    with database.session() as session:
        rows = list(journal.newest(session.connection(), kind, 100))
    database.close()
    return [json.loads(row["body"]) for row in rows]


def asked(desk: Desk, *questions: str) -> None:
    """Citizens ask; the last one is the newest."""
    database = opened(desk)
    with database.transaction() as tx:
        for question in questions:
            tx.journal("decided", {"why": {"question": question, "lang": "zh"}})
    database.close()


# --- test questions ------------------------------------------------------------------------------


def test_test_questions_are_added_listed_run_and_removed(desk: Desk, tmp_path: Path) -> None:
    added = desk.json("kb", "test", "add", "办借书的卡", "--article", CARD.id)
    assert (added["new"], added["tests"][0]["expected"]) == (1, [CARD.id])
    path = tmp_path / "q.jsonl"
    path.write_text(
        '{"query": "狗狗登记在哪里办", "relevant": ["dog-licence"]}\n'
        '{"query": "宇宙有多大", "relevant": []}\n'
    )
    assert desk.json("kb", "test", "import", str(path))["new"] == 2
    assert len(desk.json("kb", "test", "list")["tests"]) == 3
    assert "no answer" in desk.run("kb", "test", "list").stdout
    ran = desk.json("kb", "test", "run")
    assert (ran["tests"], ran["failing"]) == (3, [])
    assert "3 of 3 pass" in desk.run("kb", "test", "run").stdout
    desk.json("kb", "test", "remove", "1", "2")
    assert [t["question"] for t in desk.json("kb", "test", "list")["tests"]] == ["宇宙有多大"]
    refused(desk.run("kb", "test", "remove", "1"), 2, "kb test list")
    assert len(journalled(desk, "kb_tests_put")) == 2
    assert len(journalled(desk, "kb_tests_removed")) == 1


def test_a_failing_test_question_is_named_and_exits_with_1(desk: Desk) -> None:
    desk.json("kb", "test", "add", "宇宙有多大", "--article", "universe")
    done = desk.run("kb", "test", "run")
    assert "✗ 1 (fails already; expected universe) 宇宙有多大" in done.stdout
    refused(done, 1, "1 test question failed")


def test_what_is_expected_must_be_said_once(desk: Desk) -> None:
    refused(desk.run("kb", "test", "add", "狗"), 2, "--article ID, or --no-answer")
    both = ("--article", "a", "--no-answer")
    refused(desk.run("kb", "test", "add", "狗", *both), 2, "--article ID, or --no-answer")


# --- publishing ----------------------------------------------------------------------------------


def test_nothing_to_ask_and_it_just_publishes(desk: Desk) -> None:
    done = desk.json("kb", "retire", DOG.id)
    assert (done["moved"], done["rehearsal"], done["kb_version"]) == ([DOG.id], None, 2)


def test_a_publish_that_breaks_a_test_question_is_refused(any_desk: Desk) -> None:
    any_desk.json("kb", "test", "add", CARD.question, "--article", CARD.id)
    done = any_desk.run("kb", "retire", CARD.id)
    assert "Test questions: 0 of 1 pass." in done.stdout
    assert "would break; expected library-card" in done.stdout
    assert "answered library-card →" in done.stdout
    refused(done, 1, "nothing was published", "--force and --why")
    as_json = any_desk.run("kb", "retire", CARD.id, "--json")
    told = json.loads(as_json.stdout)
    assert told["refused"]
    assert told["rehearsal"]["failing"][0]["broken"]
    assert any_desk.json("ask", CARD.question)["article"] == CARD.id
    assert any_desk.json("kb", "list")["kb_version"] == 1


def test_force_needs_a_reason_and_both_are_journalled(desk: Desk) -> None:
    desk.json("kb", "test", "add", CARD.question, "--article", CARD.id)
    refused(desk.run("kb", "retire", CARD.id, "--force"), 2, "--why")
    desk.json("kb", "retire", CARD.id, "--force", "--why", "the library has closed")
    (row,) = journalled(desk, "kb_rehearsed")
    assert (row["forced"], row["broken"], row["why"]) == (True, [1], "the library has closed")
    assert desk.json("ask", CARD.question)["article"] is None


def test_what_failed_before_does_not_hold_a_publish_up(desk: Desk) -> None:
    desk.json("kb", "test", "add", "宇宙有多大", "--article", "universe")
    done = desk.json("kb", "retire", DOG.id)
    assert done["moved"] == [DOG.id]
    assert [t["number"] for t in done["rehearsal"]["failing"]] == [1]


def test_an_import_is_rehearsed_like_any_publish(desk: Desk, tmp_path: Path) -> None:
    desk.json("kb", "test", "add", CARD.question, "--article", CARD.id)
    thief = written(tmp_path, replace(CARD, question="别的", phrasings=(), answer="与此无关的话。"))
    refused(desk.run("kb", "import", thief), 1, "nothing was published")
    refused(desk.run("kb", "import", thief, "--dry-run"), 1, "nothing was published")
    refused(desk.run("kb", "import", thief, "--force"), 2, "--why")
    assert desk.json("ask", CARD.question)["answer"] == CARD.answer


def test_past_questions_show_what_would_be_answered_differently(desk: Desk) -> None:
    asked(desk, DOG.question, CARD.question, CARD.question + "！", "宇宙有多大")
    done = desk.run("kb", "retire", CARD.id)
    assert done.exit_code == 0
    assert "Past questions: 1 of 3 would be answered differently." in done.stdout
    assert f"  {CARD.question}！: answered library-card →" in done.stdout
    back = desk.json("kb", "publish", CARD.id)["rehearsal"]
    (changed,) = back["changed"]
    assert changed["after"] == {"outcome": "answered", "articles": [CARD.id]}
    assert "question" not in json.dumps(journalled(desk, "kb_rehearsed"))


def test_only_the_latest_questions_are_tried(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(desk, *(f"{n}号窗口在哪里" for n in range(5)), "😀")
    monkeypatch.setenv("HUIYING_KNOWLEDGE__PAST_QUESTIONS", "3")
    assert desk.json("kb", "retire", DOG.id)["rehearsal"]["past"] == 3
    monkeypatch.setenv("HUIYING_KNOWLEDGE__PAST_QUESTIONS", "0")
    assert desk.json("kb", "publish", DOG.id)["rehearsal"] is None


def test_a_dry_run_tells_and_keeps_nothing(desk: Desk) -> None:
    asked(desk, CARD.question)
    done = desk.json("kb", "retire", CARD.id, "--dry-run")
    assert (done["dry_run"], len(done["rehearsal"]["changed"])) == (True, 1)
    assert desk.json("kb", "list")["counts"]["retired"] == 0
    assert journalled(desk, "kb_retired") == []


def test_review_hands_a_draft_over(desk: Desk, tmp_path: Path) -> None:
    desk.json("kb", "import", written(tmp_path, replace(CARD, id="new")))
    assert desk.json("kb", "review", "new")["status"] == "review"
    assert desk.json("kb", "list", "--status", "review")["articles"][0]["id"] == "new"


# --- going back ----------------------------------------------------------------------------------


def test_the_whole_knowledge_goes_back_to_a_version(any_desk: Desk, tmp_path: Path) -> None:
    wrong = replace(CARD, answer="写错了，请不要相信这一句。")
    any_desk.json("kb", "import", written(tmp_path, wrong, replace(DOG, id="new")), "--publish")
    any_desk.json("kb", "retire", DOG.id)
    tried = any_desk.json("kb", "rollback", "1", "--dry-run")
    assert (tried["changed"], tried["kb_version"]) == ([DOG.id, CARD.id, "new"], 3)
    any_desk.json("kb", "test", "add", "写错了", "--article", CARD.id)
    done = any_desk.json("kb", "rollback", "1", "--why", "wrong text")
    assert (done["changed"], done["kb_version"]) == ([DOG.id, CARD.id, "new"], 4)
    assert any_desk.json("ask", CARD.question)["answer"] == CARD.answer
    versions = any_desk.json("kb", "versions")["versions"]
    assert [(v["kb_version"], v["articles"]) for v in versions] == [(4, 3), (3, 1), (2, 2), (1, 5)]
    assert versions[0]["why"] == "wrong text"
    last = any_desk.json("kb", "history", CARD.id)["revisions"][-1]
    assert (last["kb_version"], last["content"]["answer"]) == (4, CARD.answer)
    assert len(any_desk.run("kb", "versions", "--limit", "2").stdout.splitlines()) == 2
    (row,) = journalled(any_desk, "kb_rolled_back")
    assert (row["to"], row["why"]) == (1, "wrong text")


def test_one_article_goes_back_to_a_revision(desk: Desk, tmp_path: Path) -> None:
    desk.json(
        "kb", "import", written(tmp_path, replace(CARD, answer="写错了的一句话。")), "--publish"
    )
    assert desk.json("kb", "rollback", CARD.id, "--to", "1")["changed"] == [CARD.id]
    assert desk.json("ask", CARD.question)["answer"] == CARD.answer
    refused(desk.run("kb", "rollback", CARD.id, "--to", "9"), 2, "kb history")
    refused(desk.run("kb", "rollback", "9"), 2, "kb versions")
    refused(desk.run("kb", "rollback", CARD.id), 2, "--to")


# --- four eyes -----------------------------------------------------------------------------------


def test_with_four_eyes_somebody_else_publishes(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIYING_KNOWLEDGE__FOUR_EYES", "true")
    for name, role in (("李", "editor"), ("王", "manager"), ("一号窗口", "official")):
        desk.json("official", "add", name, "--role", role)
    new = written(tmp_path, replace(CARD, id="new", question="新的条目怎么问？", phrasings=()))
    refused(desk.run("kb", "import", new), 2, "--as NAME")
    refused(desk.run("kb", "import", new, "--as", "一号窗口"), 2, "--role editor")
    refused(desk.run("kb", "test", "add", "狗", "--no-answer"), 2, "--as NAME")
    desk.json("kb", "import", new, "--as", "李")
    refused(desk.run("kb", "publish", "new", "--as", "李"), 2, "let somebody else run")
    assert desk.json("kb", "publish", "new", "--as", "王")["moved"] == ["new"]
    assert journalled(desk, "kb_published")[0]["who"] == "王"
    assert journalled(desk, "kb_published")[0]["account"]


def test_a_long_id_is_published_and_journalled(any_desk: Desk, tmp_path: Path) -> None:
    long = "a" * 200
    any_desk.json("kb", "import", written(tmp_path, replace(CARD, id=long)))
    any_desk.json("kb", "publish", long)
    assert journalled(any_desk, "kb_published")[0]["article"] == long


# --- models and indexes --------------------------------------------------------------------------


def test_a_model_that_cannot_be_loaded_is_one_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)  # as if not installed
    monkeypatch.setenv("HUIYING_KNOWLEDGE__EMBEDDER", "/nowhere/model")
    for command in (("ask", "狗"), ("kb", "retire", DOG.id), ("kb", "check"), ("serve",)):
        refused(desk.run(*command), 1, "/nowhere/model", "knowledge.embedder")
    monkeypatch.delenv("HUIYING_KNOWLEDGE__EMBEDDER")
    assert desk.json("kb", "list")["kb_version"] == 1


def test_a_corrupt_index_is_built_anew_before_a_publish(desk: Desk) -> None:
    for path in (desk.data / "index").glob("*.faiss"):
        path.write_bytes(b"rubbish")
    desk.json("kb", "test", "add", CARD.question, "--article", CARD.id)
    assert desk.json("kb", "retire", DOG.id)["rehearsal"]["failing"] == []
