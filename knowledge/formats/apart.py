"""Apart: XLSX, DOCX and PDF are read in a process of their own.

Their parsers are large and are given what others made.  Whatever such a file does to its
parser (a crash, a loop, all memory), it does to that process, which has limits and no
secrets, and the import gets one sentence.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import IO

from knowledge.errors import ArticleError
from knowledge.formats import caps
from knowledge.formats.rows import Found

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from knowledge.formats.inside import main; main(*sys.argv[2:])"
)
#: What Python needs of the environment to start.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "PATH", "TZ")
_LINE_BYTES = 8_000_000


def read(module: str, path: Path) -> Iterator[Found]:
    """The rows that the reader *module* finds in a file, under the limits of caps."""
    with _process(module, path) as process:
        assert process.stdout is not None
        clock = Timer(caps.WALL_S, process.kill)
        clock.daemon = True
        clock.start()
        try:
            yield from _rows(process.stdout)
        finally:
            clock.cancel()
            process.kill()


def _process(module: str, path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-c", _START, json.dumps(sys.path)]
    limits = [str(caps.CPU_S), str(caps.MEMORY_BYTES)]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [*command, module, str(path.absolute()), *limits],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )


def _rows(answer: IO[bytes]) -> Iterator[Found]:
    """The rows of an answer, and one error when it breaks off."""
    total = 0
    while line := answer.readline(_LINE_BYTES):
        total += len(line)
        if not line.endswith(b"\n"):
            break
        if total > caps.TEXT_BYTES:
            limit = caps.TEXT_BYTES // 1_000_000
            yield Found(0, ArticleError(f"the file holds more than {limit} MB of text; split it."))
            return
        row = json.loads(line)
        if "end" in row:
            return
        error = row.get("error")
        yield Found(row["line"], ArticleError(error) if error else row["values"], row["unit"])
    yield Found(0, ArticleError(_broken_off()))


def _broken_off() -> str:
    memory = caps.MEMORY_BYTES / 1e9
    return (
        f"the file is damaged, or reading it takes more than {memory:g} GB of memory or "
        f"{caps.WALL_S} seconds; save it again in its program, or split it."
    )
