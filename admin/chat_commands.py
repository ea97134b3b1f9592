"""The commands of the admin chat, one row each; ``/help`` is made from the same rows."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from admin import actions, card, cases, departments, officials
from admin.command_words import Typed, nearest
from admin.desk import DeskConfig
from admin.permissions import Act
from admin.scene import Scene
from bot.context import Outcome
from bot.text import one_line
from knowledge import gaps

#: cases listed by /status in the main chat
LISTED = 20
#: gaps listed by /gaps
LISTED_GAPS = 10


@dataclass(frozen=True, slots=True)
class Command:
    """A command; ``in_topic``: it is about a case and needs one."""

    name: str
    run: Callable[[Scene, str], Awaitable[Outcome]]
    in_topic: bool = True


async def run(scene: Scene, typed: Typed) -> Outcome:
    """Run a typed command, or name the nearest ones."""
    command = COMMANDS.get(typed.name)
    if command is None:
        return _unknown(scene, typed.name)
    if command.in_topic and not scene.number:
        return scene.refuse("no_topic", command=typed.name)
    return await command.run(scene, typed.rest)


def _unknown(scene: Scene, name: str) -> Outcome:
    near = "\n".join(_help_line(scene, known) for known in nearest(name, COMMANDS))
    return scene.refuse("unknown_command", command=name[:40], near=near)


def _help_line(scene: Scene, name: str) -> str:
    return scene.say(f"command.{name}")


async def _claim(scene: Scene, _rest: str) -> Outcome:
    return await scene.act(
        Act.CLAIM, lambda tx: actions.claim(tx, scene.desk, scene.number, scene.by)
    )


async def _release(scene: Scene, _rest: str) -> Outcome:
    return await scene.act(
        Act.RELEASE, lambda tx: actions.release(tx, scene.desk, scene.number, scene.by)
    )


async def _close(scene: Scene, rest: str) -> Outcome:
    return await scene.act(
        Act.CLOSE, lambda tx: actions.close(tx, scene.desk, scene.number, scene.by, rest)
    )


async def _reopen(scene: Scene, _rest: str) -> Outcome:
    return await scene.act(
        Act.REOPEN, lambda tx: actions.reopen(tx, scene.desk, scene.number, scene.by)
    )


async def _transfer(scene: Scene, rest: str) -> Outcome:
    return await scene.act(
        Act.TRANSFER, lambda tx: actions.transfer(tx, scene.desk, scene.number, scene.by, rest)
    )


async def _note(scene: Scene, rest: str) -> Outcome:
    return await scene.act(
        Act.NOTE, lambda tx: actions.note(tx, scene.desk, scene.number, scene.by, rest)
    )


async def _send(scene: Scene, rest: str) -> Outcome:
    found = await scene.ctx.read(_suggested, scene.number, rest)
    if not found:
        return scene.refuse("no_such_suggestion")
    return await scene.act(
        Act.SEND,
        lambda tx: actions.send_article(tx, scene.desk, scene.number, scene.by, found),
        Outcome.RELAYED,
    )


def _suggested(session: Session, number: str, which: str) -> str:
    case = cases.find(session, number)
    suggestions = case.suggestions if case else []
    place = int(which) if which.isascii() and which.isdecimal() else 0
    return suggestions[place - 1].article if 0 < place <= len(suggestions) else ""


async def _draft(scene: Scene, _rest: str) -> Outcome:
    return await scene.act(
        Act.DRAFT, lambda tx: actions.draft(tx, scene.desk, scene.number, scene.by)
    )


async def _gaps(scene: Scene, _rest: str) -> Outcome:
    lines = await scene.ctx.read(_gap_lines, scene)
    scene.tell("\n".join(lines) or scene.say("desk.no_gaps"))
    return Outcome.HANDLED


def _gap_lines(session: Session, scene: Scene) -> list[str]:
    return [
        scene.say(
            "desk.gap",
            gap=gap.id,
            citizens=gap.citizens,
            title=one_line(gap.title, 120),
            status=scene.say(f"gap.{gap.status}"),
        )
        for gap in gaps.listing(session, limit=LISTED_GAPS)
    ]


async def _who(scene: Scene, _rest: str) -> Outcome:
    scene.tell(await scene.ctx.read(_people, scene.desk, scene.number))
    return Outcome.HANDLED


def _people(session: Session, desk: DeskConfig, number: str) -> str:
    case = cases.find(session, number) if number else None
    if case is not None:
        return card.headline(session, desk, case)
    return "\n".join(
        f"{o.name} · {departments.called(session, o.department, desk.language)}"
        for o in officials.active(session)
    )


async def _status(scene: Scene, _rest: str) -> Outcome:
    lines = await scene.ctx.read(_standing, scene.desk, scene.number)
    scene.tell("\n".join(lines) or scene.say("desk.no_cases"))
    return Outcome.HANDLED


def _standing(session: Session, desk: DeskConfig, number: str) -> Sequence[str]:
    one = cases.find(session, number) if number else None
    listed = [one] if one else cases.running(session, LISTED)
    return [
        f"{card.headline(session, desk, case)} · {desk.local(case.opened_at)}" for case in listed
    ]


async def _help(scene: Scene, _rest: str) -> Outcome:
    lines = [scene.say("desk.help"), *(_help_line(scene, name) for name in COMMANDS)]
    scene.tell("\n".join(lines))
    return Outcome.HANDLED


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("claim", _claim),
        Command("release", _release),
        Command("send", _send),
        Command("note", _note),
        Command("draft", _draft),
        Command("transfer", _transfer),
        Command("close", _close),
        Command("reopen", _reopen),
        Command("who", _who, in_topic=False),
        Command("status", _status, in_topic=False),
        Command("gaps", _gaps, in_topic=False),
        Command("help", _help, in_topic=False),
    )
}
