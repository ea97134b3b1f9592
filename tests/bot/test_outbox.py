"""The outbox finds what it looks for without reading its whole history."""

from typing import Any

import pytest
from sqlalchemy import event

from bot import outbox
from bot.channels.base import Refused, Unconfirmed
from bot.db import Database
from bot.messages import Address
from huiying.web import figures
from tests.bot.kit import NAME, Bench
from tests.bot.letters import GROUP, queue, wait_and_deliver, words

LANE = Address(NAME, "-100", "~K7Q2M").key


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_last_card_is_found_through_an_index(database: Database) -> None:
    asked: list[tuple[str, Any]] = []

    def listen(
        _connection: object, _cursor: object, statement: str, values: Any, *_: object
    ) -> None:
        asked.append((statement, values))

    with database.session() as session:
        connection = session.connection()
        event.listen(database.engine, "before_cursor_execute", listen)
        assert outbox.card_id(connection, LANE, "case", GROUP.place) == ""
        event.remove(database.engine, "before_cursor_execute", listen)
        ((statement, values),) = asked
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        steps = [row[-1] for row in plan]
    assert steps == ["SEARCH outbox USING INDEX outbox_card (lane=? AND card=?)"]


async def test_what_was_given_up_is_counted(bench: Bench) -> None:
    worker = await bench.worker()
    queue(bench, *words("dead", "dead too", "who knows", "fine", "later"))
    bench.platform.answers += [Refused("no"), Refused("no"), Unconfirmed(), Unconfirmed()]
    for _ in range(3):
        await wait_and_deliver(bench, worker, 60)
    found = figures(bench.database)
    assert (found["dead"], found["uncertain"], found["unsent"]) == (2, 1, 0)
