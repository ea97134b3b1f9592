"""The office the stories play in, on both databases; each story ends with the journal's proof."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.office import LiveOffice


@pytest.fixture
async def office(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[LiveOffice]:
    """A served office with a forum group, six articles, and nobody enrolled yet."""
    async with LiveOffice(tmp_path, database_url) as served:
        yield served
        assert served.failed is None
        served.proof()
    ours = [r for r in caplog.get_records("call") if r.name.startswith(("huiying", "bot."))]
    assert not [record.getMessage() for record in ours if record.levelno >= logging.ERROR]
