"""The heart: a published answer word for word, or choices, or an official. Never anything else."""

from admin import asked
from admin.answers import of_match
from admin.cases import HandoffReason
from bot.buttons import Choice
from bot.context import Outcome
from bot.messages import IncomingMessage
from bot.text import one_line
from handlers.context import OfficeContext
from handlers.texts import say
from knowledge import search
from knowledge.search import Decision, Reason

#: characters of a question on a button
LABEL = 60


async def answer(_message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Ask the knowledge and do what it decides."""
    question = ctx.text
    ctx.remember(**{asked.LAST: asked.carried(question, ctx.attachments)})
    decision = await ctx.search(question)
    if decision.reason is Reason.NO_WORDS:
        ctx.say("no_words")
        return Outcome.REFUSED
    if decision.outcome is search.Outcome.ANSWERED and decision.match is not None:
        ctx.answer(of_match(decision.match), ctx.words())
        return Outcome.ANSWERED
    if decision.outcome is search.Outcome.OFFERED:
        _offer(ctx, decision)
        return Outcome.OFFERED
    ctx.hand_off(HandoffReason.MISSING_KNOWLEDGE, matches=decision.candidates)
    return Outcome.HANDED_OFF


def _offer(ctx: OfficeContext, decision: Decision) -> None:
    kept = asked.carried(ctx.text, ctx.attachments)
    lines = [
        [
            Choice(
                one_line(match.question, LABEL),
                "offer.choose",
                {"article": match.article, **kept},
            )
        ]
        for match in decision.candidates[:3]
    ]
    none = say(ctx.lang, "none_of_these")
    ctx.say("offer", [*lines, [Choice(none, "offer.none", kept, once=True)]])
