"""A sender that fails, sleeps or dies loses nothing, and no two send the same."""

from bot.channels.base import Refused
from bot.delivery import REPEAT_MARK
from tests.bot.kit import Bench, Settled
from tests.bot.letters import queue, wait_and_deliver, words


async def test_a_channel_that_fails_in_its_own_way_blocks_no_lane(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("odd", "next"))
    bench.platform.answers += [KeyError("bug"), KeyError("bug")]
    for _ in range(3):
        await wait_and_deliver(bench, worker, 60)
    assert bench.outbox()[0][:2] == ("uncertain", True)
    assert bench.platform.texts() == ["next"]


async def test_a_notice_that_fails_leaves_the_fate_on_record(bench: Bench) -> None:
    settled = Settled(broken=ZeroDivisionError())
    worker = await bench.worker(settled=settled)
    queue(bench, *words("1", "2"))
    bench.platform.answers.append(Refused("no"))
    await worker.deliver()
    assert [row[:2] for row in bench.outbox()] == [("dead", True), ("sent", True)]
    assert [f["state"] for f in bench.journal("delivery")] == ["dead", "sent"]


async def test_a_sleep_past_the_lease_sends_nothing_and_loses_nothing(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("1", "2"))
    taken, epoch = await worker.take()
    worker.deliverer._held_until = 0.0
    await worker.send(taken, epoch)
    assert bench.platform.calls == []
    await worker.deliver()
    assert bench.platform.texts() == ["1", "2"]


async def test_the_row_of_a_dead_sender_is_adopted_and_marked(bench: Bench) -> None:
    dead, heir = await bench.worker(), await bench.worker()
    queue(bench, *words("1", "2"))
    await dead.take()
    await heir.deliver()
    assert bench.platform.calls == [], "one sender at a time"
    bench.expire_leases()
    await heir.deliver()
    assert bench.platform.calls == [], "it may have been sent: wait before the repeat"
    await wait_and_deliver(bench, heir, 60)
    assert bench.platform.texts() == [f"{REPEAT_MARK}1", "2"]


async def test_a_zombie_sender_sends_and_records_nothing(bench: Bench) -> None:
    zombie, heir = await bench.worker(), await bench.worker()
    queue(bench, *words("1", "2"))
    taken, epoch = await zombie.take()
    bench.expire_leases()
    await heir.deliver()
    zombie.deliverer._held_until = 0.0
    await zombie.send(taken, epoch)
    assert bench.platform.calls == []
    await wait_and_deliver(bench, heir, 60)
    assert bench.platform.texts() == [f"{REPEAT_MARK}1", "2"]


async def test_a_zombie_that_was_in_the_middle_records_nothing(bench: Bench) -> None:
    zombie, heir = await bench.worker(), await bench.worker()
    queue(bench, *words("1"))
    taken, epoch = await zombie.take()
    bench.expire_leases()
    await heir.deliver()
    await zombie.send(taken, epoch)
    assert bench.outbox()[0][:2] == ("uncertain", False), "the heir's word stands"
    await wait_and_deliver(bench, heir, 60)
    assert bench.platform.texts() == ["1", f"{REPEAT_MARK}1"]


async def test_who_leads_anew_does_not_send_what_was_taken_before(bench: Bench) -> None:
    sleeper, heir = await bench.worker(), await bench.worker()
    queue(bench, *words("1", "2"))
    taken, epoch = await sleeper.take()
    bench.expire_leases()
    await heir.deliver()
    bench.expire_leases()
    sleeper.deliverer._held_until = 0.0
    await sleeper.take()
    assert sleeper.deliverer._epoch not in (None, epoch)
    await sleeper.send(taken, epoch)
    assert bench.platform.calls == [], "whoever adopted it has decided about it"
    await wait_and_deliver(bench, sleeper, 60)
    assert bench.platform.texts() == [f"{REPEAT_MARK}1", "2"]


async def test_what_was_taken_before_another_led_is_not_sent_any_more(bench: Bench) -> None:
    """P3: the lease is ours again, but not the row that another has seen to meanwhile."""
    sleeper, other = await bench.worker(), await bench.worker()
    queue(bench, *words("1", "2"))
    taken, epoch = await sleeper.take()
    bench.expire_leases()
    bench.platform.answers.append(Refused("bad request"))
    for _ in range(3):
        await wait_and_deliver(bench, other, bench.settings.uncertain_retry_s + 1)
    before = bench.platform.texts()
    bench.expire_leases()
    sleeper.deliverer._held_until = 0.0
    await sleeper.take()
    await sleeper.send(taken, epoch)
    assert bench.platform.texts() == before == ["2"]
