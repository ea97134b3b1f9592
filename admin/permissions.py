"""Who may do what with a case in which state: one table, asked before every act."""

from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session

from admin import officials
from admin.cases import Case
from admin.officials import Official, Role
from admin.refusals import ActRefused


class Act(StrEnum):
    """What an official can do with a case."""

    #: take an open case
    CLAIM = "claim"
    #: give it back to the department
    RELEASE = "release"
    #: write to the citizen
    REPLY = "reply"
    #: send an article
    SEND = "send"
    #: write for colleagues only
    NOTE = "note"
    #: make a draft article of what was answered
    DRAFT = "draft"
    #: hand it to a department or an official
    TRANSFER = "transfer"
    #: end it, with a ground
    CLOSE = "close"
    #: take an ended case up again
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Rule:
    """When an act is allowed.

    ``over``: the case must have ended (True), must run (False), or either (None). ``foreign``:
    allowed on a case that another official holds. ``held``: the case must have a holder.
    """

    over: bool | None = False
    foreign: bool = False
    held: bool = False
    roles: frozenset[Role] = frozenset({Role.OFFICIAL, Role.MANAGER})


RULES: dict[Act, Rule] = {
    Act.CLAIM: Rule(),
    Act.RELEASE: Rule(held=True),
    Act.REPLY: Rule(),
    Act.SEND: Rule(),
    Act.NOTE: Rule(over=None, foreign=True, roles=frozenset(Role)),
    Act.DRAFT: Rule(over=None, foreign=True, roles=frozenset(Role)),
    Act.TRANSFER: Rule(),
    Act.CLOSE: Rule(),
    Act.REOPEN: Rule(over=True, foreign=True),
}
#: A manager may do these on a case that somebody else holds; claiming it stays a race.
_OVERRULED = frozenset({Act.RELEASE, Act.REPLY, Act.SEND, Act.TRANSFER, Act.CLOSE})


def check(session: Session, act: Act, case: Case, official: Official) -> None:
    """Raise :class:`ActRefused` unless this official may do this now."""
    rule = RULES[act]
    if not official.active or Role(official.role) not in rule.roles:
        raise ActRefused("not_your_role", name=official.name)
    if rule.over is False and case.is_over:
        raise ActRefused("over", number=case.number)
    if rule.over is True and not case.is_over:
        raise ActRefused("running", number=case.number)
    if rule.held and case.holder is None:
        raise ActRefused("nobody_holds", number=case.number)
    holder = holder_of(session, case)
    if holder is None or holder.id == official.id or rule.foreign:
        return
    if not (official.role == Role.MANAGER and act in _OVERRULED):
        raise ActRefused("held", number=case.number, holder=holder.name)


def may_hold(official: Official) -> bool:
    """Say whether somebody may hold cases: who cannot answer would only keep them from others."""
    return official.active and Role(official.role) in RULES[Act.REPLY].roles


def holder_of(session: Session, case: Case) -> Official | None:
    """Return who holds a case; somebody who may no longer answer holds nothing."""
    holder = officials.get(session, case.holder)
    return holder if holder is not None and may_hold(holder) else None
