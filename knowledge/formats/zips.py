"""Packed files: XLSX and DOCX are zip archives of XML, looked at before anything unpacks them.

A zip bomb is seen in the table of contents; one that lies there is found out by the lengths
and checksums of what it unpacks to.  XML that declares a document type is refused, since
entities are how a few bytes become gigabytes, and no office program writes any.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import IO
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from knowledge.errors import ArticleError, Damaged
from knowledge.formats import caps

_CHUNK = 1 << 16
#: How an encrypted file, or one in the format before 2007, begins: a compound file (MS-CFB 2.2).
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")


def check(path: Path) -> None:
    """Refuse a bomb or a damaged archive; raises ArticleError."""
    with path.open("rb") as file:
        if file.read(len(_COMPOUND)) == _COMPOUND:
            raise ArticleError(
                "the file has a password or an old format; save it as .xlsx or .docx without one."
            )
        try:
            with ZipFile(file) as pack:
                _check_sizes(pack.infolist(), path.stat().st_size)
                _check_parts(pack)
        except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise Damaged() from error


def _check_sizes(parts: list[ZipInfo], packed: int) -> None:
    if len(parts) > caps.PARTS:
        raise ArticleError(f"the file holds more than {caps.PARTS} others; split it.")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > caps.UNPACKED_BYTES:
        limit = caps.UNPACKED_BYTES // 1_000_000
        raise ArticleError(f"the file unpacks to more than {limit} MB; split it.")
    if unpacked > max(caps.RATIO_FREE, packed * caps.RATIO):
        raise ArticleError(
            f"the file unpacks to more than {caps.RATIO} times its size; "
            "open it in its program and save it again."
        )


def _check_parts(pack: ZipFile) -> None:
    for part in pack.infolist():
        with pack.open(part) as stream:
            if part.filename.lower().endswith((".xml", ".rels")):
                _check_xml(stream)


def _check_xml(stream: IO[bytes]) -> None:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        while chunk := stream.read(_CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Damaged() from error


def _refuse_doctype(*_: object) -> None:
    raise ArticleError(
        "the file declares XML entities, which no office program writes; "
        "open it in its program and save it again."
    )
