"""A headless Chromium, and our pages served beside it."""

import asyncio
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.channels.harness_web import WebHarness, web_harness

T = TypeVar("T")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_S = 10.0
PHONE, DESKTOP = (360, 740), (1280, 800)


def missing() -> str:
    """Return what is absent for a browser test, or ""."""
    try:
        import selenium  # noqa: F401, PLC0415  an optional part
    except ImportError:
        return "selenium is not installed (pip install 'huiying[check]')"
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install chromium chromium-driver)"
    return ""


class Browser:
    """What a person sees and does; waits for what must come, never for a time."""

    def __init__(self, profile: Path) -> None:
        from selenium import webdriver  # noqa: PLC0415  an optional part

        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver: Any = webdriver.Chrome(options=options, service=service)

    def screen(self, size: tuple[int, int]) -> None:
        """Be a phone or a desktop screen of this size in CSS pixels."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def forget(self, url: str) -> None:
        """Be a new visitor."""
        self.driver.get(url + "/desk/sign-in")
        self.driver.delete_all_cookies()
        self.script("localStorage.clear(); sessionStorage.clear()")
        self.driver.get_log("browser")

    def script(self, source: str, *arguments: Any) -> Any:
        return self.driver.execute_script(source, *arguments)

    def all(self, css: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements("css selector", css)
        return found

    def texts(self, css: str) -> list[str]:
        """Return the words shown by each element."""
        words: list[str] = self.script(
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText.trim())",
            css,
        )
        return words

    def until(self, true: Callable[[], T]) -> T:
        """Return the first true value; fail after a while."""
        from selenium.common.exceptions import (  # noqa: PLC0415  an optional part
            StaleElementReferenceException,
        )
        from selenium.webdriver.support.wait import WebDriverWait  # noqa: PLC0415

        waiting: Any = WebDriverWait(
            self.driver, WAIT_S, 0.03, ignored_exceptions=[StaleElementReferenceException]
        )
        found: T = waiting.until(lambda _: true())
        return found

    def click(self, css: str, words: str = "") -> None:
        """Click the first shown element with these words."""

        def find() -> Any:
            shown = [e for e in self.all(css) if e.is_displayed() and words in e.text]
            return shown[0] if shown else None

        self.until(find).click()

    def say(self, text: str) -> None:
        """Type into the composer and press Enter."""
        (field,) = self.all("#message")
        field.send_keys(text + "\n")

    def connected(self) -> None:
        self.until(lambda: self.all('#status[data-state="connected"]'))

    def complaints(self) -> list[str]:
        """Return what the browser logged as errors: script faults, refused content."""
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


class Server:
    """The pages on an event loop of their own, so that a test can block in the browser."""

    def __init__(self, web: WebHarness, loop: asyncio.AbstractEventLoop) -> None:
        self.web = web
        self.stop = asyncio.Event()
        self._loop = loop

    def end(self) -> None:
        """Let the thread stop serving."""
        self._loop.call_soon_threadsafe(self.stop.set)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Serve the pages from a thread until the block ends."""
    started: Future[Server] = Future()

    async def serve() -> None:
        async with web_harness(folder) as web:
            server = Server(web, asyncio.get_running_loop())
            started.set_result(server)
            await server.stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    server = started.result(WAIT_S)
    try:
        yield server
    finally:
        server.end()
        thread.join()
