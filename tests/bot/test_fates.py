"""What becomes of one try to send, for every error a channel may raise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import fates
from bot.channels.base import (
    ChatMoved,
    Limits,
    NotSent,
    Refused,
    RetryLater,
    SendError,
    ThreadGone,
    Unconfirmed,
    Unreachable,
)
from bot.config import WorkerSettings
from bot.messages import Address, OutgoingMessage
from bot.outbox import Delivery, Outgoing
from bot.places import Groups

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SETTINGS = WorkerSettings(uncertain_retry_s=30, max_attempts=8)
GROUPS = Groups(desk=Address("played", "duty-desk"))
PLAIN, KEYED = Limits(), Limits(idempotency="window", idempotency_s=3600)


def row(thread: str = "", age_h: float = 0.0, chat: str = "-100", **changes: int) -> Outgoing:
    message = OutgoingMessage(Address("played", chat, thread), "hello")
    made = Outgoing(
        id=1,
        lane=message.address.key,
        subject="",
        message=message,
        attempts=0,
        copies=0,
        parts=(),
        queued_at=NOW - timedelta(hours=age_h),
        epoch=1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def fate(error: SendError, outgoing: Outgoing | None = None, limits: Limits = PLAIN) -> fates.Fate:
    return fates.after(outgoing or row(), error, limits, SETTINGS, NOW, GROUPS)


def wait(found: fates.Fate) -> float:
    moment: datetime = found.values["not_before"]
    return (moment - NOW).total_seconds()


def test_patience_is_kept_to_the_second() -> None:
    found = fate(RetryLater(17))
    assert (found.status, found.settled, wait(found)) == (Delivery.QUEUED, False, 17)


@pytest.mark.parametrize("error", [RetryLater(1), NotSent(), ChatMoved("-2")])
def test_a_day_is_long_enough(error: SendError) -> None:
    assert not fate(error, row(age_h=24)).settled
    assert fate(error, row(age_h=24.01)).status is Delivery.DEAD


@pytest.mark.parametrize("chat", ["-100", "duty-desk"])
def test_a_group_that_put_us_out_is_asked_again_for_a_day(chat: str) -> None:
    """Whatever its id looks like, the chat where officials work is one."""
    kicked = Unreachable("kicked")
    first, later = fate(kicked, row("~K7", chat=chat)), fate(kicked, row(attempts=30, chat=chat))
    assert (first.status, first.settled, first.unreachable) == (Delivery.QUEUED, False, False)
    assert wait(first) < 1
    assert 240 <= wait(later) <= 360
    assert fate(kicked, row(age_h=24.01, chat=chat)).status is Delivery.DEAD


@given(st.integers(0, 10_000))
def test_pauses_grow_to_a_minute_and_are_spread(attempts: int) -> None:
    pause = fates.backoff(attempts)
    middle = min(60.0, 0.5 * 2 ** min(attempts, 10))
    assert 0.8 * middle <= pause <= 1.2 * middle


@pytest.mark.parametrize("error", [Unreachable("blocked"), Refused("bad"), SendError("odd")])
def test_what_cannot_help_is_dead_and_says_why(error: SendError) -> None:
    found = fate(error, row(chat="alice"))
    assert (found.status, found.settled, found.error) == (Delivery.DEAD, True, str(error))
    assert found.unreachable is isinstance(error, Unreachable)


def test_an_error_without_words_gives_its_name() -> None:
    assert fate(Refused()).error == "Refused"


def test_no_answer_means_one_marked_repeat() -> None:
    first = fate(Unconfirmed("cut"))
    assert (first.status, first.settled, wait(first)) == (Delivery.UNCERTAIN, False, 30)
    assert first.values["copies"] == 1
    second = fate(Unconfirmed("cut"), row(copies=1))
    assert (second.status, second.settled) == (Delivery.UNCERTAIN, True)


def test_where_the_platform_knows_our_key_it_is_tried_until_the_tries_end() -> None:
    assert fate(Unconfirmed(), row(attempts=7), KEYED).status is Delivery.QUEUED
    assert fate(Unconfirmed(), row(attempts=8), KEYED).status is Delivery.DEAD
    assert not fates.doubles(row(), KEYED)
    assert fates.doubles(row(), PLAIN)


@pytest.mark.parametrize("error", [ThreadGone(), ChatMoved("-2")])
def test_a_place_may_change_so_often_and_no_more(error: SendError) -> None:
    found = fate(error, row("~K7", attempts=7))
    assert (found.status, wait(found)) == (Delivery.QUEUED, 0)
    assert (found.thread_gone, found.moved) == (
        isinstance(error, ThreadGone),
        "-2" if isinstance(error, ChatMoved) else "",
    )
    assert fate(error, row("~K7", attempts=8)).status is Delivery.DEAD


def test_a_foreign_thread_cannot_be_opened_again() -> None:
    assert fate(ThreadGone(), row("77")).status is Delivery.DEAD
