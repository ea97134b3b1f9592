"""What may happen to the officials' group: topics deleted, none at all, strangers, a new id."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from admin import officials
from admin.officials import Role
from bot.conversations import ConversationRow
from tests.e2e.office import (
    DEPARTMENT,
    GROUP,
    UNKNOWN,
    WEDDING,
    LiveOffice,
    OpenedCase,
    labels,
    number_and_code,
)
from tests.servers.telegram_people import Citizen, Official
from tests.servers.telegram_world import BOT_ID

Opened = Callable[..., Awaitable[LiveOffice]]


@pytest.fixture
async def opened(database_url: str, tmp_path: Path) -> AsyncIterator[Opened]:
    """Start an office with settings of the story's own; it is closed afterwards."""
    offices: list[LiveOffice] = []

    async def start(**settings: object) -> LiveOffice:
        office = LiveOffice(tmp_path, database_url, **settings)  # type: ignore[arg-type]
        offices.append(office)
        return await office.__aenter__()

    yield start
    for office in offices:
        assert office.failed is None
        office.proof()
        await office.__aexit__()


async def test_the_topic_is_told_when_the_citizen_has_blocked_the_bot(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "几点开门")
    anna.blocks()
    await office.shown(case.topic, "屏蔽")
    desk.writes(case.topic, "九点开门。")
    failed = await office.shown(case.topic, "没有送达")
    assert "九点开门。" in failed["text"]
    anna.unblocks()
    anna.says("我回来了")
    await office.shown(case.topic, "我回来了")
    desk.writes(case.topic, "九点开门，周末休息。")
    await office.told(anna, "周末休息")
    dead = [row["body"] for row in office.journal("delivery") if row["body"]["state"] == "dead"]
    assert len(dead) == 1
    assert "blocked" in dead[0]["error"]


async def test_a_question_whose_answer_is_refused_reaches_an_official(office: LiveOffice) -> None:
    anna = office.tg.citizen(1001)
    words = "Bad Request: something odd"
    office.tg.plant(method="sendMessage", chat=1001, times=1, status=400, description=words)
    anna.says(WEDDING)
    case = await office.handed_off(anna)
    assert WEDDING in office.card(case)["text"]
    await office.shown(case.topic, "没有送达")


async def test_the_topic_is_told_when_nobody_knows_whether_it_arrived(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "几点开门")
    office.tg.plant(method="sendMessage", chat=1001, times=2, cut="after")
    desk.writes(case.topic, "九点开门。")
    unsure = await office.shown(case.topic, "不能确定")
    assert "九点开门。" in unsure["text"]
    copies = [text for text in office.tg.texts_to(1001) if "九点开门。" in text]
    assert len(copies) == 2  # once, and one marked repeat: never more
    assert [text.startswith("↻ ") for text in copies] == [False, True]
    desk.writes(case.topic, "周末休息。")
    await office.told(anna, "周末休息。")


async def test_a_deleted_topic_is_opened_again_and_nothing_is_lost(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "几点开门")
    desk.deletes_topic(case.topic)
    anna.says("周末也开吗")
    anna.says("还有，在几楼")
    new = await office.tg.wait_for(lambda: _newer_topic(office, case), 20)
    await office.shown(new, "周末也开吗")
    await office.shown(new, "还有，在几楼")
    desk.writes(new, "周末不开。")
    await office.told(anna, "周末不开。")
    card = await office.shown(new, "几点开门")
    assert "认领" in labels(card) or "退回" in labels(card)


async def test_a_closed_topic_loses_nothing_either(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "几点开门")
    desk.closes_topic(case.topic)
    anna.says("周末也开吗")
    new = await office.tg.wait_for(lambda: _newer_topic(office, case), 20)
    await office.shown(new, "周末也开吗")


def _newer_topic(office: LiveOffice, case: OpenedCase) -> int | None:
    topics = office.tg.topics(GROUP)
    newer = [t for t in topics if t > case.topic and topics[t].name.startswith(case.number)]
    return newer[-1] if newer else None


