"""A knowledge that knows its articles by heart: what it decides is told to it, not computed."""

from collections.abc import Sequence

from knowledge.calibration import Thresholds
from knowledge.drafts import Draft
from knowledge.search import Decision, Match, Outcome, Reason


class Library:
    """Answers an article's own question, offers what the test says, knows nothing else."""

    def __init__(self, articles: Sequence[Draft]) -> None:
        self._articles = {a.id: a for a in articles}
        self._exact = {a.question: a for a in articles}
        #: questions that lead to choices, with the ids of the articles offered
        self.offers: dict[str, tuple[str, ...]] = {}
        self.asked: list[str] = []
        #: raised at the next question
        self.broken: Exception | None = None

    def outright(self, text: str, _lang: str) -> str | None:
        """Return the article that has this question."""
        return self._exact[text].id if text in self._exact else None

    def ask(self, text: str, lang: str | None = None) -> Decision:
        """Decide about a question."""
        self.asked.append(text)
        if self.broken is not None:
            raise self.broken
        if not any(c.isalnum() for c in text):
            return _decision(Outcome.HANDED_OFF, Reason.NO_WORDS, ())
        if text in self._exact:
            return _decision(Outcome.ANSWERED, Reason.EXACT, (_match(self._exact[text], 0.98),))
        offered = tuple(_match(self._articles[a], 0.5) for a in self.offers.get(text, ()))
        if offered:
            return _decision(Outcome.OFFERED, Reason.UNSURE, offered)
        near = tuple(_match(a, 0.1) for a in list(self._articles.values())[:2])
        return _decision(Outcome.HANDED_OFF, Reason.UNKNOWN, near)


def _match(article: Draft, confidence: float) -> Match:
    return Match(
        article=article.id,
        question=article.question,
        answer=article.answer,
        confidence=confidence,
        lang=article.lang,
        category=article.category,
        department=article.department,
        source_title=article.source_title,
        source_url=article.source_url,
        date=article.date,
        features={"dense_best": confidence},
    )


def _decision(outcome: Outcome, reason: Reason, found: tuple[Match, ...]) -> Decision:
    best = found[0].confidence if found else 0.0
    return Decision(
        outcome=outcome,
        reason=reason,
        match=found[0] if outcome is Outcome.ANSWERED else None,
        candidates=found,
        confidence=best,
        offer_confidence=best,
        thresholds=Thresholds(0.8, 0.4),
        lang="en",
        kb_version=1,
        model="by heart",
        ms=0.1,
    )
