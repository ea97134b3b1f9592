"""The citizen's page over real HTTP: what is confirmed is stored, what is sent arrives once."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.channels.base import Malformed, Unreachable
from bot.channels.web_fields import incoming
from bot.messages import (
    Address,
    Attachment,
    AttachmentKind,
    Button,
    IncomingMessage,
    MessageKind,
    OutgoingMessage,
    Span,
    SpanKind,
)
from tests.channels.harness_web import PNG, WebHarness, web_harness


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebHarness]:
    async with web_harness(tmp_path) as started:
        yield started


def office_says(chat: str, text: str, **more: Any) -> OutgoingMessage:
    return OutgoingMessage(Address("web", chat), text, **more)


async def test_what_a_citizen_writes_is_stored_and_shown(web: WebHarness) -> None:
    page, chat = await web.citizen()
    answer = await page.say("社保卡丢了怎么办？😀\n急", "message-2", language="zh")
    assert answer.status_code == 200
    message = web.received()[-1]
    assert message.address == Address("web", chat)
    assert message.external_id == answer.json()["key"] == f"{chat}:message-2"
    assert (message.kind, message.text) == (MessageKind.TEXT, "社保卡丢了怎么办？😀\n急")
    assert (message.sender.id, message.sender.language) == (chat, "zh")
    assert message.private
    assert message.sent_at is not None
    assert [line["text"] for line in await page.lines()] == ["早上好", "社保卡丢了怎么办？😀\n急"]


async def test_what_cannot_be_stored_is_not_confirmed_and_not_shown(web: WebHarness) -> None:
    page, _ = await web.citizen()
    web.intake.broken = True
    refused = await page.say("你好", "message-2")
    assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
    assert refused.headers["Retry-After"]
    assert len(await page.lines()) == 1
    web.intake.broken = False
    assert (await page.say("你好", "message-2")).status_code == 200


async def test_a_page_that_tries_again_changes_nothing(web: WebHarness) -> None:
    page, _ = await web.citizen()
    for _ in range(3):
        assert (await page.say("你好", "message-2")).status_code == 200
    assert len(web.received()) == len(await page.lines()) == 2


async def test_two_citizens_may_use_the_same_message_id(web: WebHarness) -> None:
    (one, chat_one), (two, chat_two) = await web.citizen(), await web.citizen()
    await one.say("一", "same-id-1")
    await two.say("二", "same-id-1")
    assert [m.text for m in web.received()[2:]] == ["一", "二"]
    assert chat_one != chat_two
    assert [line["text"] for line in await two.lines()] == ["早上好", "二"]


async def test_a_reply_reaches_the_open_page_once(web: WebHarness) -> None:
    page, chat = await web.citizen()
    for _ in range(2):
        receipt = await web.web.send(office_says(chat, "收到"), "17")
        assert receipt.external_ids == ("17",)
    await web.web.send(office_says(chat, "再见"), "18")
    events = await page.listen(3)
    assert [event["text"] for event in events] == ["早上好", "收到", "再见"]


async def test_a_page_that_was_away_reads_on_where_it_was_cut_off(tmp_path: Path) -> None:
    async with web_harness(tmp_path) as web:
        page, chat = await web.citizen()
        await web.web.send(office_says(chat, "一"), "1")
        seen = (await page.listen(2))[-1]["seq"]
        await web.web.send(office_says(chat, "二"), "2")
        cookies = page.http.cookies
    async with web_harness(tmp_path) as web:
        page = web.page(cookies=cookies)
        await web.web.send(office_says(chat, "二"), "2")
        await web.web.send(office_says(chat, "三"), "3")
        assert [event["text"] for event in await page.listen(2, after=seen)] == ["二", "三"]
        assert [line["text"] for line in await page.lines()] == ["早上好", "一", "二", "三"]


async def test_open_streams_end_when_the_server_stops(tmp_path: Path) -> None:
    async with web_harness(tmp_path) as web:
        page, _ = await web.citizen()
        stream = page.http.stream("GET", "/chat/events")
        await stream.__aenter__()
    await stream.__aexit__(None, None, None)


async def test_a_card_is_edited_in_place(web: WebHarness) -> None:
    page, chat = await web.citizen()
    await web.web.send(office_says(chat, "待认领", card="case"), "1")
    seen = (await page.listen(2))[-1]["seq"]
    receipt = await web.web.send(office_says(chat, "李明处理中", card="case"), "2", edits="1")
    assert receipt.external_ids == ("1",)
    (change,) = await page.listen(1, after=seen)
    assert (change["key"], change["text"], change["edited"]) == ("1", "李明处理中", True)
    assert [line["text"] for line in await page.lines()] == ["早上好", "李明处理中"]


async def test_an_edit_of_what_is_not_there_arrives_as_new(web: WebHarness) -> None:
    page, chat = await web.citizen()
    receipt = await web.web.send(office_says(chat, "卡片"), "2", edits="lost")
    assert receipt.external_ids == ("2",)
    assert (await page.lines())[-1]["text"] == "卡片"


async def test_the_last_own_message_can_be_changed_and_no_other(web: WebHarness) -> None:
    page, chat = await web.citizen()
    await page.say("住房补贴", "message-2")
    refused = await page.say("晚上好", "edit-0001", edits=f"{chat}:first-message")
    assert (refused.status_code, refused.json()["error"]) == (409, "not-yours")
    await page.say("住房公积金", "edit-0002", edits=f"{chat}:message-2")
    message = web.received()[-1]
    assert (message.kind, message.text) == (MessageKind.EDIT, "住房公积金")
    assert message.external_id == f"{chat}:message-2"
    last = (await page.lines())[-1]
    assert (last["text"], last["edited"]) == ("住房公积金", True)


async def test_a_pressed_button_comes_with_its_message_and_is_marked(web: WebHarness) -> None:
    page, chat = await web.citizen()
    choices = ((Button("新生儿落户", "token-a"),), (Button("转人工", "token-b"),))
    await web.web.send(office_says(chat, "您想办哪一项？", buttons=choices), "1")
    answer = await page.post("/press", id="press-001", message="1", token="token-a")
    message = web.received()[-1]
    assert (message.kind, message.button) == (MessageKind.BUTTON, "token-a")
    assert (message.external_id, message.press_id) == ("1", answer.json()["press"])
    assert (await page.lines())[-1]["pressed"] == "token-a"
    seq = (await page.listen(2))[-1]["seq"]
    notice = OutgoingMessage(Address("web", chat), "好的", answers_press=message.press_id)
    assert (await web.web.send(notice, "2")).external_ids == ()
    (event,) = await page.listen(1, after=seq)
    assert (event["direction"], event["press"]) == ("notice", message.press_id)
    assert len(await page.lines()) == 2


async def test_only_shown_buttons_can_be_pressed(web: WebHarness) -> None:
    page, chat = await web.citizen()
    for shown in ("nothing", f"{chat}:first-message"):
        answer = await page.post("/press", id="press-001", message=shown, token="token-a")
        assert answer.status_code == 404
    assert len(web.received()) == 1


async def test_formatting_and_buttons_reach_the_page(web: WebHarness) -> None:
    page, chat = await web.citizen()
    spans = (Span(SpanKind.LINK, 2, 2, "https://office.example/a"),)
    buttons = ((Button("官网", url="https://office.example"),),)
    await web.web.send(office_says(chat, "见😀指南", spans=spans, buttons=buttons), "1")
    line = (await page.lines())[-1]
    assert line["spans"][0]["kind"] == "link"
    assert line["buttons"][0][0]["url"] == "https://office.example"


async def test_nobody_is_reached_without_a_session(web: WebHarness) -> None:
    with pytest.raises(Unreachable):
        await web.web.send(office_says("0" * 32, "你好"), "1")


async def test_without_a_session_there_is_nothing_to_see(web: WebHarness) -> None:
    stranger = web.page()
    assert (await stranger.say("你好", "message-1")).status_code == 401
    for path in ("/chat/history", "/chat/events", "/chat/files/" + "0" * 32):
        assert (await stranger.http.get(path)).status_code == 401
    assert (await stranger.post("/session", create=False)).json() == {"session": False}
    assert not web.received()


async def test_a_session_is_resumed_by_its_cookie_only(web: WebHarness) -> None:
    page, chat = await web.citizen()
    assert (await page.post("/session", create=True, language="en")).json() == {"session": True}
    assert len(await page.lines()) == 1
    guess = web.page(cookies={"huiying_web": chat})  # type: ignore[arg-type]
    assert (await guess.http.get("/chat/history")).status_code == 401


async def test_files_travel_both_ways_and_stay_in_their_chat(web: WebHarness) -> None:
    (page, chat), (other, _) = await web.citizen(), await web.citizen()
    uploaded = (await page.upload(PNG, "../../证明 <1>.png")).json()
    assert (uploaded["name"], uploaded["kind"]) == ("证明 1.png", "photo")
    await page.say("", "message-2", files=[uploaded["id"]])
    (attachment,) = web.received()[-1].attachments
    assert (attachment.channel, attachment.kind) == ("web", AttachmentKind.PHOTO)
    assert await web.web.fetch(attachment) == PNG
    mine = await page.http.get(f"/chat/files/{uploaded['id']}")
    assert (mine.content, mine.headers["content-type"]) == (PNG, "image/png")
    assert (await other.http.get(f"/chat/files/{uploaded['id']}")).status_code == 404
    assert (await other.say("看", "message-2", files=[uploaded["id"]])).status_code == 404
    web.foreign["tg-1"] = b"%PDF-1.7 form"
    form = Attachment(AttachmentKind.DOCUMENT, "telegram", "tg-1", "表格.pdf")
    await web.web.send(office_says(chat, "请填写", attachments=(form,)), "1")
    (shown,) = (await page.lines())[-1]["attachments"]
    got = await page.http.get(f"/chat/files/{shown['id']}")
    assert got.content == b"%PDF-1.7 form"
    assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E8%A1%A8")


async def test_a_file_that_is_lost_does_not_lose_the_message(web: WebHarness) -> None:
    page, chat = await web.citizen()
    gone = Attachment(AttachmentKind.DOCUMENT, "telegram", "tg-gone", "表格.pdf")
    strange = Attachment(AttachmentKind.STICKER, "telegram", "tg-2", "sticker.tgs")
    web.foreign["tg-2"] = b"\x1f\x8b\x08\x00" + bytes(20)
    await web.web.send(office_says(chat, "请看", attachments=(gone, strange)), "1")
    line = (await page.lines())[-1]
    assert line["text"] == "请看"
    assert [file["lost"] for file in line["attachments"]] == [True, True]


async def test_a_location_needs_no_bytes(web: WebHarness) -> None:
    page, chat = await web.citizen()
    data = {"latitude": 30.1, "longitude": 120.2}
    there = Attachment(AttachmentKind.LOCATION, "telegram", data=data)
    await web.web.send(office_says(chat, "在这里", attachments=(there,)), "1")
    (shown,) = (await page.lines())[-1]["attachments"]
    assert shown["data"] == data


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "left"},
        {"kind": 7},
        {"chat": ""},
        {"chat": None},
        {"text": ["x"]},
        {"text": "x" * 300_000},
        {"user": ""},
        {"files": "x"},
        {"files": [None]},
        {"files": [{"kind": "virus", "size": 1}]},
        {"files": [{"kind": "photo", "size": True}]},
        {"at": "yesterday"},
        {"at": "2026-01-01T00:00:00"},
        {"id": json.loads("[" * 200 + "]" * 200)},
    ],
)
def test_a_stored_event_that_is_not_ours_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        incoming("web", {"kind": "text", "chat": "c", "id": "c:1", "user": "c", **change})


async def test_strange_characters_are_kept_as_far_as_they_can_be_stored(web: WebHarness) -> None:
    page, _ = await web.citizen()
    text = "a\0b\ud800c\u202e" + "😀" * 10_000
    assert (await page.say(text, "message-2")).status_code == 200
    message: IncomingMessage = web.received()[-1]
    assert message.text == "a\ufffdb\ufffdc\u202e" + "😀" * 10_000
    assert (await page.say("很长" * 50_000, "message-3")).status_code == 200
    assert len(web.received()[-1].text) == 100_000
