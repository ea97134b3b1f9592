"""The migrations make exactly the tables of the code, on both databases, and refuse a newer one."""

import asyncio
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from bot.config import DatabaseSettings, Settings
from bot.db import SAFE_SQLITE, Database
from bot.errors import BadInput, DatabaseUnavailable, SchemaNewer
from huiying import schema, tables
from huiying.schema import HEAD, current, ensure, open_database, upgrade

VERSIONS = Path(schema.__file__).parent / "migrations" / "versions"


def test_an_empty_database_gets_every_table(database: Database) -> None:
    assert current(database) == HEAD
    found = set(inspect(database.engine).get_table_names())
    assert found == {*SQLModel.metadata.tables, "alembic_version"}
    assert {"inbox", "outbox", "journal", "timer", "lease", "desk_case", "article"} <= found


def test_the_migrations_and_the_code_agree(database: Database) -> None:
    assert tables.ALL
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, SQLModel.metadata)
    # SQLite does not report the names of unnamed constraints, PostgreSQL does.
    assert [one for one in found if not _is_unnamed_constraint(one)] == []


def _is_unnamed_constraint(difference: Any) -> bool:
    return "constraint" in str(difference[0]) and difference[1].name is None


def test_the_newest_migration_is_the_one_the_code_names() -> None:
    revisions = {path.name.split("_")[0] for path in VERSIONS.glob("[0-9]*.py")}
    followed = {
        found
        for path in VERSIONS.glob("[0-9]*.py")
        for found in re.findall(r'^down_revision = "(\w+)"', path.read_text(), re.MULTILINE)
    }
    assert revisions - followed == {HEAD}
    assert revisions == schema._KNOWN


def test_bringing_it_up_to_date_twice_changes_nothing(database: Database) -> None:
    with database.transaction() as tx:
        tx.journal("note", {"n": 1})
    ensure(database)
    upgrade(database)
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM journal")) == 1


def test_a_newer_database_is_refused_and_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaNewer, match=r"newer Huiying \(schema 9999") as caught:
        ensure(database)
    assert "\n" not in str(caught.value)
    assert current(database) == "9999"


def test_processes_that_start_together_upgrade_once(database_url: str) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(3)

    def start() -> None:
        database = Database.open(database_url)
        try:
            together.wait(10)
            ensure(database)
            assert current(database) == HEAD
        except BaseException as error:  # noqa: BLE001  shown by the assertion below
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


async def test_the_schema_can_be_prepared_inside_a_running_loop(database_url: str) -> None:
    database = Database.open(database_url)
    await asyncio.to_thread(ensure, database)
    assert current(database) == HEAD
    database.close()


# --- opening -----------------------------------------------------------------------------------


def test_an_office_gets_its_directory(tmp_path: Path) -> None:
    database = open_database(Settings(data_dir=tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b" / "huiying.db").is_file()
    database.close()


def test_what_citizens_wrote_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)  # what most systems give
    try:
        database = open_database(Settings(data_dir=tmp_path / "a" / "b"))
    finally:
        os.umask(before)
    with database.writing() as connection:
        connection.execute(text("DELETE FROM lease"))
        kept = sorted((tmp_path / "a" / "b").iterdir())
        modes = {path.name: path.stat().st_mode & 0o777 for path in kept}
    assert modes == {"huiying.db": 0o600, "huiying.db-shm": 0o600, "huiying.db-wal": 0o600}
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    database.close()


def test_rights_that_somebody_gave_are_left(tmp_path: Path) -> None:
    open_database(Settings(data_dir=tmp_path)).close()
    (tmp_path / "huiying.db").chmod(0o640)
    open_database(Settings(data_dir=tmp_path)).close()
    assert (tmp_path / "huiying.db").stat().st_mode & 0o777 == 0o640


def test_sqlite_runs_as_it_must(database: Database) -> None:
    if not database.is_sqlite:
        return
    with database.engine.connect() as connection:
        for pragma, expected in (
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("secure_delete", 1),
        ):
            assert connection.scalar(text(f"PRAGMA {pragma}")) == expected
        version = str(connection.scalar(text("SELECT sqlite_version()")))
    assert tuple(map(int, version.split("."))) >= SAFE_SQLITE


def test_postgresql_speaks_utc(database: Database) -> None:
    if database.is_sqlite:
        return
    with database.engine.connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "oracle://x"])
def test_an_unusable_url_is_bad_input(url: str) -> None:
    with pytest.raises(BadInput, match=r"database\.url"):
        Database.open(url)


def test_whatever_driver_is_named_it_is_ours(tmp_path: Path) -> None:
    database = Database.open(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    assert database.engine.dialect.driver == "pysqlite"
    database.close()


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    url = f"postgresql://huiying:pass-word@127.0.0.1:1/huiying?host={tmp_path}"
    with pytest.raises(DatabaseUnavailable) as caught:
        Database.open(url)
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("what", ["a directory", "garbage", "a link to nowhere"])
def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path, what: str) -> None:
    path = tmp_path / "huiying.db"
    if what == "a directory":
        path.mkdir()
    elif what == "garbage":
        path.write_bytes(b"not a database at all" * 200)
    else:
        path.symlink_to("/proc/nowhere/file.db")
    words = "not a SQLite database" if what == "garbage" else "cannot be opened"
    with pytest.raises(DatabaseUnavailable, match=f"{words}.*--data") as caught:
        open_database(Settings(data_dir=tmp_path))
    assert "\n" not in str(caught.value)


def test_a_file_where_the_directory_should_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(DatabaseUnavailable, match="--data"):
        open_database(Settings(data_dir=tmp_path / "taken"))


def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    database = Database.open(f"sqlite:///{path}")
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE inbox (theirs TEXT)"))
    database.close()
    settings = Settings(data_dir=tmp_path, database=DatabaseSettings(url=f"sqlite:///{path}"))
    with pytest.raises(DatabaseUnavailable, match="is a Huiying database"):
        open_database(settings)
    database = Database.open(f"sqlite:///{path}")
    assert inspect(database.engine).get_table_names() == ["inbox"]
    database.close()


def test_a_writer_waits_for_another(database: Database) -> None:
    done: list[str] = []

    def second() -> None:
        with database.transaction() as tx:
            tx.journal("note", {"by": "second"})
        done.append("second")

    with database.transaction() as tx:
        tx.journal("note", {"by": "first"})
        thread = threading.Thread(target=second)
        thread.start()
        done.append("first")
    thread.join()
    assert done == ["first", "second"]
