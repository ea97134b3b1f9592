"""Operators hear of messages that officials do not get."""

import pytest

from bot.channels.base import Refused, Unreachable
from tests.bot.kit import Bench
from tests.bot.letters import ALICE, BOB, GROUP, TOPIC, queue, wait_and_deliver, words

AWAY = "Forbidden: bot was kicked from the supergroup chat"


async def test_what_waits_for_the_desk_survives_that_the_bot_is_put_out(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await bench.worker()
    bench.platform.gone["-100"] = Unreachable(AWAY)
    queue(bench, *words("case", "more", to=TOPIC), *words("card", to=GROUP))
    for _ in range(5):
        await wait_and_deliver(bench, worker, 60)
    bench.platform.gone.clear()
    assert bench.platform.texts() == []
    told = [r for r in caplog.records if r.levelname == "ERROR"]
    assert len(told) == 1, "once in a minute, however many tries"
    assert "-100" in told[0].message
    await wait_and_deliver(bench, worker, 3600)
    assert sorted(bench.platform.texts()) == ["card", "case", "more"]


async def test_a_message_the_desk_never_gets_is_named_by_number_and_kind(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await bench.worker()
    queue(bench, *words("a secret", to=GROUP))
    bench.platform.answers.append(Refused("bad request: a secret"))
    await worker.deliver()
    (told,) = [r.message for r in caplog.records if r.levelname == "ERROR"]
    assert told == "message 1 to a group is given up: Refused"


async def test_the_desk_is_a_group_whatever_its_id_looks_like(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await bench.worker(desk=ALICE)
    bench.platform.gone["alice"] = Unreachable("chat not found")
    queue(bench, *words("card", to=ALICE.with_thread("~K7Q2M")), *words("call", to=ALICE))
    await worker.deliver()
    assert {state for state, *_ in bench.outbox()} == {"queued"}
    (told,) = [r.message for r in caplog.records if r.levelname == "ERROR"]
    assert "alice" in told


async def test_a_citizen_who_left_raises_no_alarm(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await bench.worker()
    bench.platform.gone["alice"] = Unreachable("blocked by the user")
    queue(bench, *words("1", to=ALICE), *words("2", to=BOB))
    await worker.deliver()
    assert bench.outbox()[0][0] == "dead"
    assert not [r for r in caplog.records if r.levelname == "ERROR"]
