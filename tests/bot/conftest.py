"""The bench every test of the spine works on, on both databases.

The newest schema is made once a run on each database and then copied: a test starts in a moment.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bot.db import Database
from huiying.schema import ensure
from tests.bot.kit import Bench, bench_on
from tests.servers.postgres import PostgresServer


def _prepared(url: str) -> str:
    database = Database.open(url)
    ensure(database)
    database.close()
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the newest schema."""
    path = tmp_path_factory.mktemp("template") / "huiying.db"
    _prepared(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_copies(postgres_server: PostgresServer) -> Iterator["PostgresCopies"]:
    """Copies of a database with the newest schema."""
    copies = PostgresCopies(postgres_server)
    yield copies
    copies.close()


class PostgresCopies:
    """Makes and drops copies of one prepared database."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._template = _name(_prepared(server.create_database()))
        url = server.url.replace("postgresql://", "postgresql+psycopg://")
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self._made = 0

    def make(self) -> str:
        """Return the URL of a new copy."""
        self._made += 1
        name = f"{self._template}_{self._made}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return self._server.url_of(name)

    def drop(self, url: str) -> None:
        """Drop a copy."""
        self._run(f"DROP DATABASE {_name(url)} WITH (FORCE)")

    def close(self) -> None:
        """Give the connection back."""
        self._engine.dispose()

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)


def _name(url: str) -> str:
    return url.split("?")[0].rsplit("/", 1)[1]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the newest schema, on both engines."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "huiying.db")
        yield f"sqlite:///{path}"
        return
    copies: PostgresCopies = request.getfixturevalue("postgres_copies")
    url = copies.make()
    yield url
    copies.drop(url)


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    """A bench whose clock stands still."""
    async with bench_on(database) as made:
        yield made
