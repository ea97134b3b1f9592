"""The webhook: only Telegram gets in, 200 means committed, nothing is repeated for ever."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from bot.channels.telegram import TelegramChannel
from bot.channels.telegram_webhook import MAX_BODY, SECRET_HEADER
from bot.errors import BadInput
from tests.channels.harness import RecordingIntake
from tests.channels.harness_telegram import telegram_channel
from tests.servers.telegram import PlayedTelegram

SECRET = "a-secret-of-sixteen-or-more"
UPDATE = json.dumps(
    {"update_id": 5, "message": {"message_id": 1, "chat": {"id": 7}, "from": {"id": 7}}}
)


@dataclass
class Hooked:
    """A channel in webhook mode behind a web server, and its platform."""

    tg: PlayedTelegram
    channel: TelegramChannel
    intake: RecordingIntake
    url: str
    path: str

    async def post(self, content: bytes | str = UPDATE, **headers: str) -> int:
        known = {SECRET_HEADER: SECRET, "content-type": "application/json"}
        async with httpx.AsyncClient(base_url=self.url) as client:
            answer = await client.post(self.path, content=content, headers={**known, **headers})
        return answer.status_code


@pytest.fixture
async def hooked() -> AsyncIterator[Hooked]:
    async with PlayedTelegram() as tg:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            channel = telegram_channel(
                tg, url + "/", mode="webhook", webhook_secret=SecretStr(SECRET)
            )
            intake, stop = RecordingIntake(), asyncio.Event()
            (route,) = channel.routes(intake)
            config = uvicorn.Config(Starlette(routes=[route]), log_level="warning")
            server = uvicorn.Server(config)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.serve(sockets=[listening]))
                tasks.create_task(channel.run(intake, stop))
                await tg.wait_for(lambda: tg.webhook.url)
                yield Hooked(tg, channel, intake, url, route.path)
                stop.set()
                await tg.webhook.stop()
                server.should_exit = True
        await channel.close()


async def test_telegram_is_told_where_and_with_which_secret(hooked: Hooked) -> None:
    assert hooked.tg.webhook.url == hooked.url + hooked.path
    assert hooked.tg.webhook.secret == SECRET
    assert "chat_member" in (hooked.tg.updates.allowed or set())
    assert SECRET not in hooked.path
    assert hooked.tg.polls == 0


async def test_updates_arrive_once_and_in_order(hooked: Hooked) -> None:
    for text in ("one", "two", "three"):
        hooked.tg.citizen(1).says(text)
    await hooked.tg.wait_for(lambda: len(hooked.tg.confirmed) == 3)
    texts = [hooked.channel.read(event.body) for event in hooked.intake.events]
    assert [message.text for message in texts if message] == ["one", "two", "three"]


async def test_what_cannot_be_stored_is_sent_again(hooked: Hooked) -> None:
    hooked.intake.broken = True
    hooked.tg.citizen(1).says("hello")
    await hooked.intake.wait_for(lambda: hooked.intake.attempts >= 2)
    assert hooked.tg.confirmed == []
    hooked.intake.broken = False
    await hooked.tg.wait_for(lambda: len(hooked.tg.confirmed) == 1)
    assert set(hooked.tg.webhook.answers[:-1]) == {503}
    assert len(hooked.intake.events) == 1


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x", "ключ"])
async def test_strangers_are_turned_away(hooked: Hooked, secret: str) -> None:
    headers: dict[str, Any] = {SECRET_HEADER: secret.encode()}
    assert await hooked.post(**headers) == 403
    assert hooked.intake.attempts == 0


async def test_other_types_and_large_bodies_are_refused(hooked: Hooked) -> None:
    assert await hooked.post(**{"content-type": "text/plain"}) == 415
    assert await hooked.post(b"[" + b" " * MAX_BODY) == 413
    assert hooked.intake.attempts == 0


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe{", b"[" * 100_000, b'{"a":' + b"9" * 9_999])
async def test_what_is_no_json_goes_to_quarantine_and_is_not_repeated(
    hooked: Hooked, body: bytes
) -> None:
    assert await hooked.post(body) == 200
    ((external_id, kept, reason),) = hooked.intake.quarantined
    assert external_id.startswith("unparsable:")
    assert kept == body
    assert reason.startswith("not JSON")


@pytest.mark.parametrize("body", ["[]", "null", '{"update_id": "x"}', '"text"'])
async def test_what_is_no_update_is_stored_for_the_quarantine(hooked: Hooked, body: str) -> None:
    assert await hooked.post(body) == 200
    assert hooked.intake.events[0].ordering_key == "telegram/malformed/"


async def test_a_repeat_is_stored_once(hooked: Hooked) -> None:
    assert [await hooked.post(), await hooked.post()] == [200, 200]
    assert len(hooked.intake.events) == 1


@pytest.mark.parametrize("secret", ["", "short", "white space in the secret"])
async def test_a_weak_secret_is_refused_by_name(secret: str) -> None:
    async with PlayedTelegram() as tg:
        with pytest.raises(BadInput, match=r"telegram\.webhook_secret"):
            telegram_channel(tg, mode="webhook", webhook_secret=SecretStr(secret))


async def test_polling_has_no_route() -> None:
    async with PlayedTelegram() as tg:
        assert telegram_channel(tg).routes(RecordingIntake()) == []
