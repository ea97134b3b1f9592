"""Calling out cases that nobody has claimed, in the admin chat itself, until somebody does."""

from collections.abc import Callable
from datetime import timedelta

from admin import card, case_events, cases
from admin.case_events import DESK
from admin.cases import Case, CaseStatus
from admin.desk import DeskConfig
from admin.texts import say
from bot import timers
from bot.buttons import Choice
from bot.messages import OutgoingMessage
from bot.text import one_line
from bot.timers import Timer
from bot.transaction import Transaction

KIND = "case.unclaimed"
#: Each wait is twice the one before, up to so many times the first.
_LONGEST = 16


def timer_functions(desk: DeskConfig) -> dict[str, Callable[[Transaction, Timer], None]]:
    """Return the functions that timers of this file run, by kind."""
    return {KIND: lambda tx, timer: _due(tx, desk, timer)}


def start(tx: Transaction, desk: DeskConfig, case: Case) -> None:
    """Set the next call for a case that nobody holds."""
    waits = min(2**case.callouts, _LONGEST)
    due = tx.now + timedelta(minutes=desk.claim_minutes * waits)
    tx.timer(_key(case), KIND, due, case.number, round=case.callouts)


def stop(tx: Transaction, case: Case) -> None:
    """Call a case out no more."""
    timers.cancel(tx.connection, _key(case), tx.now)


def _key(case: Case) -> str:
    # Each round has a key of its own: the runner marks the one that fires after it has run.
    return f"{KIND}:{case.number}:{case.callouts}"


def _due(tx: Transaction, desk: DeskConfig, timer: Timer) -> None:
    case = cases.find(tx.session, timer.subject)
    if case is None:
        return
    case = cases.lock(tx.session, case.number)
    if case.status != CaseStatus.OPEN or timer.payload.get("round") != case.callouts:
        return
    case.callouts += 1
    case_events.record(tx, case, "called_out", DESK, round=case.callouts)
    tx.send(_call(tx, desk, case), case.number)
    start(tx, desk, case)


def _call(tx: Transaction, desk: DeskConfig, case: Case) -> OutgoingMessage:
    text = say(
        desk.language,
        "desk.unclaimed",
        headline=card.headline(tx.session, desk, case),
        minutes=round((tx.now - case.opened_at).total_seconds() / 60),
        question=one_line(case.question, 200),
    )
    claim = Choice(say(desk.language, "button.claim"), "desk.claim", {"case": case.number})
    return OutgoingMessage(desk.address, text, buttons=tx.buttons(desk.address, ((claim,),)))
