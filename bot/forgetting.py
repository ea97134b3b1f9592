"""What nobody can use any more is deleted: buttons whose time is over, once a day."""

from collections.abc import Callable
from datetime import timedelta

from bot import buttons
from bot.timers import Timer
from bot.transaction import Transaction

KIND = "buttons.forget"
#: buttons deleted in one transaction; when there are more, the rest follows after a moment
AT_ONCE = 5_000
_NEXT, _REST = timedelta(days=1), timedelta(seconds=1)


def timer_functions() -> dict[str, Callable[[Transaction, Timer], None]]:
    """Return the functions that timers of this file run, by kind."""
    return {KIND: _due}


def start(tx: Transaction) -> None:
    """Begin now and go on from there; beginning again starts no second round."""
    tx.timer(f"{KIND}:0", KIND, tx.now, turn=0)


def _due(tx: Transaction, timer: Timer) -> None:
    gone = buttons.forget_expired(tx.connection, tx.now, AT_ONCE)
    # Two keys in turn: the runner marks the one that fires after it has run.
    turn = 1 - int(timer.payload["turn"])
    wait = _REST if gone == AT_ONCE else _NEXT
    tx.timer(f"{KIND}:{turn}", KIND, tx.now + wait, turn=turn)
