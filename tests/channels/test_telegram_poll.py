"""Long polling: what Telegram gets confirmed is stored, whatever goes wrong in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.channels import telegram_poll
from bot.channels.telegram_read import event
from bot.errors import BadInput
from tests.channels.harness import RecordingIntake
from tests.channels.harness_telegram import TelegramHarness, telegram_channel, telegram_harness
from tests.servers.telegram import PlayedTelegram


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, a tenth as long."""
    for name in ("FIRST_WAIT_S", "LONGEST_WAIT_S", "CONFLICT_S", "FOLLOW_S", "RENEW_S"):
        monkeypatch.setattr(telegram_poll, name, getattr(telegram_poll, name) / 10)


@pytest.fixture
async def h() -> AsyncIterator[TelegramHarness]:
    async with telegram_harness() as harness:
        yield harness


@asynccontextmanager
async def polling(tg: PlayedTelegram, intake: RecordingIntake) -> AsyncIterator[None]:
    channel, stop = telegram_channel(tg), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(channel.run(intake, stop))
        try:
            yield
        finally:
            stop.set()
    await channel.close()


def texts(h: TelegramHarness) -> list[str]:
    found = [h.channel.read(event.body) for event in h.intake.events]
    return [message.text for message in found if message is not None]


async def test_asks_for_all_kinds_and_drops_nothing(h: TelegramHarness) -> None:
    await h.tg.wait_for(lambda: h.tg.updates.allowed)
    assert {"message", "chat_member", "message_reaction"} <= (h.tg.updates.allowed or set())
    assert all("drop_pending_updates" not in call.params for call in h.tg.calls)


async def test_what_a_dead_process_stored_but_did_not_confirm_comes_once() -> None:
    async with PlayedTelegram() as tg:
        intake = RecordingIntake()
        tg.burst(250)
        batch = tg.updates.fetch(0, 100)
        await intake.store("telegram", [event("telegram", u) for u in batch])
        async with polling(tg, intake):
            await tg.wait_for(lambda: len(tg.confirmed) == 250)
        assert len(intake.events) == 250


async def test_a_lost_answer_loses_no_update(h: TelegramHarness) -> None:
    h.tg.cut("after", "getupdates", times=2)
    h.tg.bad_gateway("getupdates", times=2)
    h.tg.citizen(1).says("hello")
    await h.acknowledged(1)
    assert texts(h) == ["hello"]


async def test_a_wait_telegram_asks_for_is_kept(h: TelegramHarness) -> None:
    await h.tg.wait_for(lambda: h.tg.polls)
    wait = h.tg.plant(method="getupdates", status=429, parameters={"retry_after": 1})
    h.tg.citizen(1).says("one")
    await h.tg.wait_for(lambda: wait.hits)
    began = time.monotonic()
    await h.acknowledged(1)
    assert time.monotonic() - began > 0.9


async def test_repeated_and_reordered_updates_are_stored_once(h: TelegramHarness) -> None:
    h.tg.updates.hold()
    for text in "abcd":
        h.tg.citizen(1).says(text)
    h.tg.updates.release(reverse=True)
    await h.intake.wait_for(lambda: len(h.intake.events) == 4)
    for stored in list(h.intake.events):
        h.tg.updates.plant(stored.body)
    h.tg.citizen(1).says("last")
    await h.tg.wait_for(lambda: not h.tg.updates.pending)
    assert sorted(texts(h)) == ["a", "b", "c", "d", "last"]
    assert h.tg.updates.lost == []


async def test_update_ids_may_start_again_at_a_lower_number(h: TelegramHarness) -> None:
    h.tg.citizen(1).says("before the holiday")
    await h.acknowledged(1)
    polls = h.tg.polls
    # A poll that found nothing: by then the offset is confirmed and forgotten.
    h.tg.updates.on_add()
    await h.tg.wait_for(lambda: h.tg.polls >= polls + 1)
    h.tg.updates.next_id = 7
    h.tg.citizen(1).says("after the holiday")
    await h.tg.wait_for(lambda: 7 in h.tg.confirmed)
    assert texts(h) == ["before the holiday", "after the holiday"]
    assert h.tg.updates.lost == []


