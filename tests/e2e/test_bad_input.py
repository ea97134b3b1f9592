"""What no sane client sends: kept whole, answered with one sentence, and never in the way."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot import inbox
from bot.inbox import InboxRow
from bot.outbox import OutboxRow
from huiying.doctor import examine
from tests.e2e.office import GROUP, WEDDING, LiveOffice
from tests.servers.telegram_world import Json

FROM = {"id": 1666, "is_bot": False, "first_name": "M"}
CHAT = {"id": 1666, "type": "private"}


def _message(update_id: Any, **fields: Any) -> Json:
    message = {"message_id": 1, "from": FROM, "chat": CHAT, "date": 1_700_000_000, "text": "x"}
    return {"update_id": update_id, "message": {**message, **fields}}


MALFORMED: list[Any] = [
    "not an object",
    ["a", "list"],
    None,
    {"update_id": "500"},
    {"update_id": True, "message": {}},
    {"message": {"text": "no id"}},
    {"update_id": 500_000_101},
    {"update_id": 500_000_102, "message": []},
    {"update_id": 500_000_103, "message": {"message_id": 1}},
    {"update_id": 500_000_104, "callback_query": {"id": "p", "data": "x"}},
    {"update_id": 500_000_105, "my_chat_member": {"chat": CHAT, "from": FROM}},
    _message(500_000_106, text=17),
    _message(500_000_107, message_id=7, text={"text": "nested"}),
    _message(500_000_108, chat={"id": 2**80, "type": "private"}),
    _message(500_000_109, message_id="1", **{"from": None}),
    _message(500_000_110, message_id=2, date=10**15),
    _message(500_000_111, message_id=3, photo={"file_id": "x"}),
    _message(500_000_112, message_id=4, document=["x"]),
    _message(500_000_113, message_id=5, reply_to_message="4"),
    _message(500_000_114, message_id=6, location={"latitude": "north", "longitude": 1}),
]

LONG = "很长的话。" * 20_000
#: what is sent, and a word of the one sentence that comes back
ODD_TEXTS = {
    "100,000 characters": (LONG, "个字"),
    "10,000 emoji": ("🧧" * 10_000, "个字"),
    "4,000 emoji": ("🧧" * 4_000, "请用文字"),
    "only NULs": ("\0" * 100, "请用文字"),
    "a NUL inside": ("怎么办理\0结婚登记？", "民政局"),
    "a lone surrogate": ("\ud83d", "请用文字"),
    "a surrogate inside": ("\udc00" + WEDDING, "民政局"),
    "only overrides": ("\u202e\u2066\u200f", "没有收到文字"),
    "turned round": ("\u202e" + WEDDING + "\u202c", "民政局"),
    "nothing": ("", "没有收到文字"),
    "blanks": (" \n\t　", "没有收到文字"),
    "combining marks": ("e" + "\u0301" * 7_000, ""),
}


@pytest.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[LiveOffice]:
    """A served office; whatever it is sent, it is alive and its journal holds at the end."""
    async with LiveOffice(tmp_path, database_url) as served:
        yield served
        assert served.failed is None
        served.proof()


async def test_malformed_updates_are_put_aside_and_the_next_one_is_served(
    office: LiveOffice,
) -> None:
    for update in MALFORMED:
        office.tg.updates.plant(update)
    anna = office.tg.citizen(1001)
    anna.says(WEDDING)
    await office.told(anna, "民政局")
    await office.settled()
    aside = [row for row in office.rows(InboxRow) if row.status == inbox.QUARANTINED]
    assert {row.attempts for row in aside} == {0}
    assert all(row.reason for row in aside)
    kept = [json.loads(row.body) for row in aside]
    for update in MALFORMED:
        assert update in kept or {"malformed": update} in kept
    assert len(office.journal("quarantined")) == len(MALFORMED)
    assert len(office.rows(OutboxRow)) == 1
    await office.stop()
    await office.start()
    anna.says(WEDDING)
    await office.told(anna, "民政局", after=office.last(anna))
    assert (await office.health())["quarantined"] == len(MALFORMED)
    findings = {finding.name: finding for finding in await examine(office.settings())}
    assert str(len(MALFORMED)) in findings["quarantine"].text
    assert "journal export" in findings["quarantine"].text


async def test_an_odd_text_gets_one_plain_sentence_and_is_kept_whole(office: LiveOffice) -> None:
    people = [office.tg.citizen(1000 + n) for n in range(len(ODD_TEXTS))]
    said = [anna.says(text) for anna, (text, _) in zip(people, ODD_TEXTS.values(), strict=True)]
    answers = [
        await office.told(anna, words)
        for anna, (_, words) in zip(people, ODD_TEXTS.values(), strict=True)
    ]
    await office.settled()
    for anna, answer in zip(people, answers, strict=True):
        assert office.tg.sent_to(anna.chat.id) == [answer]
    kept = [json.loads(row.body)["message"] for row in office.rows(InboxRow)]
    assert all(message in kept for message in said)
    received = [row["body"]["event"]["message"]["text"] for row in office.journal("received")]
    assert sorted(received) == sorted(text for text, _ in ODD_TEXTS.values())
    for anna, answer in zip(people, answers, strict=True):
        anna.says(WEDDING)
        await office.told(anna, "", after=answer["message_id"])


async def test_a_long_text_in_other_shapes(office: LiveOffice) -> None:
    anna = office.tg.citizen(1001)
    anna.sends_photo(b"jpeg", LONG)
    caption = await office.told(anna, "个字")
    said = anna.says(WEDDING)
    await office.told(anna, "民政局")
    await office.settled()
    anna.edits(said, LONG)
    edit = await office.told(anna, "个字", after=caption["message_id"])
    case = await office.case_of(anna, "几点开门", after=edit["message_id"])
    anna.says(LONG)
    await office.told(anna, "个字", after=office.last(anna) - 1)
    await office.settled()
    assert not any("很长的话" in text for text in office.tg.texts_to(GROUP, case.topic))
    kept = [row for row in office.rows(InboxRow) if len(row.body) > len(LONG)]
    assert len(kept) == 3


async def test_a_long_text_in_the_pieces_a_client_makes_of_it(office: LiveOffice) -> None:
    """A Telegram client cuts at 4,096: all pieces reach the official, in order."""
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "我有很多话要说")
    pieces = [f"第{n}段。" + "很长的话。" * 800 for n in range(25)]
    for piece in pieces:
        anna.says(piece)
    await office.shown(case.topic, "第24段")
    await office.settled()
    shown = "".join(office.tg.texts_to(GROUP, case.topic))
    assert shown.count("很长的话。") == 25 * 800
    marks = [shown.index(f"第{n}段。") for n in range(25)]
    assert marks == sorted(marks)


async def test_odd_characters_travel_to_the_official_and_back(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "几点开门\0\ud800\u202e")
    assert "几点开门" in office.card(case)["text"]
    assert "\u202e" not in office.card(case)["text"]
    anna.says("\u202e我是局长\0")
    await office.shown(case.topic, "我是局长")
    desk.writes(case.topic, "九点\0开门\udfff。🧧")
    reply = await office.told(anna, "开门")
    assert "🧧" in reply["text"]
    desk.writes(case.topic, "\u202e")
    await office.shown(case.topic, "没有可以发给来访人的内容")
    desk.writes(case.topic, "很" * 100_000)
    await office.settled()
    assert "".join(office.tg.texts_to(1001)).count("很") == 100_000
