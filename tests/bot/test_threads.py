"""Our names for places and the platform's ids for them, there and back."""

from datetime import UTC, datetime

from bot import threads
from bot.context import Context, Outcome
from bot.db import Database
from bot.messages import Address, IncomingMessage
from bot.threads import Thread
from tests.bot.kit import NAME, Bench, event

AT = datetime(2026, 3, 2, tzinfo=UTC)
CASE = Address("telegram", "-100", "~K7Q2M")


def test_a_thread_is_remembered_replaced_and_forgotten(database: Database) -> None:
    with database.writing() as connection:
        assert threads.find(connection, CASE) is None
        threads.remember(connection, CASE, "7", "", AT)
        assert threads.find(connection, CASE) == Thread("7", "")
        threads.remember(connection, CASE, "", "m1", AT)
        assert threads.find(connection, CASE) == Thread("", "m1")
        threads.forget(connection, CASE)
        assert threads.find(connection, CASE) is None


def test_a_name_is_found_from_the_platform_s_id_in_its_own_chat(database: Database) -> None:
    with database.writing() as connection:
        threads.remember(connection, CASE, "7", "", AT)
        threads.remember(connection, Address("telegram", "-100", "~FLAT"), "", "m1", AT)
        assert threads.name_of(connection, Address("telegram", "-100", "7")) == "~K7Q2M"
        assert threads.name_of(connection, Address("telegram", "-200", "7")) == ""
        assert threads.name_of(connection, Address("matrix", "-100", "7")) == ""
        assert threads.name_of(connection, Address("telegram", "-100")) == "", "no thread, no name"


def test_a_chat_that_moved_keeps_its_first_name(database: Database) -> None:
    with database.writing() as connection:
        assert threads.moved_to(connection, "telegram", "-1") == "-1"
        threads.move_chat(connection, "telegram", "-1", "-2")
        threads.move_chat(connection, "telegram", "-1", "-3")
        assert threads.moved_to(connection, "telegram", "-1") == "-3"
        assert threads.known_as(connection, "telegram", "-3") == "-1"
        assert threads.known_as(connection, "telegram", "-2") == "-2"
        assert threads.moved_to(connection, "matrix", "-1") == "-1"


def test_our_own_names_are_told_from_the_platform_s() -> None:
    assert threads.is_own_name("~K7Q2M")
    assert not threads.is_own_name("77")
    assert not threads.is_own_name("")


async def test_a_handler_sees_our_names(bench: Bench) -> None:
    places: list[Address] = []

    async def where(message: IncomingMessage, ctx: Context) -> Outcome:
        places.append(ctx.address)
        return Outcome.HANDLED

    worker = await bench.worker([where])
    with bench.database.transaction() as tx:
        threads.move_chat(tx.connection, NAME, "-1", "-2")
        threads.remember(tx.connection, Address(NAME, "-1", "~K7"), "77", "", tx.now)
    await worker.receive(
        event(1, chat="-2", thread="77", private=False),
        event(2, chat="-2", private=False),
        event(3, chat="c1", thread="77"),
    )
    await worker.decide()
    assert sorted(places, key=lambda a: a.key) == [
        Address(NAME, "-1"),
        Address(NAME, "-1", "~K7"),
        Address(NAME, "c1", "77"),
    ]
