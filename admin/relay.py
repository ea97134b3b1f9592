"""What passes between a case's topic and its citizen. There is no other way between the two.

Where a message goes is read from the case, never from any text: to the topic of its number, or to
the one place its citizen writes from (P7).
"""

from collections.abc import Sequence
from dataclasses import replace

from admin import card, departments, notes
from admin.cases import Case
from admin.desk import DeskConfig
from admin.texts import say
from bot.buttons import Choice
from bot.messages import Attachment, OutgoingMessage, Span, SpanKind
from bot.text import clean, one_line
from bot.transaction import Transaction


def to_topic(tx: Transaction, desk: DeskConfig, case: Case, text: str) -> None:
    """Say a sentence of the desk in the case's topic."""
    address = desk.topic(case.number)
    tx.send(OutgoingMessage(address, text, thread_title=card.title(case)), case.number)


def quote_to_topic(
    tx: Transaction,
    desk: DeskConfig,
    case: Case,
    head: str,
    quoted: str,
    attachments: Sequence[Attachment] = (),
) -> None:
    """Show the citizen's words in the topic, marked as a quotation, with what came along."""
    body = clean(quoted).strip()
    before = f"{head}\n" if head and body else head
    spans = (Span(SpanKind.QUOTE, len(before), len(body)),) if body else ()
    tx.send(
        OutgoingMessage(
            desk.topic(case.number),
            before + body,
            spans=spans,
            attachments=safe(attachments),
            thread_title=card.title(case),
        ),
        case.number,
    )


def to_citizen(
    tx: Transaction,
    case: Case,
    text: str,
    *,
    spans: Sequence[Span] = (),
    attachments: Sequence[Attachment] = (),
    ask_solved: bool = False,
    secret: str = "",
) -> None:
    """Send to the citizen, in the one place the case knows; others see ``secret`` as dots."""
    lines = solved_choices(case) if ask_solved else ()
    tx.send(
        OutgoingMessage(
            case.address,
            text,
            spans=tuple(spans),
            buttons=tx.buttons(case.address, lines),
            attachments=safe(attachments),
            secret=secret,
        ),
        case.number,
    )


def words_to_citizen(
    tx: Transaction,
    case: Case,
    typed: str,
    *,
    attachments: Sequence[Attachment] = (),
    corrected: bool = False,
    ask_solved: bool = False,
) -> None:
    """Send what an official typed, under a line that says which department writes.

    Whatever the caller did, a line that starts with ``//`` is taken out here once more.
    """
    public = notes.split(typed).public
    key = "citizen.correction" if corrected else "citizen.reply_head"
    department = departments.called(tx.session, case.department, case.language)
    head = say(case.language, key, number=case.number, department=department)
    text = f"{head}\n{public}" if public else head
    bold = (Span(SpanKind.BOLD, 0, len(head)),)
    to_citizen(tx, case, text, spans=bold, attachments=attachments, ask_solved=ask_solved)


def solved_choices(case: Case) -> tuple[tuple[Choice, ...], ...]:
    """Return the two buttons with which the citizen says whether it is solved."""
    payload = {"case": case.number}
    return (
        (
            Choice(say(case.language, "button.solved"), "case.solved", payload),
            Choice(say(case.language, "button.unsolved"), "case.unsolved", payload),
        ),
    )


def safe(attachments: Sequence[Attachment]) -> tuple[Attachment, ...]:
    """Return attachments whose names cannot mislead the eye (a turned-round file ending)."""
    return tuple(replace(a, name=one_line(a.name, 120)) for a in attachments)
