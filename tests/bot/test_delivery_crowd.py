"""However many wait for one busy chat, everybody else is answered at once."""

import pytest

from bot.channels.base import Limits
from bot.delivery import WINDOW
from bot.messages import Address, OutgoingMessage
from tests.bot.kit import NAME, Bench
from tests.bot.letters import ALICE, GROUP, queue, wait_and_deliver, words

BUSY = {
    "a group": Limits(per_group=(20, 60.0)),
    "topics to open": Limits(threads=True, per_group=(20, 60.0), openings=(3, 30.0)),
}


def topics(count: int) -> list[OutgoingMessage]:
    """Return one message for each of many topics of the group."""
    return [OutgoingMessage(GROUP.with_thread(f"~{n:05}"), f"{n}") for n in range(count)]


@pytest.mark.parametrize("limits", BUSY.values(), ids=BUSY.keys())
async def test_a_citizen_does_not_wait_behind_a_crowd_of_topics(
    bench: Bench, limits: Limits
) -> None:
    worker = await bench.worker(limits=limits)
    queue(bench, *topics(1_500), *words("your answer"))
    await worker.deliver()
    assert bench.platform.texts("alice") == ["your answer"]
    for second in range(5):
        queue(bench, *words(f"{second}", to=Address(NAME, f"c{second}")))
        await wait_and_deliver(bench, worker, 3)
        assert bench.platform.texts(f"c{second}") == [f"{second}"]


async def test_each_in_the_crowd_gets_a_moment_of_its_own(bench: Bench) -> None:
    worker = await bench.worker(limits=Limits(per_group=(1, 3.0)))
    queue(bench, *topics(WINDOW))
    await worker.deliver()
    found = bench.rows("SELECT not_before FROM outbox WHERE status = 'queued' ORDER BY id")
    moments = [row[0] for row in found]
    assert len(set(moments)) == WINDOW - 1
    assert moments == sorted(moments), "the oldest goes first"


async def test_who_waits_for_a_topic_takes_no_turn_from_those_that_are_open(bench: Bench) -> None:
    worker = await bench.worker(
        limits=Limits(threads=True, per_group=(20, 60.0), openings=(1, 1000.0))
    )
    queue(bench, *topics(10), *words("open", to=GROUP), *words("hello", to=ALICE))
    await worker.deliver()
    assert sorted(bench.platform.texts()) == ["0", "hello", "open"]
