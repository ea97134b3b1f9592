"""The card of a case in its topic: who has it, what was asked, what may answer it.

It is sent again under the same name after every change, and so edited in place.
"""

from sqlmodel import Session

from admin import departments, learning, officials
from admin.cases import Case
from admin.desk import DeskConfig
from admin.texts import say
from bot.buttons import Choice
from bot.messages import OutgoingMessage, Span, SpanKind
from bot.text import one_line, shortened
from bot.transaction import Transaction

#: characters of the citizen's words on the card; the whole text follows as a message of its own
QUOTED = 1_500
#: platforms name a topic with at most 128 characters
TITLE = 100


def show(tx: Transaction, desk: DeskConfig, case: Case) -> None:
    """Send the card of a case, or bring the one that is there up to date."""
    tx.session.flush()
    text, spans = words(tx.session, desk, case)
    address = desk.topic(case.number)
    tx.send(
        OutgoingMessage(
            address,
            text,
            spans=spans,
            buttons=tx.buttons(address, _choices(tx.session, desk, case)),
            card=f"case:{case.number}",
            thread_title=title(case),
        ),
        case.number,
    )


def title(case: Case) -> str:
    """Return the title of the topic."""
    return one_line(f"{case.number} {case.question}", TITLE)


def words(session: Session, desk: DeskConfig, case: Case) -> tuple[str, tuple[Span, ...]]:
    """Return the card's text and formatting."""
    head = headline(session, desk, case)
    facts = [head, *_facts(desk, case)]
    quoted = shortened(case.question, QUOTED) or say(desk.language, "card.no_words")
    before = "\n".join(facts) + "\n\n"
    text = before + quoted + _suggested(desk, case)
    spans = (Span(SpanKind.BOLD, 0, len(head)), Span(SpanKind.QUOTE, len(before), len(quoted)))
    return text, spans


def headline(session: Session, desk: DeskConfig, case: Case) -> str:
    """Return number, status, department and holder on one line."""
    language = desk.language
    parts = [case.number, say(language, f"status.{case.status}")]
    parts.append(departments.called(session, case.department, language))
    parts.append(officials.name_of(session, case.holder) or say(language, "card.nobody"))
    return " · ".join(parts)


def _facts(desk: DeskConfig, case: Case) -> list[str]:
    language = desk.language
    facts = [
        say(
            language,
            "card.origin",
            channel=channel_name(language, case.address.channel),
            language=say(language, f"language.{case.language}"),
            opened=desk.local(case.opened_at),
        ),
        say(language, "card.reason", reason=say(language, f"reason.{case.reason}")),
    ]
    if case.ground:
        facts.append(say(language, "card.ground", ground=case.ground))
    if case.verdict:
        facts.append(say(language, f"card.verdict_{case.verdict}"))
    return facts


def channel_name(language: str, channel: str) -> str:
    """Return how a channel is called on a card."""
    named = say.sentences[language]
    return named.get(f"channel.{channel}", channel)


def _suggested(desk: DeskConfig, case: Case) -> str:
    lines = [
        f"{n}. {one_line(s.question, 120)} — {round(s.confidence * 100)}%"
        for n, s in enumerate(case.suggestions, 1)
    ]
    if not lines:
        return ""
    return "\n\n" + "\n".join([say(desk.language, "card.candidates"), *lines])


def _choices(session: Session, desk: DeskConfig, case: Case) -> tuple[tuple[Choice, ...], ...]:
    payload = {"case": case.number}

    def choice(act: str, **more: str) -> Choice:
        return Choice(say(desk.language, f"button.{act}"), f"desk.{act}", {**payload, **more})

    learns = (choice("draft"),) if learning.reply_to_learn(session, case.number) else ()
    if case.is_over:
        return ((choice("reopen"), *learns),)
    first = "release" if case.holder else "claim"
    sends = tuple(
        Choice(
            say(desk.language, "button.send", n=n),
            "desk.send",
            {**payload, "article": suggestion.article},
            once=True,
        )
        for n, suggestion in enumerate(case.suggestions, 1)
    )
    last = (choice(first), choice("transfer"), choice("close"), *learns)
    return (sends, last) if sends else (last,)
