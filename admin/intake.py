"""The citizen's side of a case: it is opened, added to, corrected, judged and followed.

Everything here runs inside the deciding transaction and reads the state it changes there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from admin import (
    callouts,
    card,
    case_events,
    case_numbers,
    cases,
    departments,
    learning,
    relay,
)
from admin.case_events import Origin, Source
from admin.cases import Case, CaseStatus, HandoffReason, Suggestion
from admin.desk import DeskConfig
from admin.permissions import holder_of
from admin.texts import say
from bot.messages import Address, Attachment, OutgoingMessage, Span, SpanKind
from bot.text import clean
from bot.transaction import Transaction
from knowledge.gap_questions import Missed

#: "your message was passed on" is said at most once in so many minutes
NOTICE_MINUTES = 10
#: wrong codes for one case before it is shut for an hour
WRONG_CODES = 5


@dataclass(frozen=True, slots=True)
class Words:
    """What a citizen wrote, where, and who they are to us."""

    address: Address
    person: str
    language: str
    text: str
    attachments: Sequence[Attachment] = ()
    messages: tuple[Source, ...] = ()

    @property
    def origin(self) -> Origin:
        """The messages these words came by."""
        return Origin("citizen", self.address.place, self.messages)


@dataclass(frozen=True, slots=True)
class Handoff:
    """A question on its way to an official; ``missed`` is None when nothing was asked."""

    words: Words
    reason: HandoffReason
    suggestions: Sequence[Suggestion] = field(default_factory=tuple)
    missed: Missed | None = Missed.UNANSWERED


def hand_off(tx: Transaction, desk: DeskConfig, handoff: Handoff) -> str:
    """Open a case, or join the one that runs here already; return its number."""
    words = handoff.words
    running = cases.open_at(tx.session, words.address.key)
    if running is not None:
        join(tx, desk, running.number, words, always_told=True)
        _note_missed(tx, running, handoff)
        return running.number
    case, code = _opened(tx, desk, handoff)
    _note_missed(tx, case, handoff)
    case_events.record(
        tx,
        case,
        "opened",
        words.origin,
        case.question,
        reason=case.reason,
        suggestions=[s.article for s in handoff.suggestions],
    )
    card.show(tx, desk, case)
    if words.attachments or len(case.question) > card.QUOTED:
        more = case.question if len(case.question) > card.QUOTED else ""
        relay.quote_to_topic(tx, desk, case, "", more, words.attachments)
    callouts.start(tx, desk, case)
    _tell_number(tx, case, code)
    return case.number


def _opened(tx: Transaction, desk: DeskConfig, handoff: Handoff) -> tuple[Case, str]:
    words, number, code = handoff.words, _free_number(tx), case_numbers.new_code()
    department = departments.ensure(tx.session, desk.department, desk.department_en)
    case = Case(
        number=number,
        secret_hash=case_numbers.hashed(number, code),
        reason=handoff.reason,
        person=words.person,
        conversation=words.address.key,
        language=words.language,
        question=clean(words.text).strip(),
        candidates=cases.packed(list(handoff.suggestions)),
        department=department.name,
        opened_at=tx.now,
        last_citizen_at=tx.now,
    )
    tx.session.add(case)
    tx.session.flush()
    return case, code


def _note_missed(tx: Transaction, case: Case, handoff: Handoff) -> None:
    if handoff.missed is not None:
        words = handoff.words
        learning.missed(tx, case, words.text, handoff.missed, words.language)


def _free_number(tx: Transaction) -> str:
    while True:
        number = case_numbers.new_number()
        if cases.find(tx.session, number) is None:
            return number


def _tell_number(tx: Transaction, case: Case, code: str) -> None:
    department = departments.called(tx.session, case.department, case.language)
    values = {"number": case.number, "department": department, "code": code}
    text = say(case.language, f"handed_off.{case.reason}", **values)
    bold = [Span(SpanKind.BOLD, text.find(part), len(part)) for part in (case.number, code)]
    relay.to_citizen(tx, case, text, spans=bold, secret=code)


def join(
    tx: Transaction, desk: DeskConfig, number: str, words: Words, always_told: bool = False
) -> None:
    """Add what the citizen writes to the running case, and show it to the official.

    The citizen is told so now and then; ``always_told`` where they wait for a reply.
    """
    case = cases.lock(tx.session, number)
    case.last_citizen_at = tx.now
    if case.is_over:  # closed while this message was on its way: it must not end up unread
        _take_up_again(tx, desk, case)
        card.show(tx, desk, case)
    case_events.record(
        tx, case, "citizen_wrote", words.origin, clean(words.text), files=len(words.attachments)
    )
    relay.quote_to_topic(
        tx, desk, case, say(desk.language, "desk.citizen_wrote"), words.text, words.attachments
    )
    if _waits_for_official(tx, case):
        card.show(tx, desk, case)
    since = case.noticed_at
    if always_told or since is None or tx.now - since >= timedelta(minutes=NOTICE_MINUTES):
        case.noticed_at = tx.now
        relay.to_citizen(tx, case, say(case.language, "citizen.passed_on", number=case.number))


def _waits_for_official(tx: Transaction, case: Case) -> bool:
    """After an answer or a question back, the citizen's word puts the case on the desk again."""
    if case.status not in (CaseStatus.ANSWERED, CaseStatus.WAITING):
        return False
    return cases.move(case, CaseStatus.ASSIGNED, tx.now)


