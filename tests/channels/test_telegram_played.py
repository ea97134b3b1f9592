"""The played Telegram keeps the real one's rules; the tests above lean on them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.servers.telegram import PlayedTelegram
from tests.servers.telegram_remote import RemoteTelegram


@pytest.fixture
async def tg() -> AsyncIterator[PlayedTelegram]:
    async with PlayedTelegram() as played:
        played.citizen(1)
        yield played


async def call(tg: PlayedTelegram, method: str, **params: Any) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{tg.api_base_url}{tg.token}/{method}", data=params)
    found: dict[str, Any] = answer.json()
    assert found["ok"] == (answer.status_code == 200)
    return found


async def test_an_offset_confirms_and_nothing_else_does(tg: PlayedTelegram) -> None:
    for text in "abc":
        tg.citizen(1).says(text)
    first = await call(tg, "getUpdates", limit=2)
    assert await call(tg, "getUpdates", limit=2) == first
    assert tg.confirmed == []
    second = await call(tg, "getUpdates", offset=first["result"][-1]["update_id"] + 1)
    assert [u["message"]["text"] for u in second["result"]] == ["c"]
    assert len(tg.confirmed) == 2


async def test_an_offset_above_what_was_delivered_loses_it(tg: PlayedTelegram) -> None:
    tg.citizen(1).says("never seen")
    assert (await call(tg, "getUpdates", offset=600_000_000))["result"] == []
    assert len(tg.updates.lost) == 1


async def test_a_second_poll_ends_the_first(tg: PlayedTelegram) -> None:
    first = asyncio.create_task(call(tg, "getUpdates", timeout=5))
    await tg.wait_for(lambda: tg.polls == 1)
    second = asyncio.create_task(call(tg, "getUpdates", timeout=5))
    assert (await first)["error_code"] == 409
    tg.citizen(1).says("hello")
    assert len((await second)["result"]) == 1


async def test_members_are_told_of_only_when_asked_for(tg: PlayedTelegram) -> None:
    tg.forum()
    tg.official(5).joins()
    await call(tg, "getUpdates", allowed_updates=json.dumps(["chat_member"]))
    tg.official(6).joins()
    kinds = [set(item.update) - {"update_id"} for item in tg.updates.pending]
    assert kinds == [{"message"}, {"chat_member"}]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("sendMessage", {"text": "x" * 4097}, "message is too long"),
    ("sendMessage", {"text": "😀" * 2049}, "message is too long"),
    ("sendMessage", {"text": "  "}, "message text is empty"),
    ("sendMessage", {"text": "x", "chat_id": 404}, "chat not found"),
    ("sendMessage", {"text": "x", "message_thread_id": 5}, "message thread not found"),
    (
        "sendMessage",
        {"text": "x", "entities": '[{"type":"bold","offset":0,"length":2}]'},
        "can't parse entities",
    ),
    (
        "sendMessage",
        {
            "text": "x",
            "reply_markup": json.dumps(
                {"inline_keyboard": [[{"text": "b", "callback_data": "x" * 65}]]}
            ),
        },
        "BUTTON_DATA_INVALID",
    ),
    ("sendPhoto", {"photo": "unknown"}, "wrong file identifier"),
    ("editMessageText", {"text": "x", "message_id": 99}, "message to edit not found"),
    ("answerCallbackQuery", {"callback_query_id": "99"}, "query is too old"),
    ("createForumTopic", {"name": "x"}, "not a forum"),
    ("noSuchMethod", {}, "Not Found"),
]


@pytest.mark.parametrize(("method", "params", "words"), REFUSED)
async def test_refuses_what_the_real_one_refuses(
    tg: PlayedTelegram, method: str, params: dict[str, Any], words: str
) -> None:
    answer = await call(tg, method, **{"chat_id": 1, **params})
    assert words in answer["description"]
    assert tg.calls == []
    assert len(tg.refused) == 1


async def test_an_unchanged_edit_is_refused(tg: PlayedTelegram) -> None:
    sent = await call(tg, "sendMessage", chat_id=1, text="x")
    number = sent["result"]["message_id"]
    answer = await call(tg, "editMessageText", chat_id=1, message_id=number, text="x")
    assert "message is not modified" in answer["description"]


async def test_a_lost_answer_is_an_act_all_the_same(tg: PlayedTelegram) -> None:
    tg.cut("after")
    with pytest.raises(httpx.HTTPError):
        await call(tg, "sendMessage", chat_id=1, text="x")
    assert tg.texts_to(1) == ["x"]
    tg.cut("before")
    with pytest.raises(httpx.HTTPError):
        await call(tg, "sendMessage", chat_id=1, text="y")
    assert tg.texts_to(1) == ["x"]


async def test_it_runs_as_a_process_of_its_own() -> None:
    async with RemoteTelegram() as tg:
        message = await tg.do("citizen.says", "hello", on=[7])
        assert message["text"] == "hello"
        async with httpx.AsyncClient() as client:
            answer = await client.post(
                f"{tg.api_base_url}{tg.token}/sendMessage", json={"chat_id": 7, "text": "hi"}
            )
        assert answer.json()["ok"]
        assert (await tg.do("wait_for_sent", 1))["sent"] == 1
        assert await tg.do("texts_to", 7) == ["hi"]
