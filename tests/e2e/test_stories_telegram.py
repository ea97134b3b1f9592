"""What citizens and officials live through on Telegram, from the question to "solved"."""

import asyncio

from admin.cases import CaseStatus
from admin.officials import Role
from tests.e2e.office import GROUP, PARKING, UNKNOWN, WEDDING, LiveOffice, labels, number_and_code
from tests.servers.telegram_world import utf16


async def test_a_question_is_answered_word_for_word_with_source_and_date(
    office: LiveOffice,
) -> None:
    anna = office.tg.citizen(1001)
    anna.says(WEDDING)
    answer = await office.told(anna, WEDDING)
    assert "请双方带身份证和户口簿到民政局婚姻登记处办理，当场领证，不收费。" in answer["text"]
    assert "婚姻登记指南 https://www.office.example/wedding" in answer["text"]
    assert "市民政局 · 2026-03-02" in answer["text"]
    assert answer["entities"][0] == {"type": "bold", "offset": 0, "length": utf16(WEDDING)}
    assert labels(answer) == ["有帮助", "没帮助", "找人工"]
    press = anna.presses("有帮助")
    await office.told(anna, "谢谢", answer["message_id"])
    assert anna.notice(press) == ""
    assert office.tg.sent_to(GROUP) == []
    decided = office.journal("decided")[0]["body"]
    assert decided["outcome"] == "answered"
    assert decided["why"]["article"] == "wedding"


async def test_choices_are_offered_and_the_pressed_one_is_sent(office: LiveOffice) -> None:
    anna = office.tg.citizen(1001)
    anna.says(PARKING)
    offer = await office.told(anna, "哪一个")
    assert {"访客停车证怎么办？", "残疾人停车证怎么办？"} <= set(labels(offer))
    anna.presses("残疾人停车证怎么办？")
    answer = await office.told(anna, "残联窗口")
    assert "门岗" not in answer["text"]
    assert office.tg.sent_to(GROUP) == []


async def test_none_of_the_choices_leads_to_an_official(office: LiveOffice) -> None:
    anna = office.tg.citizen(1001)
    anna.says(PARKING)
    offer = await office.told(anna, "哪一个")
    anna.presses(labels(offer)[-1])
    case = await office.handed_off(anna)
    assert PARKING in office.card(case)["text"]


async def test_an_unknown_question_becomes_a_case_with_a_card(office: LiveOffice) -> None:
    anna = office.tg.citizen(1001)
    anna.says(UNKNOWN)
    case = await office.handed_off(anna)
    card = office.card(case)
    assert UNKNOWN in card["text"]
    assert case.code not in card["text"]
    assert card["text"].startswith(case.number)
    assert office.tg.topics(GROUP)[case.topic].name == f"{case.number} {UNKNOWN}"
    stored = office.case(case.number)
    assert case.code not in (stored.secret_hash, stored.number)
    suggested = [s.question for s in stored.suggestions]
    assert suggested
    assert all(question in card["text"] for question in suggested)
    sends = [f"发送答案 {n}" for n in range(1, len(suggested) + 1)]
    assert labels(card) == [*sends, "认领", "转交", "结案"]


async def test_of_two_officials_one_claims_and_the_other_hears_who_has_it(
    office: LiveOffice,
) -> None:
    one, two = await asyncio.gather(
        office.official(2001, "一号窗口"), office.official(2002, "二号窗口")
    )
    case = await office.case_of(office.tg.citizen(1001), "我的材料退回来了")
    card = office.card(case)
    one.presses("认领", card)
    two.presses("认领", card)
    won = await office.shown(case.topic, "认领了")
    lost = await office.shown(case.topic, "您的操作没有执行")
    winner = office.case(case.number).holder
    names = {o.id: o.name for o in office.staff()}
    assert winner is not None
    assert names[winner] in won["text"]
    assert names[winner] in lost["text"]
    loser = one if names[winner] == "二号窗口" else two
    loser.writes(case.topic, "我来答复")
    again = await office.shown(case.topic, "您的操作没有执行", lost["message_id"])
    assert names[winner] in again["text"]
    await office.settled()
    assert "我来答复" not in "\n".join(office.tg.texts_to(1001))
    assert names[winner] in office.card(case)["text"]
    assert labels(office.card(case))[-3:] == ["退回", "转交", "结案"]


