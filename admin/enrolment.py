"""``/enroll CODE``: an account becomes an official's."""

from admin import appointments, card, departments, officials
from admin.desk import DeskConfig
from admin.texts import say
from bot.context import Context, Outcome
from bot.messages import IncomingMessage, OutgoingMessage
from bot.text import clean
from bot.transaction import Transaction


async def enrol(message: IncomingMessage, ctx: Context, code: str, desk: DeskConfig) -> Outcome:
    """Use up a code for the sender, if officials work there and the platform vouches for them."""
    language = desk.language
    if message.address.channel != desk.channel:
        where = card.channel_name(language, desk.channel)
        ctx.reply(say(language, "refused.enrol_elsewhere", channel=where))
        return Outcome.REFUSED
    if not message.sender.verified:
        ctx.reply(say(language, "refused.not_verified"))
        return Outcome.REFUSED
    given = clean(code)
    holds = await ctx.read(officials.is_valid, given, ctx.now)
    channel, account = message.address.channel, message.sender.id

    def effect(tx: Transaction) -> None:
        official = appointments.enrol(tx, desk, given, channel, account)
        if official is None:
            text = say(language, "refused.wrong_enrol_code")
        else:
            department = departments.called(tx.session, official.department, language)
            text = say(language, "desk.enrolled", name=official.name, department=department)
        tx.send(OutgoingMessage(message.address, text))

    ctx.do(effect)
    return Outcome.HANDLED if holds else Outcome.REFUSED
