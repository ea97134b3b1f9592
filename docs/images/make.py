"""Makes citizen-and-desk.png from the running demonstration: real pages, real answers.

    python -m docs.images.make

Needs Chromium and its driver. Three screens are photographed and set side by side on a page, which
is photographed in turn.
"""

import base64
import tempfile
from pathlib import Path

from tests.chromium.browser import Browser
from tests.servers.demo import running_demo

PICTURE = Path(__file__).parent / "citizen-and-desk.png"
PHONE, DESK, PAGE = (390, 800), (1330, 968), (1530, 680)
#: more pixels than the page shows, so that small letters stay sharp; what the page itself has
SHARP, FINAL = 2.0, 1.25
QUESTION = "户口本找不到了"
UNKNOWN = "门口的石狮子昨天夜里被人搬走了，找哪个单位？"
REPLY = "您好，石狮子送去修补了，本周五放回原处。给您带来不便，请谅解。"
_CAPTIONS = (
    ("phone", "1 · 原文作答，有出处和日期", "Answered at once, with its source"),
    ("desk", "2 · 不知道的，有人认领、有人答复", "What it does not know, an official answers"),
    (
        "phone",
        "3 · 回到市民手中，由市民说是否解决",
        "Back to the citizen, who says if it is solved",
    ),
)
_PAGE = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; display: flex; gap: 28px; justify-content: center; align-items: flex-start;
  padding: 28px 0; background: #e4ebe8; font: 600 17px/1.5 "Noto Sans CJK SC", sans-serif; }
figure { margin: 0; color: #0f5e63; text-align: center; }
figcaption { margin-bottom: 12px; } figcaption span { font-weight: 400; }
img { display: block; height: 540px; border-radius: 14px; border: 1px solid #b9c7c3;
  box-shadow: 0 4px 24px rgb(15 60 60 / 25%); }
.phone { border: 6px solid #1c2426; border-radius: 26px; }
</style>"""


def main() -> None:
    """Act both sides and write the picture."""
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder, "office")) as demo:
        citizen, official = (Browser(Path(folder, name)) for name in ("citizen", "official"))
        _screen(citizen, PHONE, SHARP)
        _screen(official, DESK, SHARP)
        try:
            citizen.driver.get(demo.url + "/")
            _sign_in(official, demo.links[0])
            shots = _story(citizen, official)
            PICTURE.write_bytes(_beside(official, Path(folder, "page.html"), shots))
        finally:
            citizen.driver.quit()
            official.driver.quit()


def _story(citizen: Browser, official: Browser) -> list[bytes]:
    """A question answered at once; one that nobody wrote down, claimed and answered."""
    _ask(citizen, QUESTION, "来源")
    answered = _photo(citizen)
    citizen.say(UNKNOWN)
    if citizen.until(lambda: _reaction(citizen)) == "offer":
        citizen.click(".choice", "都不是")
    _hears(citizen, "查询码")
    official.click(".entry", UNKNOWN[:5])
    official.click(".choice", "认领")
    _ask(official, "// 已问过城管局，在修补厂", "修补厂")
    _ask(official, REPLY, "已发给来访人")
    _hears(citizen, REPLY)
    return [answered, _photo(official), _photo(citizen)]


def _ask(browser: Browser, words: str, answer: str) -> None:
    browser.say(words)
    _hears(browser, answer)


def _reaction(citizen: Browser) -> str:
    last = citizen.texts(".text")[-1]
    return "offer" if "您想问的是" in last else "case" if "查询码" in last else ""


def _hears(browser: Browser, words: str) -> None:
    browser.until(lambda: any(words in text for text in browser.texts(".text")))
    browser.until(lambda: not browser.all('.line[data-state="pending"]'))


def _sign_in(browser: Browser, link: str) -> None:
    browser.driver.get(link)
    browser.click("button", "Sign in")
    browser.connected()


def _screen(browser: Browser, size: tuple[int, int], scale: float) -> None:
    width, height = size
    screen = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    zone = {"timezoneId": "Asia/Shanghai"}
    browser.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", zone)


def _photo(browser: Browser) -> bytes:
    """Photograph what is shown once all has arrived; no cursor, no scroll bars."""
    browser.script(
        "const plain = new CSSStyleSheet();"
        "plain.replaceSync('* { scrollbar-width: none !important }');"
        "document.adoptedStyleSheets = [plain]; document.activeElement.blur();"
    )
    browser.driver.execute_async_script("setTimeout(arguments[0], 600)")
    shot: bytes = browser.driver.get_screenshot_as_png()
    return shot


def _beside(browser: Browser, page: Path, shots: list[bytes]) -> bytes:
    figures = [
        f"<figure><figcaption>{chinese}<br><span>{english}</span></figcaption>"
        f'<img class="{kind}" src="data:image/png;base64,{base64.b64encode(shot).decode()}">'
        "</figure>"
        for (kind, chinese, english), shot in zip(_CAPTIONS, shots, strict=True)
    ]
    page.write_text(_PAGE + "".join(figures), encoding="utf-8")
    _screen(browser, PAGE, FINAL)
    browser.driver.get(page.as_uri())
    return _photo(browser)


if __name__ == "__main__":
    main()
