"""What the tests of the commands stand on."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config import Settings
from huiying.schema import open_database


@pytest.fixture(autouse=True)
def as_if_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take no setting from outside, and leave the logging as it was."""
    for name in [name for name in os.environ if name.startswith("HUIYING_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """A data directory with a database."""
    open_database(Settings(data_dir=tmp_path)).close()
    return tmp_path
