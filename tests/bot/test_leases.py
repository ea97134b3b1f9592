"""One holder at a time; an epoch that only grows; a fence nobody gets past."""

from datetime import UTC, datetime, timedelta

import pytest

from bot import conversations, leases, timers
from bot.db import Database
from bot.errors import LeaseLost
from tests.bot.kit import Bench, event

T0 = datetime(2026, 3, 2, tzinfo=UTC)
SPAN = timedelta(seconds=30)


def take(database: Database, owner: str, after: float = 0.0) -> int | None:
    with database.writing() as connection:
        return leases.take(connection, "poll", owner, T0 + timedelta(seconds=after), SPAN)


def fenced(database: Database, owner: str, epoch: int) -> None:
    with database.transaction() as tx:
        leases.fence(tx, "poll", owner, epoch, SPAN)
        tx.journal("fenced", {"by": owner})


def test_one_holds_it_until_the_lease_runs_out(database: Database) -> None:
    assert take(database, "a") == 1
    assert take(database, "b", 29.9) is None
    assert take(database, "a", 29.9) == 1, "renewing keeps the epoch"
    assert take(database, "b", 59.8) is None
    assert take(database, "b", 59.9) == 2
    assert take(database, "a", 60) is None


def test_roles_are_held_apart(database: Database) -> None:
    assert take(database, "a") == 1
    with database.writing() as connection:
        assert leases.take(connection, "out", "b", T0, SPAN) == 1


def test_what_was_given_back_can_be_taken_at_once_with_a_new_epoch(database: Database) -> None:
    assert take(database, "a") == 1
    with database.writing() as connection:
        leases.drop(connection, "b")
    assert take(database, "b") is None
    with database.writing() as connection:
        leases.drop(connection, "a")
    assert take(database, "b") == 2


def test_a_lone_process_voids_all_at_its_start(database: Database) -> None:
    take(database, "killed")
    with database.writing() as connection:
        leases.free_all(connection)
    assert take(database, "new") == 2


def test_a_fence_lets_only_the_holder_through(database: Database) -> None:
    assert take(database, "a") == 1
    fenced(database, "a", 1)
    assert take(database, "b", 10**9) == 2
    for owner, epoch in (("a", 1), ("a", 2), ("b", 1), ("b", 3), ("c", 2)):
        with pytest.raises(LeaseLost):
            fenced(database, owner, epoch)
    fenced(database, "b", 2)


def test_a_fence_in_a_role_nobody_has_holds(database: Database) -> None:
    with pytest.raises(LeaseLost):
        fenced(database, "a", 1)


def test_what_stands_behind_a_fence_is_taken_back_with_it(database: Database) -> None:
    take(database, "a")

    def overtaken() -> None:
        with database.transaction() as tx:
            tx.timer("t", "kind", tx.now)
            leases.fence(tx, "poll", "a", 99, SPAN)

    with pytest.raises(LeaseLost):
        overtaken()
    with database.session() as session:
        assert timers.next_due(session.connection()) is None


# --- conversations -----------------------------------------------------------------------------


async def test_a_claim_grows_the_epoch_and_a_release_wakes_for_the_next(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.receive(event(1), event(2, hold_s=60))
    ((conversation, pending),) = await worker.claim()
    assert (conversation.epoch, len(pending)) == (1, 2)
    await worker.work([(conversation, pending)])
    assert await worker.claim() == []
    bench.clock.advance(seconds=61)
    assert (await worker.claim())[0][0].epoch == 2


async def test_holding_renews_the_lease(bench: Bench) -> None:
    worker, other = await bench.worker(), await bench.worker()
    await worker.receive(event(1))
    ((conversation, _),) = await worker.claim()
    bench.expire_leases()
    span = timedelta(seconds=60)
    await worker.writer.write(lambda tx: conversations.hold(tx, conversation, span))
    assert await other.claim() == []


async def test_an_older_claim_of_our_own_is_void(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.receive(event(1))
    ((stale, _),) = await worker.claim()
    bench.expire_leases()
    ((fresh, _),) = await worker.claim()
    assert (stale.owner, stale.epoch + 1) == (fresh.owner, fresh.epoch)
    span = timedelta(seconds=60)
    with pytest.raises(LeaseLost):
        await worker.writer.write(lambda tx: conversations.hold(tx, stale, span))
    await worker.writer.write(lambda tx: conversations.hold(tx, fresh, span))


async def test_a_lone_process_frees_its_predecessors_conversations(bench: Bench) -> None:
    killed, heir = await bench.worker(), await bench.worker()
    await killed.receive(event(1))
    claimed = await killed.claim()
    bench.change("UPDATE conversation SET epoch = epoch")
    with bench.database.writing() as connection:
        conversations.free_all(connection)
    await heir.decide()
    assert bench.inbox()[0][1] == "done"
    await killed.work(claimed)
    assert len(bench.journal("decided")) == 1


async def test_what_waits_is_counted(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.receive(event(1), event(2, chat="bob"), event(3, chat="bob"))
    with bench.database.session() as session:
        assert sum(conversations.waiting(session.connection()).values()) == 2
    await worker.decide()
    with bench.database.session() as session:
        assert conversations.waiting(session.connection()) == {}


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("telegram/12/", ("telegram", "12", "")),
        ("matrix/!a/b:x/~K7", ("matrix", "!a/b:x", "~K7")),
        ("web/c//", ("web", "c/", "")),
    ],
)
def test_an_address_is_read_back_from_its_key(key: str, parts: tuple[str, str, str]) -> None:
    address = conversations.address_of(key)
    assert (address.channel, address.chat, address.thread) == parts
    assert address.key == key


def test_a_message_from_before_the_clock_was_set_back_is_due() -> None:
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert conversations.is_due(now, now)
    assert not conversations.is_due(now + timedelta(seconds=2), now)  # an album, a second try
    assert conversations.is_due(now + timedelta(hours=3), now)