async def test_in_a_group_without_topics_replies_work_both_ways(opened: Opened) -> None:
    office = await opened(forum=False)
    desk = await office.official(2001, "一号窗口")
    anna, bert = office.tg.citizen(1001), office.tg.citizen(1002)
    cards = {}
    for citizen, question in ((anna, "几点开门"), (bert, "在几楼")):
        citizen.says(f"/human {question}")
        await office.told(citizen, "查询码")
        cards[question] = await office.shown(0, question)
    bert.says("还有停车场吗")
    more = await office.shown(0, "还有停车场吗")
    assert more["reply_to_message"]["message_id"] == cards["在几楼"]["message_id"]
    desk.writes(0, "九点开门。", reply_to=cards["几点开门"]["message_id"])
    desk.writes(0, "地下一层。", reply_to=more["message_id"])
    await office.told(anna, "九点开门。")
    await office.told(bert, "地下一层。")
    desk.writes(0, "中午吃什么")  # talk among colleagues
    await office.settled()
    assert "中午" not in "\n".join(office.tg.texts_to(1001) + office.tg.texts_to(1002))
    desk.presses("结案", office.tg.world.chats[GROUP].messages[cards["在几楼"]["message_id"]])
    await office.shown(0, "以什么理由")
    desk.presses("已经答复。")
    await office.told(bert, "已结案")
    assert len([c for c in office.tg.refused if c.method == "createforumtopic"]) == 1


async def test_a_reply_to_a_later_part_of_a_long_message_counts(opened: Opened) -> None:
    office = await opened(forum=False)
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    anna.says("/human 几点开门")
    await office.told(anna, "查询码")
    anna.says("很长的话。" * 800 + "说完了" + "好" * 90)
    last = await office.shown(0, "说完了")
    anna.sends_album(b"1", b"2", caption="两页")
    await office.shown(0, "两页")
    await office.settled()
    second = office.tg.sent_to(GROUP, 0)[-1]
    assert "photo" in second
    assert "caption" not in second
    desk.writes(0, "看到了。", reply_to=last["message_id"])
    desk.writes(0, "第二页不清楚。", reply_to=second["message_id"])
    await office.told(anna, "看到了。")
    await office.told(anna, "第二页不清楚。")


def _a_stranger(office: LiveOffice, _: Official, topic: int) -> None:
    office.tg.official(2999, "路人", GROUP).writes(topic, "不算数")


def _a_forward(_: LiveOffice, desk: Official, topic: int) -> None:
    origin = {"type": "user", "sender_user": desk.user, "date": 1}
    desk.writes(topic, "不算数", forward_origin=origin)


def _an_anonymous_administrator(_: LiveOffice, desk: Official, topic: int) -> None:
    desk.writes(topic, "不算数", anonymous=True)


def _a_channel(_: LiveOffice, desk: Official, topic: int) -> None:
    desk.writes(topic, "不算数", sender_chat={"id": -100777, "type": "channel", "title": "x"})


def _a_bot(office: LiveOffice, _: Official, topic: int) -> None:
    other = {"id": 777000111, "is_bot": True, "first_name": "Other"}
    Official(office.tg.world, other, office.tg.world.chats[GROUP]).writes(topic, "不算数")


def _an_inline_bot(_: LiveOffice, desk: Official, topic: int) -> None:
    desk.writes(topic, "不算数", via_bot={"id": 7, "is_bot": True, "first_name": "gif"})


NOT_OFFICIALS = (
    _a_stranger,
    _a_forward,
    _an_anonymous_administrator,
    _a_channel,
    _a_bot,
    _an_inline_bot,
)


