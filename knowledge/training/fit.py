"""Learn ``knowledge/weights.json``.

    python -m knowledge.training.fit SETS_DIR [OWN.jsonl …] [--out knowledge/weights.json]

The ranking weights, with a score for "none of them", maximise the likelihood of the right
article; two logistic regressions turn the best candidate's share and likeness into
probabilities.  What a threshold means is then measured on lessons of a family left out of
all of that, each family in turn, every family counting the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.calibration import OFFERED
from knowledge.embedder import BundledEmbedder, Embedder
from knowledge.entries import entries
from knowledge.index import build
from knowledge.ranker import DECISION_FEATURES, RANK_FEATURES, Ranker, corpus, log_odds
from knowledge.text import clean, cut
from knowledge.training.lessons import Lesson, lessons

Doubles = NDArray[np.float64]

#: Strength of the pull towards zero, for ranking weights and for the regressions.
RANK_PULL, DECISION_PULL = 1e-4, 3.0
STEPS, STEP = 600, 0.2
#: Examples each family counts for.
FAMILY_WEIGHT = 1_500.0
#: Families that teach but do not measure, for their labels call right answers wrong: pairs
#: name one of several articles that ask the same, and were picked to look alike; the intents
#: of banking overlap (Ying and Thomas 2022); the agencies of covid answer the same questions.
NOT_MEASURED = frozenset({"pairs", "banking", "covid"})
#: Weight of families made of odd cases; all others weigh 1.
LIGHT = {"pairs": 0.2}
#: Places among DECISION_FEATURES of what votes together.
VOTES = ((0, 1), (2, 3))
#: Fewest answers (weighted) from which a share of wrong ones is read.
FEWEST = 100.0


@dataclass(frozen=True, slots=True)
class Example:
    """One question's candidates: features of shape (n, RANK_FEATURES), and which are right."""

    family: str
    features: Doubles
    right: NDArray[np.bool_]
    #: Whether the lesson's phrasings teach.
    taught: bool


@dataclass(frozen=True, slots=True)
class Learned:
    """One judge: ranking weights and the score of none, two regressions (weights, then bias)."""

    rank: Doubles
    none: float
    right: Doubles
    among: Doubles


def examples(lesson: Lesson, embedder: Embedder) -> list[Example]:
    """The lesson's questions as the ranker sees them; its candidates do not depend on weights."""
    found = entries(lesson.articles)
    known = corpus(found, build([e.text for e in found], embedder))
    ranker = Ranker([1.0] * len(RANK_FEATURES), 0.0)
    everything = np.ones(len(lesson.articles), dtype=np.bool_)
    taught = known.discriminant is not None
    texts = [cut(clean(q.text)) for q in lesson.queries]
    vectors = embedder.encode(texts, "query")
    result: list[Example] = []
    for query, text, vector in zip(lesson.queries, texts, vectors, strict=True):
        ranked = ranker.rank(known, text, vector, everything)
        features = np.stack([c.features for c in ranked]).astype(np.float64)
        right = [lesson.articles[c.article].id in query.relevant for c in ranked]
        result.append(Example(lesson.family, features, np.array(right, dtype=np.bool_), taught))
    return result


def learn(seen: Sequence[Example], taught: bool) -> Learned:
    """The judge for knowledge whose phrasings teach, or for the other, from examples.

    Ranking where phrasings teach is learned from all lessons, the rest from its own kind alone.
    """
    own = [e for e in seen if e.taught is taught]
    rank, none = _fit_ranking(seen if taught else own)
    weights = _family_weights(own)
    found = [_decision(e, rank, none) for e in own]
    best, first = np.stack([f[0] for f in found]), np.stack([f[1] for f in found])
    right = np.array([f[2] for f in found], dtype=float)
    among = np.array([f[3] for f in found], dtype=float)
    fit = _fit_votes if taught else _fit_regression
    return Learned(rank, none, fit(best, right, weights), fit(first, among, weights))


def wrong_answers(seen: Sequence[Example], taught: bool) -> list[list[float]]:
    """[threshold, share of outright answers that are wrong], on families left out."""
    families = sorted({e.family for e in seen if e.taught is taught} - NOT_MEASURED)
    parts = [_left_out(seen, taught, family) for family in families]
    sure = np.concatenate([part[0] for part in parts])
    wrong = ~np.concatenate([part[1] for part in parts])
    return _falling(_shares(sure, wrong, np.concatenate([part[2] for part in parts])))


