"""One server a data directory; the lock goes with its process, however that ends."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import DatabaseUnavailable, Failure
from huiying.lock import only_server

HOLDER = """
import sys
from pathlib import Path
from huiying.lock import only_server
with only_server(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with only_server(tmp_path), pytest.raises(Failure, match="already serves"):
        only_server(tmp_path).__enter__()
    with only_server(tmp_path):
        pass


def test_two_directories_have_two_servers(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    with only_server(tmp_path / "a"), only_server(tmp_path / "b"):
        pass


def test_a_killed_server_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(Failure, match="already serves"):
            only_server(tmp_path).__enter__()
        process.kill()
    with only_server(tmp_path):
        pass


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "serving.lock").mkdir()
    with pytest.raises(DatabaseUnavailable, match=str(tmp_path)):
        only_server(tmp_path).__enter__()


async def test_the_lock_survives_awaiting(tmp_path: Path) -> None:
    with only_server(tmp_path):
        await asyncio.sleep(0)
        with pytest.raises(Failure):
            only_server(tmp_path).__enter__()
