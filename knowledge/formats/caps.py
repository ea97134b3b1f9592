"""Caps: how much one file may ask of this machine."""

from __future__ import annotations

import stat
from pathlib import Path

from knowledge.errors import ArticleError, NotText

#: Largest file in bytes, most rows of one import, longest row or cell in characters.
FILE_BYTES, ROWS, ROW_CHARS = 200_000_000, 200_000, 500_000
#: Most bytes that a packed file (XLSX, DOCX) may unpack to, and most files inside it.
UNPACKED_BYTES, PARTS = 400_000_000, 10_000
#: A packed file may unpack to this many times its size, and always to RATIO_FREE bytes.
RATIO, RATIO_FREE = 200, 20_000_000
#: Most pages of a PDF.
PAGES = 3_000
#: What the process that reads XLSX, DOCX and PDF may use: seconds of processor and of wall
#: time, bytes of memory; and most bytes it may hand back.
CPU_S, WALL_S, MEMORY_BYTES, TEXT_BYTES = 120, 180, 1_500_000_000, 400_000_000


def check_file(path: Path) -> None:
    """Refuse what is no plain file or is too large; raises ArticleError, OSError if absent."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ArticleError("this is no plain file; copy it into one.")
    if found.st_size > FILE_BYTES:
        raise ArticleError(f"the file is larger than {FILE_BYTES // 1_000_000} MB; split it.")


def text_of(path: Path) -> str:
    """A file's text; raises NotText, which names the line, when it is not UTF-8."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotText(raw[: error.start].count(b"\n") + 1) from error
