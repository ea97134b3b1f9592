"""A snapshot made from the one before is the one that would be made anew."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from knowledge import snapshot as snapshots
from knowledge.drafts import Draft
from knowledge.entries import Entry, entries
from knowledge.snapshot import Snapshot, take_snapshot
from tests.knowledge.conftest import office
from tests.knowledge.twins import LetterEmbedder

CARD, *REST = office()
EDITIONS: dict[str, Sequence[Draft]] = {
    "same": [CARD, *REST],
    "first gone": REST,
    "new in front": [Draft(id="a", answer="到窗口办理。", question="在哪里办证？"), CARD, *REST],
    "turned": [*REST, CARD],
    "phrasing": [replace(CARD, phrasings=("办卡", *CARD.phrasings)), *REST],
    "answer": [replace(CARD, answer="请到二楼。"), *REST],
    "language": [replace(CARD, lang="ja"), *REST],
    "twin": [CARD, *REST, replace(CARD, id="twin")],
    "none": [],
}


def after(articles: Sequence[Draft], before: Snapshot) -> Snapshot:
    return take_snapshot(articles, LetterEmbedder(), 2, before.corpus.index, None, before)


@pytest.mark.parametrize("edition", EDITIONS)
def test_it_is_the_one_that_would_be_made_anew(edition: str) -> None:
    before = take_snapshot([CARD, *REST], LetterEmbedder(), 1)
    later, anew = (
        after(EDITIONS[edition], before),
        take_snapshot(EDITIONS[edition], LetterEmbedder(), 2),
    )
    assert later.articles == anew.articles
    assert list(later.corpus.entries) == entries(EDITIONS[edition])
    assert later.exact == anew.exact
    assert later.prepared == anew.prepared
    assert np.array_equal(later.langs, anew.langs)
    assert np.array_equal(later.corpus.index.vectors[:], anew.corpus.index.vectors[:])
    assert np.array_equal(later.corpus.starts, anew.corpus.starts)


def test_only_changed_articles_are_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    before = take_snapshot([CARD, *REST], LetterEmbedder(), 1)
    seen: list[Draft] = []

    def noting(drafts: Sequence[Draft]) -> list[Entry]:
        seen.extend(drafts)
        return entries(drafts)

    monkeypatch.setattr(snapshots, "entries", noting)
    changed = replace(CARD, answer="请到二楼。")
    after([*REST, changed], before)
    assert seen == [changed]
