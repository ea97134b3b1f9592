"""The buttons of the admin chat: under a case's card, and under the questions they lead to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlmodel import Session

from admin import actions, cases, departments, officials
from admin.actions import Result
from admin.permissions import Act, may_hold
from admin.scene import Scene
from admin.texts import say
from bot.buttons import Choice, Press
from bot.context import Outcome
from bot.transaction import Transaction

#: grounds offered by the close button; the sentences are in texts/
GROUNDS = ("answered", "duplicate", "not_ours", "no_reply")
#: departments and officials offered by the transfer button
OFFERED = 12


async def run(scene: Scene, press: Press) -> Outcome:
    """Do what a pressed button stands for."""
    step = _STEPS.get(press.action)
    if step is None:
        return scene.refuse("stale_button")
    return await step(scene, press.payload)


async def _claim(scene: Scene, _payload: Mapping[str, Any]) -> Outcome:
    return await scene.act(
        Act.CLAIM, lambda tx: actions.claim(tx, scene.desk, scene.number, scene.by)
    )


async def _release(scene: Scene, _payload: Mapping[str, Any]) -> Outcome:
    return await scene.act(
        Act.RELEASE, lambda tx: actions.release(tx, scene.desk, scene.number, scene.by)
    )


async def _reopen(scene: Scene, _payload: Mapping[str, Any]) -> Outcome:
    return await scene.act(
        Act.REOPEN, lambda tx: actions.reopen(tx, scene.desk, scene.number, scene.by)
    )


async def _send(scene: Scene, payload: Mapping[str, Any]) -> Outcome:
    article = str(payload["article"])
    return await scene.act(
        Act.SEND,
        lambda tx: actions.send_article(tx, scene.desk, scene.number, scene.by, article),
        Outcome.RELAYED,
    )


async def _draft(scene: Scene, _payload: Mapping[str, Any]) -> Outcome:
    return await scene.act(
        Act.DRAFT, lambda tx: actions.draft(tx, scene.desk, scene.number, scene.by)
    )


async def _close(scene: Scene, _payload: Mapping[str, Any]) -> Outcome:
    """Ask for the ground."""
    choices = [
        [Choice(scene.say(f"ground.{g}"), "desk.close_as", {"case": scene.number, "ground": g})]
        for g in GROUNDS
    ]
    scene.tell(scene.say("desk.which_ground", number=scene.number), choices)
    return Outcome.HANDLED


async def _close_as(scene: Scene, payload: Mapping[str, Any]) -> Outcome:
    def close(tx: Transaction) -> Result:
        case = cases.lock(tx.session, scene.number)
        ground = say(case.language, f"ground.{payload['ground']}")
        return actions.close(tx, scene.desk, scene.number, scene.by, ground)

    return await scene.act(Act.CLOSE, close)


async def _transfer(scene: Scene, _payload: Mapping[str, Any]) -> Outcome:
    """Ask for the heir."""
    targets = await scene.ctx.read(_targets, scene)
    choices = [
        [Choice(name, "desk.transfer_to", {"case": scene.number, "to": name})] for name in targets
    ]
    scene.tell(scene.say("desk.which_target", number=scene.number), choices)
    return Outcome.HANDLED


def _targets(session: Session, scene: Scene) -> list[str]:
    """Return the other departments and who else may answer, as the desk calls them."""
    case, language = cases.find(session, scene.number), scene.desk.language
    parts = [name for name in departments.known(session) if not case or name != case.department]
    others = (o for o in officials.active(session) if o.id != scene.official)
    people = [o.name for o in others if may_hold(o)]
    return [*(departments.called(session, name, language) for name in parts), *people][:OFFERED]


async def _transfer_to(scene: Scene, payload: Mapping[str, Any]) -> Outcome:
    to = str(payload["to"])
    return await scene.act(
        Act.TRANSFER, lambda tx: actions.transfer(tx, scene.desk, scene.number, scene.by, to)
    )


_STEPS: dict[str, Callable[[Scene, Mapping[str, Any]], Awaitable[Outcome]]] = {
    "desk.claim": _claim,
    "desk.release": _release,
    "desk.reopen": _reopen,
    "desk.send": _send,
    "desk.draft": _draft,
    "desk.close": _close,
    "desk.close_as": _close_as,
    "desk.transfer": _transfer,
    "desk.transfer_to": _transfer_to,
}
