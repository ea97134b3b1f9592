"""The doctor looks at everything, says what is wrong and how to mend it, and never falls over."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from bot import conversations
from bot.channels.telegram import TelegramChannel
from bot.config import Settings, TelegramSettings, WebSettings
from bot.db import Database
from bot.messages import Address, OutgoingMessage
from huiying import doctor
from huiying.doctor import Finding, examine
from huiying.schema import open_database
from tests.servers.telegram import PlayedTelegram


@pytest.fixture
async def tg() -> AsyncIterator[PlayedTelegram]:
    async with PlayedTelegram() as played:
        yield played


@pytest.fixture(autouse=True)
def office(tmp_path: Path) -> None:
    """A data directory with a database."""
    open_database(Settings(data_dir=tmp_path)).close()


def settings(data: Path, **telegram: Any) -> Settings:
    return Settings(data_dir=data, telegram=TelegramSettings(**telegram))


async def found(settings: Settings) -> dict[str, Finding]:
    findings = await examine(settings)
    for one in findings:
        assert "\n" not in one.text
        assert "Traceback" not in one.text
    return {one.name: one for one in findings}


async def test_a_new_office_lacks_only_articles(tmp_path: Path) -> None:
    checks = await found(settings(tmp_path))
    assert {name for name, one in checks.items() if not one.ok} == {"knowledge"}
    assert "huiying kb import" in checks["knowledge"].text
    assert "SQLite" in checks["database"].text
    assert "HUIYING_TELEGRAM__TOKEN" in checks["telegram"].text


async def test_a_bot_that_answers(tmp_path: Path, tg: PlayedTelegram) -> None:
    given = settings(tmp_path, token=SecretStr(tg.token), api_base_url=tg.api_base_url)
    check = (await found(given))["telegram"]
    assert check.ok
    assert "@huiying_test_bot" in check.text
    assert tg.token not in check.text


def with_group(data: Path, tg: PlayedTelegram, **telegram: Any) -> Settings:
    given = {"token": SecretStr(tg.token), "api_base_url": tg.api_base_url} | telegram
    return settings(data, **given)


async def test_a_group_where_each_case_can_have_its_topic(
    tmp_path: Path, tg: PlayedTelegram
) -> None:
    tg.forum(-1001, "Duty desk")
    check = (await found(with_group(tmp_path, tg, admin_chat="-1001")))["admin chat"]
    assert check.ok
    assert "Duty desk" in check.text
    assert "one topic a case" in check.text


async def test_a_group_that_is_not_there(tmp_path: Path, tg: PlayedTelegram) -> None:
    check = (await found(with_group(tmp_path, tg, admin_chat="-1009")))["admin chat"]
    assert not check.ok
    assert "correct telegram.admin_chat" in check.text


@pytest.mark.parametrize("how", ["put out", "left"])
async def test_a_group_without_the_bot(tmp_path: Path, tg: PlayedTelegram, how: str) -> None:
    chat = tg.forum(-1001)
    if how == "left":
        chat.bot_status = "left"
    else:
        chat.gone = "bot was kicked from the supergroup chat"
    check = (await found(with_group(tmp_path, tg, admin_chat="-1001")))["admin chat"]
    assert not check.ok
    assert "make it a member" in check.text


@pytest.mark.parametrize("status", ["administrator", "member"])
async def test_a_forum_where_the_bot_may_not_open_topics(
    tmp_path: Path, tg: PlayedTelegram, status: str
) -> None:
    chat = tg.forum(-1001)
    chat.bot_manages_topics, chat.bot_status = False, status
    check = (await found(with_group(tmp_path, tg, admin_chat="-1001")))["admin chat"]
    assert not check.ok
    assert "manages topics" in check.text


async def test_a_plain_group_works_and_is_named_as_one(tmp_path: Path, tg: PlayedTelegram) -> None:
    tg.group(-77)
    check = (await found(with_group(tmp_path, tg, admin_chat="-77")))["admin chat"]
    assert check.ok
    assert "turn topics on" in check.text


async def test_a_broadcast_channel_is_no_desk(tmp_path: Path, tg: PlayedTelegram) -> None:
    tg.forum(-1001).type = "channel"
    check = (await found(with_group(tmp_path, tg, admin_chat="-1001")))["admin chat"]
    assert not check.ok
    assert "not a group" in check.text


async def test_a_group_that_has_moved_is_followed(tmp_path: Path, tg: PlayedTelegram) -> None:
    tg.group(-77)
    tg.migrates(-77, -1002)
    check = (await found(with_group(tmp_path, tg, admin_chat="-77")))["admin chat"]
    assert check.ok
    assert "-1002" in check.text


def by_webhook(data: Path, tg: PlayedTelegram, public_url: str) -> Settings:
    given = with_group(data, tg, mode="webhook", webhook_secret=SecretStr("s" * 32))
    return given.model_copy(update={"web": WebSettings(public_url=public_url)})


def where(given: Settings) -> str:
    return TelegramChannel(given.telegram, given.web.public_url).webhook_url


async def test_a_webhook_where_it_should_be(tmp_path: Path, tg: PlayedTelegram) -> None:
    given = by_webhook(tmp_path, tg, "https://office.example")
    tg.webhook.url = where(given)
    check = (await found(given))["webhook"]
    assert check.ok
    assert "0 updates wait" in check.text


@pytest.mark.parametrize(
    ("set_to", "words"),
    [("", "No webhook is set"), ("https://other.example/hidden", "other.example")],
)
async def test_a_webhook_that_is_not_ours(
    tmp_path: Path, tg: PlayedTelegram, set_to: str, words: str
) -> None:
    tg.webhook.url = set_to
    check = (await found(by_webhook(tmp_path, tg, "https://office.example")))["webhook"]
    assert not check.ok
    assert words in check.text
    assert "huiying serve" in check.text
    assert "hidden" not in check.text, "the path keeps others out"


async def test_a_webhook_in_the_way_of_polling(tmp_path: Path, tg: PlayedTelegram) -> None:
    tg.webhook.url = "https://other.example/hook"
    check = (await found(with_group(tmp_path, tg)))["webhook"]
    assert not check.ok
    assert "polling" in check.text


async def test_a_webhook_without_an_address(tmp_path: Path, tg: PlayedTelegram) -> None:
    check = (await found(by_webhook(tmp_path, tg, "")))["webhook"]
    assert not check.ok
    assert "web.public_url" in check.text


@pytest.mark.parametrize(("age_s", "ok"), [(60, False), (9000, True)])
async def test_a_webhook_that_telegram_cannot_reach(
    tmp_path: Path, tg: PlayedTelegram, age_s: int, ok: bool
) -> None:
    given = by_webhook(tmp_path, tg, "https://office.example")
    tg.webhook.url, tg.webhook.last_error = where(given), "Connection refused"
    tg.webhook.last_error_date = int(time.time()) - age_s
    check = (await found(given))["webhook"]
    assert check.ok is ok
    assert ("Connection refused" in check.text) is not ok
    tg.citizen(1).says("hello")
    assert "1 updates wait" in (await found(given))["webhook"].text


async def test_updates_that_nobody_fetches(tmp_path: Path, tg: PlayedTelegram) -> None:
    given = with_group(tmp_path, tg)
    tg.burst(100)
    assert (await found(given))["webhook"].ok
    tg.burst(1)
    check = (await found(given))["webhook"]
    assert not check.ok
    assert "101 updates wait" in check.text


async def test_a_desk_on_telegram_needs_a_token(tmp_path: Path) -> None:
    check = (await found(settings(tmp_path, admin_chat="-1001")))["telegram"]
    assert not check.ok
    assert "HUIYING_TELEGRAM__TOKEN" in check.text


async def test_an_answer_that_makes_no_sense(tmp_path: Path, tg: PlayedTelegram) -> None:
    tg.forum(-1001)
    tg.plant(method="getchat", status=200, body='{"ok": true, "result": {}}')
    check = (await found(with_group(tmp_path, tg, admin_chat="-1001")))["admin chat"]
    assert not check.ok
    assert "could not be checked" in check.text


async def test_a_token_that_is_refused(tmp_path: Path, tg: PlayedTelegram) -> None:
    wrong = SecretStr("123456789:" + "wrong-token" * 4)
    check = (await found(settings(tmp_path, token=wrong, api_base_url=tg.api_base_url)))["telegram"]
    assert not check.ok
    assert "BotFather" in check.text
    assert "wrong-token" not in check.text


async def test_a_telegram_that_is_not_there(tmp_path: Path) -> None:
    token = SecretStr("123456789:" + "x" * 40)
    given = settings(tmp_path, token=token, api_base_url="http://127.0.0.1:1/bot")
    check = (await found(given))["telegram"]
    assert not check.ok
    assert "x" * 40 not in check.text


async def test_a_newer_database_keeps_no_other_check_from_running(tmp_path: Path) -> None:
    open_database(settings(tmp_path)).close()
    connection = pysqlite3.connect(tmp_path / "huiying.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    checks = await found(settings(tmp_path))
    assert "newer Huiying" in checks["database"].text
    assert checks["disk"].ok


async def test_a_damaged_database_is_found(tmp_path: Path) -> None:
    open_database(settings(tmp_path)).close()
    path = tmp_path / "huiying.db"
    content = bytearray(path.read_bytes())
    for place in range(8192, len(content) - 4096, 4096):
        content[place : place + 64] = b"\xff" * 64
    path.write_bytes(content)
    assert not (await found(settings(tmp_path)))["database"].ok


async def test_a_doctor_founds_no_office(tmp_path: Path) -> None:
    checks = await found(settings(tmp_path / "typo"))
    assert not checks["database"].ok
    assert "no office" in checks["database"].text
    assert checks["disk"].ok
    assert not (tmp_path / "typo").exists()


async def test_a_server_that_is_not_there_and_no_directory_either(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    url = "postgresql://huiying@127.0.0.1:1/huiying"
    given = Settings.model_validate({"data_dir": tmp_path / "no", "database": {"url": url}})
    checks = await found(given)
    assert "PostgreSQL at 127.0.0.1" in checks["database"].text
    assert checks["disk"].ok
    assert "MB free" in checks["disk"].text


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    checks = await found(settings(tmp_path / "taken" / "data"))
    assert not checks["database"].ok
    assert not checks["disk"].ok


async def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LOW_DISK", 10**18)
    check = (await found(settings(tmp_path)))["disk"]
    assert not check.ok
    assert "make room" in check.text


@pytest.mark.postgres
async def test_on_postgresql_the_clocks_are_compared(
    tmp_path: Path, postgres_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_server.create_database()
    given = Settings.model_validate({"data_dir": tmp_path, "database": {"url": url}})
    open_database(given).close()
    checks = await found(given)
    assert "PostgreSQL" in checks["database"].text
    assert "agrees" in checks["clock"].text
    monkeypatch.setattr(doctor, "CLOCK_S", -1.0)
    assert "NTP" in (await found(given))["clock"].text
    postgres_server.drop_database(url)


async def given_up(database: Database, data: Path, *statements: str) -> Finding:
    """Give up the one message in the outbox, change what is stored, and ask the doctor."""
    with database.transaction() as tx:
        conversations.wake(tx.connection, {"web/gone/": tx.now}, tx.now)
        tx.send(OutgoingMessage(Address("web", "gone"), "hello"))
    with database.writing() as connection:
        for statement in ("UPDATE outbox SET status = 'dead', settled = (1 = 1)", *statements):
            connection.execute(text(statement))
    url = database.engine.url.render_as_string(hide_password=False)
    given = Settings.model_validate({"data_dir": data, "database": {"url": url}})
    return (await found(given))["deliveries"]


async def test_a_message_given_up_today_is_no_good_news(database: Database, tmp_path: Path) -> None:
    check = await given_up(database, tmp_path)
    assert not check.ok
    assert "1 messages were given up in the last day" in check.text
    assert "journal export" in check.text


@pytest.mark.parametrize(
    "why",
    [
        "UPDATE outbox SET settled_at = '2020-01-01 00:00:00.000000'",
        "UPDATE conversation SET reachable = (1 = 0)",
    ],
)
async def test_what_is_long_past_and_who_has_left_need_no_mending(
    database: Database, tmp_path: Path, why: str
) -> None:
    check = await given_up(database, tmp_path, why)
    assert check.ok
    assert "1 messages were given up" in check.text
