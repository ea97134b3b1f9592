"""The pace a platform allows holds whom it must, and nobody else."""

import asyncio

from bot.buttons import Choice
from bot.channels.base import (
    Limits,
    NotSent,
)
from bot.messages import Address, OutgoingMessage
from tests.bot.kit import NAME, Bench
from tests.bot.letters import ALICE, BOB, GROUP, queue, wait_and_deliver, words


async def test_a_held_lane_lets_a_hundred_others_pass(bench: Bench) -> None:
    worker = await bench.worker(limits=Limits(per_chat=(1, 1000.0)))
    queue(bench, *words("1", "2", "3"))
    queue(bench, *(OutgoingMessage(Address(NAME, f"c{n}"), "x") for n in range(100)))
    await worker.deliver()
    assert bench.platform.texts("alice") == ["1"]
    assert len(bench.platform.texts()) == 101
    waits = bench.rows("SELECT count(*) FROM outbox WHERE attempts = 0 AND not_before > queued_at")
    assert waits[0][0] == 1, "the long wait is written down, it leaves the window"


async def test_groups_and_the_account_keep_their_rates(bench: Bench) -> None:
    limits = Limits(per_group=(3, 1000.0), per_account=(5, 1000.0))
    worker = await bench.worker(limits=limits)
    queue(bench, *words("1", "2", "3", "4", to=GROUP), *words("a", "b", "c", to=BOB))
    await worker.deliver()
    assert len(bench.platform.texts("-100")) <= 3
    assert len(bench.platform.texts()) == 5


async def test_buttons_and_texts_reach_the_channel_whole(bench: Bench) -> None:
    worker = await bench.worker()
    with bench.database.transaction() as tx:
        lines = tx.buttons(ALICE, ((Choice("Yes", "vote", {"n": 1}),),))
        tx.send(OutgoingMessage(ALICE, "Good?", buttons=lines, reply_to="7"))
    await worker.deliver()
    sent = bench.platform.calls[0].message
    assert (sent.text, sent.reply_to, sent.buttons[0][0].label) == ("Good?", "7", "Yes")


async def test_the_loop_delivers_and_finishes_what_it_began(bench: Bench) -> None:
    worker = await bench.worker()
    stop = asyncio.Event()
    running = asyncio.create_task(worker.deliverer.run(stop))
    queue(bench, *(OutgoingMessage(Address(NAME, f"c{n % 5}"), f"{n}") for n in range(60)))
    worker.wake.call(f"out:{NAME}")
    async with asyncio.timeout(10):
        while len(bench.platform.calls) < 60:
            await asyncio.sleep(0.01)
        stop.set()
        worker.wake.call(f"out:{NAME}")
        await running
    assert {row[0] for row in bench.outbox()} == {"sent"}


async def test_a_clock_set_back_holds_nothing_for_long(bench: Bench) -> None:
    worker = await bench.worker(limits=Limits(per_group=(1, 3000.0)))
    queue(bench, *words("first"))
    queue(bench, *words("tried"), *words("1", "2", to=GROUP))
    bench.platform.answers.append(NotSent("refused"))
    await worker.deliver()
    bench.clock.advance(hours=-10)
    queue(bench, *words("later", to=BOB))
    await worker.deliver()
    assert bench.platform.texts("bob") == ["later"]
    assert bench.platform.texts("alice") == ["first", "tried"]
    assert bench.platform.texts("-100") == ["1"], "the pace of the platform is still kept"
    await wait_and_deliver(bench, worker, 700)
    assert bench.platform.texts("-100") == ["1"]