def correct(tx: Transaction, desk: DeskConfig, number: str, words: Words) -> None:
    """Show the citizen's edit as an edit; both versions are kept."""
    case = cases.lock(tx.session, number)
    origin = words.origin
    earlier = case_events.of_origin(tx.session, origin)
    before = earlier[-1].text if earlier else ""
    after = clean(words.text).strip()
    replaced = bool(earlier) and case_events.replaced(earlier[-1], words.messages)
    if earlier and before == after and not replaced:
        return
    case.last_citizen_at = tx.now
    case_events.record(tx, case, "citizen_edited", origin, after, earlier=before, replaced=replaced)
    key = _edited_how(bool(earlier), replaced)
    head = say(desk.language, key, before=before or say(desk.language, "card.no_words"))
    relay.quote_to_topic(tx, desk, case, head, after, words.attachments)


def _edited_how(seen: bool, replaced: bool) -> str:
    if not seen:
        return "desk.citizen_edited_unseen"
    return "desk.citizen_replaced" if replaced else "desk.citizen_edited"


def withdrew(tx: Transaction, desk: DeskConfig, number: str, words: Words) -> None:
    """Tell the topic that the citizen took a message back; what was shown stays."""
    case = cases.lock(tx.session, number)
    case_events.record(tx, case, "citizen_withdrew", words.origin)
    relay.to_topic(tx, desk, case, say(desk.language, "desk.citizen_withdrew"))


def held_back(tx: Transaction, desk: DeskConfig, number: str) -> None:
    """Tell the topic that the citizen writes too fast and not everything is shown there."""
    case = cases.lock(tx.session, number)
    case_events.record(tx, case, "citizen_held_back", Origin("citizen"))
    relay.to_topic(tx, desk, case, say(desk.language, "desk.citizen_held_back"))


def presence(tx: Transaction, desk: DeskConfig, number: str, here: bool) -> None:
    """Tell the topic that the citizen cannot be reached, or can be again."""
    case = cases.lock(tx.session, number)
    kind = "citizen_back" if here else "citizen_left"
    case_events.record(tx, case, kind, Origin("citizen"))
    relay.to_topic(tx, desk, case, say(desk.language, f"desk.{kind}"))


def verdict(tx: Transaction, desk: DeskConfig, number: str, address: Address, solved: bool) -> None:
    """Take the citizen's word on whether it is solved; "not solved" takes the case up again."""
    case = cases.lock(tx.session, number)
    word = "solved" if solved else "unsolved"
    if case.conversation != address.key:
        _answer(tx, address, case, "citizen.moved")
    elif case.verdict == word and case.is_over == solved:
        _answer(tx, address, case, "citizen.already")
    else:
        _judged(tx, desk, case, word)
        _answer(tx, address, case, f"citizen.{word}")


def _judged(tx: Transaction, desk: DeskConfig, case: Case, word: str) -> None:
    case.verdict = word
    case.last_citizen_at = tx.now
    if word == "solved":
        cases.move(case, CaseStatus.SOLVED, tx.now)
        callouts.stop(tx, case)
    else:
        _take_up_again(tx, desk, case)
        learning.missed(tx, case, case.question, Missed.UNSOLVED, case.language)
    learning.judged(tx, case, word)
    case_events.record(tx, case, f"citizen_{word}", Origin("citizen"))
    card.show(tx, desk, case)
    relay.to_topic(tx, desk, case, say(desk.language, f"desk.{word}"))


def _take_up_again(tx: Transaction, desk: DeskConfig, case: Case) -> None:
    if holder_of(tx.session, case) is not None:
        cases.move(case, CaseStatus.ASSIGNED, tx.now)
        return
    case.holder = None
    cases.move(case, CaseStatus.OPEN, tx.now)
    callouts.start(tx, desk, case)


def _answer(tx: Transaction, address: Address, case: Case, key: str) -> None:
    text = say(case.language, key, number=case.number)
    tx.send(OutgoingMessage(address, text), case.number)


def follow(tx: Transaction, desk: DeskConfig, number: str, code: str, words: Words) -> bool:
    """Let a case follow its citizen to another place; False when number or code is wrong.

    After five wrong codes the case is shut to further tries for an hour. The message itself, with
    the code in it, stays in the inbox and in the journal.
    """
    case = cases.find(tx.session, number)
    if case is not None:
        case = cases.lock(tx.session, number)
    if case is None or _is_shut(tx, case) or not _code_fits(tx, case, code):
        tx.journal("code_refused", {"number": number[:20]}, person=words.person)
        return False
    case.wrong_codes = 0
    left = case.address
    if left != words.address:
        case.conversation, case.person = words.address.key, words.person or case.person
        case.language = words.language
        case_events.record(tx, case, "followed", words.origin, earlier=left.key)
        told = say(case.language, "citizen.followed_elsewhere", number=case.number)
        tx.send(OutgoingMessage(left, told), case.number)
        channel = card.channel_name(desk.language, words.address.channel)
        relay.to_topic(tx, desk, case, say(desk.language, "desk.followed", channel=channel))
    return True


def _is_shut(tx: Transaction, case: Case) -> bool:
    if case.wrong_code_at and tx.now - case.wrong_code_at > timedelta(hours=1):
        case.wrong_codes = 0
    return case.wrong_codes >= WRONG_CODES


def _code_fits(tx: Transaction, case: Case, code: str) -> bool:
    if case_numbers.matches(case.number, code, case.secret_hash):
        return True
    case.wrong_codes += 1
    case.wrong_code_at = tx.now
    return False
