"""The admin chat: what an official writes in a case's topic goes to that case's citizen.

Which case a message belongs to is told by the topic it stands in; where the platform has no
topics, by the message it answers, looked up among those we sent. Never by its words (P7).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from admin import actions, cases, chat_buttons, chat_commands, command_words, notes, officials
from admin.command_words import Typed
from admin.desk import DeskConfig
from admin.enrolment import enrol
from admin.permissions import Act
from admin.scene import Scene
from admin.texts import say
from bot import buttons, outbox, threads
from bot.buttons import ButtonRow, Press
from bot.context import Context, Outcome
from bot.messages import IncomingMessage, MessageKind
from bot.threads import is_own_name

#: events of the chat itself, in which nobody says anything to us
_SILENT = frozenset({MessageKind.NOTICE, MessageKind.LEFT, MessageKind.WITHDRAWN})


#: where there are no topics, an official who writes to nobody is told so once in so many minutes
HINT_EVERY_MINUTES = 10


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database says about a message: its writer, its case, its button."""

    official: int | None
    number: str
    press: Press | None
    #: it stands in one case's topic but answers a message of another
    crossed: bool
    #: the chat has no topics
    flat: bool


class AdminChat:
    """The first handler: nothing that is written in the admin chat gets past it."""

    def __init__(self, desk: DeskConfig) -> None:
        self._desk = desk

    async def __call__(self, message: IncomingMessage, ctx: Context) -> Outcome | None:
        """Handle what is written in the admin chat; leave everything else alone."""
        if not self._desk.is_here(message.address):
            return None
        if message.kind in _SILENT:
            return Outcome.HANDLED
        typed = None if message.kind is MessageKind.EDIT else command_words.parse(message.text)
        if typed is not None and typed.name == "enroll":
            return await enrol(message, ctx, typed.rest, self._desk)
        found = await ctx.read(_look, message, ctx.press, ctx.now)
        if not (found.number or typed or message.kind is MessageKind.BUTTON):
            return self._chatter(ctx, found)
        return await self._said(message, ctx, typed, found)

    async def _said(
        self, message: IncomingMessage, ctx: Context, typed: Typed | None, found: _Found
    ) -> Outcome:
        scene = Scene(self._desk, ctx, found.official or 0, found.number)
        if found.official is None:
            return scene.refuse("not_enrolled" if message.sender.verified else "not_verified")
        if message.kind is MessageKind.BUTTON:
            if found.press is None:
                return scene.refuse("stale_button")
            ctx.press = found.press
            return await chat_buttons.run(scene, found.press)
        if typed is not None:
            return await chat_commands.run(scene, typed)
        if found.crossed:
            return scene.refuse("crossed")
        return await _words(scene, message)

    def _chatter(self, ctx: Context, found: _Found) -> Outcome:
        """Talk among colleagues in the main chat goes nowhere; say to each how to write.

        Where there are topics once is enough. Where there are none an answer to a citizen looks
        the same when it answers no card, so it is said again.
        """
        who, told = str(found.official or ""), dict(ctx.state.get("hinted_at", {}))
        if who not in told or (found.flat and _long_ago(told[who], ctx.now)):
            told[who] = ctx.now.isoformat()
            ctx.remember(hinted_at=told)
            ctx.reply(say(self._desk.language, "desk.hint"))
        return Outcome.HANDLED


def _long_ago(moment: str, now: datetime) -> bool:
    return now - datetime.fromisoformat(moment) >= timedelta(minutes=HINT_EVERY_MINUTES)


async def _words(scene: Scene, message: IncomingMessage) -> Outcome:
    """Pass an official's words on, keep them as a note, or correct what was sent."""
    if message.kind is MessageKind.EDIT:
        return await _edited(scene, message)
    out, kept = notes.apart((message, *scene.ctx.album))
    outcome = await _kept(scene, kept) if kept else Outcome.HANDLED
    return await _passed_on(scene, out) if out else outcome


async def _edited(scene: Scene, message: IncomingMessage) -> Outcome:
    desk, number, by = scene.desk, scene.number, scene.by
    text, files = message.text, message.attachments
    if command_words.parse(text) is not None:
        return scene.refuse("edited_command")
    return await scene.act(
        Act.REPLY, lambda tx: actions.correct(tx, desk, number, by, text, files), Outcome.RELAYED
    )


async def _kept(scene: Scene, messages: Sequence[IncomingMessage]) -> Outcome:
    desk, number, by = scene.desk, scene.number, scene.by_way_of(messages)
    text = notes.split(_text(messages)).internal
    return await scene.act(Act.NOTE, lambda tx: actions.note(tx, desk, number, by, text))


async def _passed_on(scene: Scene, messages: Sequence[IncomingMessage]) -> Outcome:
    desk, number, by = scene.desk, scene.number, scene.by_way_of(messages)
    text, files = _text(messages), [a for m in messages for a in m.attachments]
    if not notes.split(text).public and not files:
        return scene.refuse("nothing_to_send")
    return await scene.act(
        Act.REPLY, lambda tx: actions.reply(tx, desk, number, by, text, files), Outcome.RELAYED
    )


def _text(messages: Sequence[IncomingMessage]) -> str:
    return "\n".join(m.text for m in messages if m.text)


def _look(session: Session, message: IncomingMessage, press: Press | None, now: datetime) -> _Found:
    official = officials.sender_of(session, message)
    press = press or _press_elsewhere(session, message, now)
    here = message.address.thread[1:] if is_own_name(message.address.thread) else ""
    answered = ""
    if message.reply_to:
        answered = outbox.subject_of(session.connection(), message.place, message.reply_to)
    number = here or answered
    if not number and press is not None:
        number = str(press.payload.get("case", ""))
    if number and cases.find(session, number) is None:
        number = ""
    crossed = bool(here and answered and here != answered)
    flat = not number and threads.is_flat(session.connection(), message.address)
    return _Found(official.key if official else None, number, press, crossed, flat)


def _press_elsewhere(session: Session, message: IncomingMessage, now: datetime) -> Press | None:
    """Find a button of a topic that is shown in the main chat, where there are no topics."""
    if message.kind is not MessageKind.BUTTON or not message.button:
        return None
    place = session.exec(
        select(ButtonRow.place).where(
            ButtonRow.token == message.button,
            col(ButtonRow.place).startswith(
                f"{message.address.channel}/{message.address.chat}/", autoescape=True
            ),
        )
    ).first()
    if place is None:
        return None
    return buttons.find(session.connection(), message.button, place, now)
