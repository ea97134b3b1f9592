"""What a case teaches: its question when the knowledge missed it, and the official's answer.

Both are masked before they are written and change nothing that citizens are served: only an
editor's draft, published by an editor, does.
"""

import hashlib
from datetime import date

from sqlmodel import Session

from admin.cases import Case
from admin.texts import known, say
from bot.transaction import Transaction
from knowledge import articles, gap_questions, gaps, masking, suggested_answers
from knowledge.articles import Article
from knowledge.drafts import PHRASING_CHARS, ArticleStatus, Draft
from knowledge.errors import GapError
from knowledge.gap_questions import Asked, Missed
from knowledge.gaps import Gap, GapStatus
from knowledge.revisions import Act
from knowledge.suggested_answers import Reply, SuggestedAnswer
from knowledge.text import fold

#: phrasings a draft begins with; the editor sees all questions of the gap
PHRASINGS = 30


def missed(tx: Transaction, case: Case, text: str, reason: Missed, language: str) -> None:
    """Write down a question that the knowledge missed; it is gathered later."""
    asker = hashlib.sha256(f"asker:{case.person or case.conversation}".encode()).hexdigest()
    gap_questions.record(tx.session, Asked(text, reason, asker, case.number, language), tx.now)


def replied(tx: Transaction, case: Case, text: str, who: str, article: str | None = None) -> None:
    """Suggest an official's reply as the answer to the question that its case was opened for."""
    if text and gap_questions.missed_in(tx.session, case.number):
        reply = Reply(case.number, text, case.department, who, article)
        suggested_answers.record(tx.session, reply, tx.now)


def corrected(tx: Transaction, case: Case, before: str, text: str, who: str) -> None:
    """Suggest the corrected words instead of the first ones."""
    suggested_answers.withdraw(tx.session, case.number, before)
    replied(tx, case, text, who)


def judged(tx: Transaction, case: Case, word: str) -> None:
    """Take the citizen's verdict over to what was answered."""
    suggested_answers.judge(tx.session, case.number, word)


def reply_to_learn(session: Session, number: str) -> SuggestedAnswer | None:
    """Return the last words that an official wrote on a case and that could become an article."""
    return suggested_answers.written(suggested_answers.of_cases(session, [number]))


def draft(tx: Transaction, gap_id: int, answer: SuggestedAnswer, who: str, today: date) -> Draft:
    """Make a draft article of a gap and an answer; raise :class:`GapError` when there is one."""
    gap = gaps.check_live(gaps.get(tx.session, gap_id))
    article_id = f"gap-{gap.id}"
    if gap.status == GapStatus.DRAFTED or tx.session.get(Article, article_id) is not None:
        named = gap.article or article_id
        raise GapError(f"Gap {gap.id} is drafted already, as article {named!r}; edit that one.")
    drafted = _draft(tx.session, gap, article_id, answer, today)
    why = f"gap {gap.id}, case {answer.case_number}"
    articles.create(tx.session, drafted, Act(who, tx.now, why), ArticleStatus.DRAFT)
    gaps.attach(gap, article_id)
    body = {"who": who, "article": article_id, "case": answer.case_number}
    tx.journal("gap_drafted", body, subject=str(gap.id))
    return drafted


def _draft(
    session: Session, gap: Gap, article_id: str, answer: SuggestedAnswer, today: date
) -> Draft:
    language = known(gap.lang)
    asked = {fold(q.asks): q.asks for q in gap_questions.of_gap(session, gap.key)}
    asked.pop(fold(gap.title), None)
    return Draft(
        id=article_id,
        lang=gap.lang,
        question=gap.title,
        phrasings=tuple(text[:PHRASING_CHARS] for text in list(asked.values())[:PHRASINGS]),
        answer=answer.text,
        department=answer.department,
        source_title=say(language, "draft.source", department=answer.department),
        date=today,
    )


def close(tx: Transaction, gap_id: int, who: str, why: str, article: str | None = None) -> Gap:
    """Close a gap, journalled."""
    gap = gaps.close(tx.session, gap_id, why, article)
    body = {"who": who, "why": why, "article": article}
    tx.journal("gap_closed", body, subject=str(gap.id))
    return gap


def close_published(tx: Transaction, who: str) -> list[Gap]:
    """Close every gap whose own article has been published."""
    found = gaps.drafted_and_published(tx.session)
    return [close(tx, gap.key, who, "published", gap.article) for gap in found]


def blanks_of(session: Session, article_id: str) -> tuple[str, ...]:
    """Return what an article drafted for a gap still hides and an editor must fill in."""
    article = session.get(Article, article_id)
    if article is None or not gaps.of_article(session, article_id):
        return ()
    return masking.blanks(f"{article.question}\n{article.answer}")
