"""What publishing an article does to gaps: it closes them, and can answer who still waits."""

import getpass
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from admin import learning, waiting
from bot.config import Settings
from bot.db import Database
from huiying.desk import desk_config
from huiying.gathering import outright
from knowledge import articles, gaps
from knowledge.errors import ArticleError
from knowledge.gap_articles import near
from knowledge.gaps import Gap
from knowledge.search import Knowledge


@dataclass(frozen=True, slots=True)
class Closed:
    """A gap that a published article answers: cases answered now, and cases that still wait."""

    gap: int
    article: str
    answered: int
    waiting: int

    def __str__(self) -> str:
        said = f"Gap {self.gap} is closed by {self.article}"
        if self.answered:
            said = f"{said}; {self.answered} who waited get it"
        if self.waiting:
            said = (
                f"{said}; {self.waiting} still wait: "
                f"`huiying kb publish {self.article} --answer-waiting` sends it to them"
            )
        return f"{said}."


def refuse_blanks(session: Session, ids: Sequence[str]) -> None:
    """Raise :class:`ArticleError` when an article drafted for a gap still hides something."""
    for article in ids:
        hidden = learning.blanks_of(session, article)
        if hidden:
            raise ArticleError(
                f"Article {article!r} still has {' '.join(hidden)} where personal data was "
                "masked; write what belongs there, or leave it out."
            )


def after_publishing(
    settings: Settings,
    database: Database,
    known: Knowledge,
    ids: Sequence[str],
    answer_waiting: bool = False,
) -> list[Closed]:
    """Close the gaps that these published articles answer; answer who waits if that is wanted."""
    who = getpass.getuser()
    with database.session() as session:
        found = list(_answered_outright(session, known, ids))
    with database.transaction() as tx:
        learning.close_published(tx, who)
        for gap_id, article in found:
            if gaps.get(tx.session, gap_id).is_live:
                learning.close(tx, gap_id, who, "answered", article)
    with database.session() as session:
        closed = [gap for article in ids for gap in gaps.of_article(session, article)]
        waits = [(gap, waiting.of_gap(session, gap)) for gap in closed if not gap.is_live]
    return [_settled(settings, database, gap, cases, answer_waiting) for gap, cases in waits]


def _answered_outright(
    session: Session, known: Knowledge, ids: Sequence[str]
) -> Iterator[tuple[int, str]]:
    """Gaps whose title the knowledge now answers outright with one of these articles."""
    texts = articles.phrasings(session, ids)
    drafts = [articles.content(articles.get(session, i), texts.get(i, ())) for i in ids]
    langs = {draft.id: draft.lang[:2] for draft in drafts}
    for gap in near(session, known.embedder, drafts) if drafts else ():
        article = outright(known, gap.title, gap.lang)
        if article in langs and langs[article] in ("", gap.lang):
            yield gap.key, article


def _settled(
    settings: Settings, database: Database, gap: Gap, cases: list[str], answer_waiting: bool
) -> Closed:
    """Answer the cases, each in a transaction of its own: one that fails takes no other along."""
    answered = 0
    for number in cases if answer_waiting else ():
        with database.transaction() as tx:
            desk = desk_config(settings, tx.connection)
            answered += waiting.answer(tx, desk, number, gaps.get(tx.session, gap.key))
    return Closed(gap.key, gap.article or "", answered, len(cases) - answered)