async def test_an_answer_in_the_topic_reaches_the_citizen_and_notes_stay(
    office: LiveOffice,
) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "我的材料退回来了")
    desk.writes(case.topic, "// 这个人上周来过")
    desk.writes(case.topic, "请补一张照片。\n// 别说原因\n周五前都可以。")
    reply = await office.told(anna, "请补一张照片。")
    assert "周五前都可以。" in reply["text"]
    assert case.number in reply["text"]
    assert labels(reply) == ["已解决", "没有解决"]
    await office.shown(case.topic, "已发给来访人")
    await office.settled()
    everything = "\n".join(office.tg.texts_to(1001))
    assert "上周" not in everything
    assert "原因" not in everything
    notes = [row["body"]["text"] for row in office.journal("case_note")]
    assert notes == ["// 这个人上周来过", "// 别说原因"]


async def test_while_the_case_runs_the_bot_is_silent_and_passes_on(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "我的材料退回来了")
    desk.writes(case.topic, "您叫什么名字？")
    asked = await office.told(anna, "您叫什么名字？")
    anna.says(WEDDING)
    await office.shown(case.topic, WEDDING)
    await office.settled()
    after = [m for m in office.tg.sent_to(1001) if m["message_id"] > asked["message_id"]]
    assert len(after) == 1  # "passed on", once, and no answer over the official's head
    assert "民政局" not in after[0]["text"]
    assert office.case(case.number).status == CaseStatus.ASSIGNED


async def test_photo_document_and_voice_go_both_ways(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "请看附件")
    anna.sends_photo(b"her photo", "这是照片")
    anna.sends_document("申请表.pdf", b"her form")
    anna.sends_voice(b"her voice")
    seen = [await office.carried(GROUP, kind) for kind in KINDS]
    assert seen == [b"her photo", b"her form", b"her voice"]
    assert "这是照片" in "\n".join(office.tg.texts_to(GROUP, case.topic))
    desk.sends_photo(b"our photo", "请照这样填", **office.inside(case))
    desk.sends_document("样表.pdf", b"our form", **office.inside(case))
    desk.sends_voice(b"our voice", **office.inside(case))
    got = [await office.carried(1001, kind) for kind in KINDS]
    assert got == [b"our photo", b"our form", b"our voice"]
    assert "请照这样填" in "\n".join(office.tg.texts_to(1001))


KINDS = ("photo", "document", "voice")


async def test_an_album_arrives_as_one(office: LiveOffice) -> None:
    await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "请看附件")
    anna.sends_album(b"1", b"2", b"3", caption="三页")
    await office.shown(case.topic, "三页")
    await office.settled()
    pages = [m for m in office.tg.sent_to(GROUP, case.topic) if "photo" in m]
    assert [office.tg.world.files[p["photo"][-1]["file_id"]] for p in pages] == [b"1", b"2", b"3"]
    assert len({p["media_group_id"] for p in pages}) == 1


async def test_an_edit_of_the_citizen_is_shown_as_an_edit(office: LiveOffice) -> None:
    await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "我的材料退回来了")
    said = anna.says("我住在三楼")
    await office.shown(case.topic, "我住在三楼")
    anna.edits(said, "我住在五楼")
    shown = await office.shown(case.topic, "我住在五楼")
    assert "修改" in shown["text"]
    assert "我住在三楼" in shown["text"]


async def test_an_edit_of_the_official_is_sent_as_a_correction(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "几点开门")
    said = desk.writes(case.topic, "九点开门。")
    await office.told(anna, "九点开门。")
    desk.edits(said, "八点半开门。")
    correction = await office.told(anna, "八点半开门。")
    assert "更正" in correction["text"]
    row = office.journal("case_corrected")[0]["body"]
    assert (row["earlier"], row["text"]) == ("九点开门。", "八点半开门。")


async def test_a_case_is_transferred_to_another_department(office: LiveOffice) -> None:
    one = await office.official(2001, "一号窗口")
    two = await office.official(2002, "二号窗口", department="市民政局")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "我的材料退回来了")
    one.presses("转交", office.card(case))
    await office.shown(case.topic, "转给谁")
    one.presses("市民政局")
    told = await office.told(anna, "市民政局")
    assert case.number in told["text"]
    two.writes(case.topic, "由我们办理。")
    reply = await office.told(anna, "由我们办理。")
    assert "市民政局" in reply["text"]


