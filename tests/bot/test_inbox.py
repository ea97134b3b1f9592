"""What is acknowledged is stored: repeats, odd characters, bookmarks, what cannot be read."""

import asyncio
import json

import pytest

from bot import inbox
from bot.channels.base import IntakeUnavailable
from bot.errors import LeaseLost
from bot.transaction import Transaction
from tests.bot.kit import NAME, Bench, event

ODD = "NUL \x00, lone \ud800 surrogate, \u202eright to left, " + "😀" * 10_000


async def test_odd_text_is_kept_as_it_came(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.receive(event(1, said=ODD))
    stored = json.loads(bench.rows("SELECT body FROM inbox")[0][0])
    assert stored["text"] == ODD
    assert bench.journal("received")[0]["event"]["text"] == ODD
    await worker.turn()
    assert bench.platform.texts() == [ODD]


async def test_the_same_number_on_another_channel_is_another_event(bench: Bench) -> None:
    worker = await bench.worker()
    assert await worker.receive(event(1)) == 1
    assert await worker.intake.store("other", [event(1)]) == 1


async def test_nothing_to_store_costs_nothing(bench: Bench) -> None:
    worker = await bench.worker()
    assert await worker.receive() == 0
    assert worker.writer.commits == 0


async def test_a_thousand_at_once_keep_their_order(bench: Bench) -> None:
    worker = await bench.worker()
    events = [event(n, chat=f"c{n % 3}") for n in range(1200)]
    assert await worker.receive(*events, *events[:100]) == 1200
    assert [row[0] for row in bench.inbox()] == [str(n) for n in range(1200)]


async def test_two_workers_that_receive_the_same_store_it_once(bench: Bench) -> None:
    workers = [await bench.worker() for _ in range(2)]
    events = [event(n, chat=f"c{n % 5}") for n in range(50)]
    new = await asyncio.gather(*(worker.receive(*events) for worker in workers))
    assert sum(new) == 50
    assert len(bench.inbox()) == len(bench.journal("received")) == 50


async def test_a_held_event_wakes_its_conversation_later(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.receive(event(1, hold_s=5))
    assert await worker.decide() == 0
    await worker.receive(event(2, chat="bob"))
    assert await worker.decide() == 1
    bench.clock.advance(seconds=5)
    assert await worker.decide() == 1


async def test_what_is_not_even_an_event_is_kept_and_journalled(bench: Bench) -> None:
    worker = await bench.worker()
    reason, name = "not JSON \x00\ud800 " + "x" * 300, "id\x00" * 100
    await worker.intake.quarantine(NAME, name, b"\xff\x00" * 100_000, reason)
    kept = bench.rows("SELECT channel, external_id, body, reason FROM quarantine")[0]
    assert (kept.channel, len(bytes(kept.body))) == (NAME, 100_000)
    assert kept.reason.startswith("not JSON")
    assert bench.journal("quarantined")[0]["bytes"] == 200_000


async def test_what_is_decided_cannot_be_decided_again(bench: Bench) -> None:
    worker = await bench.worker()
    await worker.receive(event(1))

    def settle(tx: Transaction) -> None:
        inbox.settle(tx, [1], inbox.DONE, "handled", "")

    await worker.writer.write(settle)
    with pytest.raises(LeaseLost):
        await worker.writer.write(settle)


async def test_a_bookmark_moves(bench: Bench) -> None:
    worker = await bench.worker()
    assert await worker.intake.bookmark("matrix") == ""
    await worker.intake.move_bookmark("matrix", "s1")
    await worker.intake.move_bookmark("matrix", "s2")
    await worker.intake.move_bookmark("other", "s9")
    assert await worker.intake.bookmark("matrix") == "s2"


async def test_one_process_leads_until_its_lease_ends(bench: Bench) -> None:
    one, two = await bench.worker(), await bench.worker()
    assert await one.intake.lead("poll:x") == 1
    assert await two.intake.lead("poll:x") is None
    bench.expire_leases()
    assert await two.intake.lead("poll:x") == 2
    assert await one.intake.lead("poll:x") is None


async def test_a_platform_hears_when_nothing_could_be_stored(bench: Bench) -> None:
    away, back = _ways_to_be_away(bench)
    bench.change(away)
    bench.database.engine.dispose()  # a session that is open does not notice
    worker = await bench.worker()
    with pytest.raises(IntakeUnavailable):
        await worker.receive(event(1))
    with bench.database.engine.connect() as connection:
        if not bench.database.is_sqlite:
            connection.exec_driver_sql("SET transaction_read_only = off")
        connection.exec_driver_sql(back)
        connection.commit()
    bench.database.engine.dispose()
    assert await worker.receive(event(1)) == 1


def _ways_to_be_away(bench: Bench) -> tuple[str, str]:
    """Return statements after which no event can be stored, and can again."""
    if bench.database.is_sqlite:
        return "ALTER TABLE inbox RENAME TO away", "ALTER TABLE away RENAME TO inbox"
    name = bench.rows("SELECT current_database()")[0][0]
    read_only = f"ALTER DATABASE {name} SET default_transaction_read_only"
    return f"{read_only} = on", f"{read_only} = off"
