"""What the log says of messages to a group that do not arrive.

A group is where officials work: nobody else would tell the operator that they hear nothing. The
lines name the message by its number and the reason by its kind, never what was written.
"""

import logging
import time

from bot.channels.base import SendError, Unreachable
from bot.fates import Fate
from bot.outbox import Delivery, Outgoing
from bot.places import Groups

log = logging.getLogger("huiying.delivery")

#: a group that does not have us is named once in so many seconds
EVERY_S = 60.0


class Alarms:
    """One delivery's alarms."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._last: dict[str, float] = {}

    def after(self, outgoing: Outgoing, error: SendError, fate: Fate) -> None:
        """Raise an alarm when this try means that a group does not hear us."""
        address, kind = outgoing.message.address, type(error).__name__
        if address not in self._groups:
            return
        if fate.status is Delivery.DEAD:
            log.error("message %d to a group is given up: %s", outgoing.id, kind)
        elif isinstance(error, Unreachable) and self._is_new(address.chat):
            log.error(
                "the group %s cannot be written to (%s); is the bot still a member?",
                address.chat,
                kind,
            )

    def _is_new(self, chat: str) -> bool:
        now = time.monotonic()
        new = now - self._last.get(chat, float("-inf")) >= EVERY_S
        if new:
            self._last[chat] = now
        return new
