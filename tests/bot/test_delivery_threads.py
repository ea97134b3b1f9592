"""Threads are opened once, again when they are gone, and done without where there are none."""

import asyncio

from bot.channels.base import (
    Refused,
    ThreadGone,
    Unconfirmed,
)
from bot.messages import OutgoingMessage
from tests.bot.kit import Bench
from tests.bot.letters import ALICE, BOB, GROUP, TOPIC, queue, wait_and_deliver, words


async def test_a_thread_is_opened_once_and_written_into(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("card", "more", to=TOPIC, thread_title="Case K7Q2M"))
    await worker.deliver()
    assert bench.platform.threads == [(GROUP.with_thread("~K7Q2M"), "Case K7Q2M")]
    assert bench.platform.texts("-100", "t1") == ["card", "more"]


async def test_a_thread_that_is_gone_is_opened_again(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("card", "more", to=TOPIC))
    bench.platform.answers += [None, ThreadGone("deleted")]
    await worker.deliver()
    assert bench.platform.texts("-100", "t1") == ["card"]
    assert bench.platform.texts("-100", "t2") == ["more"]


async def test_a_thread_that_goes_for_ever_is_given_up(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("card", to=TOPIC))
    bench.platform.answers += [ThreadGone("deleted")] * 50
    async with asyncio.timeout(10):
        await worker.deliver()
    assert bench.outbox()[0][:2] == ("dead", True)
    bench.platform.answers.clear()
    queue(bench, *words("a", to=BOB))
    await worker.deliver()
    assert bench.platform.texts() == ["a"]


async def test_a_foreign_thread_that_is_gone_cannot_be_opened(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("lost", to=GROUP.with_thread("77")))
    bench.platform.answers.append(ThreadGone("deleted"))
    await worker.deliver()
    assert bench.outbox() == [("dead", True, 1)]


async def test_without_threads_messages_reply_to_the_first(bench: Bench) -> None:
    worker = await bench.worker()
    bench.platform.refusals.append(Refused("not a forum"))
    queue(bench, *words("card", "second", to=TOPIC))
    await worker.deliver()
    heir = await bench.worker()
    bench.expire_leases()
    queue(bench, *words("third", to=TOPIC))
    await heir.deliver()
    sent = [(c.text, c.message.address.thread, c.message.reply_to) for c in bench.platform.calls]
    assert sent == [("card", "", ""), ("second", "", "m1"), ("third", "", "m1")]


async def test_the_first_message_is_remembered_although_its_record_ran_twice(bench: Bench) -> None:
    worker = await bench.worker()
    bench.platform.refusals.append(Refused("not a forum"))
    queue(bench, *words("card", to=TOPIC))

    def disturb(_message: OutgoingMessage) -> None:
        bench.settled.broken = RuntimeError("the notice fails, the record runs again")

    worker.channel.on_send = disturb
    await worker.deliver()
    assert bench.rows("SELECT root FROM thread") == [("m1",)]


async def test_a_thread_that_cannot_be_opened_yet_does_not_mark_its_message(bench: Bench) -> None:
    worker = await bench.worker()
    bench.platform.refusals.append(Unconfirmed("cut"))
    queue(bench, *words("card", to=TOPIC))
    for _ in range(2):
        await wait_and_deliver(bench, worker, 60)
    assert bench.platform.texts() == ["card"]


async def test_a_private_topic_that_is_gone_is_answered_in_the_chat_itself(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("yours", "again", to=ALICE.with_thread("77")))
    bench.platform.answers.append(ThreadGone("deleted"))
    await worker.deliver()
    assert bench.platform.texts("alice", "") == ["yours"]
    assert bench.platform.texts("alice", "77") == ["again"], "each message asks once more"


async def test_a_chat_that_refuses_without_its_topic_too_is_given_up(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("yours", to=ALICE.with_thread("77")))
    bench.platform.answers += [ThreadGone("deleted"), ThreadGone("deleted")]
    await worker.deliver()
    assert bench.outbox() == [("dead", True, 1)]
    assert len(bench.platform.calls) == 2
