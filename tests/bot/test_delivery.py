"""What is queued arrives in order, at least once, twice only marked; a dead row blocks nobody."""

import asyncio
import json

from bot import outbox
from bot.channels.base import (
    ChatMoved,
    Limits,
    NotSent,
    Refused,
    RetryLater,
    Unconfirmed,
    Unreachable,
)
from bot.delivery import REPEAT_MARK
from bot.messages import Address, OutgoingMessage, Span, SpanKind
from bot.outbox import Delivery
from tests.bot.kit import NAME, Bench, event
from tests.bot.letters import ALICE, BOB, GROUP, TOPIC, queue, wait_and_deliver, words


def reachable(bench: Bench, address: Address) -> bool:
    found = bench.rows("SELECT reachable FROM conversation WHERE key = :key", key=address.key)
    return bool(found[0][0])


async def test_a_lane_keeps_its_order_and_every_message_is_journalled(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("1", "2", "3"), *words("a", "b", to=BOB), subject="K7Q2M")
    await worker.deliver()
    assert bench.platform.texts("alice") == ["1", "2", "3"]
    assert bench.platform.texts("bob") == ["a", "b"]
    fates = bench.journal("delivery")
    assert [f["state"] for f in fates] == ["sent"] * 5
    assert bench.settled.seen[0] == ("1", Delivery.SENT, "")
    with bench.database.session() as session:
        assert outbox.subject_of(session.connection(), ALICE.place, "m1") == "K7Q2M"


async def test_a_request_for_patience_is_honoured_for_the_chat_alone(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("1", "2"), *words("a", "b", to=BOB))
    bench.platform.answers.append(RetryLater(0.05))
    await worker.deliver()
    assert bench.platform.texts() == ["a", "b"]
    assert bench.outbox()[0] == ("queued", False, 1)
    await asyncio.sleep(0.06)
    await wait_and_deliver(bench, worker, 0.06)
    assert bench.platform.texts("alice") == ["1", "2"]


async def test_a_pause_of_the_account_holds_every_chat(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("1"))
    bench.platform.answers.append(RetryLater(60, "account"))
    await worker.deliver()
    queue(bench, *words("a", to=BOB))
    await wait_and_deliver(bench, worker, 1)
    assert bench.platform.texts() == []


async def test_what_never_left_is_sent_again_unmarked(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("hello", "world"))
    bench.platform.answers += [NotSent("refused"), NotSent("refused")]
    for _ in range(3):
        await wait_and_deliver(bench, worker, 70)
    assert bench.platform.texts() == ["hello", "world"]


async def test_an_unanswered_send_is_repeated_once_and_marked(bench: Bench) -> None:
    worker = await bench.worker()
    spans = (Span(SpanKind.BOLD, 0, 5),)
    queue(bench, *words("hello", spans=spans), *words("world"))
    bench.platform.loses_the_answer(Unconfirmed("cut"))
    await worker.deliver()
    assert bench.outbox()[0][:2] == ("uncertain", False)
    await wait_and_deliver(bench, worker, bench.settings.uncertain_retry_s - 1)
    assert bench.platform.texts() == ["hello"], "neither early nor past its lane's order"
    await wait_and_deliver(bench, worker, 2)
    assert bench.platform.texts() == ["hello", f"{REPEAT_MARK}hello", "world"]
    assert bench.platform.arrived[1].message.spans == (Span(SpanKind.BOLD, len(REPEAT_MARK), 5),)
    assert [row[0] for row in bench.outbox()] == ["sent", "sent"]


async def test_two_unanswered_sends_are_left_uncertain_and_told(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("hello", "world"))
    bench.platform.loses_the_answer(Unconfirmed("cut"))
    bench.platform.loses_the_answer(Unconfirmed("cut again"))
    for _ in range(4):
        await wait_and_deliver(bench, worker, 60)
    assert bench.platform.texts() == ["hello", f"{REPEAT_MARK}hello", "world"]
    assert bench.settled.seen[0] == ("hello", Delivery.UNCERTAIN, "cut again")


async def test_an_unanswered_picture_without_words_is_marked_too(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words(""))
    bench.platform.loses_the_answer(Unconfirmed())
    for _ in range(2):
        await wait_and_deliver(bench, worker, 60)
    assert bench.platform.texts() == ["", REPEAT_MARK.strip()]


async def test_a_platform_that_knows_our_key_gets_the_same_again(bench: Bench) -> None:
    worker = await bench.worker(limits=Limits(idempotency="window", idempotency_s=60))
    queue(bench, *words("hello"))
    bench.platform.loses_the_answer(Unconfirmed())
    bench.platform.loses_the_answer(Unconfirmed())
    for _ in range(3):
        await wait_and_deliver(bench, worker, 70)
    assert bench.platform.texts() == ["hello"] * 3
    assert {call.key for call in bench.platform.calls} == {"1"}


