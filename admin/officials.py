"""Officials: who may act for the office, known by the account the platform vouches for.

An official is enrolled by a code that the operator hands over: it is valid for ten minutes, once.
We store its hash; when it is sent to us as ``/enroll CODE``, the inbox and the journal keep what
came, and by then it is used up, or will soon be too old.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Field, Session, SQLModel, UniqueConstraint, col, select, update

from admin import departments
from admin.case_numbers import ALPHABET
from bot.messages import IncomingMessage
from bot.transaction import Transaction
from bot.types import UtcDateTime

#: how long an enrolment code is valid
CODE_MINUTES = 10
CODE_LENGTH = 10
#: the longest name of an official and of a department, in characters
NAME_LENGTH, DEPARTMENT_LENGTH = 80, 200


class Role(StrEnum):
    """What an official may do."""

    #: answers citizens
    OFFICIAL = "official"
    #: looks after what is published; may read and note, not answer
    EDITOR = "editor"
    #: may act on anybody's case
    MANAGER = "manager"


class Official(SQLModel, table=True):
    """Somebody who acts for the office, under one account of one channel."""

    __tablename__ = "official"
    __table_args__ = (UniqueConstraint("channel", "account"),)

    id: int | None = Field(default=None, primary_key=True)
    channel: str = Field(max_length=40)
    account: str = Field(max_length=120)
    name: str = Field(max_length=NAME_LENGTH)
    role: str = Field(default=Role.OFFICIAL, max_length=12)
    department: str = Field(max_length=DEPARTMENT_LENGTH, index=True)
    active: bool = True
    enrolled_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def key(self) -> int:
        """The id of a stored official."""
        assert self.id is not None
        return self.id


class EnrolCode(SQLModel, table=True):
    """A code that makes an account an official's; this table holds only its hash."""

    __tablename__ = "enrol_code"

    hash: str = Field(primary_key=True, max_length=64)
    name: str = Field(max_length=NAME_LENGTH)
    role: str = Field(max_length=12)
    department: str = Field(max_length=DEPARTMENT_LENGTH)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def new_code(tx: Transaction, name: str, role: Role, department: str) -> str:
    """Make an enrolment code for somebody; it is shown once, and its hash is stored."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    departments.ensure(tx.session, department)
    expires = tx.now + timedelta(minutes=CODE_MINUTES)
    tx.session.add(
        EnrolCode(
            hash=_hashed(code), name=name, role=role, department=department, expires_at=expires
        )
    )
    tx.session.flush()
    tx.journal("official_code", {"name": name, "role": role, "department": department})
    return code


def is_valid(session: Session, code: str, now: datetime) -> bool:
    """Say whether an enrolment code could be used now."""
    row = session.get(EnrolCode, _hashed(code.strip().upper()))
    return row is not None and row.used_at is None and row.expires_at > now


def enrol(tx: Transaction, code: str, channel: str, account: str) -> Official | None:
    """Make ``account`` an official's if the code holds; None when it is wrong, used or too old.

    Call :func:`admin.appointments.enrol`, which sees to the cases as well.
    """
    tried = _hashed(code.strip().upper())
    taken = tx.session.exec(
        update(EnrolCode)
        .where(
            col(EnrolCode.hash) == tried,
            col(EnrolCode.used_at).is_(None),
            col(EnrolCode.expires_at) > tx.now,
        )
        .values(used_at=tx.now)
    )
    if taken.rowcount != 1:
        tx.journal("official_refused", {"channel": channel, "account": account})
        return None
    row = tx.session.get(EnrolCode, tried)
    assert row is not None
    return appoint(tx, channel, account, row.name, Role(row.role), row.department)


def appoint(
    tx: Transaction, channel: str, account: str, name: str, role: Role, department: str
) -> Official:
    """Make an account an official's, or change what it was. The caller has checked the right.

    Call :func:`admin.appointments.appoint`, which sees to the cases as well.
    """
    departments.ensure(tx.session, department)
    official = _by_account(tx.session, channel, account)
    if official is None:
        official = Official(
            channel=channel, account=account, name=name, department=department, enrolled_at=tx.now
        )
        tx.session.add(official)
    official.name, official.role, official.department = name, role, department
    official.active = True
    tx.session.flush()
    body = {"id": official.key, "channel": channel, "account": account, "name": name}
    tx.journal("official_enrolled", {**body, "role": role, "department": department})
    return official


def dismiss(tx: Transaction, official_id: int) -> None:
    """Take the right to act away; what the official did stays on record.

    Call :func:`admin.appointments.dismiss`, which gives back the cases as well.
    """
    official = tx.session.get(Official, official_id)
    if official is not None and official.active:
        official.active = False
        tx.journal("official_dismissed", {"id": official_id})


def sender_of(session: Session, message: IncomingMessage) -> Official | None:
    """Return the active official who wrote this; None for everybody else.

    The platform must vouch for the sender: a forwarded, anonymous, channel or bot message is
    nobody's.
    """
    if not message.sender.verified:
        return None
    found = _by_account(session, message.address.channel, message.sender.id)
    return found if found and found.active else None


def get(session: Session, official_id: int | None) -> Official | None:
    """Return an official by id."""
    return None if official_id is None else session.get(Official, official_id)


def name_of(session: Session, official_id: int | None) -> str:
    """Return an official's name, or "" for nobody."""
    found = get(session, official_id)
    return found.name if found else ""


def active(session: Session) -> list[Official]:
    """Return everybody who may act, by department and name."""
    query = select(Official).where(col(Official.active))
    return list(session.exec(query.order_by(col(Official.department), col(Official.name))))


def _by_account(session: Session, channel: str, account: str) -> Official | None:
    query = select(Official).where(Official.channel == channel, Official.account == account)
    return session.exec(query).first()


def _hashed(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
