"""Past questions: what citizens really asked, from the journal."""

import json

from sqlmodel import Session

from bot import journal
from knowledge.rehearsal import PastQuestion
from knowledge.text import fold

#: decisions looked through for each question wanted: most people ask the same
LOOKED_THROUGH = 20


def past_questions(session: Session, most: int) -> tuple[PastQuestion, ...]:
    """The latest *most* different questions that the knowledge was asked, the newest first."""
    found: dict[tuple[str, str], PastQuestion] = {}
    if most:
        for row in journal.newest(session.connection(), "decided", most * LOOKED_THROUGH):
            why = json.loads(row["body"]).get("why", {})
            if question := fold(str(why.get("question", ""))):
                lang = str(why.get("lang", ""))
                found.setdefault((question, lang), PastQuestion(str(why["question"]), lang))
            if len(found) == most:
                break
    return tuple(found.values())