async def test_a_number_used_twice_is_two_messages(h: TelegramHarness) -> None:
    h.tg.citizen(1).says("one")
    await h.acknowledged(1)
    h.tg.updates.next_id = 500_000_001
    polls = h.tg.polls
    h.tg.updates.on_add()
    await h.tg.wait_for(lambda: h.tg.polls > polls)
    h.tg.citizen(1).says("two")
    await h.acknowledged(2)
    assert texts(h) == ["one", "two"]


GIGANTIC = {"update_id": 10**30, "message": {"text": "?"}}


@pytest.mark.parametrize(
    "raw", [{"update_id": 500_000_002, "message": 7}, {"x": 1}, [], None, GIGANTIC]
)
async def test_a_malformed_update_stops_nobody(h: TelegramHarness, raw: object) -> None:
    h.tg.citizen(1).says("before")
    await h.acknowledged(1)
    h.tg.updates.plant(raw)
    h.tg.citizen(1).says("after")
    await h.tg.wait_for(lambda: not h.tg.updates.pending)
    keys = [event.ordering_key for event in h.intake.events]
    assert keys == ["telegram/1/", "telegram/malformed/", "telegram/1/"]


@pytest.mark.parametrize("raw", [GIGANTIC, {"x": 1}])
async def test_an_update_without_a_number_confirms_nothing_that_comes_later(
    h: TelegramHarness, raw: object
) -> None:
    h.tg.citizen(1).says("before")
    await h.acknowledged(1)
    h.tg.updates.plant(raw)
    await h.intake.wait_for(lambda: len(h.intake.events) == 2)
    polls = h.tg.polls
    await h.tg.wait_for(lambda: h.tg.polls > polls + 1)
    h.tg.updates.next_id = 500_000_002  # it never had a number
    h.tg.citizen(1).says("after")
    await h.tg.wait_for(lambda: not h.tg.updates.pending)
    keys = [event.ordering_key for event in h.intake.events]
    assert keys == ["telegram/1/", "telegram/malformed/", "telegram/1/"]
    assert h.tg.updates.lost == []


async def test_a_second_poller_is_said_plainly_and_survived(
    h: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    await h.tg.wait_for(lambda: h.tg.polls)
    async with polling(h.tg, RecordingIntake()):
        await h.tg.wait_for(lambda: h.tg.polls >= 4)
    assert "Another program polls this Telegram account" in caplog.text
    h.tg.citizen(1).says("still here")
    await h.acknowledged(1)


async def test_a_webhook_in_the_way_is_removed() -> None:
    async with PlayedTelegram() as tg:
        tg.webhook.url = "http://127.0.0.1:1/old"
        tg.citizen(1).says("hello")
        intake = RecordingIntake()
        async with polling(tg, intake):
            await tg.wait_for(lambda: len(tg.confirmed) == 1)
        assert tg.webhook.url == ""


async def test_only_the_leader_polls() -> None:
    async with PlayedTelegram() as tg:
        intake = RecordingIntake(leading=False)
        async with polling(tg, intake):
            await intake.wait_for(lambda: intake.leads_asked >= 2)
            assert tg.polls == 0
            intake.leading = True
            await tg.wait_for(lambda: tg.polls)
            intake.leading = False
            asked = intake.leads_asked
            # The right is renewed while a long poll is under way, and the poll ends with it.
            await intake.wait_for(lambda: intake.leads_asked >= asked + 2)
            tg.citizen(1).says("for the new leader")
        assert intake.events == []


async def test_a_refused_token_is_one_plain_sentence() -> None:
    async with PlayedTelegram() as tg:
        channel = telegram_channel(tg, token="123:wrong")
        with pytest.raises(BadInput, match="refuses the bot token") as caught:
            await channel.run(RecordingIntake(), asyncio.Event())
        with pytest.raises(BadInput, match="refuses the bot token"):
            await channel.ask("getMe")
        await channel.close()
    assert "123:wrong" not in str(caught.value)


async def test_stop_ends_a_long_poll_at_once(h: TelegramHarness) -> None:
    await h.tg.wait_for(lambda: h.tg.polls)
    assert h.channel.last_poll_at == 0.0
    h.tg.citizen(1).says("x")
    await h.acknowledged(1)
    assert h.channel.last_poll_at > 0.0
