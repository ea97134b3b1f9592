"""Token buckets: limits hold over any window, waits are exact, a pause outranks them all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.base import Limits
from bot.messages import Address
from bot.rates import ACCOUNT, Rates, rate

ALICE = Address("telegram", "1")
BOB = Address("telegram", "2")
GROUP = Address("telegram", "-100", "7")


def rates(**limits: tuple[int, float]) -> Rates:
    return Rates(Limits(**limits))  # type: ignore[arg-type]


def test_a_chat_waits_for_itself_alone() -> None:
    r = rates(per_chat=(1, 1.0))
    r.take(ALICE, False, 10.0)
    assert r.delay(ALICE, False, 10.25) == pytest.approx(0.75)
    assert r.delay(ALICE, False, 11.0) == 0
    assert r.delay(BOB, False, 10.25) == 0


def test_a_group_has_its_own_rate_over_all_its_threads() -> None:
    r = rates(per_chat=(1, 1.0), per_group=(20, 60.0))
    for _ in range(20):
        assert r.delay(GROUP, True, 0.0) == 0
        r.take(GROUP, True, 0.0)
    assert r.delay(GROUP.with_thread("8"), True, 0.0) == pytest.approx(3.0)


def test_the_account_holds_every_chat() -> None:
    r = rates(per_account=(2, 1.0))
    r.take(ALICE, False, 0.0)
    r.take(BOB, False, 0.0)
    assert r.delay(GROUP, True, 0.0) == pytest.approx(0.5)


def test_no_limits_no_waits() -> None:
    r = rates()
    r.take(ALICE, False, 0.0)
    assert r.delay(ALICE, False, 0.0) == 0


def test_a_pause_holds_its_scope_and_no_shorter_one_lifts_it() -> None:
    r = rates(per_chat=(1, 1.0))
    r.pause(ALICE.chat, 30.0, 100.0)
    r.pause(ALICE.chat, 1.0, 101.0)
    assert r.delay(ALICE, False, 105.0) == pytest.approx(25.0)
    assert r.delay(BOB, False, 105.0) == 0
    r.pause(ACCOUNT, 10.0, 100.0)
    assert r.delay(BOB, False, 105.0) == pytest.approx(5.0)
    assert r.delay(BOB, False, 110.0) == 0


@given(
    burst=st.integers(1, 5),
    period=st.floats(0.1, 60),
    gaps=st.lists(st.floats(0, 20), min_size=2, max_size=60),
)
def test_waiting_as_told_never_breaks_the_limit(
    burst: int, period: float, gaps: list[float]
) -> None:
    r = rates(per_chat=(burst, period))
    now, sent = 0.0, []
    for gap in gaps:
        now += gap
        now += r.delay(ALICE, False, now)
        assert r.delay(ALICE, False, now) == 0
        r.take(ALICE, False, now)
        sent.append(now)
    # A bucket lets at most its burst and what it refills in a window of any length pass.
    for i, start in enumerate(sent):
        for j in range(i, len(sent)):
            assert j - i + 1 <= burst + (sent[j] - start) * burst / period + 1e-6


def test_idle_chats_are_forgotten() -> None:
    r = rates(per_chat=(1, 1.0))
    for chat in range(25_000):
        r.take(Address("telegram", str(chat)), False, float(chat))
    assert len(r._buckets) <= 10_001


@pytest.mark.parametrize(
    ("given", "expected"), [((20, 60), (20, 60)), ((0.5, 1), (1, 2)), ((2.5, 1), (2, 0.8))]
)
def test_a_rate_is_a_whole_number_in_a_period(
    given: tuple[float, float], expected: tuple[int, float]
) -> None:
    assert rate(*given) == pytest.approx(expected)
