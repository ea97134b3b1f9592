"""What a button does: an opaque token stands for a row, and the row says who may press it.

Platforms carry 64 bytes under a button and anybody may forge them; so they carry a random token
only, and the action, its payload, the place and the expiry are looked up here.
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from bot.types import UtcDateTime


class ButtonRow(SQLModel, table=True):
    """One button that was shown. ``place`` is the address key in which it may be pressed."""

    __tablename__ = "button"

    token: str = Field(primary_key=True, max_length=40)
    action: str = Field(max_length=40)
    payload: str = Field(default="{}", sa_type=Text)
    place: str = Field(max_length=200)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    once: bool = False
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


@dataclass(frozen=True, slots=True)
class Choice:
    """A button to be: the label, the action it stands for and what that needs to know.

    ``once``: only the first press counts. ``days``: how long it may be pressed.
    """

    label: str
    action: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    once: bool = False
    days: float = 90


@dataclass(frozen=True, slots=True)
class Press:
    """A valid press: what to do, and the token to use up when it is done."""

    token: str
    action: str
    payload: Mapping[str, Any]
    once: bool
    used: bool


_TABLE = ButtonRow.__table__  # type: ignore[attr-defined]


_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,40}")


def is_token(text: str) -> bool:
    """Say whether this could be one of ours; anything else need not be looked up."""
    return _TOKEN.fullmatch(text) is not None


def new_token() -> str:
    """Return a fresh token, 128 random bits."""
    return secrets.token_urlsafe(16)


def insert(
    connection: Connection, token: str, choice: Choice, place: str, expires_at: datetime
) -> None:
    """Store what the token stands for."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        dialect.insert(_TABLE),
        {
            "token": token,
            "action": choice.action,
            "payload": json.dumps(dict(choice.payload), ensure_ascii=True),
            "place": place,
            "expires_at": expires_at,
            "once": choice.once,
        },
    )


def find(connection: Connection, token: str, place: str, now: datetime) -> Press | None:
    """Return what a pressed token means here and now; None when forged, foreign or expired."""
    row = connection.execute(
        select(_TABLE).where(
            _TABLE.c.token == token, _TABLE.c.place == place, _TABLE.c.expires_at > now
        )
    ).first()
    if row is None:
        return None
    return Press(row.token, row.action, json.loads(row.payload), row.once, row.used_at is not None)


def use_up(connection: Connection, token: str, now: datetime) -> bool:
    """Take the one press of a ``once`` button; False when somebody was faster."""
    done = connection.execute(
        update(_TABLE)
        .where(_TABLE.c.token == token, _TABLE.c.used_at.is_(None))
        .values(used_at=now)
    )
    return done.rowcount == 1


def forget_expired(connection: Connection, now: datetime, most: int) -> int:
    """Delete up to ``most`` buttons whose time is over; return how many there were."""
    over = select(_TABLE.c.token).where(_TABLE.c.expires_at < now).limit(most)
    return connection.execute(delete(_TABLE).where(_TABLE.c.token.in_(over))).rowcount
