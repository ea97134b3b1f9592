"""What officials do with a case: permission → rule → change → record, in one transaction.

Each act is one function. The chat, and later the console, call it and show what it returns. A
refusal changes nothing and is journalled too.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Concatenate, ParamSpec

from admin import (
    answers,
    callouts,
    card,
    case_events,
    cases,
    departments,
    learning,
    notes,
    officials,
    relay,
)
from admin.case_events import DESK, Origin
from admin.cases import Case, CaseStatus
from admin.desk import DeskConfig
from admin.officials import Official
from admin.permissions import Act, check, holder_of
from admin.refusals import ActRefused
from admin.texts import say
from bot.messages import Attachment
from bot.transaction import Transaction
from knowledge import gaps
from knowledge.errors import KnowledgeError

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Result:
    """What the official is told ("" for nothing), and whether the act was done."""

    text: str
    done: bool = True


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and by which message (``place`` and ``external_id``; empty for a button)."""

    official: int
    place: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class _Work:
    """An allowed act under way: everything as it is now, inside the transaction."""

    tx: Transaction
    desk: DeskConfig
    case: Case
    official: Official
    by: By

    @property
    def actor(self) -> str:
        return f"official:{self.official.key}"

    def record(self, kind: str, text: str = "", **more: object) -> None:
        origin = Origin(self.actor, self.by.place, self.by.external_id)
        case_events.record(self.tx, self.case, kind, origin, text, **more)

    def say(self, key: str, **values: object) -> str:
        return say(self.desk.language, f"done.{key}", number=self.case.number, **values)

    @property
    def channel(self) -> str:
        return card.channel_name(self.desk.language, self.case.address.channel)

    def department(self, language: str) -> str:
        return departments.called(self.tx.session, self.case.department, language)

    def take(self) -> None:
        """Make the official the holder of a case that nobody holds."""
        if holder_of(self.tx.session, self.case) is None:
            self.case.holder = self.official.key
            callouts.stop(self.tx, self.case)
        if self.case.status == CaseStatus.OPEN:
            cases.move(self.case, CaseStatus.ASSIGNED, self.tx.now)

    def show(self) -> None:
        card.show(self.tx, self.desk, self.case)


def _act(
    kind: Act,
) -> Callable[
    [Callable[Concatenate[_Work, P], str]],
    Callable[Concatenate[Transaction, DeskConfig, str, By, P], Result],
]:
    """Put the check, the lock and the journalled refusal around the body of an act.

    A body refuses before it changes anything.
    """

    def wrap(
        body: Callable[Concatenate[_Work, P], str],
    ) -> Callable[Concatenate[Transaction, DeskConfig, str, By, P], Result]:
        def run(
            tx: Transaction,
            desk: DeskConfig,
            number: str,
            by: By,
            /,
            *args: P.args,
            **kwargs: P.kwargs,
        ) -> Result:
            try:
                official = officials.get(tx.session, by.official)
                if official is None:
                    raise ActRefused("not_enrolled")
                case = cases.lock(tx.session, number)
                check(tx.session, kind, case, official)
                return Result(body(_Work(tx, desk, case, official, by), *args, **kwargs))
            except ActRefused as refusal:
                return _refused(tx, desk, number, by, kind, refusal)

        return functools.update_wrapper(run, body)

    return wrap


def _refused(
    tx: Transaction, desk: DeskConfig, number: str, by: By, kind: Act, refusal: ActRefused
) -> Result:
    body = {"act": kind, "why": refusal.key, "official": by.official}
    tx.journal("case_refused", body, subject=number)
    return Result(refusal.sentence(desk.language), done=False)


@_act(Act.CLAIM)
def claim(work: _Work) -> str:
    """Take the case; of two officials the first wins and the other is told who has it."""
    if work.case.holder == work.official.key:
        raise ActRefused("already_yours", number=work.case.number)
    work.take()
    work.record("claimed", holder=work.official.name)
    work.show()
    return work.say("claimed", holder=work.official.name, channel=work.channel)


@_act(Act.RELEASE)
def release(work: _Work) -> str:
    """Give the case back to its department; it is called out again."""
    work.case.holder = None
    cases.move(work.case, CaseStatus.OPEN, work.tx.now)
    work.record("released")
    callouts.start(work.tx, work.desk, work.case)
    work.show()
    return work.say("released", department=work.department(work.desk.language))


@_act(Act.REPLY)
def reply(work: _Work, text: str, attachments: Sequence[Attachment] = ()) -> str:
    """Send the official's words to the citizen; lines that start with ``//`` stay here."""
    spoken = notes.split(text)
    if not spoken.public and not attachments:
        raise ActRefused("nothing_to_send")
    if spoken.internal:
        work.record("note", spoken.internal)
    was = (work.case.status, work.case.holder)
    work.take()
    fresh = cases.move(work.case, CaseStatus.ANSWERED, work.tx.now)
    work.case.last_official_at = work.tx.now
    relay.words_to_citizen(
        work.tx, work.case, spoken.public, attachments=attachments, ask_solved=fresh
    )
    work.record("replied", spoken.public, attachments=len(attachments))
    learning.replied(work.tx, work.case, spoken.public, work.actor)
    if was == (work.case.status, work.case.holder):
        return ""
    work.show()
    return work.say("replied", channel=work.channel)


