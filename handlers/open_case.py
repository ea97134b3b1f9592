"""While an official has the case the bot is silent: what the citizen writes goes to the topic."""

from admin import intake
from bot.context import Outcome
from bot.messages import IncomingMessage, MessageKind
from handlers.context import OfficeContext


async def open_case(message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Pass words, files and edits on to the running case of this conversation."""
    number, desk, words = ctx.standing.case, ctx.office.desk, ctx.words()
    if not number:
        return None
    if message.kind is MessageKind.EDIT:
        ctx.do(lambda tx: intake.correct(tx, desk, number, words))
    else:
        ctx.do(lambda tx: intake.join(tx, desk, number, words))
    ctx.note(case=number)
    return Outcome.RELAYED
