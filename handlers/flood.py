"""How much one person may send: beyond it a message is refused, and the person told so.

What adds to a running case has a limit of its own, several times as high; beyond it the case's
topic is told as well. So has the question how a case stands: a citizen who waits may always ask. A
refused message stays in the inbox and in the journal; it is only not worked on.
"""

from datetime import datetime

from admin import intake
from admin.command_words import Typed
from bot.context import Outcome
from bot.messages import IncomingMessage, MessageKind
from bot.rates import Bucket
from handlers.context import OfficeContext

#: messages a person may send at once beyond a minute's worth
BURST = 5
#: times as many may go to a running case, and may ask how it stands
IN_CASE = 5
#: "too fast" is said at most once in so many seconds
TOLD_EVERY_S = 60.0
#: asks how a case stands; with a number and a code it could be a guess
_STATUS = Typed("status")
#: persons remembered before the quiet ones are forgotten
_KEPT = 10_000


class Flood:
    """Counts the messages of each person in this process."""

    def __init__(self, per_minute: int) -> None:
        self._alone, self._in_case = _Meter(per_minute), _Meter(per_minute * IN_CASE)
        self._standing = _Meter(per_minute * IN_CASE)

    async def __call__(self, message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
        """Refuse what comes too fast; a repeated try of the same message is not counted again."""
        person, now = ctx.person or ctx.conversation.key, _seconds(ctx.now)
        number = _case_added_to(message, ctx)
        meter = self._in_case if number else self._alone
        if ctx.command == _STATUS:
            meter = self._standing
        if ctx.attempt or meter.allows(person, now):
            return None
        if meter.tell(person, now):
            desk = ctx.office.desk
            ctx.say("too_fast")
            if number:
                ctx.do(lambda tx: intake.held_back(tx, desk, number))
        ctx.note(refused="too_fast")
        return Outcome.REFUSED


def _case_added_to(message: IncomingMessage, ctx: OfficeContext) -> str:
    """Return the running case that these words or files would be passed on to."""
    if message.kind is MessageKind.BUTTON or ctx.command is not None:
        return ""
    return ctx.standing.case


class _Meter:
    """One limit, measured for each person."""

    def __init__(self, per_minute: int) -> None:
        most = per_minute + BURST
        self._rate = (most, most / per_minute * 60.0)
        self._buckets: dict[str, Bucket] = {}
        self._told: dict[str, float] = {}

    def allows(self, person: str, now: float) -> bool:
        """Count a message; False when it is one too many."""
        bucket = self._buckets.get(person)
        if bucket is None:
            self._forget_quiet(now)
            bucket = self._buckets[person] = Bucket.full(self._rate, now)
        if bucket.delay(now) > 0:
            return False
        bucket.take(now)
        return True

    def tell(self, person: str, now: float) -> bool:
        """Say whether a refusal is to be told now."""
        if now - self._told.get(person, -TOLD_EVERY_S) < TOLD_EVERY_S:
            return False
        self._told[person] = now
        return True

    def _forget_quiet(self, now: float) -> None:
        if len(self._buckets) < _KEPT:
            return
        self._buckets = {p: b for p, b in self._buckets.items() if b.level(now) < b.burst}
        self._told = {p: at for p, at in self._told.items() if now - at < TOLD_EVERY_S}


def _seconds(moment: datetime) -> float:
    return moment.timestamp()