def _left_out(
    examples: Sequence[Example], taught: bool, family: str
) -> tuple[Doubles, NDArray[np.bool_], Doubles]:
    """Predictions for one family by what was learned from the others: sure, right, weight."""
    learned = learn([e for e in examples if e.family != family], taught)
    asked = [e for e in examples if e.family == family and e.taught is taught]
    seen = [_decision(e, learned.rank, learned.none) for e in asked]
    return (
        np.array([_apply(learned.right, s[0]) for s in seen]),
        np.array([s[2] for s in seen], dtype=np.bool_),
        np.full(len(asked), FAMILY_WEIGHT / len(asked)),
    )


def _decision(example: Example, rank: Doubles, none: float) -> tuple[Doubles, Doubles, bool, bool]:
    """Decision features of the best and of the first few, and whether each is right."""
    scores = example.features @ rank
    order = np.argsort(-scores, kind="stable")
    raised = np.exp(scores - max(scores.max(), none))
    shares = raised / (raised.sum() + np.exp(none - max(scores.max(), none)))
    best, first = order[0], order[:OFFERED]
    second = scores[order[1]] if len(order) > 1 else none
    likeness = max(example.features[best, RANK_FEATURES.index("dense_best")], 0.0)
    teaching = example.features[best, RANK_FEATURES.index("taught")]
    lead = np.sqrt(max(scores[best] - second, 0.0)) * likeness
    return (
        np.array([log_odds(float(shares[best])), lead, likeness, teaching]),
        np.array([log_odds(float(shares[first].sum())), lead, likeness, teaching]),
        bool(example.right[best]),
        bool(example.right[first].any()),
    )


def _fit_ranking(taught: Sequence[Example]) -> tuple[Doubles, float]:
    """Softmax regression over candidates and "none", by Adam (Kingma and Ba 2015)."""
    width = len(RANK_FEATURES)
    rows = np.concatenate([np.vstack([e.features, np.zeros(width)]) for e in taught])
    last = np.cumsum([len(e.features) + 1 for e in taught]) - 1
    starts = np.concatenate([[0], last[:-1] + 1])
    rows = np.hstack([rows, np.zeros((len(rows), 1))])
    rows[last, width] = 1.0
    wanted = np.concatenate([_wanted(e) for e in taught])
    of = np.repeat(np.arange(len(taught)), np.diff(np.append(starts, len(rows))))
    weight = _family_weights(taught)
    weight = (weight / weight.sum())[of]
    theta, first, second = np.ones(width + 1), np.zeros(width + 1), np.zeros(width + 1)
    for step in range(1, STEPS + 1):
        scores = rows @ theta
        raised = np.exp(scores - np.maximum.reduceat(scores, starts)[of])
        predicted = raised / np.add.reduceat(raised, starts)[of]
        slope = rows.T @ (weight * (predicted - wanted)) + RANK_PULL * theta
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope * slope
        scaled = np.sqrt(second / (1 - 0.99**step)) + 1e-12
        theta -= STEP * first / (1 - 0.9**step) / scaled
    return theta[:width], float(theta[width])


def _wanted(example: Example) -> Doubles:
    """Target shares: the right candidates' alike, or all to "none"."""
    target = np.append(example.right.astype(np.float64), float(not example.right.any()))
    return np.asarray(target / target.sum(), dtype=np.float64)


def _fit_regression(rows: Doubles, wanted: Doubles, weight: Doubles) -> Doubles:
    """Logistic regression without negative weights; weights, then the bias.

    A feature that would get one is left out: nothing that speaks for an article may
    count against it.
    """
    kept = list(range(rows.shape[1]))
    theta = _newton(rows, wanted, weight)
    while (theta[:-1] < 0).any():
        kept.pop(int(theta[:-1].argmin()))
        theta = _newton(rows[:, kept], wanted, weight)
    full = np.zeros(rows.shape[1] + 1)
    full[kept], full[-1] = theta[:-1], theta[-1]
    return full