async def test_only_an_enrolled_officials_own_words_count(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    for number, speak in enumerate(NOT_OFFICIALS, 1001):
        anna = office.tg.citizen(number)
        case = await office.case_of(anna, "几点开门")
        speak(office, desk, case.topic)
        await office.shown(case.topic, "没有发出")
        await office.settled()
        assert "不算数" not in "\n".join(office.tg.texts_to(number)), speak.__name__
        assert office.case(case.number).holder is None, speak.__name__


async def test_a_strangers_press_does_nothing(office: LiveOffice) -> None:
    case = await office.case_of(office.tg.citizen(1001), "几点开门")
    office.tg.official(2999, "路人", GROUP).presses("认领", office.card(case))
    await office.shown(case.topic, "还没有登记")
    await office.settled()
    assert office.case(case.number).holder is None


async def test_an_enrolment_code_counts_once_and_for_its_own_words(office: LiveOffice) -> None:
    code = office.write(lambda tx: officials.new_code(tx, "一号窗口", Role.OFFICIAL, DEPARTMENT))
    thief, desk = office.tg.citizen(2666), office.tg.citizen(2001)
    thief.says("/enroll AAAAAAAAAA")
    await office.told(thief, "登记码不对")
    thief.forwards(f"/enroll {code}")
    await office.told(thief, "转发")
    desk.says(f"/enroll {code}")
    await office.told(desk, "一号窗口")
    thief.says(f"/enroll {code}")
    await office.told(thief, "登记码不对", after=office.last(thief))
    assert [o.account for o in office.staff()] == ["2001"]


async def test_talk_in_the_general_topic_goes_nowhere(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    await office.case_of(office.tg.citizen(1001), "几点开门")
    desk.writes(0, "大家早上好")
    hint = await office.shown(0, "不会发给来访人")
    desk.writes(0, "今天人不多")
    await office.settled()
    assert office.tg.sent_to(GROUP, 0) == [hint]
    assert "大家" not in "\n".join(office.tg.texts_to(1001))


async def test_a_burst_of_cases_opens_topics_at_a_pace(opened: Opened) -> None:
    office = await opened(topics_per_minute=600)  # three at once, then one each 0.1 s
    citizens = [office.tg.citizen(3000 + n) for n in range(30)]
    for citizen in citizens:
        citizen.says(f"/human 第{citizen.chat.id}号问题")
    told = [await office.told(citizen, "查询码") for citizen in citizens]
    waited = [c for c in office.tg.calls if c.method == "createforumtopic"]
    assert len(waited) < 30, "citizens heard of their cases only after all topics were open"
    for citizen, message in zip(citizens, told, strict=True):
        topic = await office.topic_of(number_and_code(message["text"])[0])
        assert f"第{citizen.chat.id}号问题" in office.tg.sent_to(GROUP, topic)[0]["text"]
    opened_at = [c.at for c in office.tg.calls if c.method == "createforumtopic"]
    assert len(opened_at) == 30
    for first, later in zip(opened_at, opened_at[13:], strict=False):
        assert later - first >= 0.9, "more than three and one each 0.1 s"


async def test_telegrams_patience_is_kept_when_topics_come_too_fast(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna, bert = office.tg.citizen(1001), office.tg.citizen(1002)
    case = await office.case_of(anna, "几点开门")
    words = "Too Many Requests: retry after 2"
    known = {"retry_after": 2}
    office.tg.plant(method="createForumTopic", status=429, description=words, parameters=known)
    bert.says("/human 在几楼")
    refused = await office.tg.wait_for(lambda: office.tg.refused, 20)
    desk.writes(case.topic, "九点开门。")  # an open topic does not wait with the new one
    await office.told(anna, "九点开门。")
    await office.shown(case.topic, "已发给来访人")
    assert len(office.tg.topics(GROUP)) == 1
    later = await office.handed_off(bert)
    assert "在几楼" in office.card(later)["text"]
    opened_at = [c.at for c in office.tg.calls if c.method == "createforumtopic"][-1]
    assert opened_at - refused[0].at >= 2


async def test_the_group_may_get_a_new_id(opened: Opened) -> None:
    office = await opened(forum=False)
    desk = await office.official(2001, "一号窗口")
    anna, bert = office.tg.citizen(1001), office.tg.citizen(1002)
    anna.says("/human 几点开门")
    await office.told(anna, "查询码")
    card = await office.shown(0, "几点开门")
    desk.writes(0, "九点开门。", reply_to=card["message_id"])
    await office.told(anna, "九点开门。")
    await office.settled()
    new = -1009000000009
    office.tg.migrates(GROUP, new)
    anna.says("周末也开吗")
    shown = await office.tg.wait_for_message(new, "周末也开吗", timeout=20)
    there = office.tg.official(2001, "一号窗口", new)
    there.writes(0, "周末不开。", reply_to=shown["message_id"])
    await office.told(anna, "周末不开。")
    bert.says(f"/human {UNKNOWN}")
    card = await office.tg.wait_for_message(new, UNKNOWN, timeout=20)
    there.writes(card["message_thread_id"], "不知道。")
    await office.told(bert, "不知道。")


@pytest.mark.parametrize("forum", [True, False])
async def test_no_message_of_the_old_group_is_taken_for_one_of_the_new(
    opened: Opened, forum: bool
) -> None:
    """P7: in a group that became a supergroup the ids of messages start again."""
    office = await opened(forum=False)
    await office.official(2001, "一号窗口")
    before = [office.tg.citizen(3000 + n) for n in range(4)]
    for citizen in before:
        citizen.says(f"/human 我是{citizen.chat.id}")
        await office.told(citizen, "查询码")
    await office.settled()
    new = -1009000000009
    office.tg.migrates(GROUP, new)
    office.tg.world.chats[new].forum = forum
    after = [office.tg.citizen(4000 + n) for n in range(4)]
    for citizen in after:
        citizen.says(f"/human 我是{citizen.chat.id}")
        await office.told(citizen, "查询码")
    before[0].says("我是3000，周末也开吗")
    await office.settled()
    cards = {m["message_id"]: m for m in office.tg.sent_to(new) if "我是" in m.get("text", "")}
    old = {m["message_id"] for m in office.tg.sent_to(GROUP)}
    assert old & cards.keys(), "no id is used twice: this story would prove nothing"
    there = office.tg.official(2001, "一号窗口", new)
    for number, card in cards.items():
        whom = re.search(r"我是(\d+)", card["text"])
        assert whom
        topic = card.get("message_thread_id", 0) if number % 2 else 0  # or from General
        there.writes(topic, f"答复给{whom[1]}", reply_to=number)
    await office.settled()
    for citizen in (*after, before[0]):
        replies = [t for t in office.tg.texts_to(citizen.chat.id) if "答复给" in t]
        assert replies, citizen.chat.id
        assert all(t.endswith(f"答复给{citizen.chat.id}") for t in replies)
    assert not any("答复给" in t for c in before[1:] for t in office.tg.texts_to(c.chat.id))


async def test_no_citizen_gets_anothers_reply(office: LiveOffice) -> None:
    """P7: fifty citizens at once, officials answer in another order, several at a time."""
    desks = [await office.official(2000 + n, f"{n}号窗口") for n in range(3)]
    citizens = [office.tg.citizen(3000 + n) for n in range(50)]
    for citizen in citizens:
        citizen.says(f"/human 我是{citizen.chat.id}")
    cases = await asyncio.gather(*(office.handed_off(citizen) for citizen in citizens))
    mixed = sorted(zip(citizens, cases, strict=True), key=lambda pair: pair[1].code)
    for (citizen, case), desk in zip(mixed, itertools.cycle(desks)):
        assert f"我是{citizen.chat.id}" in office.card(case)["text"]
        desk.writes(case.topic, f"答复给{citizen.chat.id}")
    for citizen in citizens:
        await office.told(citizen, "答复给")
    await office.settled()
    for citizen in citizens:
        replies = [t for t in office.tg.texts_to(citizen.chat.id) if "答复给" in t]
        assert len(replies) == 1
        assert replies[0].endswith(f"答复给{citizen.chat.id}")


async def test_in_a_foreign_group_the_bot_answers_nothing(office: LiveOffice) -> None:
    office.tg.group(-4001, "邻居")
    neighbour = Citizen(office.tg.world, office.tg.world.person(1001), office.tg.world.chats[-4001])
    neighbour.says("/human 我的身份证号是")
    hint = await office.tg.wait_for_message(-4001, "单独", timeout=20)
    neighbour.says(UNKNOWN)
    await office.settled()
    assert office.tg.sent_to(-4001) == [hint]
    assert office.tg.sent_to(GROUP) == []
    assert hint["from"]["id"] == BOT_ID
    keys = {row.key for row in office.rows(ConversationRow)}
    assert "telegram/-4001/" in keys
