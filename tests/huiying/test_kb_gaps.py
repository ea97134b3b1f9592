"""`huiying kb gaps …` from missed questions to citizens who are answered, as a program calls it."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from admin import actions, intake, officials
from admin.actions import By
from admin.cases import HandoffReason
from admin.officials import Role
from bot.config import load_settings
from bot.db import Database
from bot.journal import JournalRow
from bot.messages import Address
from bot.outbox import OutboxRow
from huiying.desk import desk_config
from knowledge.embedder import BundledEmbedder
from knowledge.gathering import Gatherer
from tests.huiying.shell import json_of, run, sentence

ASKED = ("石狮子在哪里认领？", "在哪里认领石狮子", "我叫张伟，电话13800138000，石狮子去哪里认领？")
OTHER = "老人免费乘车卡怎么办"


class Desk:
    """A data directory with citizens who asked, and an official who answered the first."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.settings = load_settings(None, data)
        run("db", "upgrade", "--data", str(data))
        self.database = Database.open(self.settings.database_url)
        with self.database.transaction() as tx:
            self.desk = desk_config(self.settings, tx.connection)
            by = officials.appoint(tx, "desk", "o1", "一号窗口", Role.OFFICIAL, "值班室").key
        self.cases = [self._asks(f"c{n}", text) for n, text in enumerate((*ASKED, OTHER))]
        with self.database.transaction() as tx:
            answer = "请到市政广场东侧登记认领。\n// 石狮子在库房"
            actions.reply(tx, self.desk, self.cases[0], By(by), answer)
            self.official = by
        self.gather()

    def _asks(self, who: str, text: str) -> str:
        with self.database.transaction() as tx:
            words = intake.Words(Address("web", who), who, "zh", text)
            handoff = intake.Handoff(words, HandoffReason.MISSING_KNOWLEDGE)
            return intake.hand_off(tx, self.desk, handoff)

    def gather(self) -> None:
        gatherer = Gatherer(BundledEmbedder(), lambda *_: None)
        with self.database.transaction() as tx:
            while batch := gatherer.prepare(tx.session):
                gatherer.place(tx.session, batch)

    def run(self, *arguments: str) -> Any:
        return run(*arguments, "--data", str(self.data))

    def json(self, *arguments: str) -> Any:
        return json_of(self.run(*arguments, "--json"))

    def sent_to(self, who: str) -> list[str]:
        """Texts that a citizen gets, in order."""
        with self.database.session() as session:
            query = select(OutboxRow).where(OutboxRow.lane == f"web/{who}/")
            rows = session.exec(query.order_by(col(OutboxRow.id))).all()
        return [json.loads(row.body)["text"] for row in rows]

    def journalled(self, kind: str) -> list[dict[str, Any]]:
        with self.database.session() as session:
            rows = session.exec(select(JournalRow.body).where(JournalRow.kind == kind))
            return [json.loads(body) for body in rows]


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made = Desk(tmp_path / "data")
    yield made
    made.database.close()


def test_gaps_are_listed_by_how_many_citizens_asked(desk: Desk) -> None:
    found = desk.json("kb", "gaps")
    assert found["not_gathered"] == 0
    assert [(g["gap"], g["title"], g["citizens"]) for g in found["gaps"]] == [
        (1, "石狮子在哪里认领?", 3),
        (2, OTHER, 1),
    ]
    lines = desk.run("kb", "gaps").stdout.splitlines()
    assert lines[0].split("\t") == ["1", "3", "zh", "open", "石狮子在哪里认领?"]
    assert desk.json("kb", "gaps", "--lang", "en")["gaps"] == []


def test_a_gap_is_shown_masked_with_its_answers(desk: Desk) -> None:
    found = desk.json("kb", "gaps", "show", "1")
    assert [q["text"] for q in found["questions"]][2] == (
        "我叫〔姓名〕,电话〔手机号〕,石狮子去哪里认领?"
    )
    assert [q["case"] for q in found["questions"]] == desk.cases[:3]
    assert [a["text"] for a in found["answers"]] == ["请到市政广场东侧登记认领。"]
    assert found["waiting"] == 2
    assert "库房" not in desk.run("kb", "gaps", "show", "1").stdout


def test_from_gap_to_draft_to_publication_to_those_who_wait(desk: Desk) -> None:
    assert desk.json("kb", "gaps", "draft", "1") == {"gap": 1, "article": "gap-1", "blanks": []}
    (article,) = desk.json("kb", "list")["articles"]
    assert (article["status"], article["department"]) == ("draft", "值班室")
    assert desk.json("ask", "石狮子在哪里认领")["reason"] == "no_articles"
    done = desk.json("kb", "publish", "gap-1")
    assert done["gaps"] == [{"gap": 1, "article": "gap-1", "answered": 0, "waiting": 2}]
    assert desk.json("ask", "石狮子在哪里认领")["article"] == "gap-1"
    assert len(desk.sent_to("c1")) == 1
    said = desk.run("kb", "publish", "gap-1", "--answer-waiting").stdout
    assert "Gap 1 is closed by gap-1; 2 who waited get it." in said
    for who in ("c1", "c2"):
        assert "请到市政广场东侧登记认领。" in desk.sent_to(who)[-1]
    assert [len(desk.sent_to(f"c{n}")) for n in range(4)] == [2, 2, 2, 1]
    again = desk.json("kb", "publish", "gap-1", "--answer-waiting")
    assert again["gaps"] == [{"gap": 1, "article": "gap-1", "answered": 0, "waiting": 0}]
    assert [len(desk.sent_to(f"c{n}")) for n in range(4)] == [2, 2, 2, 1]
    assert [g["gap"] for g in desk.json("kb", "gaps")["gaps"]] == [2]
    assert desk.journalled("gap_closed")[0]["why"] == "published"


