"""The office every story plays in, on both databases."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.office import PlayedOffice
from tests.servers.postgres import PostgresServer, available, running_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server for all stories."""
    missing = available()
    if missing and not os.environ.get("HUIYING_NO_SKIP"):
        pytest.skip(missing)
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PlayedOffice]:
    """An office with three articles, two officials and no citizen yet."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'office.db'}"
    else:
        url = request.getfixturevalue("postgres_server").create_database()
    played = PlayedOffice(url)
    yield played
    played.close()
