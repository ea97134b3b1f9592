"""One suite over every channel: what bot/channels/base.py promises."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from bot.channels.base import Malformed
from bot.messages import Button, MessageKind, OutgoingMessage
from bot.splitting import units
from tests.channels.harness import Harness
from tests.channels.harness_telegram import telegram_harness
from tests.channels.harness_terminal import terminal_harness
from tests.channels.harness_web import citizen_pages

#: Each channel with what starts it beside its platform.
HARNESSES: dict[str, Callable[[], AbstractAsyncContextManager[Harness]]] = {
    "telegram": telegram_harness,
    "terminal": terminal_harness,
    "web": citizen_pages,
}
#: Values no field expects.
HOSTILE: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1e308,
    float("nan"),
    "",
    "\ud800",
    "\x00",
    "x" * 100_000,
    "\u202e😀" * 5_000,
    [],
    [None],
    [[]],
    {},
    {"id": {}},
)


@pytest.fixture(params=HARNESSES)
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    async with HARNESSES[request.param]() as started:
        yield started


async def stored(harness: Harness, count: int) -> None:
    await harness.intake.wait_for(lambda: len(harness.intake.events) >= count)


async def test_nothing_is_acknowledged_before_it_is_stored(harness: Harness) -> None:
    harness.intake.broken = True
    saying = asyncio.ensure_future(harness.says(1, "hello"))
    await harness.intake.wait_for(lambda: harness.intake.attempts >= 2)
    assert harness.acknowledged_now() == 0
    harness.intake.broken = False
    await stored(harness, 1)
    await harness.acknowledged(1)
    await saying


async def test_a_repeat_is_stored_once(harness: Harness) -> None:
    await harness.says(1, "hello")
    await stored(harness, 1)
    await harness.repeats()
    await harness.says(1, "goodbye")
    await stored(harness, 2)
    texts = [message.text for e in harness.intake.events if (message := read(harness, e.body))]
    assert texts == ["hello", "goodbye"]


async def test_people_are_kept_apart(harness: Harness) -> None:
    await harness.says(1, "from one")
    await harness.says(2, "from two")
    await stored(harness, 2)
    one, two = (read(harness, event.body) for event in harness.intake.events)
    assert one is not None
    assert two is not None
    assert one.address == harness.address(1) != two.address == harness.address(2)
    assert one.sender.id != two.sender.id


async def test_the_ordering_key_is_the_address(harness: Harness) -> None:
    await harness.says(1, "你好 😀")
    await stored(harness, 1)
    event = harness.intake.events[0]
    message = read(harness, event.body)
    assert message is not None
    assert event.ordering_key == message.address.key
    assert (message.kind, message.text) == (MessageKind.TEXT, "你好 😀")
    assert message.external_id
    assert message.sender.verified


async def test_hostile_bodies_raise_malformed_and_nothing_else(harness: Harness) -> None:
    await harness.says(1, "hello")
    await stored(harness, 1)
    body = json.loads(json.dumps(harness.intake.events[0].body))
    for hostile in mutations(body):
        try:
            message = harness.channel.read(hostile)
        except Malformed:
            continue
        if message is not None:
            assert_storable(message.text, message.sender.name, message.sender.language)


async def test_a_long_text_arrives_whole_in_pieces_that_fit(harness: Harness) -> None:
    await harness.says(1, "hello")
    await stored(harness, 1)
    text = "一句话不长，😀 but this one is in English. " * 400
    message = OutgoingMessage(harness.address(1), text, buttons=((Button("Yes", "token"),),))
    receipt = await harness.channel.send(message, "key-1")
    arrived = await harness.received(1)
    limits = harness.channel.limits
    assert "".join("".join(arrived).split()) == "".join(text.split())
    assert all(units(piece, limits.text_unit) <= limits.text_units for piece in arrived)
    assert len(set(receipt.external_ids)) == len(receipt.external_ids) == len(arrived)


async def test_hostile_text_is_sent_or_refused_but_breaks_nothing(harness: Harness) -> None:
    await harness.says(1, "hello")
    await stored(harness, 1)
    message = OutgoingMessage(harness.address(1), "a\ud800b\x00c\u202ed")
    await harness.channel.send(message, "key-2")
    (arrived,) = await harness.received(1)
    assert (arrived[0], arrived[2]) == ("a", "b")
    assert_storable(arrived)


def read(harness: Harness, body: Any) -> Any:
    return harness.channel.read(body)


def assert_storable(*texts: str) -> None:
    """Every database takes these: no NUL, no lone surrogate."""
    for text in texts:
        text.encode()
        assert "\x00" not in text


def mutations(body: Any) -> Iterator[Any]:
    """Return copies of ``body`` in which one value is hostile or missing."""
    for path in paths(body):
        for value in HOSTILE:
            yield changed(body, path, value)
        yield changed(body, path, ...)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else ()
    for key, child in children:
        yield (*path, key)
        yield from paths(child, (*path, key))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return ``body`` with ``value`` at ``path``; without that key for ``...``."""
    fresh = copy.deepcopy(body)
    *above, key = path
    target = fresh
    for step in above:
        target = target[step]
    if value is ...:
        del target[key]
    else:
        target[key] = value
    return fresh
