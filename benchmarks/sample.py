"""Samples: an office of any size, questions to it, and vectors as those of questions lie."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.drafts import Draft
from knowledge.evaluate import read_kb

DEMO = Path(__file__).parents[1] / "huiying" / "demo"
#: Districts of a city that does not exist; each has the sample articles once, in its own name.
PLACES = {
    "zh": "松渡区 澜桥区 青湾区 云台区 石桥区 南浦区 东溪区 北汀区 柳岸区 梅林区".split(),
    "en": "Songdu Lanqiao Qingwan Yuntai Shiqiao Nanpu Dongxi Beiting Liuan Meilin".split(),
}
#: How people begin and end.
FRAMES = {
    "zh": ("请问{}", "你好，{}", "想问一下{}", "{}，谢谢", "麻烦问下，{}呀", "急，{}"),
    "en": ("hello, {}", "{} please", "I would like to know: {}", "{}, thanks", "quick one, {}"),
}


def office(phrasings: int) -> list[Draft]:
    """The sample articles again and again, until they have that many questions and phrasings."""
    made: list[Draft] = []
    texts = 0
    for draft in _everywhere():
        if texts >= phrasings:
            break
        made.append(draft)
        texts += 1 + len(draft.phrasings)
    return made


def _everywhere() -> Iterator[Draft]:
    articles = [a for lang in PLACES for a in read_kb(DEMO / f"knowledge_{lang}.jsonl")]
    for number, article in itertools.product(range(len(PLACES["zh"])), articles):
        place = PLACES[article.lang][number]
        yield replace(
            article,
            id=f"{article.id}-{number}",
            question=_at(place, article.question, article.lang),
            phrasings=tuple(_at(place, text, article.lang) for text in article.phrasings),
            supersedes=None,
        )


def _at(place: str, text: str, lang: str) -> str:
    return f"{place}{text}" if lang == "zh" else f"{text} ({place})"


def questions(articles: Sequence[Draft], count: int) -> list[str]:
    """That many distinct questions, none of them a phrasing of the office."""
    asked = (
        frame.format(text)
        for frames in itertools.zip_longest(*FRAMES.values())
        for article in articles
        for text in article.phrasings
        for lang, frame in zip(FRAMES, frames, strict=True)
        if lang == article.lang and frame
    )
    return list(itertools.islice(dict.fromkeys(asked), count))


def write(articles: Sequence[Draft], path: Path) -> None:
    """Write the office as ``huiying kb import`` reads it."""
    with path.open("w", encoding="utf-8") as file:
        for a in articles:
            row = {"id": a.id, "lang": a.lang, "question": a.question, "answer": a.answer}
            file.write(
                json.dumps(row | {"phrasings": list(a.phrasings)}, ensure_ascii=False) + "\n"
            )


class Clusters:
    """Unit vectors in topics and articles, drawn anew at each call."""

    def __init__(self, articles: int, dim: int, seed: int = 1) -> None:
        """*articles* centres in 64 topics."""
        self._chance = np.random.default_rng(seed)
        topics = self._normal(64, dim)
        self._centres = 0.8 * topics[self._chance.integers(0, 64, articles)]
        self._centres += self._normal(articles, dim)

    def draw(self, count: int) -> NDArray[np.float32]:
        """Phrasings of random articles, float32 of shape (count, dim)."""
        centres = self._centres[self._chance.integers(0, len(self._centres), count)]
        vectors = centres + np.float32(0.9) * self._normal(*centres.shape)
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def _normal(self, rows: int, dim: int) -> NDArray[np.float32]:
        return self._chance.standard_normal((rows, dim), dtype=np.float32)
