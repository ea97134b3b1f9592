"""What officials hear about messages that did not reach their citizen.

A message of a case is told of in its topic. Any other that cannot be sent, although the citizen
can be reached, is told of in the case that runs there, or becomes one: what was asked must not end
in silence.
"""

import json
from dataclasses import replace

from admin import asked, case_events, cases, intake, relay
from admin.case_events import DESK
from admin.cases import HandoffReason
from admin.desk import DeskConfig
from admin.intake import Handoff, Words
from admin.texts import known, say
from bot.conversations import ConversationRow
from bot.messages import Address
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
        key, message = _SENTENCES.get(state), outgoing.message
        if key is None or message.answers_press or self._desk.is_here(message.address):
            return  # a notice about a topic that cannot be written to could not be written either
        number = outgoing.subject
        if not number and state is Delivery.DEAD:
            running = cases.open_at(tx.session, message.address.key)
            number = running.number if running else self._handed_off(tx, message.address)
        case = cases.find(tx.session, number) if number else None
        if case is None:
            return
        words = one_line(message.shown, 80)
        case_events.record(tx, case, "delivery_failed", DESK, words, state=state, error=error)
        relay.to_topic(tx, self._desk, case, say(self._desk.language, key, words=words))

    def _handed_off(self, tx: Transaction, address: Address) -> str:
        """Give the last question of a citizen who can be reached to an official."""
        row = tx.session.get(ConversationRow, address.key)
        if row is None or not row.person or not row.reachable:
            return ""
        state = json.loads(row.state)
        kept = state.get(asked.LAST, {})
        spoke = known(
            state.get("lang") or state.get("spoke") or row.language or self._desk.language
        )
        words = Words(address, row.person, spoke, asked.question_in(kept), asked.files_in(kept))
        if case_events.was_said(tx.session, address.key, words.text):
            words = replace(words, text="", attachments=())  # an official has had it before
        return intake.hand_off(tx, self._desk, Handoff(words, HandoffReason.FAILURE))
