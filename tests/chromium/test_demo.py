"""The demonstration as its first visitor sees it: one person acts both sides in real browsers."""

from collections.abc import Iterator

import pytest

from tests.chromium.browser import DESKTOP, Browser, missing
from tests.servers.demo import Demo, running_demo

pytestmark = pytest.mark.chromium

PHONE = (390, 844)
KNOWN, UNKNOWN = "新生儿怎么报户口？", "门口的石狮子昨天夜里被人搬走了，应该找哪个单位"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    if absent := missing():
        pytest.skip(absent)
    with running_demo(tmp_path_factory.mktemp("office")) as started:
        yield started


@pytest.fixture(scope="module")
def citizen(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("citizen"))
    browser.screen(PHONE)
    browser.driver.get(demo.url + "/")
    browser.connected()
    yield browser
    browser.driver.quit()


@pytest.fixture(scope="module")
def official(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("official"))
    browser.screen(DESKTOP)
    browser.driver.get(demo.links[0])
    browser.click("button", "Sign in")
    browser.connected()
    yield browser
    browser.driver.quit()


def hears(browser: Browser, words: str) -> str:
    """Wait for a line with these words; return the last one."""
    return browser.until(lambda: [text for text in browser.texts(".text") if words in text])[-1]


def fits(browser: Browser) -> bool:
    """Say whether nothing is wider than the screen and one can write and send on it."""
    width, height = PHONE
    sizes = "return [innerWidth, document.documentElement.scrollWidth]"
    shown = [browser.all(css)[-1] for css in ("#message", "#composer .primary")]
    inside = [
        one.is_displayed()
        and one.rect["x"] + one.rect["width"] <= width
        and one.rect["y"] + one.rect["height"] <= height
        for one in shown
    ]
    return browser.script(sizes) == [width, width] and all(inside)


def test_a_known_question_is_answered_with_source_and_date(citizen: Browser) -> None:
    citizen.say(KNOWN)
    answer = hears(citizen, "出生医学证明")
    assert "云渚市户籍办理指南·出生登记" in answer
    assert "市户政局 · 2026-03-02" in answer
    links = [link.get_attribute("href") for link in citizen.all(".text a")]
    assert links == ["https://www.yunzhu.example/zh/huji/001"]
    assert citizen.texts(".choice") == ["有帮助", "没帮助", "找人工"]


def test_what_it_does_not_know_goes_to_the_desk_and_comes_back(
    citizen: Browser, official: Browser
) -> None:
    citizen.say(f"/human {UNKNOWN}")
    number = hears(citizen, "查询码").split("编号 ")[1][:5]
    official.click(".entry", number)
    hears(official, UNKNOWN)
    official.click(".choice", "认领")
    hears(official, f"一号窗口 认领了 {number}")
    official.say("// 先问绿化队")
    official.say("石狮子送去修补，周五放回。")
    reply = hears(citizen, "石狮子送去修补")
    assert reply.startswith(f"值班室 · {number}")
    assert not [text for text in citizen.texts(".text") if "绿化队" in text]
    citizen.click(".choice", "已解决")
    hears(citizen, f"{number} 记为已解决")
    hears(official, "来访人说：已解决")
    assert citizen.complaints() + official.complaints() == []


def test_both_sides_fit_a_phone(citizen: Browser, official: Browser, demo: Demo) -> None:
    assert fits(citizen)
    official.screen(PHONE)
    official.driver.refresh()
    official.connected()
    official.click(".entry", UNKNOWN[:5])
    hears(official, "来访人说：已解决")
    assert fits(official)


def test_a_stranger_cannot_open_the_desk(
    demo: Demo, official: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = Browser(tmp_path_factory.mktemp("stranger"))
    for link in (f"{demo.url}/desk", demo.links[0]):
        stranger.driver.get(link)
        if stranger.all("button"):
            stranger.click("button", "Sign in")
        stranger.until(lambda: stranger.all(".door-card") and not stranger.all("button"))
        assert not stranger.all("#topics")
        assert UNKNOWN[:5] not in stranger.driver.page_source
    stranger.driver.quit()