def _fit_votes(rows: Doubles, wanted: Doubles, weight: Doubles) -> Doubles:
    """Two regressions made apart and then joined: what the ranking says, and what is like it.

    Made together, the second gets nearly no weight; on questions to knowledge of a kind not seen
    in training it then misses what tells answerable questions from others.
    """
    joined = np.zeros(rows.shape[1] + 1)
    for vote in VOTES:
        theta = _fit_regression(rows[:, vote], wanted, weight)
        joined[[*vote, -1]] += theta
    said = rows @ joined[:-1] + joined[-1]
    slope, bias = _fit_regression(said[:, None], wanted, weight)
    return np.append(slope * joined[:-1], slope * joined[-1] + bias)


def _newton(rows: Doubles, wanted: Doubles, weight: Doubles) -> Doubles:
    """Logistic regression by Newton's method; weights for the plain features, then the bias."""
    centre, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    scaled = np.hstack([(rows - centre) / scale, np.ones((len(rows), 1))])
    pull = np.append(np.full(rows.shape[1], DECISION_PULL), 1e-6)
    theta = np.zeros(scaled.shape[1])
    for _ in range(30):
        predicted = 1 / (1 + np.exp(-scaled @ theta))
        slope = scaled.T @ (weight * (predicted - wanted)) + pull * theta
        bend = (scaled.T * (weight * predicted * (1 - predicted))) @ scaled + np.diag(pull)
        theta -= np.linalg.solve(bend, slope)
    plain = theta[:-1] / scale
    return np.append(plain, theta[-1] - plain @ centre)


def _apply(theta: Doubles, features: Doubles) -> float:
    return float(1 / (1 + np.exp(-(theta[:-1] @ features + theta[-1]))))


def _family_weights(taught: Sequence[Example]) -> Doubles:
    sizes: dict[str, int] = {}
    for example in taught:
        sizes[example.family] = sizes.get(example.family, 0) + 1
    each = {name: FAMILY_WEIGHT * LIGHT.get(name, 1.0) / n for name, n in sizes.items()}
    return np.array([each[e.family] for e in taught])


def _shares(sure: Doubles, counted: NDArray[np.bool_], weight: Doubles) -> list[list[float]]:
    """[threshold, weighted share counted at or above it] for each threshold with enough."""
    rows: list[list[float]] = []
    for threshold in np.round(np.arange(0.02, 1.0, 0.01), 2):
        above = sure >= threshold
        total = float(weight[above].sum())
        if total >= FEWEST:
            rows.append(
                [float(threshold), round(float((weight * counted)[above].sum()) / total, 4)]
            )
    return rows


def _falling(rows: list[list[float]]) -> list[list[float]]:
    """The shares made to fall with the threshold, each the worst of those above it."""
    worst = 0.0
    result = []
    for threshold, share in reversed(rows):
        worst = max(worst, share)
        result.append([threshold, worst])
    return result[::-1]


def to_json(seen: Sequence[Example]) -> str:
    """The file's text, learned from examples; its name is drawn from its content."""
    values = {
        "rank_features": RANK_FEATURES,
        "decision_features": DECISION_FEATURES,
        "plain": _judge(learn(seen, False), wrong_answers(seen, False)),
        "taught": _judge(learn(seen, True), wrong_answers(seen, True)),
    }
    digest = hashlib.blake2b(json.dumps(values).encode(), digest_size=4).hexdigest()
    return json.dumps({"name": f"ranker-{digest}", **values}, indent=1) + "\n"


def _judge(learned: Learned, wrong: list[list[float]]) -> dict[str, object]:
    return {
        "rank": _rounded(learned.rank),
        "none": round(learned.none, 4),
        "right": {"weights": _rounded(learned.right[:-1]), "bias": round(learned.right[-1], 4)},
        "among": {"weights": _rounded(learned.among[:-1]), "bias": round(learned.among[-1], 4)},
        "wrong_answers": wrong,
    }


def _rounded(values: Doubles) -> list[float]:
    return [round(float(v), 4) for v in values]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sets", type=Path, help="folder of the public sets")
    parser.add_argument("own", type=Path, nargs="*", help="files of our own articles")
    default = Path(__file__).parent.parent / "weights.json"
    parser.add_argument("--out", type=Path, default=default, help="file to write")
    arguments = parser.parse_args()
    embedder = BundledEmbedder()
    taught = [
        e for lesson in lessons(arguments.sets, arguments.own) for e in examples(lesson, embedder)
    ]
    arguments.out.write_text(to_json(taught), "utf-8")


if __name__ == "__main__":
    main()
