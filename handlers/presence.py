"""Where a message comes from, and whether its writer can be reached."""

from sqlmodel import Session

from admin import cases, intake
from bot import conversations, outbox
from bot.context import Outcome
from bot.conversations import ConversationRow
from bot.messages import IncomingMessage, MessageKind
from bot.transaction import Transaction
from handlers.context import OfficeContext, Standing


async def groups(message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Answer nothing in a group that is not the admin chat: others would read it."""
    if message.private:
        return None
    if message.kind is MessageKind.TEXT and not ctx.state.get("hinted"):
        ctx.remember(hinted=True)
        ctx.say("group")
    return Outcome.REFUSED


async def presence(message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Note who left and who is back; find the case that runs here."""
    ctx.standing = await ctx.read(_standing, message)
    if message.kind is MessageKind.LEFT:
        _reachable(ctx, False)
        return Outcome.HANDLED
    if ctx.standing.unreachable:
        _reachable(ctx, True)
    return None


async def events(message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Let pass what is no message, except a withdrawal that an official should hear of."""
    if message.kind is MessageKind.NOTICE:
        return Outcome.HANDLED
    if message.kind is not MessageKind.WITHDRAWN:
        return None
    number, desk, words = ctx.standing.case, ctx.office.desk, ctx.words()
    if not number:
        return Outcome.HANDLED
    ctx.do(lambda tx: intake.withdrew(tx, desk, number, words))
    return Outcome.RELAYED


def _reachable(ctx: OfficeContext, here: bool) -> None:
    number, key, desk = ctx.standing.case, ctx.address.key, ctx.office.desk

    def effect(tx: Transaction) -> None:
        conversations.set_reachable(tx.connection, [key], here)
        if number:
            intake.presence(tx, desk, number, here)

    ctx.do(effect)


def _standing(session: Session, message: IncomingMessage) -> Standing:
    row = session.get(ConversationRow, message.address.key)
    return Standing(_case_here(session, message), row is not None and not row.reachable)


def _case_here(session: Session, message: IncomingMessage) -> str:
    """Return the running case a message belongs to: the one it answers, else the last active."""
    key = message.address.key
    if message.reply_to:
        number = outbox.subject_of(session.connection(), message.place, message.reply_to)
        named = cases.find(session, number) if number else None
        if named is not None and named.conversation == key and not named.is_over:
            return named.number
    case = cases.open_at(session, key)
    return case.number if case else ""
