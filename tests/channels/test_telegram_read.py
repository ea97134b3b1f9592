"""What people do on Telegram, as it comes out of :meth:`TelegramChannel.read`."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.channels.base import Malformed
from bot.channels.telegram_read import event, read
from bot.messages import Address, AttachmentKind, Button, MessageKind, OutgoingMessage
from tests.channels.harness_telegram import TelegramHarness, telegram_harness
from tests.channels.test_contract import HOSTILE, changed, paths
from tests.servers.telegram_world import BOT


@pytest.fixture
async def h() -> AsyncIterator[TelegramHarness]:
    async with telegram_harness() as harness:
        yield harness


def update(**message: Any) -> dict[str, Any]:
    user = {"id": 7, "is_bot": False, "first_name": "李", "last_name": "雷"}
    chat = {"id": 7, "type": "private"}
    base = {"message_id": 3, "date": 1_700_000_000, "chat": chat, "from": user}
    return {"update_id": 11, "message": {**base, **message}}


async def test_a_command_loses_the_bots_name_and_keeps_its_payload(h: TelegramHarness) -> None:
    h.tg.citizen(1, "Ann").says("/start@Huiying_Test_Bot case-K7Q2M")
    assert (await h.read_one()).text == "/start case-K7Q2M"
    h.tg.citizen(1).says("/start@another_bot x")
    assert (await h.read_one()).text == "/start@another_bot x"


async def test_a_photo_comes_in_its_largest_size_with_its_caption(h: TelegramHarness) -> None:
    h.tg.citizen(1).sends_photo(b"full size", caption="my street")
    message = await h.read_one()
    (photo,) = message.attachments
    assert (photo.unique, photo.file) == (f"u{photo.file_id}", photo.unique)
    assert (photo.kind, message.text) == (AttachmentKind.PHOTO, "my street")
    assert await h.channel.fetch(photo) == b"full size"


async def test_an_album_waits_for_its_rest(h: TelegramHarness) -> None:
    h.tg.citizen(1).sends_album(b"1", b"2", b"3", caption="all three")
    messages = await h.read(3)
    assert len({message.group_id for message in messages}) == 1
    assert messages[0].group_id
    assert [event.hold_s for event in h.intake.events] == [1.0] * 3


async def test_files_places_and_contacts(h: TelegramHarness) -> None:
    ann = h.tg.citizen(1)
    ann.sends_document("form.pdf", b"%PDF", mime="application/pdf")
    ann.sends_voice(b"ogg")
    ann.sends_location(39.9, 116.4)
    ann.sends_contact("+8613800000000", "李雷")
    document, voice, place, contact = (m.attachments[0] for m in await h.read(4))
    assert (document.name, document.mime, document.size) == ("form.pdf", "application/pdf", 4)
    assert voice.kind is AttachmentKind.VOICE
    assert place.data == {"latitude": 39.9, "longitude": 116.4}
    assert contact.data == {"phone": "+8613800000000", "name": "李雷"}


async def test_edits_name_the_message_they_change(h: TelegramHarness) -> None:
    first = h.tg.citizen(1).says("my adress")
    h.tg.citizen(1).edits(first, "my address")
    said, edited = await h.read(2)
    assert (edited.kind, edited.text) == (MessageKind.EDIT, "my address")
    assert edited.external_id == said.external_id
    assert h.intake.events[0].external_id != h.intake.events[1].external_id
    assert h.intake.events[1].alternate_id == ""


async def test_a_press_names_button_message_and_presser(h: TelegramHarness) -> None:
    place = Address("telegram", "1")
    h.tg.citizen(1)
    message = OutgoingMessage(place, "Sure?", buttons=((Button("Yes", token="t1"),),))
    receipt = await h.channel.send(message, "k")
    press = h.tg.citizen(1).presses("Yes")
    pressed = await h.read_one()
    assert (pressed.kind, pressed.button, pressed.press_id) == (MessageKind.BUTTON, "t1", press)
    assert (pressed.external_id,) == receipt.external_ids
    assert pressed.address == place
    assert pressed.private
    assert h.intake.events[-1].alternate_id == f"c:{press}"


async def test_an_official_writes_in_a_topic(h: TelegramHarness) -> None:
    group = h.tg.forum()
    topic = int(await h.channel.open_thread(Address("telegram", str(group.id)), "K7Q2M"))
    wang = h.tg.official(50, "王")
    said = wang.writes(topic, "in the topic")
    message = await h.read_one()
    assert message.address == Address("telegram", str(group.id), str(topic))
    assert (message.private, message.reply_to) == (False, "")
    assert h.intake.events[-1].ordering_key == message.address.key
    wang.writes(topic, "an answer", reply_to=said["message_id"])
    assert (await h.read_one()).reply_to == str(said["message_id"])
    wang.writes(0, "in general")
    assert (await h.read_one()).address.thread == ""


async def test_only_own_words_of_a_person_are_verified(h: TelegramHarness) -> None:
    h.tg.forum()
    wang = h.tg.official(50, "王")
    wang.writes(0, "own words")
    assert (await h.read_one()).sender.verified
    wang.writes(0, "from behind the group", anonymous=True)
    assert not (await h.read_one()).sender.verified
    wang.writes(0, "by an inline bot", via_bot=dict(BOT))
    assert not (await h.read_one()).sender.verified
    h.tg.citizen(2).forwards("/close")
    assert not (await h.read_one()).sender.verified


@pytest.mark.parametrize("user_id", [1087968824, 136817688, 777000])
def test_accounts_that_stand_for_others_are_not_verified(user_id: int) -> None:
    message = read("telegram", update(**{"from": {"id": user_id, "first_name": "x"}}))
    assert message is not None
    assert not message.sender.verified


async def test_leaving_and_coming_back(h: TelegramHarness) -> None:
    h.tg.citizen(1).blocks()
    left = await h.read_one()
    assert (left.kind, left.text, left.private) == (MessageKind.LEFT, "kicked", True)
    h.tg.citizen(1).unblocks()
    back = await h.read_one()
    assert (back.kind, back.text) == (MessageKind.NOTICE, "unblocked")


async def test_what_happens_to_a_group_is_a_notice(h: TelegramHarness) -> None:
    # Only once we asked for it does Telegram tell us of members.
    await h.tg.wait_for(lambda: h.tg.updates.allowed)
    group = h.tg.forum()
    wang = h.tg.official(50, "王")
    topic = int(await h.channel.open_thread(Address("telegram", str(group.id)), "K7Q2M"))
    wang.closes_topic(topic)
    wang.reopens_topic(topic)
    wang.joins()
    wang.adds_bot()
    messages = await h.read(5)
    assert {message.kind for message in messages} == {MessageKind.NOTICE}
    texts = [message.text for message in messages]
    assert texts == ["topic_closed", "topic_reopened", "joined:50", "joined:50", "added:member"]
    assert messages[0].address.thread == str(topic)


async def test_a_chat_that_moves_says_where(h: TelegramHarness) -> None:
    h.tg.group(-5)
    h.tg.migrates(-5, -1005)
    await h.tg.wait_for(lambda: len(h.tg.confirmed) == 2)
    (notice,) = await h.read(2)
    assert (notice.kind, notice.text) == (MessageKind.NOTICE, "migrated:-1005")
    assert notice.address.chat == "-5"


def test_a_name_cannot_rearrange_a_line() -> None:
    user = {"id": 7, "first_name": "A\u202eB\u200b", "last_name": "C\nD\x00"}
    message = read("telegram", update(**{"from": user}, text="x"))
    assert message is not None
    assert message.sender.name == "A B  C D\ufffd"


def test_what_we_cannot_show_is_still_a_message() -> None:
    message = read("telegram", update(dice={"emoji": "🎲", "value": 3}))
    assert message is not None
    assert (message.kind, message.text, message.attachments) == (MessageKind.TEXT, "", ())


def test_service_messages_and_unknown_kinds_are_of_no_concern() -> None:
    assert read("telegram", update(pinned_message={})) is None
    assert read("telegram", {"update_id": 1, "something_new": {"a": 1}}) is None
    assert event("telegram", {"update_id": 1, "something_new": {}}).external_id.startswith("1:")


@pytest.mark.parametrize("raw", [None, 7, "text", [], {}, {"update_id": "x"}, {"update_id": 1}])
def test_a_malformed_update_is_stored_and_then_refused(raw: Any) -> None:
    first = event("telegram", raw)
    assert first.ordering_key == "telegram/malformed/"
    assert first == event("telegram", raw)
    with pytest.raises(Malformed):
        read("telegram", first.body)


FULL = update(
    text="/a@b",
    caption="c",
    photo=[{"file_id": "p", "width": 1, "height": 1, "file_size": 1}],
    document={"file_id": "d", "file_name": "n", "mime_type": "m"},
    location={"latitude": 1.0, "longitude": 1},
    contact={"phone_number": "1", "first_name": "f"},
    reply_to_message={"message_id": 2},
    media_group_id="5",
    is_topic_message=True,
    message_thread_id=4,
)
PRESS = {
    "update_id": 12,
    "callback_query": {"id": "9", "from": {"id": 7}, "data": "t", "message": FULL["message"]},
}
CHANGE = {
    "update_id": 13,
    "chat_member": {
        "chat": {"id": -5, "type": "group"},
        "from": {"id": 7},
        "date": 1,
        "old_chat_member": {"user": {"id": 8}, "status": "left"},
        "new_chat_member": {"user": {"id": 8}, "status": "member"},
    },
}


@pytest.mark.parametrize("body", [FULL, PRESS, CHANGE], ids=["message", "press", "membership"])
def test_any_two_wrong_fields_raise_malformed_and_nothing_else(body: dict[str, Any]) -> None:
    chance = random.Random(1)
    places = list(paths(body))
    for _ in range(2_000):
        broken = changed(body, chance.choice(places), chance.choice(HOSTILE))
        again = list(paths(broken))
        broken = changed(broken, chance.choice(again), chance.choice(HOSTILE))
        stored = event("telegram", broken)
        assert len(stored.external_id) < 200
        try:
            read("telegram", stored.body)
        except Malformed:
            continue
