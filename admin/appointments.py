"""Who becomes an official and who ceases to be one, and what that means for the cases they hold."""

from admin import callouts, card, case_events, cases, officials
from admin.case_events import DESK
from admin.cases import CaseStatus
from admin.desk import DeskConfig
from admin.officials import Official, Role
from admin.permissions import may_hold
from bot.transaction import Transaction


def appoint(
    tx: Transaction,
    desk: DeskConfig,
    channel: str,
    account: str,
    name: str,
    role: Role,
    department: str,
) -> Official:
    """Make an account an official's, or change what it was."""
    official = officials.appoint(tx, channel, account, name, role, department)
    return _settled(tx, desk, official)


def enrol(
    tx: Transaction, desk: DeskConfig, code: str, channel: str, account: str
) -> Official | None:
    """Make an account an official's if the code holds; None when it is wrong, used or too old."""
    official = officials.enrol(tx, code, channel, account)
    return _settled(tx, desk, official) if official else None


def dismiss(tx: Transaction, desk: DeskConfig, official_id: int) -> None:
    """Take an official's right to act away; the running cases they held are called out again."""
    officials.dismiss(tx, official_id)
    _give_back(tx, desk, official_id, dismissed=official_id)


def _settled(tx: Transaction, desk: DeskConfig, official: Official) -> Official:
    if not may_hold(official):
        _give_back(tx, desk, official.key, role=official.role)
    return official


def _give_back(tx: Transaction, desk: DeskConfig, official_id: int, **why: object) -> None:
    for held in cases.held_by(tx.session, official_id):
        case = cases.lock(tx.session, held.number)
        if case.is_over or case.holder != official_id:
            continue
        case.holder = None
        cases.move(case, CaseStatus.OPEN, tx.now)
        case_events.record(tx, case, "released", DESK, "", **why)
        callouts.start(tx, desk, case)
        card.show(tx, desk, case)
