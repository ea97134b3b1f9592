"""What becomes of one try to send: sent, again later, uncertain, or dead."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot import outbox, threads
from bot.channels.base import (
    ChatMoved,
    Limits,
    NotSent,
    RetryLater,
    SendError,
    ThreadGone,
    Unconfirmed,
    Unreachable,
)
from bot.config import WorkerSettings
from bot.outbox import Delivery, Outgoing
from bot.places import Groups

#: a message that could not be handed over for so long is dead
GIVE_UP = timedelta(hours=24)
#: longest pause between two tries, seconds
MAX_BACKOFF_S = 60.0
#: longest pause between two tries in a group that does not have us, seconds
MAX_AWAY_S = 300.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What to write about a try. ``settled``: nothing more will be done about the message."""

    status: Delivery
    settled: bool = True
    values: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    #: the chat's new id
    moved: str = ""
    thread_gone: bool = False
    unreachable: bool = False


#: the platform has it
SENT = Fate(Delivery.SENT)


def doubles(outgoing: Outgoing, limits: Limits) -> bool:
    """Say whether sending this again may show it twice."""
    return limits.idempotency == "none" and not outgoing.message.answers_press


def after(
    outgoing: Outgoing,
    error: SendError,
    limits: Limits,
    settings: WorkerSettings,
    now: datetime,
    groups: Groups,
) -> Fate:
    """Decide what the channel's error means for this message."""
    text = str(error) or type(error).__name__
    match error:
        case RetryLater():
            return again(outgoing, error.seconds, text, now)
        case NotSent():
            return again(outgoing, backoff(outgoing.attempts), text, now)
        case ChatMoved() if outgoing.attempts < settings.max_attempts:
            return replace(again(outgoing, 0.0, text, now), moved=error.new_chat)
        case ThreadGone():
            return _thread_gone(outgoing, text, settings, now)
        case Unreachable() if outgoing.message.address in groups:
            # Somebody took us out of the group, and somebody can put us back.
            return again(outgoing, backoff(outgoing.attempts, MAX_AWAY_S), text, now)
        case Unreachable():
            return Fate(Delivery.DEAD, error=text, unreachable=True)
        case Unconfirmed():
            return unanswered(outgoing, text, limits, settings, now)
        case _:
            return Fate(Delivery.DEAD, error=text)


def again(outgoing: Outgoing, seconds: float, error: str, now: datetime) -> Fate:
    """Queue it again, unless it has waited for a day: then it is dead and people hear of it."""
    if now - outgoing.queued_at > GIVE_UP:
        return Fate(Delivery.DEAD, error=error)
    values = {"not_before": outbox.moment_after(seconds, now)}
    return Fate(Delivery.QUEUED, False, values, error)


def unanswered(
    outgoing: Outgoing, error: str, limits: Limits, settings: WorkerSettings, now: datetime
) -> Fate:
    """A send without an answer: repeat it once, marked, unless the platform knows our key."""
    if not doubles(outgoing, limits):
        if outgoing.attempts >= settings.max_attempts:
            return Fate(Delivery.DEAD, error=error)
        return again(outgoing, backoff(outgoing.attempts), error, now)
    if outgoing.copies >= 1:
        return Fate(Delivery.UNCERTAIN, error=error)
    moment = outbox.moment_after(settings.uncertain_retry_s, now)
    return Fate(Delivery.UNCERTAIN, False, {"not_before": moment, "copies": 1}, error)


def backoff(attempts: int, most: float = MAX_BACKOFF_S) -> float:
    """Exponential with jitter, in seconds, about ``most`` at the most."""
    wait: float = min(most, 0.5 * 2 ** min(attempts, 10))
    return wait * random.uniform(0.8, 1.2)


def _thread_gone(outgoing: Outgoing, text: str, settings: WorkerSettings, now: datetime) -> Fate:
    own = threads.is_own_name(outgoing.message.address.thread)
    if outgoing.attempts >= settings.max_attempts or not own:
        return Fate(Delivery.DEAD, error=text)
    return replace(again(outgoing, 0.0, text, now), thread_gone=True)
