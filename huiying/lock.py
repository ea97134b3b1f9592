"""One process per data directory: SQLite is embedded, and its leases assume a single server."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import DatabaseUnavailable, Failure


@contextmanager
def only_server(data_dir: Path) -> Iterator[None]:
    """Hold the directory; raise :class:`Failure` when another process serves it.

    The lock is the kernel's: it goes with the process, however that ends.
    """
    try:
        file = (data_dir / "serving.lock").open("w")
    except OSError as error:
        raise DatabaseUnavailable(
            f"The directory {data_dir} cannot be written ({error.strerror}); "
            "choose another with --data, or give yourself write permission."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Failure(
                f"Another Huiying already serves {data_dir}; stop it, or use another --data."
            ) from error
        yield


def announce(data_dir: Path, url: str) -> None:
    """Write down where the pages of this directory are served, for other commands to print."""
    (data_dir / "serving.url").write_text(url, encoding="utf-8")


def announced(data_dir: Path) -> str:
    """Return where the pages were last served, "" when they never were."""
    try:
        return (data_dir / "serving.url").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
