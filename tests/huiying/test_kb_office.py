"""The office's knowledge follows the office's day, wherever the machine stands."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from bot.clock import ManualClock
from bot.config import OfficeSettings, Settings
from huiying.kb_office import open_knowledge
from knowledge.search import Outcome, Reason
from tests.knowledge.conftest import office
from tests.knowledge.twins import LetterEmbedder

CARD = office()[0]


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Asia/Shanghai", dt.datetime(2026, 5, 4, 16, tzinfo=dt.UTC)),
        ("UTC", dt.datetime(2026, 5, 5, 0, tzinfo=dt.UTC)),
        ("America/New_York", dt.datetime(2026, 5, 5, 4, tzinfo=dt.UTC)),
    ],
)
def test_at_the_offices_midnight_articles_end_and_begin_without_a_restart(
    zone: str, midnight: dt.datetime, tmp_path: Path
) -> None:
    clock = ManualClock(midnight - dt.timedelta(seconds=1))
    settings = Settings(data_dir=tmp_path, office=OfficeSettings(timezone=zone))
    known = open_knowledge(settings, LetterEmbedder(), clock)
    ends = replace(CARD, valid_to=dt.date(2026, 5, 4))
    begins = replace(CARD, id="new", valid_from=dt.date(2026, 5, 5), supersedes=CARD.id)
    known.load([ends, begins])
    assert known.today == dt.date(2026, 5, 4)
    assert [c.article for c in known.ask(CARD.question).candidates] == [CARD.id]
    clock.advance(seconds=1)
    assert [c.article for c in known.ask(CARD.question).candidates] == ["new"]
    known.load([ends])
    decision = known.ask(CARD.question)
    assert (decision.outcome, decision.reason) == (Outcome.HANDED_OFF, Reason.NO_ARTICLES)
