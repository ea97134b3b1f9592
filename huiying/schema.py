"""The schema of the database: what version it has, and bringing it up to date.

``HEAD`` names the newest migration; a test holds it and the files in migrations/versions together.
Alembic is imported only when there is something to migrate, so that a start stays quick.
"""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from bot.clock import Clock
from bot.config import Settings
from bot.db import Database, explained
from bot.errors import BadInput, DatabaseUnavailable, SchemaNewer

#: revision of the newest migration
HEAD = "0003"
_KNOWN = frozenset({"0001", "0002", HEAD})
_NO_OFFICE = (
    "There is no office in {place}; check --data and database.url, "
    "or make one with `huiying serve` or `huiying kb import`."
)


def open_database(settings: Settings, clock: Clock | None = None) -> Database:
    """Open the office's database, making directory and tables at the first time."""
    if not settings.database.url:
        _make_directory(settings.data_dir)
    return _opened(settings, clock, ensure)


def open_existing(settings: Settings) -> Database:
    """Open the database of an office that is there; raise :class:`BadInput` when there is none."""
    file = _sqlite_file(settings.database_url)
    if file is not None and not _is_there(file):
        raise BadInput(_NO_OFFICE.format(place=file.parent))
    return _opened(settings, None, _ensure_older)


def _opened(
    settings: Settings, clock: Clock | None, prepare: Callable[[Database], None]
) -> Database:
    database = Database.open(settings.database_url, clock)
    try:
        prepare(database)
    except DBAPIError as error:
        database.close()
        otherwise = (
            f"The database of {settings.data_dir} cannot be prepared for writing; "
            "check its permissions and that it is a Huiying database."
        )
        raise DatabaseUnavailable(explained(error, otherwise)) from error
    except BaseException:
        database.close()
        raise
    return database


def _sqlite_file(url: str) -> Path | None:
    try:
        parsed = make_url(url)
    except ArgumentError:  # opening it says what is wrong with it
        return None
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DatabaseUnavailable(
            f"{path} cannot be read ({error.strerror}); choose another directory with --data."
        ) from error
    return True


def _ensure_older(database: Database) -> None:
    if not current(database):
        raise BadInput(_NO_OFFICE.format(place=database.engine.url.database))
    ensure(database)


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds what citizens wrote
    except OSError as error:
        raise DatabaseUnavailable(
            f"The directory {path} cannot be made ({error.strerror}); choose another with --data."
        ) from error


def ensure(database: Database) -> None:
    """Bring an empty or older database up to date; refuse a newer one."""
    version = current(database)
    if version == HEAD:
        return
    if version and version not in _KNOWN:
        raise SchemaNewer(
            f"This database was written by a newer Huiying (schema {version}, this program knows "
            f"{HEAD}); install that version or restore a backup."
        )
    upgrade(database)


def current(database: Database) -> str:
    """Return the version of the database's schema, "" when it is empty."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


def upgrade(database: Database) -> None:
    """Run the migrations that are missing, all in one transaction."""
    from alembic import command  # noqa: PLC0415  heavy, and needed once in a database's life
    from alembic.config import Config  # noqa: PLC0415  the same

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with database.writing() as connection:
        _one_at_a_time(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _one_at_a_time(connection: Connection) -> None:
    """Let a second process that starts at the same moment wait for the first one's migration."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(1213550937)"))
