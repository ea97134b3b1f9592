"""What officials hear about messages that did not reach their citizen."""

from admin import case_events, cases, relay
from admin.case_events import DESK
from admin.desk import DeskConfig
from admin.texts import say
from bot.outbox import Delivery, Outgoing
from bot.text import one_line
from bot.transaction import Transaction

#: fates an official must know of, with the sentence that tells it
_SENTENCES = {Delivery.DEAD: "desk.not_delivered", Delivery.UNCERTAIN: "desk.uncertain"}


class DeliveryNotices:
    """Called by delivery, inside its recording transaction, when nothing more will be tried."""

    def __init__(self, desk: DeskConfig) -> None:
        self._desk = desk

    def __call__(self, tx: Transaction, outgoing: Outgoing, state: Delivery, error: str) -> None:
        """Tell the topic when a message of a case did not, or may not have, reached the citizen."""
        key = _SENTENCES.get(state)
        message = outgoing.message
        if key is None or not outgoing.subject or message.answers_press:
            return
        if self._desk.is_here(message.address):
            return  # a notice about a topic that cannot be written to could not be written either
        case = cases.find(tx.session, outgoing.subject)
        if case is None:
            return
        words = one_line(message.shown, 80)
        case_events.record(tx, case, "delivery_failed", DESK, words, state=state, error=error)
        relay.to_topic(tx, self._desk, case, say(self._desk.language, key, words=words))
