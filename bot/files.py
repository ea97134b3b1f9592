"""Files that citizens and officials send through our own pages.

A file is kept under a name we make; the sender's name is only shown, never used as a path. What a
file is, its first bytes say (ASVS 5.0, 5.2.2); a kind that is not on the list is refused.
"""

import os
import re
import secrets
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from bot.errors import BadInput
from bot.messages import Attachment, AttachmentKind

MAX_BYTES = 20 * 2**20
_ID = re.compile(r"[0-9a-f]{32}")
_HEAD_BYTES = 4096
_TAIL_BYTES = 65536
_DAY_S = 86400


class FileRefused(BadInput):
    """This file cannot be had; ``code`` is ``too-large``, ``empty``, ``file-type`` or ``gone``."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class FileType:
    """A kind of file we take: its MIME type, what it is sent on as, and its usual endings."""

    mime: str
    kind: AttachmentKind
    endings: tuple[str, ...]

    @property
    def inline(self) -> bool:
        """Whether a browser may show it in place: raster images and sound, nothing that can act."""
        return self.mime.startswith(("image/", "audio/", "video/"))


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is kept; ``size`` in bytes, ``name`` safe to show."""

    id: str
    name: str
    type: FileType
    size: int

    def attachment(self, channel: str) -> Attachment:
        """Return this file as an attachment whose bytes ``channel`` can hand over."""
        return Attachment(self.type.kind, channel, self.id, self.name, self.type.mime, self.size)


_OFFICE = "application/vnd.openxmlformats-officedocument"
_PHOTO, _DOCUMENT = AttachmentKind.PHOTO, AttachmentKind.DOCUMENT
_JPEG = FileType("image/jpeg", _PHOTO, (".jpg", ".jpeg"))
_PNG = FileType("image/png", _PHOTO, (".png",))
_GIF = FileType("image/gif", _PHOTO, (".gif",))
_WEBP = FileType("image/webp", _PHOTO, (".webp",))
_PDF = FileType("application/pdf", _DOCUMENT, (".pdf",))
_OLE = FileType("application/x-ole-storage", _DOCUMENT, (".doc", ".xls", ".ppt"))
_RTF = FileType("application/rtf", _DOCUMENT, (".rtf",))
_OGG = FileType("audio/ogg", AttachmentKind.VOICE, (".ogg", ".oga", ".opus"))
_MP3 = FileType("audio/mpeg", AttachmentKind.AUDIO, (".mp3",))
_WAV = FileType("audio/wav", AttachmentKind.AUDIO, (".wav",))
_M4A = FileType("audio/mp4", AttachmentKind.AUDIO, (".m4a",))
_MP4 = FileType("video/mp4", AttachmentKind.VIDEO, (".mp4", ".mov"))
_WEBM = FileType("video/webm", AttachmentKind.VIDEO, (".webm",))
_DOCX = FileType(f"{_OFFICE}.wordprocessingml.document", _DOCUMENT, (".docx",))
_XLSX = FileType(f"{_OFFICE}.spreadsheetml.sheet", _DOCUMENT, (".xlsx",))
_PPTX = FileType(f"{_OFFICE}.presentationml.presentation", _DOCUMENT, (".pptx",))
_ODF = FileType("application/vnd.oasis.opendocument", _DOCUMENT, (".odt", ".ods", ".odp"))
_TEXT = FileType("text/plain", _DOCUMENT, (".txt", ".csv", ".md", ".json", ".log"))

_SIGNATURES: tuple[tuple[bytes, FileType], ...] = (
    (b"\xff\xd8\xff", _JPEG),
    (b"\x89PNG\r\n\x1a\n", _PNG),
    (b"GIF87a", _GIF),
    (b"GIF89a", _GIF),
    (b"%PDF-", _PDF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE),
    (b"{\\rtf", _RTF),
    (b"OggS", _OGG),
    (b"ID3", _MP3),
    (b"\xff\xfb", _MP3),
    (b"\xff\xf3", _MP3),
    (b"\x1a\x45\xdf\xa3", _WEBM),
)


def type_of(head: bytes, tail: bytes = b"") -> FileType | None:
    """Return the kind of file that begins with ``head`` and ends with ``tail``, or None."""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if head.startswith(b"RIFF"):
        return {b"WEBP": _WEBP, b"WAVE": _WAV}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _M4A if head[8:11] == b"M4A" else _MP4 if _is_mp4(head[8:12]) else None
    if head.startswith(b"PK\x03\x04"):
        return _type_of_zip(head, tail)
    return _TEXT if _is_text(head) else None


