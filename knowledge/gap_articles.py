"""Which gaps an article may answer: those whose titles are nearest to its texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlmodel import Session, select

from knowledge.drafts import Draft
from knowledge.embedder import Embedder
from knowledge.entries import entries
from knowledge.gaps import Gap, GapStatus

#: Gaps looked at for a publication: asking about each takes some milliseconds.
LOOKED_AT = 200
#: Texts of the articles that are compared; a larger import is not compared with its rest.
TEXTS = 2_000


def near(session: Session, embedder: Embedder, articles: Sequence[Draft]) -> list[Gap]:
    """The live gaps nearest to these articles (at least one), at most LOOKED_AT."""
    found = session.exec(
        select(Gap).where(Gap.status != GapStatus.CLOSED.value, Gap.model == embedder.fingerprint)
    ).all()
    if len(found) <= LOOKED_AT:
        return list(found)
    texts = [entry.text for entry in entries(articles)[:TEXTS]]
    titles = np.stack([np.frombuffer(gap.vector, dtype="<f4") for gap in found])
    nearest = (titles @ embedder.encode(texts, "passage").T).max(axis=1)
    return [found[row] for row in np.argsort(-nearest, kind="stable")[:LOOKED_AT]]
