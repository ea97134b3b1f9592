"""How fast we may send: one token bucket per chat, per group and for the account.

Opening threads has a bucket and pauses of its own: a platform that minds the opening of many does
not mind messages to those that are open.

Time is a monotonic number of seconds given by the caller; nothing here sleeps or reads a clock.
Telegram does not publish its exact limits (its FAQ names about 1/s a chat, 20/min a group and 30/s
over all); what it says in ``retry_after`` is therefore honoured above every bucket, see
:meth:`Rates.pause`.
"""

from collections import Counter
from dataclasses import dataclass

from bot.channels.base import Limits
from bot.messages import Address

#: Scope of a pause that holds every chat of the account.
ACCOUNT = "account"
#: Scope of a pause that holds the opening of threads.
OPENINGS = "openings"
#: Buckets kept before the idle ones are thrown away.
_KEPT = 10_000


@dataclass(slots=True)
class Bucket:
    """``burst`` messages at once, refilled over ``period`` seconds."""

    burst: int
    period: float
    tokens: float
    since: float

    @classmethod
    def full(cls, rate: tuple[int, float], now: float) -> "Bucket":
        """Return a bucket nobody has taken from."""
        return cls(rate[0], rate[1], float(rate[0]), now)

    def level(self, now: float) -> float:
        """Return how many messages may go at ``now`` (negative: so many were taken ahead)."""
        refilled = self.tokens + max(0.0, now - self.since) * self.burst / self.period
        return min(float(self.burst), refilled)

    def delay(self, now: float, ahead: int = 0) -> float:
        """Return the seconds until one more message may go, after ``ahead`` that wait before it."""
        # Rounding may leave a hair less than one token after exactly the wait that was asked for.
        missing = 1.0 + ahead - self.level(now)
        return missing * self.period / self.burst if missing > 1e-9 else 0.0

    def take(self, now: float) -> None:
        """Take one message's worth."""
        self.tokens, self.since = self.level(now) - 1.0, max(now, self.since)


class Rates:
    """The buckets and pauses of one channel account."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[str, Bucket] = {}
        self._paused: dict[str, float] = {}

    def delay(self, address: Address, is_group: bool, now: float, ahead: int = 0) -> float:
        """Return the seconds to wait before a message to ``address`` may go; 0 for none.

        ``ahead`` messages to the same chat wait before this one.
        """
        waits = [self._paused.get(scope, now) - now for scope in (ACCOUNT, address.chat)]
        for scope, _ in self._rules(address, is_group):
            if scope in self._buckets:
                place = ahead if scope == address.chat else 0
                waits.append(self._buckets[scope].delay(now, place))
        return max(0.0, *waits)

    def take(self, address: Address, is_group: bool, now: float) -> None:
        """Count one message to ``address``."""
        for scope, rate in self._rules(address, is_group):
            bucket = self._buckets.get(scope)
            if bucket is None:
                bucket = self._buckets[scope] = Bucket.full(rate, now)
            bucket.take(now)
        if len(self._buckets) > _KEPT:
            self._forget_idle(now)

    def opening_delay(self, now: float, ahead: int = 0) -> float:
        """Return the seconds to wait before a thread may be opened, ``ahead`` others before it."""
        bucket = self._buckets.get(OPENINGS)
        wait = bucket.delay(now, ahead) if bucket else 0.0
        return max(0.0, wait, self._paused.get(OPENINGS, now) - now)

    def take_opening(self, now: float) -> None:
        """Count one opened thread."""
        if self._limits.openings is None:
            return
        bucket = self._buckets.get(OPENINGS)
        if bucket is None:
            bucket = self._buckets[OPENINGS] = Bucket.full(self._limits.openings, now)
        bucket.take(now)

    def pause(self, scope: str, seconds: float, now: float) -> None:
        """Send nothing for ``seconds`` to the chat ``scope``, or to any when it is ACCOUNT.

        With OPENINGS no thread is opened.

        A shorter pause never lifts a longer one.
        """
        self._paused[scope] = max(self._paused.get(scope, now), now + seconds)

    def _rules(self, address: Address, is_group: bool) -> list[tuple[str, tuple[int, float]]]:
        chat = self._limits.per_group if is_group else self._limits.per_chat
        rules = [(ACCOUNT, self._limits.per_account), (address.chat, chat)]
        return [(scope, rate) for scope, rate in rules if rate is not None]

    def _forget_idle(self, now: float) -> None:
        self._buckets = {k: b for k, b in self._buckets.items() if b.level(now) < b.burst}
        self._paused = {k: until for k, until in self._paused.items() if until > now}


class Line:
    """One look at those who wait: who may not go gets a moment of its own.

    Were all put off to the same moment, they would come back together, and once more fill the
    look that somebody in another chat needs.
    """

    def __init__(self, rates: Rates, now: float) -> None:
        self.now = now
        self._rates = rates
        self._waiting: Counter[str] = Counter()

    def ask(self, address: Address, is_group: bool, opens: bool) -> float:
        """Count one message and return 0.0, or return the seconds until its turn."""
        rates, now = self._rates, self.now
        if max(rates.delay(address, is_group, now), rates.opening_delay(now) if opens else 0) <= 0:
            rates.take(address, is_group, now)
            if opens:
                rates.take_opening(now)
            return 0.0
        wait = rates.delay(address, is_group, now, self._waiting[address.chat])
        self._waiting[address.chat] += 1
        if opens:
            wait = max(wait, rates.opening_delay(now, self._waiting[OPENINGS]))
            self._waiting[OPENINGS] += 1
        return wait


def rate(messages: float, seconds: float) -> tuple[int, float]:
    """Return ``messages`` in ``seconds`` as a whole number of messages in a period.

    >>> rate(20, 60), rate(0.5, 1)
    ((20, 60), (1, 2.0))
    """
    if messages >= 1:
        return int(messages), int(messages) / messages * seconds
    return 1, seconds / messages