@_act(Act.REPLY)
def correct(work: _Work, text: str) -> str:
    """Pass on the edit of a sent reply as a correction; the first words stay on record."""
    earlier = case_events.of_message(work.tx.session, work.by.place, work.by.external_id)
    earlier = [e for e in earlier if e.number == work.case.number]
    if not earlier:
        raise ActRefused("edit_of_nothing")
    sent = [e for e in earlier if e.kind in ("replied", "corrected")]
    spoken = notes.split(text)
    if spoken.internal or not sent:
        work.record("note", text if not sent else spoken.internal, edit=True)
    if not sent:
        return work.say("note_edited")
    if not spoken.public:
        return work.say("cannot_unsend")
    if spoken.public == sent[-1].text:
        return ""
    relay.words_to_citizen(work.tx, work.case, spoken.public, corrected=True)
    work.record("corrected", spoken.public, earlier=sent[-1].text)
    learning.corrected(work.tx, work.case, sent[-1].text, spoken.public, work.actor)
    return work.say("corrected")


@_act(Act.SEND)
def send_article(work: _Work, article_id: str) -> str:
    """Send an article as it is published today."""
    today = work.desk.today(work.tx.now)
    answer = answers.served(work.tx.session, article_id, today)
    if answer is None:
        raise ActRefused("article_gone", article=article_id)
    work.take()
    cases.move(work.case, CaseStatus.ANSWERED, work.tx.now)
    work.case.last_official_at = work.tx.now
    text, spans = answer.words(work.case.language)
    relay.to_citizen(work.tx, work.case, text, spans=spans, ask_solved=True)
    work.record("article_sent", answer.answer, article=article_id)
    learning.replied(work.tx, work.case, answer.answer, work.actor, article_id)
    work.show()
    return work.say("article_sent", question=answer.question)


@_act(Act.NOTE)
def note(work: _Work, text: str) -> str:
    """Keep words for colleagues; nothing is sent anywhere."""
    work.record("note", text)
    return ""


@_act(Act.DRAFT)
def draft(work: _Work) -> str:
    """Make a draft article of the last reply on this case, for the gap of its question."""
    gap = gaps.of_case(work.tx.session, work.case.number)
    if gap is None:
        raise ActRefused("no_gap", number=work.case.number)
    answer = learning.reply_to_learn(work.tx.session, work.case.number)
    if answer is None:
        raise ActRefused("no_reply_to_draft", number=work.case.number)
    today = work.desk.today(work.tx.now)
    try:
        made = learning.draft(work.tx, gap.key, answer, work.official.name, today)
    except KnowledgeError as error:
        raise ActRefused("no_draft", number=work.case.number, gap=gap.key) from error
    work.record("drafted", gap=gap.key, article=made.id)
    return work.say("drafted", gap=gap.key, article=made.id, title=made.question)


@_act(Act.TRANSFER)
def transfer(work: _Work, target: str) -> str:
    """Hand the case to a department, or to an official by name; the clock of the case goes on."""
    session, words = work.tx.session, target.strip().casefold()
    people = [o for o in officials.active(session) if o.name.casefold() == words]
    if len(people) == 1:
        heir = people[0]
        work.case.department, work.case.holder = heir.department, heir.key
        cases.move(work.case, CaseStatus.ASSIGNED, work.tx.now)
        callouts.stop(work.tx, work.case)
    else:
        work.case.department = departments.named(session, target)
        work.case.holder = None
        cases.move(work.case, CaseStatus.OPEN, work.tx.now)
        callouts.start(work.tx, work.desk, work.case)
    to = people[0].name if len(people) == 1 else work.department(work.desk.language)
    work.record("transferred", to=to)
    work.show()
    values = {"number": work.case.number, "department": work.department(work.case.language)}
    relay.to_citizen(work.tx, work.case, say(work.case.language, "citizen.transferred", **values))
    return work.say("transferred", to=to)


@_act(Act.CLOSE)
def close(work: _Work, ground: str) -> str:
    """End the case, with a ground that the citizen reads; the citizen may say it is not solved."""
    ground = notes.split(ground).public
    if not ground:
        raise ActRefused("no_ground", number=work.case.number)
    declined = work.case.verdict == "unsolved"
    end = CaseStatus.UNSOLVED if declined else CaseStatus.CLOSED
    cases.move(work.case, end, work.tx.now)
    work.case.holder = work.case.holder or work.official.key
    work.case.ground = ground
    callouts.stop(work.tx, work.case)
    work.record("closed", ground)
    work.show()
    values = {"number": work.case.number, "ground": ground}
    text = say(work.case.language, "citizen.closed", **values)
    relay.to_citizen(work.tx, work.case, text, ask_solved=True)
    return work.say("closed", ground=ground)


@_act(Act.REOPEN)
def reopen(work: _Work) -> str:
    """Take an ended case up again, under one's own name."""
    cases.move(work.case, CaseStatus.ASSIGNED, work.tx.now)
    work.case.holder = work.official.key
    work.record("reopened", holder=work.official.name)
    work.show()
    text = say(work.case.language, "citizen.reopened", number=work.case.number)
    relay.to_citizen(work.tx, work.case, text)
    return work.say("reopened", holder=work.official.name)


def dismiss(tx: Transaction, desk: DeskConfig, official_id: int) -> None:
    """Take an official's right to act away; the running cases they held are called out again."""
    officials.dismiss(tx, official_id)
    for held in cases.held_by(tx.session, official_id):
        case = cases.lock(tx.session, held.number)
        if case.is_over or case.holder != official_id:
            continue
        case.holder = None
        cases.move(case, CaseStatus.OPEN, tx.now)
        case_events.record(tx, case, "released", DESK, dismissed=official_id)
        callouts.start(tx, desk, case)
        card.show(tx, desk, case)
