"""A picture, a voice message or a file without a word: only a person can read it."""

from bot.context import Outcome
from bot.messages import IncomingMessage
from handlers.buttons import pass_on_choice
from handlers.context import OfficeContext
from handlers.texts import say


async def media(_message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Ask for words, and offer to pass it on to an official as it is."""
    if ctx.text or not ctx.attachments:
        return None
    ctx.say("media", [[pass_on_choice(say(ctx.lang, "human"), ctx.attachments)]])
    ctx.note(refused="media")
    return Outcome.REFUSED
