"""Inside the process that reads XLSX, DOCX and PDF: bounded, without a network, writing nothing.

Run by :mod:`knowledge.formats.apart` for one file; prints a JSON object for each row and a last
one that says that this was all.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from knowledge.errors import ArticleError, Damaged
from knowledge.formats.rows import Found

#: What a reader has no business with.
_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system")

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main(module: str, path: str, cpu_s: str, memory_bytes: str) -> None:
    """Read *path* with the reader *module*; out of memory, the answer breaks off."""
    _bound(int(cpu_s), int(memory_bytes))
    sys.addaudithook(_refuse)
    try:
        for found in import_module(module).read(Path(path)):
            _put(found)
    except ArticleError as error:
        _put(Found(0, error))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the outer boundary: parsers raise anything
        _put(Found(0, Damaged()))
    print('{"end": true}', flush=True)  # noqa: T201 - this process's output is its answer


def _bound(cpu_s: int, memory_bytes: int) -> None:
    limits = {
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for which, limit in limits.items():
        hard = resource.getrlimit(which)[1]
        most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (most, most))


def _refuse(event: str, given: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN) or (event == "open" and given[2] & _WRITING):
        raise PermissionError(f"reading a file needs no {event}")


def _put(found: Found) -> None:
    row: dict[str, object] = {"line": found.line, "unit": found.unit}
    if isinstance(found.values, ArticleError):
        row["error"] = str(found.values)
    else:
        row["values"] = found.values
    print(json.dumps(row))  # noqa: T201 - this process's output is its answer
