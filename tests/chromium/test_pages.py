"""The two pages in a real browser: what a citizen and an official see and do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.messages import Address, Button, MessageKind, OutgoingMessage, Span, SpanKind
from tests.channels.harness_web import PNG
from tests.chromium.browser import DESKTOP, PHONE, Browser, Server, missing, served

pytestmark = pytest.mark.chromium
DESK = Address("desk", "desk")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if absent := missing():
        pytest.skip(absent)
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.driver.quit()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("data")) as started:
        yield started


@pytest.fixture
def citizen(browser: Browser, server: Server) -> Iterator[Browser]:
    browser.screen(PHONE)
    browser.forget(server.web.url)
    server.web.intake.events.clear()
    browser.driver.get(server.web.url + "/")
    browser.connected()
    yield browser
    assert browser.complaints() == []


@pytest.fixture
def official(browser: Browser, server: Server) -> Iterator[Browser]:
    browser.screen(DESKTOP)
    browser.forget(server.web.url)
    server.web.intake.events.clear()
    sign_in(browser, server, "u1", "李明")
    yield browser
    assert browser.complaints() == []


def sign_in(browser: Browser, server: Server, user: str, name: str) -> None:
    code = server.web.code(user, name)
    browser.driver.get(f"{server.web.url}/desk/sign-in?code={code}")
    browser.click("button", "Sign in")
    browser.connected()


def write(browser: Browser, server: Server, text: str) -> str:
    """Write, see it stored, and return the chat it was written in."""
    before = len(server.web.intake.events)
    browser.say(text)
    browser.until(lambda: len(server.web.intake.events) > before)
    browser.until(lambda: not browser.all('.line[data-state="pending"]'))
    return str(server.web.intake.events[-1].body["chat"])


def test_a_question_and_its_answer(citizen: Browser, server: Server) -> None:
    chat = write(citizen, server, "新生儿怎么落户？")
    answer = "到派出所申报。\n来源：https://office.example/newborn。\n<img src=x onerror=alert(1)>"
    message = OutgoingMessage(Address("web", chat), answer, (Span(SpanKind.BOLD, 0, 4),))
    server.do(server.web.web.send(message, "a1"))
    citizen.until(lambda: len(citizen.texts(".line")) == 2)
    assert "<img src=x onerror=alert(1)>" in citizen.texts(".text")[1]
    (link,) = citizen.all(".text a")
    assert link.get_attribute("href") == "https://office.example/newborn"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert citizen.texts(".text strong") == ["到派出所"]
    assert citizen.texts(".day") == ["今天"]
    citizen.driver.refresh()
    citizen.until(lambda: len(citizen.texts(".line")) == 2)


def test_a_choice_is_pressed_and_stays_marked(citizen: Browser, server: Server) -> None:
    chat = write(citizen, server, "落户")
    buttons = ((Button("新生儿落户", "t-a"),), (Button("夫妻投靠", "t-b"),))
    question = OutgoingMessage(Address("web", chat), "您想办哪一项？", buttons=buttons)
    server.do(server.web.web.send(question, "b1"))
    citizen.click(".choice", "夫妻投靠")
    citizen.until(lambda: len(server.web.received()) == 2)
    press = server.web.received()[-1]
    assert (press.kind, press.button) == (MessageKind.BUTTON, "t-b")
    citizen.until(lambda: citizen.texts('.choice[aria-pressed="true"]') == ["夫妻投靠"])
    notice = OutgoingMessage(press.address, "已收到", answers_press=press.press_id)
    server.do(server.web.web.send(notice, "b2"))
    citizen.until(lambda: citizen.texts("#toast") == ["已收到"])


def test_enter_inside_an_input_method_does_not_send(citizen: Browser, server: Server) -> None:
    (field,) = citizen.all("#message")
    field.click()
    composing = {"text": "ni hao", "selectionStart": 6, "selectionEnd": 6}
    citizen.driver.execute_cdp_cmd("Input.imeSetComposition", composing)
    citizen.script(
        "arguments[0].dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))",
        field,
    )
    citizen.driver.execute_cdp_cmd("Input.insertText", {"text": "你好"})
    assert field.get_property("value") == "你好"
    write(citizen, server, "，请问")
    assert [message.text for message in server.web.received()] == ["你好，请问"]


def test_what_could_not_be_sent_waits_and_goes_out_by_itself(
    citizen: Browser, server: Server
) -> None:
    write(citizen, server, "第一句")
    citizen.driver.set_network_conditions(offline=True, latency=0, throughput=1)
    citizen.until(lambda: citizen.all('#status[data-state="offline"]'))
    citizen.say("断网时写的")
    citizen.until(lambda: citizen.all('.line[data-state="pending"]'))
    citizen.driver.delete_network_conditions()
    citizen.until(lambda: len(server.web.received()) == 2)
    citizen.until(lambda: not citizen.all('.line[data-state="pending"]'))
    assert citizen.texts(".text") == ["第一句", "断网时写的"]
    citizen.driver.get_log("browser")  # the browser reports the refused connections, rightly


def test_what_waits_survives_a_reload(citizen: Browser, server: Server) -> None:
    write(citizen, server, "第一句")
    server.web.intake.broken = True
    citizen.say("第二句")
    citizen.until(lambda: citizen.all('.line[data-state="pending"]'))
    citizen.driver.refresh()
    citizen.until(lambda: citizen.all('.line[data-state="pending"]'))
    server.web.intake.broken = False
    citizen.until(lambda: len(server.web.received()) == 2)
    citizen.until(lambda: citizen.texts(".text") == ["第一句", "第二句"])
    citizen.driver.get_log("browser")  # the refusals were logged


def test_the_last_message_can_be_changed(citizen: Browser, server: Server) -> None:
    write(citizen, server, "住房补贴")
    citizen.click(".action", "修改")
    (field,) = citizen.all("#message")
    assert field.get_property("value") == "住房补贴"
    field.clear()
    citizen.say("住房公积金")
    citizen.until(lambda: citizen.texts(".text") == ["住房公积金"])
    assert server.web.received()[-1].kind is MessageKind.EDIT


def test_a_picture_is_shown_before_and_after_sending(
    citizen: Browser, server: Server, tmp_path: Path
) -> None:
    picture = tmp_path / "证明.png"
    picture.write_bytes(PNG)
    citizen.script("document.querySelector('input[type=file]').hidden = false")
    citizen.all("input[type=file]")[0].send_keys(str(picture))
    citizen.until(lambda: citizen.all('.tray-file[aria-busy="false"] img'))
    write(citizen, server, "请看")
    assert server.web.received()[-1].attachments[0].name == "证明.png"
    citizen.until(lambda: citizen.all(".line img.picture"))
    citizen.driver.get_log("browser")  # our sample is not a whole picture


def test_help_is_always_in_reach_in_both_languages(citizen: Browser, server: Server) -> None:
    assert citizen.texts(".chip") == ["找人工", "我的办理进度"]
    citizen.click("#language")
    assert citizen.script("return document.documentElement.lang") == "en"
    assert citizen.texts(".chip") == ["Talk to a person", "My case status"]
    citizen.click(".chip", "Talk to a person")
    citizen.until(lambda: [m.text for m in server.web.received()] == ["/human"])
    assert server.web.received()[0].sender.language == "en"
    citizen.until(lambda: citizen.texts(".text") == ["Talk to a person"])


def test_the_page_fits_a_small_phone_and_a_finger(citizen: Browser, server: Server) -> None:
    chat = write(citizen, server, "https://office.example/" + "很长" * 100 + "x" * 300)
    buttons = ((Button("有帮助", "t-a"), Button("没帮助，转人工", "t-b")),)
    server.do(
        server.web.web.send(OutgoingMessage(Address("web", chat), "答", buttons=buttons), "c1")
    )
    citizen.until(lambda: citizen.all(".choice"))
    assert citizen.script("return document.documentElement.scrollWidth") <= PHONE[0]
    assert citizen.script("return document.getElementById('scroll').scrollWidth") <= PHONE[0]
    size = "return parseFloat(getComputedStyle(document.getElementById('message')).fontSize)"
    assert citizen.script(size) >= 16
    for css in ("#language", ".chip", ".round", ".primary", ".choice", "#message"):
        for element in citizen.all(css):
            assert element.size["height"] >= 44, css


def test_a_screen_reader_finds_its_way(citizen: Browser) -> None:
    (log,) = citizen.all("#log")
    assert (log.get_attribute("role"), log.get_attribute("aria-live")) == ("log", "polite")
    for element in citizen.all("button, textarea, input"):
        if element.is_displayed():
            assert element.accessible_name, element.get_attribute("outerHTML")


def test_an_official_answers_in_a_topic(official: Browser, server: Server) -> None:
    topic = server.do(server.web.desk.open_thread(DESK, "K7Q2M 户口"))
    there = DESK.with_thread(topic)
    buttons = ((Button("认领", "t-claim"),),)
    card = OutgoingMessage(there, "待认领", buttons=buttons, card="case")
    server.do(server.web.desk.send(card, "d1"))
    official.until(lambda: official.texts(".badge") == ["1"])
    official.click(".entry", "K7Q2M")
    official.until(lambda: official.texts(".line .text") == ["待认领"])
    assert official.texts(".badge") == []
    official.click(".choice", "认领")
    official.until(server.web.received)
    assert server.web.received()[-1].sender.id == "u1"
    claimed = OutgoingMessage(there, "李明处理中", card="case")
    server.do(server.web.desk.send(claimed, "d2", edits="d1"))
    official.until(lambda: official.texts(".line .text") == ["李明处理中"])
    official.say("// 先核验")
    official.until(lambda: official.texts(".line[data-internal] .text") == ["// 先核验"])
    official.all("#message")[0].send_keys("请带原件来。")
    assert official.texts(".mode") == ["这条消息会发给来访人"]
    official.say("")
    official.until(lambda: len(server.web.received()) == 3)
    assert server.web.received()[-1].address == there


def test_two_officials_share_a_browser(official: Browser, server: Server) -> None:
    sign_in(official, server, "u2", "王芳")
    official.until(lambda: official.texts("#who option") == ["李明", "王芳"])
    for user in ("u2", "u1"):
        act_as(official, user)
        official.click(".entry", "大厅")
        write(official, server, f"我是 {user}")
    assert [message.sender.id for message in server.web.received()] == ["u2", "u1"]


def act_as(official: Browser, user: str) -> None:
    """Choose who writes in this tab; the page loads anew."""
    official.script(
        "const who = document.getElementById('who'); who.value = arguments[0];"
        "document.title = 'leaving'; who.dispatchEvent(new Event('change'))",
        user,
    )
    official.until(lambda: "leaving" not in official.driver.title)
    official.connected()


def test_on_a_phone_list_and_topic_are_two_screens(official: Browser, server: Server) -> None:
    topic = server.do(server.web.desk.open_thread(DESK, "P8T4C 公租房"))
    server.do(server.web.desk.send(OutgoingMessage(DESK.with_thread(topic), "你好"), "e1"))
    official.screen(PHONE)
    official.driver.refresh()
    official.connected()
    assert not official.all("#message")[0].is_displayed()
    official.click(".entry", "P8T4C")
    official.until(official.all("#message")[0].is_displayed)
    assert not official.all("#topics")[0].is_displayed()
    official.click("#back")
    assert official.all("#topics")[0].is_displayed()
    assert official.script("return document.documentElement.scrollWidth") <= PHONE[0]
