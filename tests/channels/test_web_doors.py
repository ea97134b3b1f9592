"""What keeps strangers, other sites and machines out of our pages."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import httpx
import pytest

from bot.channels.web_endpoints import MESSAGES
from bot.clock import ManualClock
from tests.channels.harness_web import WebHarness, web_harness


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebHarness]:
    async with web_harness(tmp_path) as started:
        yield started


OTHER_SITES = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
)


async def test_another_site_cannot_write_for_a_citizen(web: WebHarness) -> None:
    page, _ = await web.citizen()
    paths = ("/chat/messages", "/chat/session", "/chat/press", "/chat/files")
    for path, headers in product(paths, OTHER_SITES):
        answer = await page.http.post(path, content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "foreign")
    assert len(web.received()) == 1


async def test_an_older_browser_is_known_by_its_origin(web: WebHarness) -> None:
    async with httpx.AsyncClient(base_url=web.url) as old:
        body = {"create": True}
        assert (await old.post("/chat/session", json=body)).status_code == 403
        headers = {"Origin": web.url}
        assert (await old.post("/chat/session", json=body, headers=headers)).status_code == 200
        headers = {"Origin": "https://evil.example"}
        assert (await old.post("/chat/session", json=body, headers=headers)).status_code == 403


UNREADABLE = (
    (b"", 400),
    (b"[]", 400),
    (b"\xff", 400),
    (b'{"id": "' + b"[" * 100_000, 400),
    (b"[" * 100_000 + b"]" * 100_000, 400),
    (b'{"id": 7, "text": "x"}', 400),
    (b'{"id": "message-2", "text": {"a": 1}}', 400),
    (b'{"id": "../../etc", "text": "x"}', 400),
    (b'{"id": "message-2", "text": "x", "files": [1]}', 400),
    (b'{"id": "message-2", "text": "  "}', 422),
    (b'{"id": "message-2", "text": "' + b"x" * 2**20 + b'"}', 413),
)


async def test_what_cannot_be_read_is_refused_plainly(web: WebHarness) -> None:
    page, _ = await web.citizen()
    for raw, status in UNREADABLE:
        answer = await page.http.post("/chat/messages", content=raw)
        assert answer.status_code == status, raw[:60]
        assert answer.json()["message"].endswith(".")
    assert len(web.received()) == 1


async def test_a_machine_that_writes_too_fast_is_told_to_wait(web: WebHarness) -> None:
    page, _ = await web.citizen()
    many = [page.say("x", f"message-{n:04}") for n in range(2 * MESSAGES[0])]
    answers = await asyncio.gather(*many)
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < len(answers)
    assert {answer.status_code for answer in refused} == {429}
    assert int(refused[0].headers["Retry-After"]) >= 1


async def test_streams_are_counted(web: WebHarness) -> None:
    page, _ = await web.citizen()
    streams = [page.http.stream("GET", "/chat/events") for _ in range(9)]
    answers = [await stream.__aenter__() for stream in streams]
    assert [answer.status_code for answer in answers] == [200] * 8 + [429]
    for stream in streams:
        await stream.__aexit__(None, None, None)


async def test_every_answer_carries_the_headers(web: WebHarness) -> None:
    page, _ = await web.citizen()
    for path in ("/", "/chat/history", "/chat/files/none", "/static/chat.js", "/desk"):
        headers = (await page.http.get(path)).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(web: WebHarness) -> None:
    answer = await web.page().post("/session", create=True)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    token = cookie.split("=")[1].split(";")[0]
    assert len(token) >= 22
    with web.database.session() as session:
        rows = session.connection().exec_driver_sql("SELECT * FROM web_session").all()
    assert token not in str(rows).lower()


async def test_over_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    async with web_harness(tmp_path) as web:
        web.settings.web.public_url = "https://desk.example"
        answer = await web.page().post("/session", create=True)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-huiying_web=")
    assert "secure" in cookie.lower()
    assert "domain" not in cookie.lower()


async def test_a_citizen_s_session_ends_a_month_after_the_last_visit(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    async with web_harness(tmp_path, clock) as web:
        page, _ = await web.citizen()
        clock.advance(days=29)
        assert (await page.post("/session", create=False)).json() == {"session": True}
        clock.advance(days=29)
        assert (await page.http.get("/chat/history")).status_code == 200
        clock.advance(days=2)
        assert (await page.http.get("/chat/history")).status_code == 401


async def test_no_page_builds_markup_from_data() -> None:
    pages = Path(__file__).parents[2] / "bot/channels/pages"
    scripts = [path.read_text(encoding="utf-8") for path in pages.glob("*.js")]
    assert scripts
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert not any(word in script for script in scripts), word
    for page in pages.glob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert "style=" not in html
        assert "onclick" not in html
        assert "http://" not in html
        assert "https://" not in html
