"""What officials do with a case: permission → rule → change → record, in one transaction.

Each act is one function. The chat, and later the console, call it and show what it returns. A
refusal changes nothing and is journalled too.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from admin.case_events import CaseEvent, Origin, Source
from admin.cases import Case, CaseStatus
from admin.desk import DeskConfig
from admin.notes import Spoken
from admin.officials import Official
from admin.permissions import Act, check, holder_of, may_hold
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
    """Who acts, in which chat, and by which message or album; none for a button."""

    official: int
    place: str = ""
    messages: tuple[Source, ...] = ()

    @property
    def origin(self) -> Origin:
        """The messages this is done by."""
        return Origin(f"official:{self.official}", self.place, self.messages)

    def saying(self, part: Callable[[Spoken], str]) -> "By":
        """Return the same with one part of what each message says."""
        said = (replace(m, text=part(notes.split(m.text))) for m in self.messages)
        return replace(self, messages=tuple(said))


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
        case_events.record(self.tx, self.case, kind, self.by.origin, text, **more)

    def saying(self, part: Callable[[Spoken], str]) -> "_Work":
        return replace(self, by=self.by.saying(part))

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
        work.saying(lambda s: s.internal).record("note", spoken.internal)
    was = (work.case.status, work.case.holder)
    work.take()
    fresh = cases.move(work.case, CaseStatus.ANSWERED, work.tx.now)
    work.case.last_official_at = work.tx.now
    relay.words_to_citizen(
        work.tx, work.case, spoken.public, attachments=attachments, ask_solved=fresh
    )
    work.saying(lambda s: s.public).record("replied", spoken.public, attachments=len(attachments))
    learning.replied(work.tx, work.case, spoken.public, work.actor)
    if was == (work.case.status, work.case.holder):
        return ""
    work.show()
    return work.say("replied", channel=work.channel)


@_act(Act.REPLY)
def correct(work: _Work, text: str, attachments: Sequence[Attachment] = ()) -> str:
    """Pass on the edit of a sent reply as a correction; the first words stay on record."""
    earlier = case_events.of_origin(work.tx.session, work.by.origin)
    earlier = [e for e in earlier if e.number == work.case.number]
    if not earlier:
        raise ActRefused("edit_of_nothing")
    sent = [e for e in earlier if e.kind in ("replied", "corrected")]
    spoken = notes.split(text)
    if spoken.internal or not sent:
        work.record("note", text if not sent else spoken.internal, edit=True)
    if not sent:
        return work.say("note_edited")
    return _pass_on(work, spoken, sent[-1], attachments)


def _pass_on(
    work: _Work, spoken: Spoken, sent: CaseEvent, attachments: Sequence[Attachment]
) -> str:
    """Send what an edit changed: the words, or other files; what was sent stays sent."""
    replaced = case_events.replaced(sent, work.by.messages)
    if spoken.public == sent.text and not replaced:
        return ""
    if not spoken.public and (spoken.internal or not replaced):
        return work.say("cannot_unsend")
    files = attachments if replaced else ()
    relay.words_to_citizen(work.tx, work.case, spoken.public, attachments=files, corrected=True)
    work.record("corrected", spoken.public, earlier=sent.text, attachments=len(files))
    learning.corrected(work.tx, work.case, sent.text, spoken.public, work.actor)
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
    case, heir = work.case, _heir(work, target)
    department = heir.department if heir else departments.named(work.tx.session, target)
    moves, holder = department != case.department, heir.key if heir else None
    if not moves and holder == case.holder:
        raise ActRefused("there_already", number=case.number)
    case.department, case.holder = department, holder
    cases.move(case, CaseStatus.ASSIGNED if heir else CaseStatus.OPEN, work.tx.now)
    if heir:
        callouts.stop(work.tx, case)
    else:
        callouts.start(work.tx, work.desk, case)
    to = heir.name if heir else work.department(work.desk.language)
    work.record("transferred", to=to)
    work.show()
    if moves:
        values = {"number": case.number, "department": work.department(case.language)}
        relay.to_citizen(work.tx, case, say(case.language, "citizen.transferred", **values))
    return work.say("transferred", to=to)


def _heir(work: _Work, target: str) -> Official | None:
    """Return the one official of this name, if they may answer; None when it names nobody."""
    words = target.strip().casefold()
    people = [o for o in officials.active(work.tx.session) if o.name.casefold() == words]
    heirs = [o for o in people if may_hold(o)]
    if people and not heirs:
        raise ActRefused("no_heir", number=work.case.number, name=people[0].name)
    return heirs[0] if len(heirs) == 1 else None


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
