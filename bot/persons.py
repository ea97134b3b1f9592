"""Persons: who is behind an address. A person may be known on several channels."""

import secrets
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from bot.conversations import ConversationRow
from bot.types import UtcDateTime


class Person(SQLModel, table=True):
    """A citizen (or official) under a random id that says nothing about them."""

    __tablename__ = "person"

    id: str = Field(primary_key=True, max_length=40)
    created_at: datetime = Field(sa_type=UtcDateTime)


class PersonAccount(SQLModel, table=True):
    """The account of a person on a channel."""

    __tablename__ = "person_account"

    channel: str = Field(primary_key=True, max_length=40)
    account: str = Field(primary_key=True, max_length=120)
    person: str = Field(max_length=40, foreign_key="person.id", index=True)


#: characters of a language tag that are kept
LANGUAGE = 10

_ACCOUNT = PersonAccount.__table__  # type: ignore[attr-defined]
_PERSON = Person.__table__  # type: ignore[attr-defined]
_CONVERSATION = ConversationRow.__table__  # type: ignore[attr-defined]


def resolve(connection: Connection, channel: str, account: str, now: datetime) -> str:
    """Return the id of the person behind an account, making one at the first meeting."""
    found = connection.scalar(
        select(_ACCOUNT.c.person).where(
            _ACCOUNT.c.channel == channel, _ACCOUNT.c.account == account
        )
    )
    if found:
        return str(found)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    person = secrets.token_hex(16)
    connection.execute(dialect.insert(_PERSON), {"id": person, "created_at": now})
    kept = connection.execute(
        dialect.insert(_ACCOUNT).on_conflict_do_nothing().returning(_ACCOUNT.c.person),
        {"channel": channel, "account": account, "person": person},
    ).scalar()
    return str(kept) if kept else resolve(connection, channel, account, now)


def settle_in(connection: Connection, conversation: str, person: str, language: str) -> None:
    """Write down whose conversation this is.

    A language tag may be longer than we keep (BCP 47 names no limit); its beginning says enough.
    """
    connection.execute(
        update(_CONVERSATION)
        .where(_CONVERSATION.c.key == conversation)
        .values(person=person, language=language[:LANGUAGE])
    )
