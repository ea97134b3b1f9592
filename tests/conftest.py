"""Fixtures for every test: the two databases, and no silent skips where nothing may be skipped."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from bot.db import Database
from huiying.schema import ensure
from tests.servers import postgres
from tests.servers.postgres import PostgresServer

# The same examples in every run, however busy the machine: what passed once passes again. The soak
# draws new ones each time.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.load_profile("suite")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Turn a skip into a failure when HUIYING_NO_SKIP=1."""
    report = yield
    forbidden = os.environ.get("HUIYING_NO_SKIP") == "1"
    if forbidden and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A throwaway PostgreSQL for the whole run."""
    reason = postgres.available()
    if reason:
        pytest.skip(f"PostgreSQL: {reason}")
    with postgres.running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'huiying.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database with the newest schema, on both engines."""
    opened = Database.open(database_url)
    ensure(opened)
    yield opened
    opened.close()
