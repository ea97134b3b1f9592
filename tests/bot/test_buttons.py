"""A button works where it was shown, while it holds, once if it says so; a forged one never."""

import asyncio

import pytest

from bot import buttons, threads
from bot.buttons import Choice, Press
from bot.context import Context, Outcome
from bot.messages import Address, IncomingMessage, MessageKind
from tests.bot.kit import NAME, Bench, Worker, event

ALICE, TOPIC = Address(NAME, "alice"), Address(NAME, "-100", "~K7Q2M")


class Pressed:
    """A handler that remembers which presses it was given."""

    def __init__(self) -> None:
        self.presses: list[Press | None] = []

    async def __call__(self, message: IncomingMessage, ctx: Context) -> Outcome:
        assert message.kind is MessageKind.BUTTON
        self.presses.append(ctx.press)
        return Outcome.HANDLED


def shown(bench: Bench, place: Address = ALICE, **more: object) -> str:
    """Show a button and return its token."""
    choice = Choice("Yes", "vote", {"n": 1, "字": "是"}, **more)  # type: ignore[arg-type]
    with bench.database.transaction() as tx:
        return tx.buttons(place, ((choice,),))[0][0].token


async def press(worker: Worker, number: int, token: str, **place: object) -> None:
    fields = {"kind": "button", "button": token, "press_id": f"p{number}", **place}
    await worker.receive(event(number, **fields))  # type: ignore[arg-type]
    await worker.decide()


@pytest.fixture
def seen() -> Pressed:
    return Pressed()


@pytest.fixture
async def worker(bench: Bench, seen: Pressed) -> Worker:
    return await bench.worker([seen])


async def test_a_press_means_what_was_stored(bench: Bench, worker: Worker, seen: Pressed) -> None:
    token = shown(bench)
    await press(worker, 1, token)
    assert seen.presses == [Press(token, "vote", {"n": 1, "字": "是"}, False, False)]
    await worker.deliver()
    assert [c.message.answers_press for c in bench.platform.calls] == ["p1"]


@pytest.mark.parametrize("token", ["forged", "", "'; DROP TABLE button; --", "x" * 500, "\x00"])
async def test_a_forged_token_means_nothing(
    bench: Bench, worker: Worker, seen: Pressed, token: str
) -> None:
    shown(bench)
    await press(worker, 1, token)
    assert seen.presses == [None]
    assert bench.inbox()[0][1] == "done"


async def test_a_token_is_good_only_where_it_was_shown(
    bench: Bench, worker: Worker, seen: Pressed
) -> None:
    token = shown(bench)
    await press(worker, 1, token, chat="mallory")
    await press(worker, 2, token, thread="7")
    assert seen.presses == [None, None]


async def test_a_token_expires(bench: Bench, worker: Worker, seen: Pressed) -> None:
    token = shown(bench, days=1)
    bench.clock.advance(days=1, seconds=-1)
    await press(worker, 1, token)
    bench.clock.advance(seconds=1)
    await press(worker, 2, token)
    assert [p is None for p in seen.presses] == [False, True]


async def test_a_button_in_our_own_thread_is_pressed_in_the_platform_s(
    bench: Bench, worker: Worker, seen: Pressed
) -> None:
    token = shown(bench, TOPIC)
    with bench.database.transaction() as tx:
        threads.remember(tx.connection, TOPIC, "77", "", tx.now)
        threads.remember(tx.connection, TOPIC.with_thread("~OTHER"), "78", "", tx.now)
    await press(worker, 1, token, chat="-100", thread="77", private=False)
    await press(worker, 2, token, chat="-100", thread="78", private=False)
    assert [p is None for p in seen.presses] == [False, True]


async def test_of_many_presses_one_takes_a_button_that_counts_once(bench: Bench) -> None:
    token = shown(bench, once=True)
    workers = [await bench.worker() for _ in range(2)]
    now = bench.clock.now()
    taken = await asyncio.gather(
        *(
            worker.writer.write(lambda tx: buttons.use_up(tx.connection, token, now))
            for worker in workers * 3
        )
    )
    assert sorted(taken) == [False] * 5 + [True]
    with bench.database.session() as session:
        found = buttons.find(session.connection(), token, ALICE.key, now)
    assert found is not None
    assert found.once
    assert found.used


def test_tokens_fit_a_platform_s_64_bytes_and_never_repeat() -> None:
    tokens = {buttons.new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert max(len(token.encode()) for token in tokens) <= 40


def test_a_text_message_presses_nothing(bench: Bench) -> None:
    with bench.database.session() as session:
        assert buttons.find(session.connection(), "", ALICE.key, bench.clock.now()) is None
