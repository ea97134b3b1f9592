"""The officials' page: who gets in, topics, and two officials at one browser."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.channels import web_sessions as sessions
from bot.channels.base import Refused, ThreadGone, Unreachable
from bot.clock import ManualClock
from bot.messages import Address, Attachment, AttachmentKind, Button, OutgoingMessage
from tests.channels.harness_web import PNG, WebHarness, web_harness

DESK = Address("desk", "desk")


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebHarness]:
    async with web_harness(tmp_path) as started:
        yield started


async def test_the_desk_is_closed_and_says_how_to_get_in(web: WebHarness) -> None:
    stranger = web.page("/desk")
    answer = await stranger.http.get("/desk")
    assert answer.status_code == 401
    assert "huiying demo" in answer.text
    for path in ("/desk/state", "/desk/history", "/desk/events"):
        assert (await stranger.http.get(path)).status_code == 401
    assert (await stranger.say("你好", "message-1")).status_code == 401


async def test_a_citizen_s_cookie_does_not_open_the_desk(web: WebHarness) -> None:
    citizen, _ = await web.citizen()
    token = citizen.http.cookies["huiying_web"]
    page = web.page("/desk", cookies={"huiying_desk": token})  # type: ignore[arg-type]
    assert (await page.http.get("/desk/state")).status_code == 401


async def test_a_code_signs_in_once_and_only_by_the_button(web: WebHarness) -> None:
    code = web.code("u1", "李明")
    page = web.page("/desk")
    for _ in range(2):  # a link preview opens the page, but presses nothing
        asked = await page.http.get("/desk/sign-in", params={"code": code})
        assert 'method="post"' in asked.text
    opened = await page.http.post("/desk/sign-in", data={"code": code})
    assert (opened.status_code, opened.headers["location"]) == (303, "/desk#new")
    assert (await page.http.get("/desk")).status_code == 200
    thief = web.page("/desk")
    again = await thief.http.post("/desk/sign-in", data={"code": code})
    assert again.status_code == 403
    assert (await thief.http.get("/desk")).status_code == 401


async def test_a_code_is_escaped_where_it_is_shown(web: WebHarness) -> None:
    asked = await web.page().http.get("/desk/sign-in", params={"code": '"><script>x</script>'})
    assert "<script>x" not in asked.text


async def test_codes_and_shifts_end(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    async with web_harness(tmp_path, clock) as web:
        late = web.code("u1", "李明")
        clock.advance(minutes=11)
        page = web.page("/desk")
        assert (await page.http.post("/desk/sign-in", data={"code": late})).status_code == 403
        page = await web.official()
        clock.advance(hours=11)
        assert (await page.http.get("/desk/state")).status_code == 200
        clock.advance(hours=2)
        assert (await page.http.get("/desk/state")).status_code == 401


async def test_another_site_cannot_sign_anybody_in(web: WebHarness) -> None:
    answer = await web.page().http.post(
        "/desk/sign-in",
        data={"code": web.code("u1", "李明")},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_who_leaves_is_signed_out_everywhere(web: WebHarness) -> None:
    page, other = await web.official("u1"), await web.official("u2")
    with web.database.transaction() as tx:
        sessions.sign_out_everywhere(tx.session, "u1")
    assert (await page.http.get("/desk/state")).status_code == 401
    assert (await other.http.get("/desk/state")).status_code == 200
    await other.post("/sign-out")
    assert (await other.http.get("/desk/state")).status_code == 401


async def test_a_topic_is_opened_once_and_written_to_by_both_sides(web: WebHarness) -> None:
    page = await web.official()
    topic = await web.desk.open_thread(DESK.with_thread("~K7Q2M"), "K7Q2M 户口")
    assert await web.desk.open_thread(DESK.with_thread("~K7Q2M"), "K7Q2M 户口") == topic
    other = await web.desk.open_thread(DESK, "另一件")
    assert other not in ("", topic)
    there = DESK.with_thread(topic)
    await web.desk.send(OutgoingMessage(there, "市民：在吗？", card="case"), "1")
    await page.say("// 先查一下", "note-0001", thread=topic)
    answer = await page.say("请稍等", "reply-001", thread=topic, reply_to="1")
    assert answer.status_code == 200
    message = web.received()[-1]
    assert (message.address, message.reply_to) == (there, "1")
    assert (message.sender.id, message.sender.name) == ("u1", "李明")
    assert message.sender.verified
    assert not message.private
    assert [line["direction"] for line in await page.lines(topic)] == ["topic", "out", "in", "in"]
    state = (await page.http.get("/desk/state")).json()
    assert [pair["topic"]["title"] for pair in state["topics"]] == ["K7Q2M 户口", "另一件"]
    assert state["topics"][0]["last"]["text"] == "请稍等"


async def test_the_stream_of_the_desk_tells_of_every_topic(web: WebHarness) -> None:
    page = await web.official()
    topics = [await web.desk.open_thread(DESK, title) for title in ("一", "二")]
    for number, topic in enumerate(topics):
        await web.desk.send(OutgoingMessage(DESK.with_thread(topic), "新"), str(number))
    events = await page.listen(4)
    assert [event["direction"] for event in events] == ["topic", "topic", "out", "out"]
    assert [event["thread"] for event in events[2:]] == topics


async def test_what_is_not_there_cannot_be_written_to(web: WebHarness) -> None:
    page = await web.official()
    with pytest.raises(ThreadGone):
        await web.desk.send(OutgoingMessage(DESK.with_thread("99"), "x"), "1")
    with pytest.raises(Unreachable):
        await web.desk.send(OutgoingMessage(Address("desk", "other"), "x"), "1")
    with pytest.raises(Refused):
        await web.web.open_thread(Address("web", "x"), "x")
    assert (await page.say("x", "message-1", thread="99")).status_code == 404


async def test_two_officials_at_one_browser_write_under_their_own_names(web: WebHarness) -> None:
    page = await web.official("u1", "李明")
    await page.http.post("/desk/sign-in", data={"code": web.code("u2", "王芳")})
    state = (await page.http.get("/desk/state")).json()
    assert [one["name"] for one in state["officials"]] == ["李明", "王芳"]
    for user in ("u1", "u2"):
        await page.post(f"/messages?as={user}", id=f"message-{user}", text="我来")
    assert [message.sender.id for message in web.received()] == ["u1", "u2"]
    stranger = await page.post("/messages?as=u3", id="message-u3", text="我来")
    assert stranger.status_code == 401
    edit = await page.post("/messages?as=u1", id="edit-0001", text="我", edits="desk:message-u2")
    assert edit.status_code == 409


async def test_a_press_on_the_desk_names_the_official_and_the_topic(web: WebHarness) -> None:
    page = await web.official()
    topic = await web.desk.open_thread(DESK, "一")
    card = OutgoingMessage(
        DESK.with_thread(topic), "待认领", buttons=((Button("认领", "token-k"),),), card="case"
    )
    await web.desk.send(card, "1")
    await page.post("/press", id="press-001", message="1", token="token-k")
    message = web.received()[-1]
    assert (message.sender.id, message.button) == ("u1", "token-k")
    assert message.address == DESK.with_thread(topic)


async def test_a_citizen_s_file_is_shown_to_officials_without_a_copy(web: WebHarness) -> None:
    citizen, _ = await web.citizen()
    page = await web.official()
    uploaded = (await citizen.upload(PNG, "证明.png")).json()
    unseen = await page.http.get(f"/desk/files/{uploaded['id']}")
    assert unseen.status_code == 404
    photo = Attachment(AttachmentKind.PHOTO, "web", uploaded["id"], "证明.png")
    await web.desk.send(OutgoingMessage(DESK, "市民发来", attachments=(photo,)), "1")
    seen = await page.http.get(f"/desk/files/{uploaded['id']}")
    assert seen.content == PNG
    assert len(list((web.settings.data_dir / "files").iterdir())) == 1