async def test_who_has_blocked_us_is_left_alone_and_blocks_nobody(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.receive(event(1, said="hi"))
    bench.platform.gone["alice"] = Unreachable("blocked by the user")
    await worker.turn()
    queue(bench, *words("a", to=BOB))
    await worker.deliver()
    assert bench.platform.texts() == ["a"]
    assert bench.settled.seen == [
        ("hi", Delivery.DEAD, "blocked by the user"),
        ("a", Delivery.SENT, ""),
    ]
    assert not reachable(bench, ALICE)


async def test_a_refused_message_is_dead_and_the_next_goes_on(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("far too odd", "fine"))
    bench.platform.answers.append(Refused("bad request"))
    await worker.deliver()
    assert bench.platform.texts() == ["fine"]
    assert bench.outbox() == [("dead", True, 1), ("sent", True, 1)]
    assert bench.settled.seen[0][1:] == (Delivery.DEAD, "bad request")


async def test_after_a_day_a_message_is_given_up(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("old", "new"))
    bench.platform.answers += [NotSent("down"), NotSent("down"), None]
    await worker.deliver()
    await wait_and_deliver(bench, worker, 25 * 3600)
    assert bench.outbox()[0][:2] == ("dead", True)
    assert bench.platform.texts() == ["new"]


async def test_a_chat_that_moved_is_written_to_at_its_new_place(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("1", "2", to=GROUP))
    bench.platform.answers.append(ChatMoved("-200"))
    await worker.deliver()
    assert bench.platform.texts("-200") == ["1", "2"]
    assert bench.platform.texts("-100") == []


async def test_nothing_of_the_old_chat_is_named_in_the_new(bench: Bench) -> None:
    worker = await bench.worker()
    bench.platform.refusals.append(Refused("no forum"))
    queue(bench, *words("card", to=TOPIC, card="case"), subject="OLD")
    await worker.deliver()
    cut, moved = NotSent("cut"), ChatMoved("-200")
    cut.sent = ("m1",)
    bench.platform.answers += [cut, moved]
    queue(bench, *words("a long one", to=GROUP), subject="LONG")
    for _ in range(2):
        await wait_and_deliver(bench, worker, 70)
    bench.platform.refusals.append(Refused("no forum here either"))
    queue(bench, *words("card, taken", to=TOPIC, card="case"), *words("more", to=TOPIC))
    await worker.deliver()
    *_, rest, card, more = bench.platform.calls
    assert [c.message.address.chat for c in (rest, card, more)] == ["-200"] * 3
    assert rest.already == ("",), "one part stands in the old chat, under an id that is free here"
    assert (card.edits, card.message.reply_to) == ("", "")
    assert more.message.reply_to == card.arrived
    with bench.database.session() as session:
        connection = session.connection()
        assert outbox.subject_of(connection, f"{NAME}/-100", "m1") == "OLD"
        assert outbox.subject_of(connection, f"{NAME}/-200", "m1") == ""
        assert outbox.subject_of(connection, f"{NAME}/-200", rest.arrived) == "LONG"


async def test_a_chat_that_moves_without_end_is_given_up(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("where are you"))
    bench.platform.answers += [ChatMoved("elsewhere")] * 100
    async with asyncio.timeout(10):
        await worker.deliver()
    assert bench.outbox()[0][:2] == ("dead", True)
    assert len(bench.platform.calls) == bench.settings.max_attempts + 1


async def test_parts_that_arrived_are_not_sent_again(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("a long one"))
    first, second = NotSent("cut"), NotSent("cut")
    first.sent, second.sent = ("p1",), ("p1", "p2")
    bench.platform.answers += [first, second]
    for _ in range(3):
        await wait_and_deliver(bench, worker, 70)
    assert [call.already for call in bench.platform.calls] == [(), ("p1",), ("p1", "p2")]
    found = bench.rows("SELECT parts, external_id FROM outbox")[0]
    assert json.loads(found.parts) == ["p1", "p2", "m3"]
    assert found.external_id == "p1"


async def test_a_card_is_edited_in_place(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("open", to=TOPIC, card="case"), *words("other", to=TOPIC, card="else"))
    await worker.deliver()
    queue(bench, *words("taken", to=TOPIC, card="case"), *words("open", to=BOB, card="case"))
    await worker.deliver()
    assert [(c.message.address.chat, c.text, c.edits) for c in bench.platform.calls[:2]] == [
        ("-100", "open", ""),
        ("-100", "other", ""),
    ]
    assert {(c.message.address.chat, c.text, c.edits) for c in bench.platform.calls[2:]} == {
        ("-100", "taken", "m1"),
        ("bob", "open", ""),
    }


async def test_a_button_press_is_answered_out_of_turn(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("1"))
    bench.platform.answers.append(NotSent())
    await worker.deliver()
    queue(bench, OutgoingMessage(ALICE, "noted", answers_press="p1"))
    await worker.deliver()
    assert [c.text for c in bench.platform.arrived] == ["noted"]


async def test_an_unanswered_answer_to_a_press_is_repeated_unmarked(bench: Bench) -> None:
    worker = await bench.worker()
    bench.platform.loses_the_answer(Unconfirmed())
    queue(bench, OutgoingMessage(ALICE, "noted", answers_press="p2"))
    for _ in range(2):
        await wait_and_deliver(bench, worker, 60)
    assert [c.text for c in bench.platform.arrived] == ["noted", "noted"]
