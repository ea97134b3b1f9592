"""The database: one engine, the same tables and code on SQLite and on PostgreSQL.

SQLite runs in WAL mode with ``synchronous=FULL``: what was committed survives a power cut. The
module ``pysqlite3`` brings a SQLite without the WAL-reset bug (fixed in 3.51.3), whatever the
machine's own library is. Writers begin with ``BEGIN IMMEDIATE``, so they queue instead of failing
half-way; readers never wait.

Usage from synchronous code (command line, tests)::

    database = Database.open("sqlite:///huiying.db")
    with database.session() as session: ...            # reading
    with database.transaction() as tx: tx.session.add(...); tx.journal("imported", {...})
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pysqlite3
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from bot.clock import Clock, SystemClock
from bot.errors import BadInput, DatabaseUnavailable
from bot.transaction import Transaction

#: SQLite before this version may lose committed data when a WAL is reset by two connections
SAFE_SQLITE = (3, 51, 3)
#: longest silence inside a worker's transaction, whole seconds (promise P8: lease + 10 s)
IDLE_S = 5
#: how long a writer waits for another on SQLite, milliseconds
BUSY_MS = 15_000
_DAMAGED = ("malformed", "not a database")
#: what a database says (SQLite in words, PostgreSQL by SQLSTATE), and what people are told
_TROUBLE = (
    (("is full", "53100"), "The disk under the database is full; make room and try again."),
    (("is locked", "55P03"), "Another program keeps writing to the database; try again later."),
    (_DAMAGED, "The database is damaged; stop, keep a copy of it and restore a backup."),
    (("readonly",), "The database cannot be written; give yourself write permission."),
    (("57P", "closed the connection"), "PostgreSQL ended the connection; start it and try again."),
    (("I/O error",), "The database file cannot be read or written; check the disk under it."),
)


class Database:
    """An open database."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock

    @classmethod
    def open(cls, url: str, clock: Clock | None = None) -> "Database":
        """Open ``url`` (``sqlite:///…`` or ``postgresql://…``); tables are another's business.

        Raise :class:`BadInput` for an unusable URL and :class:`DatabaseUnavailable` when the
        database cannot be reached.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise BadInput(
                "database.url is not a database URL; see docs/configuration.md."
            ) from error
        if parsed.get_backend_name() == "sqlite":
            engine = _sqlite_engine(parsed)
        elif parsed.get_backend_name() == "postgresql":
            engine = _postgresql_engine(parsed)
        else:
            raise BadInput("database.url must start with sqlite:/// or postgresql://.")
        database = cls(engine, clock or SystemClock())
        database._try_out(parsed)
        return database

    @property
    def is_sqlite(self) -> bool:
        """Say whether this is the embedded database."""
        return self.engine.dialect.name == "sqlite"

    def _try_out(self, url: URL) -> None:
        try:
            with self.engine.connect():
                pass
        except (OperationalError, DBAPIError) as error:
            self.engine.dispose()
            raise DatabaseUnavailable(_unavailable(url, error)) from error

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session for reading."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection inside a writing transaction; commit at the end."""
        with self.connect_to_write() as connection, connection.begin():
            yield connection

    def connect_to_write(self, brief: bool = False) -> Connection:
        """Return a connection whose transactions are writing ones; the caller closes it.

        ``brief``: PostgreSQL ends a transaction in which nothing has happened for
        :data:`IDLE_S`, and from version 17 on one that lasts longer, whatever it waits for. A
        process that is stopped half-way would hold its locks, and with them every other worker,
        for as long as it sleeps.
        """
        connection = self.engine.connect().execution_options(huiying_writes=True)
        if brief and not self.is_sqlite:
            names = ["idle_in_transaction_session_timeout"]
            if (self.engine.dialect.server_version_info or (0,)) >= (17,):
                names.append("transaction_timeout")
            try:
                for name in names:
                    connection.exec_driver_sql(f"SET {name} = '{IDLE_S}s'")
                connection.commit()
            except DBAPIError:
                connection.close()
                raise
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give one :class:`Transaction`; commit at the end, roll back on an error."""
        with self.writing() as connection:
            tx = Transaction(connection, self.clock.now())
            yield tx
            tx.finish()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _sqlite_engine(url: URL) -> Engine:
    url = url.set(drivername="sqlite")  # whatever driver was named, it is ours
    _make_private(url.database)
    engine = create_engine(
        url, module=pysqlite3, connect_args={"timeout": BUSY_MS / 1000}, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(file: str | None) -> None:
    """Make a new file readable by its owner alone; SQLite gives its log the same rights."""
    if file and file != ":memory:":
        with suppress(OSError):  # what is in the way, opening says
            os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # SQLAlchemy emits BEGIN itself (below); the module must not.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MS}",
        "secure_delete=ON",
        "cache_size=-16000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("huiying_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


#: A peer that died without a word is noticed, and its locks are freed, within about 11 s.
_SESSION = (
    "-c timezone=UTC -c lock_timeout=5000 "
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
)


def _postgresql_engine(url: URL) -> Engine:
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=5,
            max_overflow=5,
            pool_pre_ping=True,
            hide_parameters=True,  # errors are logged, and parameters are what people wrote
            connect_args={"options": _SESSION},
        )
    except ImportError as error:
        raise BadInput(
            "PostgreSQL needs the extra: install huiying[postgres], or leave database.url empty."
        ) from error


def explained(error: DBAPIError, otherwise: str = "") -> str:
    """Return one sentence on what the database could not do, and what to do about it."""
    said = getattr(error.orig, "sqlstate", None) or str(error.orig)
    for signs, sentence in _TROUBLE:
        if any(sign in said for sign in signs):
            return sentence
    return otherwise or (
        f"The database could not do this ({type(error.orig).__name__}); "
        "`huiying doctor` says what is wrong with it."
    )


def _unavailable(url: URL, error: DBAPIError) -> str:
    if any(sign in str(error.orig) for sign in _DAMAGED):
        return (
            f"The file {url.database} is not a SQLite database or is damaged; "
            "restore a backup, or choose another directory with --data."
        )
    if url.get_backend_name() == "sqlite":
        return (
            f"The database file {url.database} cannot be opened or written; "
            "choose another directory with --data, or give yourself write permission."
        )
    return (
        f"PostgreSQL at {url.host or 'the local socket'} cannot be reached; "
        "start it, or correct database.url."
    )
