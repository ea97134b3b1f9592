"""When a message cannot be decided: an official gets it, and the citizen hears so."""

from admin.cases import HandoffReason
from admin.texts import known
from bot.context import Outcome
from bot.messages import IncomingMessage, MessageKind
from handlers.context import OfficeContext
from handlers.emergency import emergency
from handlers.texts import say

#: what somebody waits for an answer to
_SPOKEN = frozenset({MessageKind.TEXT, MessageKind.EDIT, MessageKind.BUTTON})


async def on_failure(message: IncomingMessage, ctx: OfficeContext) -> Outcome:
    """Hand over what no handler could decide; needs nothing but the database."""
    if message.kind not in _SPOKEN:
        return Outcome.FAILED
    if ctx.office.desk.is_here(message.address):
        ctx.reply(say(known(ctx.office.desk.language), "failed_here"))
    elif message.private:
        await emergency(message, ctx)
        ctx.hand_off(HandoffReason.FAILURE, ctx.words() if ctx.text else ctx.last_words())
    return Outcome.FAILED
