"""One update that cannot be stored is put aside; it silences nobody else."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bot.channels.base import IntakeUnavailable, RawEvent
from bot.channels.telegram_keep import keep
from bot.channels.telegram_webhook import Webhook
from tests.channels.harness import RecordingIntake
from tests.channels.harness_telegram import telegram_harness


class Poisoned(RecordingIntake):
    """An intake whose database chokes on some texts."""

    async def store(self, channel: str, events: Sequence[RawEvent]) -> int:
        if any("poison" in json.dumps(event.body) for event in events):
            raise ValueError("the database will not have it")
        return await super().store(channel, events)


def update(number: int, text: str) -> dict[str, Any]:
    person = {"id": 7, "type": "private", "first_name": "Ann"}
    message = {"message_id": number, "date": 1, "chat": person, "from": person, "text": text}
    return {"update_id": number, "message": message}


def stored(intake: RecordingIntake) -> list[Any]:
    return [event.body["message"]["text"] for event in intake.events]


async def test_the_others_of_a_batch_are_stored_in_their_order() -> None:
    intake = Poisoned()
    await keep(intake, "telegram", [update(1, "a"), update(2, "poison"), update(3, "b")])
    assert stored(intake) == ["a", "b"]
    ((number, body, reason),) = intake.quarantined
    assert (number, json.loads(body)["message"]["text"]) == ("2", "poison")
    assert reason == "cannot be stored: ValueError"


async def test_a_database_that_is_away_puts_nothing_aside() -> None:
    intake = Poisoned(broken=True)
    for batch in ([update(1, "a")], [update(2, "poison"), update(3, "b")]):
        with pytest.raises(IntakeUnavailable):
            await keep(intake, "telegram", batch)
    assert not intake.quarantined
    assert not intake.events


async def test_polling_goes_on_behind_an_update_that_cannot_be_stored() -> None:
    async with telegram_harness(running=False) as h:
        h.tg.citizen(1001, "Ann").says("poison")
        h.tg.citizen(1001).says("after it")
        intake, offered = Poisoned(), h.tg.updates.fetch(0, 100)
        await h.channel._poller._take(intake, offered)
        assert stored(intake) == ["after it"]
        assert h.channel._poller._offset == offered[-1]["update_id"] + 1
        assert len(intake.quarantined) == 1


async def test_the_webhook_takes_an_update_that_cannot_be_stored() -> None:
    intake = Poisoned()
    hook = Webhook("telegram", "a-secret-of-sixteen-or-more")
    assert await hook._keep(intake, json.dumps(update(1, "poison")).encode()) == 200
    assert len(intake.quarantined) == 1
