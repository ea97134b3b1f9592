"""Citizens of a gap who still wait for an answer, and the article that is sent to them.

It is sent word for word to the one place their case knows (P7), once: the case is then
answered, and who has been answered no longer waits.
"""

from sqlmodel import Session

from admin import answers, callouts, card, case_events, cases, relay
from admin.case_events import DESK
from admin.cases import Case, CaseStatus
from admin.desk import DeskConfig
from admin.texts import say
from bot.conversations import ConversationRow
from bot.transaction import Transaction
from knowledge import gap_questions
from knowledge.articles import Article
from knowledge.gaps import Gap

#: what answers a citizen
_ANSWERS = frozenset({"replied", "corrected", "article_sent"})
#: a case that the citizen or the office has brought to an end; one ended unsolved was left so
_OVER = frozenset({CaseStatus.SOLVED, CaseStatus.CLOSED})


def of_gap(session: Session, gap: Gap) -> list[str]:
    """Return the numbers of the cases of a gap whose citizens still wait, oldest first."""
    asked = dict.fromkeys(q.case_number for q in gap_questions.of_gap(session, gap.key))
    found = (cases.find(session, number) for number in asked)
    return [case.number for case in found if case is not None and _waits(session, case)]


def _waits(session: Session, case: Case) -> bool:
    if case.status in _OVER or not _reachable(session, case):
        return False
    answered = False
    for event in case_events.of_case(session, case.number):
        if event.kind == "citizen_withdrew":
            return False
        if event.kind in _ANSWERS:
            answered = True
        elif event.kind == "citizen_unsolved":
            answered = False
    return not answered


def _reachable(session: Session, case: Case) -> bool:
    row = session.get(ConversationRow, case.conversation)
    return row is None or row.reachable


def answer(tx: Transaction, desk: DeskConfig, number: str, gap: Gap) -> bool:
    """Send the gap's article to a case's citizen; False when it may not or need not be sent."""
    case = cases.lock(tx.session, number)
    found = _article_of(tx, desk, gap)
    if found is None or not _waits(tx.session, case):
        return False
    cases.move(case, CaseStatus.ASSIGNED, tx.now)
    cases.move(case, CaseStatus.ANSWERED, tx.now)
    case.last_official_at = tx.now
    callouts.stop(tx, case)
    text, spans = found.words(case.language)
    relay.to_citizen(tx, case, text, spans=spans, ask_solved=True)
    more = {"article": found.article, "gap": gap.id}
    case_events.record(tx, case, "article_sent", DESK, found.answer, **more)
    card.show(tx, desk, case)
    told = say(desk.language, "desk.gap_answered", question=found.question or found.article)
    relay.to_topic(tx, desk, case, told)
    return True


def _article_of(tx: Transaction, desk: DeskConfig, gap: Gap) -> answers.Answer | None:
    """Return the article as it is served today, if it is in the language that was asked in."""
    article = tx.session.get(Article, gap.article) if gap.article else None
    if article is None or article.lang[:2] not in ("", gap.lang):
        return None
    return answers.served(tx.session, article.id, desk.today(tx.now))
