"""What a citizen can type: /start /help /status /human /lang, and plain words for a person."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from admin.answers import served
from admin.cases import HandoffReason
from admin.command_words import Typed, nearest
from admin.enrolment import enrol
from admin.texts import LANGUAGES
from bot.context import Outcome
from bot.messages import IncomingMessage
from handlers.context import OfficeContext
from handlers.status import status
from handlers.texts import say
from knowledge.gap_questions import Missed

#: words that, alone, ask for a person
HUMAN_WORDS = frozenset(
    "人工 转人工 找人工 人工客服 人工服务 真人 我要人工 human agent operator".split()
) | {"talk to a person", "talk to a human", "speak to a person", "speak to a human"}
#: a deep link ``/start a_ARTICLE`` opens an article
_ARTICLE_LINK = "a_"

Step = Callable[[IncomingMessage, OfficeContext, str], Awaitable[Outcome]]


async def command(message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Run a command; name the nearest ones when there is none of that name."""
    typed = ctx.command or _plain_words(ctx)
    if typed is None:
        return None
    step = COMMANDS.get(typed.name)
    if step is None:
        near = " ".join(f"/{name}" for name in nearest(typed.name, PUBLIC))
        ctx.say("unknown_command", command=typed.name[:40], near=near)
        ctx.note(refused="unknown_command")
        return Outcome.REFUSED
    ctx.note(command=typed.name)
    return await step(message, ctx, typed.rest)


def _plain_words(ctx: OfficeContext) -> Typed | None:
    if not ctx.is_new:
        return None
    alone = ctx.text.strip("。.!！ ").casefold()
    return Typed("human") if alone in HUMAN_WORDS else None


async def _start(message: IncomingMessage, ctx: OfficeContext, payload: str) -> Outcome:
    """Greet; a deep link goes on to what it names."""
    if payload == "human":
        return await _human(message, ctx, "")
    if payload == "status":
        return await status(message, ctx, "")
    ctx.say("greeting", office=ctx.office.names[ctx.lang])
    if payload.startswith(_ARTICLE_LINK):
        article = await ctx.read(served, payload.removeprefix(_ARTICLE_LINK), ctx.today)
        if article is not None:
            ctx.answer(article, ctx.words(article.question))
            return Outcome.ANSWERED
    return Outcome.HANDLED


async def _help(_message: IncomingMessage, ctx: OfficeContext, _rest: str) -> Outcome:
    ctx.say("help")
    return Outcome.HANDLED


async def _human(_message: IncomingMessage, ctx: OfficeContext, rest: str) -> Outcome:
    """Hand over what stands behind the command, else the last question."""
    if ctx.standing.case and not rest:
        ctx.say("already_with_official", number=ctx.standing.case)
        return Outcome.HANDLED
    words = ctx.words(rest) if rest else ctx.last_words()
    missed = Missed.UNANSWERED if words.text else None
    if not words.text:
        words = replace(words, text=say(ctx.lang, "default_question"))
    ctx.hand_off(HandoffReason.CUSTOMER_REQUEST, words, missed=missed)
    return Outcome.HANDED_OFF


async def _lang(_message: IncomingMessage, ctx: OfficeContext, rest: str) -> Outcome:
    """Choose the language of all further answers."""
    wanted = {"中文": "zh", "英文": "en", "english": "en", "chinese": "zh"}.get(
        rest.lower(), rest.lower()
    )
    if wanted not in LANGUAGES:
        ctx.say("language_unknown")
        return Outcome.HANDLED
    ctx.remember(lang=wanted)
    ctx.reply(say(wanted, "language_set"))
    return Outcome.HANDLED


async def _enroll(message: IncomingMessage, ctx: OfficeContext, rest: str) -> Outcome:
    return await enrol(message, ctx, rest, ctx.office.desk)


#: every command of a private chat
COMMANDS: dict[str, Step] = {
    "start": _start,
    "help": _help,
    "status": status,
    "human": _human,
    "lang": _lang,
    "enroll": _enroll,
}
#: those that are told to citizens
PUBLIC = ("start", "help", "status", "human", "lang")
