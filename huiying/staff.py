"""Enrolling officials from the command line."""

import secrets
from typing import Any

from sqlmodel import Session

from admin import appointments, officials
from admin.officials import Official, Role
from bot.channels.web_sessions import new_sign_in_code, sign_out_everywhere
from bot.config import Settings, WebSettings
from bot.errors import BadInput
from huiying.desk import desk_config
from huiying.lock import announced
from huiying.schema import open_database, open_existing
from huiying.web import url_of

#: how long a sign-in link holds, seconds
LINK_S = 600


def add_official(settings: Settings, name: str, role: Role, department: str = "") -> dict[str, Any]:
    """Make a one-time code, or for the desk page an official with a sign-in link."""
    if not name.strip():
        raise BadInput("An official needs a name, as in `official add 一号窗口`.")
    _not_too_long("name of an official", name, officials.NAME_LENGTH)
    _not_too_long("department", department, officials.DEPARTMENT_LENGTH)
    database = open_database(settings)
    with database.transaction() as tx:
        desk = desk_config(settings, tx.connection)
        department = department or desk.department
        if desk.channel != "desk":
            code = officials.new_code(tx, name, role, department)
            say = f"{name}: write to the bot in private, within 10 minutes: /enroll {code}"
            return {"name": name, "code": code, "say": say}
        account = _known_account(tx.session, name) or f"desk-{secrets.token_hex(4)}"
        appointments.appoint(tx, desk, "desk", account, name, role, department)
        code = new_sign_in_code(tx.session, account, name, tx.now, LINK_S)
    url = settings.web.public_url or announced(settings.data_dir) or _configured(settings.web)
    link = f"{url}/desk/sign-in?code={code}"
    return {"name": name, "link": link, "say": f"{name}: open within 10 minutes: {link}"}


def _not_too_long(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise BadInput(f"This {what} has {len(text)} characters; at most {most} can be kept.")


def _configured(web: WebSettings) -> str:
    return url_of(web.host, web.port)


def _known_account(session: Session, name: str) -> str:
    """Return the desk account of an active official of this name: a new link, not a new person."""
    for official in officials.active(session):
        if official.channel == "desk" and official.name == name:
            return official.account
    return ""


def list_officials(settings: Settings) -> list[dict[str, Any]]:
    """Return who may act now."""
    database = open_existing(settings)
    with database.session() as session:
        names = ("id", "name", "role", "department", "channel")
        return [{n: str(getattr(o, n)) for n in names} for o in officials.active(session)]


def dismiss_official(settings: Settings, official_id: int) -> str:
    """Take the right to act away, give their cases back, end their desk sessions; return who."""
    database = open_existing(settings)
    with database.transaction() as tx:
        official = tx.session.get(Official, official_id)
        if official is None or not official.active:
            raise BadInput(f"There is no active official {official_id}; see `official list`.")
        appointments.dismiss(tx, desk_config(settings, tx.connection), official_id)
        if official.channel == "desk":
            sign_out_everywhere(tx.session, official.account)
        return official.name