def test_the_hint_says_how_to_answer_those_who_wait(desk: Desk) -> None:
    desk.json("kb", "gaps", "draft", "1")
    said = desk.run("kb", "publish", "gap-1").stdout
    assert "2 still wait: `huiying kb publish gap-1 --answer-waiting`" in said


def test_an_article_that_answers_a_gap_outright_closes_it_too(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    row = {"id": "card", "lang": "zh", "question": OTHER + "？", "answer": "到社区登记。"}
    file.write_text(json.dumps(row, ensure_ascii=False), "utf-8")
    desk.json("kb", "import", str(file))
    done = desk.json("kb", "publish", "card", "--answer-waiting")
    assert done["gaps"] == [{"gap": 2, "article": "card", "answered": 1, "waiting": 0}]
    assert "到社区登记。" in desk.sent_to("c3")[-1]
    assert desk.json("kb", "gaps", "--all")["gaps"][1]["why"] == "answered"


def test_an_article_in_another_language_closes_no_gap(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    row = {"id": "card", "lang": "en", "question": OTHER, "answer": "At the community office."}
    file.write_text(json.dumps(row, ensure_ascii=False), "utf-8")
    desk.json("kb", "import", str(file))
    assert desk.json("kb", "publish", "card", "--answer-waiting")["gaps"] == []
    assert len(desk.json("kb", "gaps")["gaps"]) == 2


def test_importing_and_publishing_at_once_closes_gaps_as_well(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    row = {"id": "card", "lang": "zh", "question": OTHER, "answer": "到社区登记。"}
    file.write_text(json.dumps(row, ensure_ascii=False), "utf-8")
    desk.json("kb", "import", str(file), "--publish")
    assert [g["gap"] for g in desk.json("kb", "gaps")["gaps"]] == [1]


def test_what_was_masked_must_be_filled_in_before_publishing(desk: Desk, tmp_path: Path) -> None:
    with desk.database.transaction() as tx:
        answer = "请拨打0755-87654321。"
        actions.reply(tx, desk.desk, desk.cases[3], By(desk.official), answer)
    made = desk.json("kb", "gaps", "draft", "2")
    assert made["blanks"] == ["〔电话号码〕"]
    refused = sentence(desk.run("kb", "publish", "gap-2"), 2)
    assert "〔电话号码〕" in refused
    assert desk.json("kb", "list")["counts"]["published"] == 0
    file = tmp_path / "edited.jsonl"
    (row,) = desk.json("kb", "export")["articles"]
    row["answer"] = answer
    file.write_text(json.dumps(row, ensure_ascii=False), "utf-8")
    desk.json("kb", "import", str(file))
    assert desk.json("kb", "publish", "gap-2")["moved"] == ["gap-2"]


def test_the_editor_merges_moves_and_dismisses(desk: Desk) -> None:
    assert desk.json("kb", "gaps", "move", "3", "new")["gap"] == 3
    desk.gather()
    assert desk.json("kb", "gaps", "merge", "1", "3")["citizens"] == 3
    assert desk.json("kb", "gaps", "move", "2", "2")["citizens"] == 2
    assert desk.json("kb", "gaps", "close", "2", "--why", "不属于本单位")["status"] == "closed"
    assert [g["gap"] for g in desk.json("kb", "gaps")["gaps"]] == [1]
    assert sorted(g["gap"] for g in desk.json("kb", "gaps", "--all")["gaps"]) == [1, 2, 3]
    assert desk.journalled("gap_merged")[0]["gone"] == 3
    assert [row["question"] for row in desk.journalled("gap_moved")] == [3, 2]
    assert desk.journalled("gap_closed")[0]["why"] == "不属于本单位"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "9"), "no gap 9"),
        (("draft", "9"), "no gap 9"),
        (("draft", "2"), "no such answer"),
        (("draft", "1", "--answer", "5"), "no such answer"),
        (("merge", "1", "1"), "with itself"),
        (("move", "99", "1"), "No gap has a question 99"),
        (("close", "1", "--why", " "), "--why REASON"),
    ],
)
def test_what_is_wrong_is_one_sentence(desk: Desk, arguments: tuple[str, ...], words: str) -> None:
    assert words in sentence(desk.run("kb", "gaps", *arguments), 2)


def test_a_gap_is_drafted_once(desk: Desk) -> None:
    desk.json("kb", "gaps", "draft", "1", "--answer", "1")
    assert "drafted already" in sentence(desk.run("kb", "gaps", "draft", "1"), 2)


def test_what_is_not_gathered_yet_is_counted(desk: Desk) -> None:
    desk._asks("c9", "喷泉几点开")
    assert desk.json("kb", "gaps")["not_gathered"] == 1
    assert "1 questions not gathered yet" in desk.run("kb", "gaps").stdout
