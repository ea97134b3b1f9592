"""A process that stops inside a transaction does not keep the others from working."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.db import Database
from bot.journal import Entry, append


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_locks_of_a_sleeper_are_freed(database: Database) -> None:
    with database.connect_to_write(brief=True) as sleeper:
        sleeper.begin()
        append(sleeper, [Entry("note", {})], database.clock.now())  # holds the chain's lock
        with database.writing() as other:
            other.execute(text("SET LOCAL lock_timeout = '9s'"))
            await asyncio.to_thread(append, other, [Entry("note", {})], database.clock.now())
        with pytest.raises(DBAPIError) as woken:
            sleeper.execute(text("SELECT 1"))
        assert woken.value.connection_invalidated
        sleeper.invalidate()