async def test_a_suggested_answer_is_sent_by_its_button(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    anna.says(UNKNOWN)
    case = await office.handed_off(anna)
    first = office.case(case.number).suggestions[0]
    desk.presses("发送答案 1", office.card(case))
    desk.presses("发送答案 1", office.card(case))  # an impatient finger: it counts once
    answer = await office.told(anna, first.question)
    assert labels(answer) == ["已解决", "没有解决"]
    await office.shown(case.topic, "已发送")
    await office.settled()
    assert "\n".join(office.tg.texts_to(1001)).count(first.question) == 1


async def test_close_solved_and_not_solved(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "几点开门")
    desk.writes(case.topic, "九点。")
    await office.told(anna, "九点。")
    desk.presses("结案", office.card(case))
    await office.shown(case.topic, "以什么理由")
    desk.presses("已经答复。")
    closed = await office.told(anna, "已经答复。")
    assert labels(closed) == ["已解决", "没有解决"]
    await office.settled()
    assert office.case(case.number).status == CaseStatus.CLOSED
    anna.presses("没有解决", closed)
    await office.shown(case.topic, "没有解决")
    await office.told(anna, "继续办理")
    assert office.case(case.number).status == CaseStatus.ASSIGNED
    desk.writes(case.topic, "周末也是九点。")
    again = await office.told(anna, "周末也是九点。")
    anna.presses("已解决", again)
    await office.told(anna, "记为已解决")
    assert office.case(case.number).status == CaseStatus.SOLVED
    anna.says(WEDDING)  # the case is over: the bot answers again
    await office.told(anna, "民政局")


async def test_an_ended_case_is_reopened_by_an_official(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "几点开门")
    desk.writes(case.topic, "/close 打电话说清楚了")
    await office.told(anna, "打电话说清楚了")
    desk.writes(case.topic, "等一下")
    await office.shown(case.topic, "/reopen")
    desk.writes(case.topic, "/reopen")
    await office.told(anna, "重新办理")
    desk.writes(case.topic, "还有一件事。")
    await office.told(anna, "还有一件事。")
    assert "等一下" not in "\n".join(office.tg.texts_to(1001))


async def test_status_is_told_anywhere_and_by_code_on_another_channel(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    anna = office.tg.citizen(1001)
    case = await office.case_of(anna, "几点开门")
    anna.says("/status")
    mine = await office.told(anna, "受理")
    assert case.number in mine["text"]
    other = office.tg.citizen(1002)
    other.says("/status")
    assert case.number not in (await office.told(other, "没有在办的件"))["text"]
    other.says(f"/status {case.number} AAAAAAAA")
    await office.told(other, "不对")
    async with office.page() as page:
        await page.say(f"/status {case.number} {case.code}", "message-1")
        await office.shown(case.topic, "网页")
        warned = await office.told(anna, case.number, mine["message_id"])
        desk.writes(case.topic, "九点开门。")
        await office.eventually_async(lambda: page.shows("九点开门。"))
        await page.say("谢谢，明白了", "message-2")
        await office.shown(case.topic, "谢谢，明白了")
    assert "另一个渠道" in warned["text"]
    assert "九点开门。" not in "\n".join(office.tg.texts_to(1001))


async def test_a_case_opened_on_the_web_is_worked_on_in_telegram(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口", Role.OFFICIAL)
    async with office.page() as page:
        await page.say("/human 我的材料退回来了", "message-1")
        await office.eventually_async(lambda: page.shows("查询码"))
        lines = [line["text"] for line in await page.lines()]
        number, _ = number_and_code(next(text for text in lines if "查询码" in text))
        topic = await office.topic_of(number)
        desk.writes(topic, "请补一张照片。")
        await office.eventually_async(lambda: page.shows("请补一张照片。"))
        picture = b"\x89PNG\r\n\x1a\n" + bytes(64)
        stored = await page.upload(picture, "照片.png")
        await page.say("", "message-2", files=[stored.json()["id"]])
        assert await office.carried(GROUP, "photo") == picture
    await office.settled()
    assert set((await office.health()).values()) == {0}
