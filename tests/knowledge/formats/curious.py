"""A reader that tries what a parser taken over by its file would try."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from knowledge.formats.rows import Found


def read(path: Path) -> Iterator[Found]:
    """Do what the file says."""
    what = path.read_text("utf-8")
    DEEDS[what](path)
    yield Found(1, {"id": what, "answer": "was done"})


def _loop(_: Path) -> None:
    while True:
        pass


DEEDS: dict[str, Callable[[Path], object]] = {
    "connect": lambda _: socket.create_connection(("127.0.0.1", 9)),
    "run": lambda _: subprocess.run(["true"], check=True),
    "write": lambda path: path.with_suffix(".new").write_text("x"),
    "secret": lambda _: os.environ["HUIYING_TELEGRAM__TOKEN"],
    "crash": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
    "sleep": lambda _: time.sleep(600),
    "eat": lambda _: bytearray(1_000_000_000),
    "loop": _loop,
    "nothing": lambda _: None,
}
