"""Kept files: judged by their first bytes, named by us, never acting in a browser."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.files import FileRefused, FileStore, content_disposition, safe_name, type_of
from tests.channels.harness_web import PNG, WebHarness, web_harness

DOCX = b"PK\x03\x04" + bytes(30) + b"[Content_Types].xml word/document.xml"


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebHarness]:
    async with web_harness(tmp_path) as started:
        yield started


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"%PDF-1.7", "application/pdf"),
        (b"OggS\x00", "audio/ogg"),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
        ("姓名,编号\n张三,7".encode(), "text/plain"),
        ("截断的汉字".encode()[:-1], "text/plain"),
        (b"<svg onload=alert(1)>", "text/plain"),
        (b"<!doctype html><script>", "text/plain"),
    ],
)
def test_the_first_bytes_say_what_a_file_is(head: bytes, mime: str) -> None:
    found = type_of(head)
    assert found is not None
    assert found.mime == mime


@pytest.mark.parametrize(
    "head",
    [
        b"MZ\x90\x00",
        b"\x7fELF\x02\x00",
        b"PK\x03\x04" + bytes(40),
        b"\x1f\x8b\x08\x00",
        b"\x00\x00\x00\x20ftypheic",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"\xff\xfe\x00",
        b"text\x00with nul",
    ],
)
def test_other_kinds_are_not_taken(head: bytes) -> None:
    assert type_of(head, head) is None


def test_office_documents_are_told_from_other_archives() -> None:
    found = type_of(DOCX, DOCX)
    assert found is not None
    assert found.endings == (".docx",)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd.png"),
        ("C:\\Users\\a\\照片.PNG", "照片.PNG"),
        ("invoice.png.exe", "invoice.png.exe.png"),
        ("a\u202egnp.exe", "agnp.exe.png"),
        ("\r\nSet-Cookie: a=b", "Set-Cookie a=b.png"),
        ("", "file.png"),
        ("...", "file.png"),
    ],
)
def test_a_name_is_shown_but_never_trusted(name: str, shown: str) -> None:
    found = type_of(PNG)
    assert found is not None
    assert safe_name(name, found) == shown


def test_a_long_name_is_cut_and_keeps_its_ending() -> None:
    found = type_of(PNG)
    assert found is not None
    short = safe_name("长" * 300, found)
    assert len(short) <= 120
    assert short.endswith(".png")


def test_a_header_cannot_be_broken_by_a_name() -> None:
    header = content_disposition('a"; b\r\nX: 1.png', inline=False)
    assert header == "attachment; filename*=UTF-8''a%22%3B%20b%0D%0AX%3A%201.png"


def test_nothing_is_left_of_a_refused_file(tmp_path: Path) -> None:
    store = FileStore(tmp_path, max_bytes=100)
    for data, code in ((b"MZ\x90\x00", "file-type"), (b"", "empty"), (PNG * 9, "too-large")):
        with pytest.raises(FileRefused) as refused:
            store.keep(data, "x.png")
        assert refused.value.code == code
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file_id", ["", "../secret", "x" * 32, "0" * 32, "0" * 31 + "/"])
def test_only_our_own_names_are_looked_up(tmp_path: Path, file_id: str) -> None:
    (tmp_path / "secret").write_text("s")
    store = FileStore(tmp_path / "files")
    with pytest.raises(FileRefused):
        store.read(file_id)
    store.remove(file_id)


def test_a_kept_file_is_found_again_and_removed(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "files")
    kept = store.keep(PNG, "证明.png")
    assert store.read(kept.id) == PNG
    assert store.find(kept.id, "证明.png") == kept
    store.remove(kept.id)
    with pytest.raises(FileRefused):
        store.path(kept.id)


def test_what_a_crash_left_half_received_is_deleted_a_day_later(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    for age_s in (0, 90_000):
        upload = store.begin()
        upload.write(PNG)
        upload._file.close()
        newest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime)
        os.utime(newest, (time.time() - age_s,) * 2)
    store.forget_unfinished()
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_page_of_markup_is_downloaded_not_opened(web: WebHarness) -> None:
    page, _ = await web.citizen()
    uploaded = (await page.upload(b"<script>alert(1)</script>", "page.html")).json()
    assert uploaded["name"] == "page.html.txt"
    got = await page.http.get(f"/chat/files/{uploaded['id']}")
    assert got.headers["content-type"].startswith("text/plain")
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_an_upload_that_is_too_large_or_foreign_is_refused(tmp_path: Path) -> None:
    async with web_harness(tmp_path) as web:
        web.files.max_bytes = 1000
        page, _ = await web.citizen()
        for data, status in ((PNG * 50, 413), (b"MZ\x90\x00", 415), (b"", 422)):
            assert (await page.upload(data, "x.png")).status_code == status
        assert not list((tmp_path / "files").iterdir())
