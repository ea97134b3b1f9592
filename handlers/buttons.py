"""The buttons under our answers, and "is it solved?"."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from admin import asked, intake
from admin.answers import served
from admin.cases import HandoffReason
from bot import buttons
from bot.buttons import Choice, Press
from bot.context import Outcome
from bot.messages import Attachment, IncomingMessage, MessageKind
from handlers.context import OfficeContext
from knowledge.gap_questions import Missed

Payload = Mapping[str, Any]


async def pressed(message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Do what a button stands for; a forged, foreign, stale or used one does nothing."""
    if message.kind is not MessageKind.BUTTON:
        return None
    press = ctx.press
    if press is None or press.action not in _STEPS:
        ctx.say("stale_button")
        ctx.note(refused="stale_button")
        return Outcome.REFUSED
    if press.once and press.used:
        ctx.say("pressed_before")
        return Outcome.HANDLED
    _use_up(ctx, press)
    ctx.note(button=press.action)
    return await _STEPS[press.action](ctx, press.payload)


def _use_up(ctx: OfficeContext, press: Press) -> None:
    if press.once:
        ctx.do(lambda tx: buttons.use_up(tx.connection, press.token, tx.now))


async def _choose(ctx: OfficeContext, payload: Payload) -> Outcome:
    """Answer with the chosen article; what is no longer published goes to an official."""
    article, words = str(payload["article"]), ctx.kept_words(payload)
    answer = await ctx.read(served, article, ctx.today)
    if answer is None:
        ctx.say("article_gone")
        ctx.hand_off(HandoffReason.MISSING_KNOWLEDGE, words)
        return Outcome.HANDED_OFF
    ctx.answer(answer, words)
    return Outcome.ANSWERED


async def _helpful(ctx: OfficeContext, payload: Payload) -> Outcome:
    _feedback(ctx, payload, helpful=True)
    ctx.say("thanks")
    return Outcome.HANDLED


async def _not_helpful(ctx: OfficeContext, payload: Payload) -> Outcome:
    _feedback(ctx, payload, helpful=False)
    return _hand_off(ctx, HandoffReason.DECLINED_ANSWER, payload, Missed.NOT_HELPFUL)


async def _none(ctx: OfficeContext, payload: Payload) -> Outcome:
    return _hand_off(ctx, HandoffReason.DECLINED_ANSWER, payload, Missed.NONE_OF_THESE)


async def _human(ctx: OfficeContext, payload: Payload) -> Outcome:
    return _hand_off(ctx, HandoffReason.CUSTOMER_REQUEST, payload)


async def _pass_on(ctx: OfficeContext, payload: Payload) -> Outcome:
    """Hand over a picture or file that the desk cannot read."""
    return _hand_off(ctx, HandoffReason.UNSUPPORTED_REQUEST, payload)


async def _solved(ctx: OfficeContext, payload: Payload) -> Outcome:
    return _verdict(ctx, payload, solved=True)


async def _unsolved(ctx: OfficeContext, payload: Payload) -> Outcome:
    return _verdict(ctx, payload, solved=False)


def _verdict(ctx: OfficeContext, payload: Payload, solved: bool) -> Outcome:
    number, desk, address = str(payload["case"]), ctx.office.desk, ctx.address
    ctx.do(lambda tx: intake.verdict(tx, desk, number, address, solved))
    return Outcome.HANDLED


def _hand_off(
    ctx: OfficeContext,
    reason: HandoffReason,
    payload: Payload,
    missed: Missed = Missed.UNANSWERED,
) -> Outcome:
    ctx.hand_off(reason, ctx.kept_words(payload), missed=missed)
    return Outcome.HANDED_OFF


def _feedback(ctx: OfficeContext, payload: Payload, helpful: bool) -> None:
    body = {"article": str(payload["article"]), "helpful": helpful}
    key, person = ctx.address.key, ctx.person
    ctx.do(lambda tx: tx.journal("feedback", body, conversation=key, person=person))


def pass_on_choice(label: str, files: tuple[Attachment, ...]) -> Choice:
    """Return the button that hands files over; it carries where they are, not the files."""
    return Choice(label, "media.pass_on", asked.carried("", files), once=True)


_STEPS: dict[str, Callable[[OfficeContext, Payload], Awaitable[Outcome]]] = {
    "offer.choose": _choose,
    "offer.none": _none,
    "answer.helpful": _helpful,
    "answer.not_helpful": _not_helpful,
    "answer.human": _human,
    "media.pass_on": _pass_on,
    "case.solved": _solved,
    "case.unsolved": _unsolved,
}
