"""Sending: what the citizen gets, and what delivery is told when it goes wrong."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from telegram import error as tg

from bot.channels import base
from bot.channels.base import SendError
from bot.channels.telegram_errors import send_error
from bot.messages import (
    Address,
    Attachment,
    AttachmentKind,
    Button,
    OutgoingMessage,
    Span,
    SpanKind,
)
from tests.channels.harness_telegram import TelegramHarness, telegram_channel, telegram_harness
from tests.servers.telegram import PlayedTelegram

ANN = Address("telegram", "1001")
YES = ((Button("Yes", token="t1"), Button("Law", url="https://example.org/law")),)
LONG = "一句话。" * 2_000


@pytest.fixture
async def h() -> AsyncIterator[TelegramHarness]:
    async with telegram_harness(running=False) as harness:
        harness.tg.citizen(1001, "Ann")
        yield harness


def said(text: str = "hello", **more: Any) -> OutgoingMessage:
    return OutgoingMessage(ANN, text, **more)


def photo(data: str = "photo-1", channel: str = "telegram", **more: Any) -> Attachment:
    return Attachment(AttachmentKind.PHOTO, channel, data, **more)


async def send(h: TelegramHarness, message: OutgoingMessage, **how: Any) -> list[dict[str, Any]]:
    """Send and return the messages the receipt names, as they stand in the chat."""
    receipt = await h.channel.send(message, "key", **how)
    chat = h.tg.world.chats[int(message.address.chat)]
    return [chat.messages[int(number)] for number in receipt.external_ids]


async def test_formatting_goes_as_entities_and_previews_are_off(h: TelegramHarness) -> None:
    spans = (Span(SpanKind.BOLD, 1, 2), Span(SpanKind.LINK, 4, 4, "https://example.org"))
    (message,) = await send(h, said("😀中文 <b>x", spans=spans))
    assert message["text"] == "😀中文 <b>x"
    assert message["entities"] == [
        {"type": "bold", "offset": 2, "length": 2},
        {"type": "text_link", "offset": 5, "length": 4, "url": "https://example.org"},
    ]
    params = h.tg.calls[-1].params
    assert "parse_mode" not in params
    assert params["link_preview_options"] == '{"is_disabled": true}'


async def test_buttons_stand_under_the_last_part(h: TelegramHarness) -> None:
    first, *others, last = await send(h, said(LONG, buttons=YES, reply_to="999"))
    assert all("reply_markup" not in message for message in (first, *others))
    assert last["reply_markup"]["inline_keyboard"] == [
        [{"text": "Yes", "callback_data": "t1"}, {"text": "Law", "url": "https://example.org/law"}]
    ]
    assert "reply_parameters" in h.tg.calls[0].params
    assert "reply_parameters" not in h.tg.calls[-1].params


async def test_an_answer_names_what_it_answers(h: TelegramHarness) -> None:
    question = h.tg.citizen(1001).says("?")
    (answer,) = await send(h, said("!", reply_to=str(question["message_id"])))
    assert answer["reply_to_message"]["message_id"] == question["message_id"]


async def test_a_short_text_is_the_caption_a_long_one_flows_on(h: TelegramHarness) -> None:
    h.tg.world.files["photo-1"] = b"x"
    (message,) = await send(h, said("look", attachments=(photo(),), buttons=YES))
    assert (message["caption"], len(message["photo"])) == ("look", 1)
    first, second = await send(h, said("字。" * 900, attachments=(photo(),), buttons=YES))
    assert first["caption"] + second["text"] == "字。" * 900
    assert "reply_markup" in second


async def test_pictures_and_files_go_as_albums_of_ten(h: TelegramHarness) -> None:
    h.tg.world.files["photo-1"] = b"x"
    file = Attachment(AttachmentKind.DOCUMENT, "telegram", "photo-1")
    many = (*[photo()] * 11, file, file)
    messages = await send(h, said("thirteen", attachments=many))
    assert [call.method for call in h.tg.calls] == ["sendmediagroup", "sendphoto", "sendmediagroup"]
    assert len(messages) == 13
    assert messages[0]["caption"] == "thirteen"
    messages = await send(h, said("two", attachments=(file, file), buttons=YES))
    assert messages[-1]["text"] == "two"
    assert "reply_markup" in messages[-1]


async def test_places_contacts_and_the_rest(h: TelegramHarness) -> None:
    kinds = [k for k in AttachmentKind if k not in (AttachmentKind.PHOTO, AttachmentKind.DOCUMENT)]
    h.tg.world.files["f"] = b"x"
    data = {"latitude": 39.9, "longitude": 116.4, "phone": "+86138", "name": "李"}
    for kind in kinds:
        await send(h, said("", attachments=(Attachment(kind, "telegram", "f", data=data),)))
    sent = h.tg.sent_to(1001)
    assert [
        kind for kind, message in zip(kinds, sent, strict=True) if kind.value in message
    ] == kinds
    assert sent[-2]["location"] == {"latitude": 39.9, "longitude": 116.4}
    assert sent[-1]["contact"] == {"phone_number": "+86138", "first_name": "李"}


async def test_files_of_other_channels_are_uploaded() -> None:
    async def open_file(attachment: Attachment) -> bytes:
        return attachment.file_id.encode()

    async with PlayedTelegram() as tg:
        tg.citizen(1001)
        channel = telegram_channel(tg, open_file=open_file)
        one, two = photo("first", "web", name="街 1.jpg"), photo("second", "matrix")
        await channel.send(said("one", attachments=(one,)), "k")
        await channel.send(said("both", attachments=(one, two)), "k")
        await channel.close()
        assert sorted(tg.world.files.values()) == [b"first", b"first", b"second"]
        assert tg.texts_to(1001) == ["one", "both", ""]


async def test_an_uploaded_file_keeps_its_name() -> None:
    async def open_file(attachment: Attachment) -> bytes:
        return b"%PDF"

    async with PlayedTelegram() as tg:
        tg.citizen(1001)
        channel = telegram_channel(tg, open_file=open_file)
        name = "办事指南 2026.pdf"
        guide = Attachment(AttachmentKind.DOCUMENT, "web", "1", name, "application/pdf")
        await channel.send(said("", attachments=(guide,)), "k")
        await channel.close()
        assert tg.sent_to(1001)[0]["document"]["file_name"] == name


async def test_an_edit_changes_the_message_and_the_same_edit_is_a_success(
    h: TelegramHarness,
) -> None:
    (message,) = await send(h, said("open", buttons=YES))
    card = str(message["message_id"])
    assert await send(h, said("closed"), edits=card) == [message]
    assert (message["text"], "reply_markup" in message) == ("closed", False)
    assert await send(h, said("closed"), edits=card) == [message]
    await send(h, said("", buttons=YES), edits=card)
    assert message["text"] == "closed"
    assert "reply_markup" in message
    assert len(h.tg.sent_to(1001)) == 1


async def test_a_card_that_was_deleted_is_sent_anew(h: TelegramHarness) -> None:
    (message,) = await send(h, said("card"))
    del h.tg.world.chats[1001].messages[message["message_id"]]
    (again,) = await send(h, said("card 2", buttons=YES), edits=str(message["message_id"]))
    assert (again["text"], "reply_markup" in again) == ("card 2", True)
    assert again["message_id"] != message["message_id"]


async def test_the_text_of_a_photo_is_edited_as_its_caption(h: TelegramHarness) -> None:
    h.tg.world.files["photo-1"] = b"x"
    (message,) = await send(h, said("old", attachments=(photo(),)))
    await send(h, said("new"), edits=str(message["message_id"]))
    assert message["caption"] == "new"


async def test_a_press_is_answered_once_and_late_answers_do_no_harm(h: TelegramHarness) -> None:
    await send(h, said("Sure?", buttons=YES))
    press = h.tg.citizen(1001).presses("Yes")
    answer = said("Thank you. " * 50, answers_press=press)
    assert (await h.channel.send(answer, "k")).external_ids == ()
    notice = h.tg.citizen(1001).notice(press)
    assert notice is not None
    assert notice.startswith("Thank you.")
    assert (await h.channel.send(answer, "k")).external_ids == ()
    assert len(h.tg.sent_to(1001)) == 1


async def test_formatting_telegram_rejects_goes_as_plain_text(h: TelegramHarness) -> None:
    text = "Bad Request: can't parse entities: unsupported"
    h.tg.plant(method="sendmessage", status=400, description=text)
    (message,) = await send(h, said("hello", spans=(Span(SpanKind.BOLD, 0, 2),)))
    assert "entities" not in message
    h.tg.plant(method="sendmessage", status=400, description=text, times=9)
    with pytest.raises(base.Refused):
        await send(h, said("hello", spans=(Span(SpanKind.BOLD, 0, 2),)))


ERRORS: list[tuple[dict[str, Any], type[SendError]]] = [
    ({"status": 429, "parameters": {"retry_after": 7}}, base.RetryLater),
    ({"status": 403, "description": "Forbidden: bot was blocked by the user"}, base.Unreachable),
    ({"status": 400, "description": "Bad Request: chat not found"}, base.Unreachable),
    ({"status": 400, "parameters": {"migrate_to_chat_id": -1005}}, base.ChatMoved),
    ({"status": 400, "description": "Bad Request: message thread not found"}, base.ThreadGone),
    ({"status": 400, "description": "Bad Request: TOPIC_CLOSED"}, base.ThreadGone),
    ({"status": 400, "description": "Bad Request: message is too long"}, base.Refused),
    ({"status": 413, "description": "Request Entity Too Large"}, base.Refused),
    ({"status": 401, "description": "Unauthorized"}, base.RetryLater),
    ({"status": 502, "body": "<html>"}, base.Unconfirmed),
    ({"status": 500, "description": "Internal Server Error"}, base.Unconfirmed),
    ({"cut": "before"}, base.Unconfirmed),
    ({"cut": "after"}, base.Unconfirmed),
]


@pytest.mark.parametrize(("fault", "error"), ERRORS, ids=[str(fault) for fault, _ in ERRORS])
async def test_every_error_says_what_to_do(
    h: TelegramHarness, fault: dict[str, Any], error: type[SendError]
) -> None:
    h.tg.plant(method="sendmessage", **fault)
    with pytest.raises(error) as caught:
        await h.channel.send(said(), "k")
    assert type(caught.value) is error
    assert caught.value.sent == ()
    (message,) = await send(h, said("again"))
    assert message["text"] == "again"


async def test_errors_carry_what_delivery_needs(h: TelegramHarness) -> None:
    h.tg.flood(7)
    with pytest.raises(base.RetryLater) as wait:
        await h.channel.send(said(), "k")
    assert (wait.value.seconds, wait.value.scope) == (7, "chat")
    h.tg.forum(-1001)
    h.tg.migrates(-1001, -1002)
    with pytest.raises(base.ChatMoved) as moved:
        await h.channel.send(replace(said(), address=Address("telegram", "-1001")), "k")
    assert moved.value.new_chat == "-1002"


async def test_what_never_left_is_told_from_what_got_no_answer(h: TelegramHarness) -> None:
    await h.tg.stop()
    with pytest.raises(base.NotSent):
        await h.channel.send(said(), "k")


def connector_error() -> aiohttp.ClientConnectorError:
    key = ConnectionKey("127.0.0.1", 1, False, True, None, None, None)
    return aiohttp.ClientConnectorError(key, OSError("refused"))


CAUSES: list[tuple[type[tg.TelegramError], Exception, type[SendError]]] = [
    (tg.TimedOut, aiohttp.SocketTimeoutError(), base.Unconfirmed),
    (tg.TimedOut, aiohttp.ConnectionTimeoutError(), base.NotSent),
    (tg.NetworkError, aiohttp.ServerDisconnectedError(), base.Unconfirmed),
    (tg.NetworkError, aiohttp.ClientOSError(104, "reset"), base.Unconfirmed),
    (tg.NetworkError, aiohttp.ClientPayloadError(), base.Unconfirmed),
    (tg.NetworkError, connector_error(), base.NotSent),
    (tg.NetworkError, UnicodeEncodeError("utf-8", "\ud800", 0, 1, "lone"), base.Refused),
    (tg.NetworkError, RuntimeError("Session is closed"), base.NotSent),
]


@pytest.mark.parametrize(("kind", "cause", "expected"), CAUSES, ids=[repr(c) for _, c, _ in CAUSES])
def test_the_cause_tells_whether_a_copy_may_arise(
    kind: type[tg.TelegramError], cause: Exception, expected: type[SendError]
) -> None:
    error = kind("")
    error.__cause__ = cause
    assert type(send_error(error)) is expected


async def test_a_retry_sends_only_the_parts_that_are_missing(h: TelegramHarness) -> None:
    h.tg.world.files["photo-1"] = b"x"
    message = said(LONG, attachments=(photo(), photo()))
    h.tg.plant(method="sendmessage", skip=1, cut="before")
    with pytest.raises(base.Unconfirmed) as caught:
        await h.channel.send(message, "k")
    assert len(caught.value.sent) == 3
    receipt = await h.channel.send(message, "k", already=caught.value.sent)
    assert receipt.external_ids[:3] == caught.value.sent
    assert "".join(h.tg.texts_to(1001)) == LONG


async def test_topics_are_opened_written_to_and_lost(h: TelegramHarness) -> None:
    group = Address("telegram", str(h.tg.forum().id))
    thread = await h.channel.open_thread(group, "K7Q2M " + "字" * 200)
    topic = h.tg.topics()[int(thread)]
    assert topic.name == ("K7Q2M " + "字" * 200)[:128]
    in_topic = replace(said("note"), address=group.with_thread(thread))
    (message,) = await send(h, in_topic)
    assert message["message_thread_id"] == int(thread)
    await h.channel.close_thread(group.with_thread(thread))
    await h.channel.close_thread(group.with_thread(thread))
    assert topic.closed
    h.tg.official(50).deletes_topic(int(thread))
    with pytest.raises(base.ThreadGone):
        await h.channel.send(in_topic, "k")
    await h.channel.close_thread(group.with_thread(thread))


async def test_a_chat_without_topics_refuses_them(h: TelegramHarness) -> None:
    with pytest.raises(base.Refused):
        await h.channel.open_thread(ANN, "K7Q2M")


async def test_downloads_are_bounded_and_repeatable(h: TelegramHarness) -> None:
    with pytest.raises(base.Refused, match="20 MB"):
        await h.channel.fetch(photo(size=20_000_001))
    with pytest.raises(base.Refused):
        await h.channel.fetch(photo("unknown"))
    h.tg.world.files["photo-1"] = b"bytes"
    h.tg.cut("before", "getfile")
    with pytest.raises(base.NotSent):
        await h.channel.fetch(photo())
    assert await h.channel.fetch(photo()) == b"bytes"


async def test_a_foreign_group_is_left_and_commands_are_announced(h: TelegramHarness) -> None:
    h.tg.group(-77)
    await h.channel.leave(Address("telegram", "-77"))
    assert h.tg.world.chats[-77].gone
    await h.channel.announce_commands({"status": "my cases"}, "en")
    assert "my cases" in h.tg.calls[-1].params["commands"]


@pytest.mark.parametrize("message", [said(""), said(" \n"), said("x", reply_to="not a number")])
async def test_what_cannot_be_sent_is_refused_here(
    h: TelegramHarness, message: OutgoingMessage
) -> None:
    with pytest.raises(base.Refused):
        await h.channel.send(message, "k")
    assert h.tg.calls == h.tg.refused == []
