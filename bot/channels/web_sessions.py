"""Who is on our pages: citizens by a resume token, officials by a one-time sign-in code.

The browser keeps a random token in a cookie that scripts cannot read; we keep its SHA-256 only
(ASVS 5.0, 7.2). A citizen's session id is the chat id of the conversation and no secret.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete
from sqlmodel import Field, Session, SQLModel, col, select

from bot.types import UtcDateTime

#: a citizen's session ends so long after the last visit
VISIT = timedelta(days=30)
#: an official signs in anew after this time, active or not
SHIFT = timedelta(hours=12)
#: a visit is written down again after this time
_TOUCH = timedelta(hours=1)


class SessionKind(StrEnum):
    """What a token opens."""

    #: the conversation of one citizen
    CITIZEN = "citizen"
    #: a sign-in code that was not used yet
    CODE = "code"
    #: the desk, as one official
    OFFICIAL = "official"


class WebSession(SQLModel, table=True):
    """One session, or one unused sign-in code."""

    __tablename__ = "web_session"

    id: str = Field(primary_key=True, max_length=32)
    kind: str = Field(max_length=10)
    token_hash: str = Field(max_length=64, unique=True)
    user: str = Field(default="", max_length=120, index=True)
    name: str = Field(default="", max_length=120)
    language: str = Field(default="", max_length=10)
    created_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody on a page: where they write, and as whom."""

    session: str
    chat: str
    user: str
    name: str = ""
    language: str = ""


def token_hash(token: str) -> str:
    """Return what is kept of a token; with 256 random bits in it no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def open_citizen(session: Session, language: str, now: datetime) -> tuple[str, Visitor]:
    """Start a citizen's session; return its token and the visitor."""
    token, row = _new(SessionKind.CITIZEN, now, VISIT)
    row.user, row.language = row.id, language
    session.add(row)
    session.flush()
    return token, _citizen(row)


def find_citizen(session: Session, token: str, now: datetime) -> Visitor | None:
    """Return whose token this is, or None when it is unknown or too old."""
    row = _find(session, SessionKind.CITIZEN, token, now)
    return _citizen(row) if row else None


def citizen_exists(session: Session, chat: str) -> bool:
    """Say whether a conversation can still be reached by anybody."""
    row = session.get(WebSession, chat)
    return row is not None and row.kind == SessionKind.CITIZEN


def touch(session: Session, session_id: str, language: str, now: datetime) -> None:
    """Write down a visit of a citizen: it keeps the session alive."""
    row = session.get(WebSession, session_id)
    if row is None or row.kind != SessionKind.CITIZEN:
        return
    if now - row.seen_at > _TOUCH or language not in ("", row.language):
        row.seen_at, row.expires_at = now, now + VISIT
        row.language = language or row.language
        session.add(row)


def new_sign_in_code(
    session: Session, user_id: str, display_name: str, now: datetime, ttl_s: float = 600
) -> str:
    """Make a code that signs an official in once; give it only to that person."""
    code, row = _new(SessionKind.CODE, now, timedelta(seconds=ttl_s))
    row.user, row.name = user_id, display_name
    session.add(row)
    session.flush()
    return code


def redeem(session: Session, code: str, now: datetime) -> tuple[str, Visitor] | None:
    """Use a sign-in code up; return the new session's token, or None when it does not count."""
    row = _find(session, SessionKind.CODE, code, now)
    if row is None or not _delete(session, row.id):
        return None
    token, official = _new(SessionKind.OFFICIAL, now, SHIFT)
    official.user, official.name = row.user, row.name
    session.add(official)
    session.flush()
    return token, _official(official)


def find_official(session: Session, token: str, now: datetime) -> Visitor | None:
    """Return which official is signed in with this token, or None."""
    row = _find(session, SessionKind.OFFICIAL, token, now)
    return _official(row) if row else None


def sign_out(session: Session, token: str) -> None:
    """End one official's session."""
    session.execute(
        delete(WebSession).where(
            col(WebSession.token_hash) == token_hash(token),
            col(WebSession.kind) == SessionKind.OFFICIAL,
        )
    )


def sign_out_everywhere(session: Session, user_id: str) -> None:
    """End every session and code of an official, for one who leaves."""
    session.execute(
        delete(WebSession).where(
            col(WebSession.user) == user_id, col(WebSession.kind) != SessionKind.CITIZEN
        )
    )


def forget_expired(session: Session, now: datetime) -> None:
    """Delete sessions and codes whose time is over."""
    session.execute(delete(WebSession).where(col(WebSession.expires_at) < now))


def _new(kind: SessionKind, now: datetime, life: timedelta) -> tuple[str, WebSession]:
    token = secrets.token_urlsafe(32)
    row = WebSession(
        id=secrets.token_hex(16),
        kind=kind,
        token_hash=token_hash(token),
        created_at=now,
        seen_at=now,
        expires_at=now + life,
    )
    return token, row


def _find(session: Session, kind: SessionKind, token: str, now: datetime) -> WebSession | None:
    return session.exec(
        select(WebSession).where(
            WebSession.token_hash == token_hash(token),
            WebSession.kind == kind,
            col(WebSession.expires_at) > now,
        )
    ).first()


def _delete(session: Session, session_id: str) -> bool:
    done = session.execute(delete(WebSession).where(col(WebSession.id) == session_id))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _citizen(row: WebSession) -> Visitor:
    return Visitor(row.id, row.id, row.user, row.name, row.language)


def _official(row: WebSession) -> Visitor:
    return Visitor(row.id, DESK_CHAT, row.user, row.name, row.language)


#: the one chat of the desk
DESK_CHAT = "desk"
