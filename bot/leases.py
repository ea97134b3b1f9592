"""Leases for roles that one process at a time may hold: polling an account, sending on it.

Time in a lease is the database's own on PostgreSQL; the caller hands it in (Transaction.lease_now).
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, case, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from bot.transaction import Transaction
from bot.types import UtcDateTime


class Lease(SQLModel, table=True):
    """Who holds a role and until when; ``epoch`` grows with each new holder."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True, max_length=80)
    owner: str = Field(max_length=60)
    until: datetime = Field(sa_type=UtcDateTime)
    epoch: int = 1


_TABLE = Lease.__table__  # type: ignore[attr-defined]
_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def take(
    connection: Connection, name: str, owner: str, now: datetime, duration: timedelta
) -> int | None:
    """Take or renew the role; return the epoch, or None while another holds it."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_TABLE).values(name=name, owner=owner, until=now + duration, epoch=1)
    mine = _TABLE.c.owner == statement.excluded.owner
    statement = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "owner": statement.excluded.owner,
            "until": statement.excluded.until,
            "epoch": _TABLE.c.epoch + case((mine, 0), else_=1),
        },
        where=or_(mine, _TABLE.c.until <= now),
    ).returning(_TABLE.c.epoch)
    epoch = connection.scalar(statement)
    return None if epoch is None else int(epoch)


_FENCE = (
    update(_TABLE)
    .where(
        _TABLE.c.name == bindparam("role"),
        _TABLE.c.owner == bindparam("holder"),
        _TABLE.c.epoch == bindparam("held"),
    )
    .values(until=bindparam("end"))
)


def fence(tx: Transaction, name: str, owner: str, epoch: int, duration: timedelta) -> None:
    """Commit this transaction only while the role is ours; renew it with the commit."""
    values = {"role": name, "holder": owner, "held": epoch, "end": tx.lease_now + duration}
    tx.require(_FENCE, values, f"{name}/{epoch}")


def drop(connection: Connection, owner: str) -> None:
    """Give back every role of this owner (at an orderly stop); epochs go on growing."""
    connection.execute(
        update(_TABLE).where(_TABLE.c.owner == owner).values(owner="", until=_LONG_AGO)
    )


def free_all(connection: Connection) -> None:
    """Void every lease; only for a process that knows it is alone (SQLite, at start).

    Rows are kept with a past date, so that the epoch goes on growing.
    """
    connection.execute(update(_TABLE).values(owner="", until=_LONG_AGO))
