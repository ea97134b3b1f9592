"""Every message is decided once, in its order; no handler and no message can hold up the others."""

import asyncio
from typing import Any

import pytest

from bot import conversations
from bot.channels.base import RawEvent
from bot.context import Context, Outcome
from bot.conversations import Conversation
from bot.dispatcher import TRIES, TURN
from bot.messages import IncomingMessage
from tests.bot.kit import Bench, Worker, event, give_up


class Seen:
    """A handler that remembers what it was given."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.albums: list[tuple[str, ...]] = []
        self.attempts: list[int] = []

    async def __call__(self, message: IncomingMessage, ctx: Context) -> Outcome:
        self.texts.append(message.text)
        self.albums.append(tuple(m.external_id for m in ctx.album))
        self.attempts.append(ctx.attempt)
        return Outcome.HANDLED


def broken(times: int) -> Any:
    """Return a handler that fails so often."""
    left = [times]

    async def fails(message: IncomingMessage, ctx: Context) -> Outcome:
        ctx.reply("half-way")
        left[0] -= 1
        if left[0] >= 0:
            raise RuntimeError(f"no luck with {message.text}")
        return Outcome.HANDLED

    return fails


async def retried(bench: Bench, worker: Worker, times: int) -> None:
    for _ in range(times):
        await worker.decide()
        bench.clock.advance(seconds=60)


async def test_a_message_is_decided_once_whatever_the_platform_repeats(bench: Bench) -> None:
    worker = await bench.worker()
    assert await worker.receive(event(1), event(2), event(1)) == 2
    await worker.decide()
    assert await worker.receive(event(1)) == 0
    await worker.decide()
    assert bench.inbox() == [("1", "done", "handled"), ("2", "done", "handled")]
    assert [b["external_ids"] for b in bench.journal("decided")] == [["1"], ["2"]]
    assert len(bench.journal("received")) == 2


async def test_an_event_that_comes_again_under_another_number_is_a_repeat(bench: Bench) -> None:
    worker = await bench.worker()
    assert await worker.receive(event(1, alternate_id="chat/7/text")) == 1
    assert await worker.receive(event(900, alternate_id="chat/7/text"), event(901)) == 1
    assert [row[0] for row in bench.inbox()] == ["1", "901"]


async def test_messages_of_a_conversation_keep_their_order_over_turns(bench: Bench) -> None:
    seen = Seen()
    worker = await bench.worker([seen])
    await worker.receive(*(event(n, said=f"{n}") for n in range(3 * TURN)))
    await worker.decide()
    assert seen.texts == [f"{n}" for n in range(3 * TURN)]


async def test_conversations_go_side_by_side(bench: Bench) -> None:
    together = asyncio.Barrier(3)

    async def waits_for_the_others(message: IncomingMessage, ctx: Context) -> Outcome:
        await together.wait()
        return Outcome.HANDLED

    worker = await bench.worker([waits_for_the_others])
    await worker.receive(*(event(n, chat=f"c{n}") for n in range(3)))
    async with asyncio.timeout(5):
        await worker.decide()
    assert {row[1] for row in bench.inbox()} == {"done"}


async def test_a_flood_in_one_conversation_starves_no_other(bench: Bench) -> None:
    seen = Seen()
    bench.settings.concurrency = 1
    worker = await bench.worker([seen])
    await worker.receive(*(event(n, chat="loud") for n in range(1000)))
    bench.clock.advance(seconds=1)
    await worker.receive(event(1001, chat="quiet", said="me too"))
    bench.clock.advance(seconds=1)
    await worker.decide(rounds=2)
    assert "me too" in seen.texts
    assert len(seen.texts) == TURN + 1
    await worker.decide()
    assert len(seen.texts) == 1001


async def test_state_is_remembered_and_forgotten(bench: Bench) -> None:
    states = []

    async def counts(message: IncomingMessage, ctx: Context) -> Outcome:
        states.append(dict(ctx.state))
        ctx.remember(n=ctx.state.get("n", 0) + 1, last=message.text if len(states) < 2 else None)
        return Outcome.HANDLED

    worker = await bench.worker([counts])
    await worker.receive(event(1, said="one"), event(2, said="two"))
    await worker.decide()
    await worker.receive(event(3))
    await worker.decide()
    assert states == [{}, {"n": 1, "last": "one"}, {"n": 2}]


async def test_an_album_is_handled_as_one(bench: Bench) -> None:
    seen = Seen()
    worker = await bench.worker([seen])
    album = [event(n, group_id="g", hold_s=1.0) for n in (2, 3, 4)]
    await worker.receive(event(1))
    await worker.receive(album[0])
    await worker.decide()
    await worker.receive(album[1], album[2])
    await worker.receive(event(5))
    await worker.decide()
    assert seen.albums == [()], "the album waits for its rest, and what follows it waits too"
    bench.clock.advance(seconds=1.1)
    await worker.decide()
    assert seen.albums == [(), ("3", "4"), ()]
    assert [b["inbox"] for b in bench.journal("decided")] == [[1], [2, 3, 4], [5]]


async def test_an_album_across_the_end_of_a_turn_stays_one(bench: Bench) -> None:
    seen = Seen()
    worker = await bench.worker([seen])
    before = [event(n) for n in range(TURN - 2)]
    album = [event(100 + n, group_id="g") for n in range(5)]
    await worker.receive(*before, *album)
    await worker.decide()
    assert seen.albums[len(before) :] == [("101", "102", "103", "104")]


async def test_an_edit_is_no_part_of_an_album(bench: Bench) -> None:
    seen = Seen()
    worker = await bench.worker([seen])
    first, second = event(1, group_id="g", hold_s=1.0), event(2, group_id="g", hold_s=1.0)
    edits = [
        RawEvent(f"edit {n}", one.ordering_key, {**one.body, "kind": "edit", "text": "B"})
        for n, one in enumerate((first, first, second))
    ]
    await worker.receive(first, edits[0], second, *edits[1:], event(3))
    bench.clock.advance(seconds=1.1)
    await worker.decide()
    assert seen.texts == ["message 1", "B", "B", "B", "message 3"]
    assert seen.albums == [("2",), (), (), (), ()]


async def test_an_album_longer_than_a_turn_still_comes_through(bench: Bench) -> None:
    seen = Seen()
    worker = await bench.worker([seen])
    await worker.receive(*(event(n, group_id="g") for n in range(TURN + 3)))
    await worker.decide()
    assert [len(album) for album in seen.albums] == [TURN - 1, 2]


async def test_a_malformed_event_is_put_aside_and_the_next_goes_on(bench: Bench) -> None:
    seen = Seen()
    worker = await bench.worker([seen])
    await worker.receive(event(1, broken="no chat in it"), event(2, said="fine"))
    await worker.decide()
    assert bench.inbox() == [("1", "quarantined", "ignored"), ("2", "done", "handled")]
    assert bench.journal("quarantined")[0]["reason"] == "no chat in it"
    assert seen.texts == ["fine"]


async def test_an_event_of_no_concern_is_ignored_on_the_record(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.receive(event(1, ignore=True))
    await worker.decide()
    assert bench.inbox() == [("1", "done", "ignored")]


async def test_an_event_of_a_channel_that_is_not_here_waits_for_it(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.intake.store("fax", [RawEvent("1", "fax/7/", {"text": "hello"})])
    await worker.decide()
    assert bench.inbox() == [("1", "pending", "")]
    with bench.database.session() as session:
        assert conversations.waiting(session.connection()) == {"fax": 1}


async def test_a_handler_that_fails_once_is_tried_again_and_leaves_no_half(bench: Bench) -> None:
    worker = await bench.worker([broken(1)])
    await worker.receive(event(1), event(2))
    await worker.decide()
    assert bench.inbox()[0][1] == "pending"
    assert bench.inbox()[1][1] == "pending", "order: the second waits for the first"
    bench.clock.advance(seconds=1)
    await worker.decide()
    assert [row[1] for row in bench.inbox()] == ["done", "done"]
    assert len(bench.journal("queued")) == 2


async def test_a_handler_that_always_fails_ends_with_the_last_resort(bench: Bench) -> None:
    worker = await bench.worker([broken(99)])
    await worker.receive(event(1, said="poison"), event(2, chat="bob"))
    await retried(bench, worker, TRIES)
    assert bench.inbox()[0][1] == "pending"
    await worker.decide()
    assert bench.inbox()[0] == ("1", "done", "failed")
    await worker.deliver()
    assert bench.platform.texts("alice") == ["failed: poison"]


async def test_what_even_the_last_resort_cannot_decide_is_put_aside(bench: Bench) -> None:
    tried = [0]

    async def hopeless(message: IncomingMessage, ctx: Context) -> Outcome:
        tried[0] += 1
        raise RuntimeError

    worker = await bench.worker([hopeless], hopeless)
    await worker.receive(event(1), event(2, ignore=True))
    await retried(bench, worker, 20)
    assert bench.inbox() == [("1", "quarantined", "failed"), ("2", "done", "ignored")]
    assert tried[0] == TRIES + 2
    assert bench.journal("decided")[0]["reason"] == "RuntimeError"


async def test_an_effect_that_fails_takes_the_whole_decision_back(bench: Bench) -> None:
    async def half(message: IncomingMessage, ctx: Context) -> Outcome:
        ctx.reply("first")
        ctx.do(lambda tx: tx.journal("note", {}))
        ctx.do(lambda tx: 1 / 0)
        return Outcome.HANDLED

    worker = await bench.worker([half])
    await worker.receive(event(1))
    await retried(bench, worker, TRIES)
    assert bench.journal("note") == bench.journal("queued") == []
    await worker.decide()
    assert [b["text"] for b in bench.journal("queued")] == ["failed: message 1"]


@pytest.mark.parametrize("who", ["handler", "last resort"])
async def test_nobody_may_think_for_ever(bench: Bench, who: str) -> None:
    async def ponders(message: IncomingMessage, ctx: Context) -> Outcome | None:
        if ctx.attempt < TRIES or who == "last resort":
            await asyncio.Event().wait()
        return None

    bench.settings.handler_timeout_s = 0.02
    handlers = [ponders] if who == "handler" else []
    worker = await bench.worker(handlers, give_up if who == "handler" else ponders)
    await worker.receive(event(1))
    async with asyncio.timeout(5):
        await retried(bench, worker, TRIES + 2)
    expected = ("done", "failed") if who == "handler" else ("quarantined", "failed")
    assert bench.inbox()[0][1:] == expected


async def test_nobody_may_think_longer_than_the_lease_holds(bench: Bench) -> None:
    async def ponders(message: IncomingMessage, ctx: Context) -> Outcome | None:
        await asyncio.sleep(0 if ctx.attempt >= TRIES else 60)
        return None

    bench.settings.lease_s = 0.05
    worker = await bench.worker([ponders])
    await worker.receive(event(1))
    async with asyncio.timeout(10):
        await retried(bench, worker, TRIES + 1)
    assert bench.inbox()[0][1:] == ("done", "failed")


async def test_a_message_nobody_wants_goes_to_the_last_resort(bench: Bench) -> None:
    async def not_mine(message: IncomingMessage, ctx: Context) -> None:
        return None

    worker = await bench.worker([not_mine])
    await worker.receive(event(1, said="hm"))
    await worker.turn()
    assert bench.platform.texts() == ["failed: hm"]


async def test_a_person_is_one_over_many_messages_and_an_unusual_language(bench: Bench) -> None:
    persons = []

    async def who(message: IncomingMessage, ctx: Context) -> Outcome:
        persons.append(ctx.person)
        return Outcome.HANDLED

    worker = await bench.worker([who])
    language = "zh-Hant-TW-x-private"
    await worker.receive(event(1, language=language), event(2, language=language))
    await worker.decide()
    await worker.receive(event(3), event(4, chat="bob"))
    await worker.decide()
    assert len(set(persons)) == 2
    assert persons[0] == persons[1]
    assert bench.rows("SELECT language FROM conversation ORDER BY key")[0][0] == "zh-Hant-TW"


async def test_a_group_has_no_person(bench: Bench) -> None:
    persons = []

    async def who(message: IncomingMessage, ctx: Context) -> Outcome:
        persons.append(ctx.person)
        return Outcome.HANDLED

    worker = await bench.worker([who])
    await worker.receive(event(1, chat="-100", private=False))
    await worker.decide()
    assert persons == [""]


# --- two workers -------------------------------------------------------------------------------


async def test_an_overtaken_worker_changes_nothing(bench: Bench) -> None:
    seen = Seen()
    slow, quick = await bench.worker(), await bench.worker([seen])
    await slow.receive(event(1), event(2))
    claimed = await slow.claim()
    assert await quick.claim() == [], "the lease holds"
    bench.expire_leases()
    taken: list[tuple[Conversation, Any]] = await quick.claim()
    assert taken[0][0].epoch == claimed[0][0].epoch + 1
    await slow.work(claimed)
    assert [row[1] for row in bench.inbox()] == ["pending", "pending"]
    assert bench.journal("queued") == []
    await quick.work(taken)
    await slow.work(claimed)
    assert seen.texts == ["message 1", "message 2"]
    assert len(bench.journal("decided")) == 2
    assert bench.journal("queued") == []


async def test_a_lease_that_ran_out_unnoticed_is_still_ours(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.receive(event(1))
    claimed = await worker.claim()
    bench.expire_leases()
    await worker.work(claimed)
    assert bench.inbox()[0][1] == "done"


async def test_a_message_that_comes_while_its_conversation_is_decided_is_not_forgotten(
    bench: Bench,
) -> None:
    receiver = await bench.worker()

    async def receives_more(message: IncomingMessage, ctx: Context) -> Outcome:
        await receiver.receive(event(int(message.external_id) + 1))
        return Outcome.HANDLED

    worker = await bench.worker([receives_more])
    await receiver.receive(event(1))
    await worker.work(await worker.claim())
    assert [row[1] for row in bench.inbox()] == ["done", "pending"]
    await worker.work(await worker.claim())
    assert [row[1] for row in bench.inbox()] == ["done", "done", "pending"]


async def test_the_loop_itself_decides_and_stops(bench: Bench) -> None:
    seen = Seen()
    worker = await bench.worker([seen])
    stop = asyncio.Event()
    running = asyncio.create_task(worker.dispatcher.run(stop))
    await worker.receive(*(event(n, chat=f"c{n % 7}") for n in range(40)))
    async with asyncio.timeout(10):
        while len(seen.texts) < 40:
            await asyncio.sleep(0.01)
        stop.set()
        worker.wake.call("inbox")
        await running
    assert {row[1] for row in bench.inbox()} == {"done"}
