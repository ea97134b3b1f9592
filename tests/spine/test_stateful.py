"""The promises hold whatever happens in whatever order, on both databases."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import create_engine

from bot.clock import ManualClock
from bot.db import Database
from huiying.schema import ensure
from tests.bot.kit import START
from tests.servers.postgres import PostgresServer
from tests.spine.machine import SpineMachine, furnish, in_runner

PHASES = [Phase.explicit, Phase.generate]
MakeDatabase = Callable[[], Database]


def runs(examples: int, steps: int, anew: bool) -> settings:
    return settings(
        derandomize=not anew,
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=PHASES,
    )


def play(make: MakeDatabase, examples: int, steps: int = 30, anew: bool = False) -> None:
    """Play so many examples; ``anew``: other ones in each run."""
    runner, run = in_runner()
    with runner:
        machine: Any = lambda: SpineMachine(make(), run)  # noqa: E731
        run_state_machine_as_test(machine, settings=runs(examples, steps, anew))


def furnished(url: str) -> None:
    database = Database.open(url, ManualClock(START))
    ensure(database)
    furnish(database)
    database.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> MakeDatabase:
    """Copies of one furnished file."""
    template, copy = tmp_path / "template.db", tmp_path / "copy.db"
    furnished(f"sqlite:///{template}")

    def make() -> Database:
        for old in tmp_path.glob("copy.db*"):
            old.unlink()
        shutil.copy(template, copy)
        return Database.open(f"sqlite:///{copy}", ManualClock(START))

    return make


@pytest.fixture
def postgresql(postgres_server: PostgresServer) -> Iterator[MakeDatabase]:
    """Copies of one furnished database."""
    template = postgres_server.create_database()
    made: list[str] = []
    furnished(template)
    source = template.split("?")[0].rsplit("/", 1)[1]
    admin = postgres_server.url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(admin, isolation_level="AUTOCOMMIT")
    numbers = itertools.count(1)

    def make() -> Database:
        name = f"{source}_{next(numbers)}"
        with engine.connect() as connection:
            for old in made:
                connection.exec_driver_sql(f"DROP DATABASE {old} WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {source}")
        made[:] = [name]
        return Database.open(postgres_server.url_of(name), ManualClock(START))

    yield make
    engine.dispose()


def test_the_promises_hold_on_sqlite(sqlite: MakeDatabase) -> None:
    play(sqlite, 200)


@pytest.mark.postgres
def test_the_promises_hold_on_postgresql(postgresql: MakeDatabase) -> None:
    play(postgresql, 15)


@pytest.mark.soak
def test_the_promises_hold_for_long_on_sqlite(sqlite: MakeDatabase) -> None:
    play(sqlite, 10_000, 50, anew=True)


@pytest.mark.soak
@pytest.mark.postgres
def test_the_promises_hold_for_long_on_postgresql(postgresql: MakeDatabase) -> None:
    play(postgresql, 1_000, 50, anew=True)
