"""Danger to life first: when a message speaks of it, the emergency numbers come before all else.

The lists are short on purpose. A false alarm costs one sentence; a word that stands in every
second question would teach people to overlook it. They name danger to somebody's life now, and
suicide; what the office's own emergencies are belongs into its articles.
"""

import re
from datetime import datetime, timedelta

from bot.context import Outcome
from bot.messages import IncomingMessage, MessageKind
from handlers.context import OfficeContext

#: danger to life
_DANGER = (
    "救命 着火了 失火了 起火了 火灾了 快死了 要死人了 有人落水 有人溺水 正在杀人 要杀我 被绑架"
    " 煤气泄漏 燃气泄漏 煤气味 燃气味 臭鸡蛋味 煤气中毒 大出血 没有呼吸 失去意识"
).split()
_DANGER_EN = (
    r"help me,? i'?m dying|going to kill me|(?:house|building|flat|car) is on fire|gas leak"
    r"|smell(?:s|ing)? (?:of )?gas|carbon monoxide"
    r"|not breathing|bleeding heavily|drowning|being attacked|kidnapped|heart attack"
)
#: suicide
_SUICIDE = "自杀 轻生 不想活了 活不下去 想跳楼 要跳楼 割腕 结束生命".split()
_SUICIDE_EN = r"suicide|suicidal|kill myself|killing myself|end my life|want to die"

_WORDS = re.compile(
    "|".join([*_DANGER, *_SUICIDE]) + rf"|\b(?:{_DANGER_EN}|{_SUICIDE_EN})\b", re.IGNORECASE
)


#: characters that are looked at, from the beginning and from the end
_HEAD, _TAIL = 8_000, 2_000
#: the numbers are said at most once in so many minutes
SAID_EVERY_MINUTES = 10


def speaks_of_danger(text: str) -> bool:
    """Say whether a text names danger to life or suicide; of a very long one, its two ends."""
    if len(text) > _HEAD + _TAIL:
        return speaks_of_danger(text[:_HEAD]) or speaks_of_danger(text[-_TAIL:])
    return _WORDS.search(text) is not None


async def emergency(message: IncomingMessage, ctx: OfficeContext) -> Outcome | None:
    """Say the emergency numbers and leave the message to the next handlers."""
    if message.kind not in (MessageKind.TEXT, MessageKind.EDIT) or not speaks_of_danger(ctx.text):
        return None
    ctx.note(emergency=True)
    if not _said_lately(ctx):
        ctx.remember(emergency_said=ctx.now.isoformat())
        ctx.reply(ctx.office.emergency[ctx.lang])
    return None


def _said_lately(ctx: OfficeContext) -> bool:
    said = ctx.state.get("emergency_said")
    if not said:
        return False
    return ctx.now - datetime.fromisoformat(str(said)) < timedelta(minutes=SAID_EVERY_MINUTES)
