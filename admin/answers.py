"""An approved article as a citizen reads it: word for word, with its source and date."""

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session, col, select

from admin.texts import say
from bot.messages import Span, SpanKind
from knowledge import articles
from knowledge.articles import Article
from knowledge.drafts import ArticleStatus, live
from knowledge.search import Match


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent of an article."""

    article: str
    question: str
    answer: str
    source_title: str = ""
    source_url: str = ""
    department: str = ""
    date: dt.date | None = None

    def words(self, language: str) -> tuple[str, tuple[Span, ...]]:
        """Return the text and its formatting: question, answer, source."""
        head, parts = self.question.strip(), [self.answer.strip()]
        if head:
            parts.insert(0, head)
        source = self._source(language)
        text = "\n\n".join([*parts, source] if source else parts)
        return text, ((Span(SpanKind.BOLD, 0, len(head)),) if head else ())

    def _source(self, language: str) -> str:
        title = " ".join(x for x in (self.source_title, self.source_url) if x)
        lines = [say(language, "answer.source", source=title)] if title else []
        last = [x for x in (self.department, self.date and self.date.isoformat()) if x]
        return "\n".join([*lines, " · ".join(last)] if last else lines)


def of_match(match: Match) -> Answer:
    """Return what is sent of an article the search found."""
    return Answer(
        match.article,
        match.question,
        match.answer,
        match.source_title,
        match.source_url,
        match.department,
        match.date,
    )


def served(session: Session, article_id: str, today: dt.date) -> Answer | None:
    """Return an article if it may be sent today: published, valid and not superseded."""
    article = session.get(Article, article_id)
    if article is None or article.status != ArticleStatus.PUBLISHED:
        return None
    rivals = select(Article).where(
        col(Article.supersedes) == article_id, Article.status == ArticleStatus.PUBLISHED
    )
    drafts = [articles.content(a, ()) for a in (article, *session.exec(rivals))]
    if article_id not in {draft.id for draft in live(drafts, today)}:
        return None
    return Answer(
        article.id,
        article.question,
        article.answer,
        article.source_title,
        article.source_url,
        article.department,
        article.date,
    )
