"""What the commands do: schema, figures, journal, officials."""

import json
from pathlib import Path

import pytest

from bot.config import Settings
from huiying.schema import open_database
from tests.huiying.shell import json_of, run, sentence, tamper


def test_upgrade_says_the_schema(tmp_path: Path) -> None:
    said = json_of(run("db", "upgrade", "--data", str(tmp_path), "--json"))
    assert said["schema"] == said["newest"]
    assert said["newest"] in run("db", "upgrade", "--data", str(tmp_path)).stdout


def test_the_figures_of_an_empty_office(office: Path) -> None:
    said = json_of(run("report", "--data", str(office), "--json"))
    assert {"messages", "cases", "deliveries"} <= set(said)
    assert "messages:" in run("report", "--data", str(office)).stdout


def test_a_journal_is_proven_and_written_out(office: Path) -> None:
    written(office, 3)
    said = json_of(run("journal", "verify", "--data", str(office), "--json"))
    assert (said["ok"], said["rows"], said["bad_row"]) == (True, 3, None)
    assert said["head"] in run("journal", "verify", "--data", str(office)).stdout
    kept = str(said["head"])
    assert json_of(run("journal", "verify", "--data", str(office), "--head", kept, "--json"))["ok"]
    cut = run("journal", "verify", "--data", str(office), "--head", "0" * 64)
    assert "no row has the head" in sentence(cut, 1)
    lines = run("journal", "export", "--data", str(office), "--after", "1").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [2, 3]
    whole = json_of(run("journal", "export", "--data", str(office), "--json"))
    assert len(whole["rows"]) == 3


def written(data: Path, rows: int) -> None:
    database = open_database(Settings(data_dir=data))
    with database.transaction() as tx:
        for number in range(rows):
            tx.journal("note", {"n": number})
    database.close()


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE journal SET body = '{}' WHERE seq = 2", 2),
        ("UPDATE journal SET at = 'yesterday' WHERE seq = 2", 2),
        ("DELETE FROM journal WHERE seq = 2", 3),
    ],
)
def test_a_tampered_journal_names_its_row(office: Path, statement: str, row: int) -> None:
    written(office, 3)
    tamper(office, "DROP TRIGGER journal_no_update", "DROP TRIGGER journal_no_delete", statement)
    assert f"row {row}" in sentence(run("journal", "verify", "--data", str(office)), 1)
    said = json_of(run("journal", "verify", "--data", str(office), "--json"), 1)
    assert (said["ok"], said["bad_row"]) == (False, row)


def test_officials_come_and_go(office: Path) -> None:
    data = ("--data", str(office))
    added = json_of(run("official", "add", "一号窗口", "--role", "editor", *data, "--json"))
    assert "/desk/sign-in?code=" in added["link"]
    again = json_of(run("official", "add", "一号窗口", *data, "--json"))
    assert again["link"] != added["link"], "a new link for the same person"
    (listed,) = json_of(run("official", "list", *data, "--json"))["officials"]
    assert listed["name"] == "一号窗口"
    assert "一号窗口" in run("official", "list", *data).stdout
    said = json_of(run("official", "dismiss", listed["id"], *data, "--json"))
    assert said == {"id": int(listed["id"]), "name": "一号窗口", "active": False}
    assert json_of(run("official", "list", *data, "--json"))["officials"] == []
    assert "no active official" in sentence(run("official", "dismiss", listed["id"], *data), 2)
    assert "needs a name" in sentence(run("official", "add", " ", *data), 2)


def test_with_an_admin_chat_an_official_gets_a_code(office: Path) -> None:
    environment = {"HUIYING_TELEGRAM__ADMIN_CHAT": "-100"}
    added = json_of(
        run("official", "add", "Desk 1", "--data", str(office), "--json", **environment)
    )
    assert added["code"] in added["say"]
    assert "link" not in added
