"""Messages that cannot be read: nothing in them, or far too much. Nothing of them is lost."""

from bot.context import Outcome
from bot.messages import IncomingMessage, MessageKind
from handlers.context import OfficeContext

#: longest text that is read, in characters
LONGEST = 8_000


async def unreadable(message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Answer with one plain sentence; the whole text stays in the inbox."""
    if message.kind not in (MessageKind.TEXT, MessageKind.EDIT):
        return None
    length = sum(len(m.text) for m in (message, *ctx.album))
    if length > LONGEST:
        ctx.say("too_long", length=length, limit=LONGEST)
        ctx.note(refused="too_long")
        return Outcome.REFUSED
    if not ctx.text and not ctx.attachments:
        ctx.say("empty")
        ctx.note(refused="empty")
        return Outcome.REFUSED
    return None
