"""First figures: how messages ended and where cases stand."""

from sqlalchemy import func, select
from sqlmodel import Session, col

from admin.cases import Case
from bot.inbox import InboxRow
from bot.outbox import OutboxRow


def figures(session: Session) -> dict[str, dict[str, int]]:
    """Count messages by outcome, cases by status, and sent messages by fate."""
    counted = {
        "messages": col(InboxRow.outcome),
        "cases": col(Case.status),
        "deliveries": col(OutboxRow.status),
    }
    found: dict[str, dict[str, int]] = {}
    for title, column in counted.items():
        rows = session.connection().execute(select(column, func.count()).group_by(column))
        found[title] = {str(name or "waiting"): count for name, count in rows}
    return found
