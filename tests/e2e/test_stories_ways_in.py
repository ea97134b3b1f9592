"""How updates come in: by webhook with a secret, and by polling although another program polls."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from bot.channels.telegram_webhook import SECRET_HEADER
from tests.e2e.office import WEDDING, LiveOffice

SECRET = "a-secret-of-sixteen-or-more"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
async def hooked(database_url: str, tmp_path: Path) -> AsyncIterator[LiveOffice]:
    """An office to which Telegram pushes."""
    port = _free_port()
    web = {"port": port, "public_url": f"http://127.0.0.1:{port}"}
    office = LiveOffice(
        tmp_path, database_url, web=web, mode="webhook", webhook_secret=SecretStr(SECRET)
    )
    async with office:
        yield office
        assert office.failed is None
        office.proof()


async def _post(office: LiveOffice, body: bytes, secret: str) -> int:
    headers = {SECRET_HEADER: secret, "content-type": "application/json"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(office.tg.webhook.url, content=body, headers=headers)
    return answer.status_code


async def test_by_webhook_the_whole_way_there_and_back(hooked: LiveOffice) -> None:
    desk = await hooked.official(2001, "一号窗口")
    anna = hooked.tg.citizen(1001)
    anna.says(WEDDING)
    await hooked.told(anna, "民政局")
    case = await hooked.case_of(anna, "几点开门")
    desk.writes(case.topic, "九点开门。")
    await hooked.told(anna, "九点开门。")
    assert hooked.tg.polls == 0
    assert set(hooked.tg.webhook.answers) == {200}


async def test_a_webhook_takes_nothing_without_its_secret(hooked: LiveOffice) -> None:
    await hooked.tg.wait_for(lambda: hooked.tg.webhook.url)
    sender = {"id": 1001, "is_bot": False, "first_name": "A"}
    chat = {"id": 1001, "type": "private"}
    message = {"message_id": 1, "from": sender, "chat": chat, "date": 1, "text": WEDDING}
    body = json.dumps({"update_id": 7, "message": message}).encode()
    assert await _post(hooked, body, "a-secret-somebody-guessed") == 403
    assert hooked.journal("received") == []
    assert await _post(hooked, body, SECRET) == 200
    assert await _post(hooked, body, SECRET) == 200  # a repeat changes nothing
    assert await _post(hooked, b"{not json", SECRET) == 200
    hooked.tg.citizen(1001)
    await hooked.settled()
    assert len(hooked.journal("received")) == 1
    assert (await hooked.health())["quarantined"] == 1


async def test_what_came_by_webhook_goes_on_by_polling(hooked: LiveOffice) -> None:
    anna = hooked.tg.citizen(1001)
    anna.says(WEDDING)
    first = await hooked.told(anna, "民政局")
    await hooked.stop()
    hooked.telegram["mode"] = "polling"
    anna.says(WEDDING)  # pushed in vain: nobody listens
    await hooked.start()
    await hooked.told(anna, "民政局", after=first["message_id"])
    await hooked.settled()
    assert hooked.tg.webhook.url == ""
    answers = [text for text in hooked.tg.texts_to(1001) if "民政局" in text]
    assert len(answers) == 2


async def test_a_second_poller_is_outlived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with LiveOffice(tmp_path) as office:  # five seconds' patience, whatever the database
        await _outlive(office, caplog)


async def _outlive(office: LiveOffice, caplog: pytest.LogCaptureFixture) -> None:
    anna = office.tg.citizen(1001)
    await office.tg.wait_for(lambda: office.tg.polls, 20)
    url = f"{office.tg.api_base_url}{office.tg.token}/getUpdates"
    with caplog.at_level(logging.WARNING):
        async with httpx.AsyncClient() as client:
            await client.post(url, data={"timeout": 1}, timeout=20)
        await office.eventually(lambda: "Another program polls" in caplog.text)
    anna.says(WEDDING)
    await office.told(anna, "民政局")


async def test_the_platform_stumbles_and_nothing_is_lost(office: LiveOffice) -> None:
    desk = await office.official(2001, "一号窗口")
    citizens = [office.tg.citizen(1000 + n) for n in range(10)]
    office.tg.bad_gateway("sendMessage", times=3)
    office.tg.flood(1, chat=1004)
    office.tg.cut("before", "sendMessage", times=2)
    office.tg.bad_gateway("getUpdates", times=2)
    office.tg.updates.hold()
    for citizen in citizens:
        citizen.says(f"/human 我是{citizen.chat.id}")
    office.tg.updates.release(reverse=True)
    cases = await asyncio.gather(*(office.handed_off(citizen) for citizen in citizens))
    for citizen, case in zip(citizens, cases, strict=True):
        desk.writes(case.topic, f"答复给{citizen.chat.id}")
        await office.told(citizen, f"答复给{citizen.chat.id}")