def _is_mp4(brand: bytes) -> bool:
    return brand in {
        b"isom",
        b"iso2",
        b"iso5",
        b"iso6",
        b"mp41",
        b"mp42",
        b"avc1",
        b"qt  ",
        b"MSNV",
    }


def _type_of_zip(head: bytes, tail: bytes) -> FileType | None:
    """Tell office documents from other archives by the names in the central directory."""
    if b"mimetypeapplication/vnd.oasis.opendocument" in head[:128]:
        return _ODF
    if b"[Content_Types].xml" not in head and b"[Content_Types].xml" not in tail:
        return None
    parts = ((b"word/", _DOCX), (b"xl/", _XLSX), (b"ppt/", _PPTX))
    return next((found for folder, found in parts if folder in tail), None)


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    for cut in range(4):  # the last character may be cut in the middle
        try:
            head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False


def safe_name(name: str, file_type: FileType) -> str:
    """Return a name that is safe to show and to save under, ending as its content demands."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(c for c in last if unicodedata.category(c)[0] != "C" and c not in '<>:"|?*')
    shown = shown.strip(" .") or "file"
    if not shown.lower().endswith(file_type.endings):
        shown += file_type.endings[0]
    return shown if len(shown) <= 120 else shown[:100] + "…" + shown[-12:]


def content_disposition(name: str, inline: bool) -> str:
    """Return the header for a download named ``name`` (RFC 6266, RFC 8187)."""
    how = "inline" if inline else "attachment"
    return f"{how}; filename*=UTF-8''{quote(name, safe='')}"


class Upload:
    """A file that is arriving; nothing of it can be fetched before :meth:`finish`."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._size = 0
        self._file: BinaryIO = path.with_suffix(".part").open("wb")

    def write(self, chunk: bytes) -> None:
        """Add bytes; raise :class:`FileRefused` once the file is too large."""
        self._size += len(chunk)
        if self._size > self._max_bytes:
            raise FileRefused(
                "too-large", f"A file may have at most {self._max_bytes // 2**20} MB; send less."
            )
        self._file.write(chunk)

    def finish(self, name: str) -> StoredFile:
        """Keep the file for good and return it; raise :class:`FileRefused` for a foreign kind."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if not self._size:
            raise FileRefused("empty", "This file is empty; choose another.")
        found = type_of(*_ends_of(self._part))
        if found is None:
            raise FileRefused(
                "file-type", "This kind of file is not taken; send a picture, a PDF or a document."
            )
        self._part.replace(self._path)
        return StoredFile(self._path.name, safe_name(name, found), found, self._size)

    def discard(self) -> None:
        """Drop what has arrived; harmless after :meth:`finish`."""
        self._file.close()
        self._part.unlink(missing_ok=True)

    @property
    def _part(self) -> Path:
        return self._path.with_suffix(".part")


def _ends_of(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return head, file.read()


class FileStore:
    """The folder of kept files."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self.max_bytes = max_bytes

    def begin(self) -> Upload:
        """Start to receive a file; call ``finish`` or ``discard`` on what is returned."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Upload(self._folder / secrets.token_hex(16), self.max_bytes)

    def forget_unfinished(self) -> None:
        """Delete what arrived in part before a crash, a day later when nobody can be sending it."""
        for part in self._folder.glob("*.part"):
            if time.time() - part.stat().st_mtime > _DAY_S:
                part.unlink(missing_ok=True)

    def keep(self, data: bytes, name: str) -> StoredFile:
        """Keep bytes that are already here; raise :class:`FileRefused`."""
        upload = self.begin()
        try:
            upload.write(data)
            return upload.finish(name)
        finally:
            upload.discard()

    def find(self, file_id: str, name: str = "") -> StoredFile:
        """Return what is known of a kept file; raise :class:`FileRefused` when there is none."""
        path = self.path(file_id)
        found = type_of(*_ends_of(path)) or _TEXT
        return StoredFile(file_id, safe_name(name, found), found, path.stat().st_size)

    def path(self, file_id: str) -> Path:
        """Return where the bytes are; raise :class:`FileRefused` for an unknown id."""
        path = self._folder / file_id
        if not _ID.fullmatch(file_id) or not path.is_file():
            raise FileRefused("gone", "This file is no longer here; ask the sender for it again.")
        return path

    def read(self, file_id: str) -> bytes:
        """Return the bytes; raise :class:`FileRefused` for an unknown id."""
        return self.path(file_id).read_bytes()

    def remove(self, file_id: str) -> None:
        """Delete a file; harmless when it is already gone."""
        if _ID.fullmatch(file_id):
            (self._folder / file_id).unlink(missing_ok=True)
