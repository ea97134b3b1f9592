"""Lessons: small knowledge bases with questions whose right article, or lack of one, is known.

They are made from public sets in the form `kb eval` reads (``NAME/kb.jsonl``,
``NAME/dev.jsonl``) and from labelled question pairs; no test question is ever opened.
A share of the articles is taken out so that their questions become unanswerable, and
questions of another set serve as foreign ones.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from knowledge.drafts import Draft
from knowledge.evaluate import Query, read_kb, read_queries

#: Most questions taken for one lesson.
QUESTIONS = 1_500
#: Lessons of one to eight articles made from one set.
TINY = 20
#: Share of the articles taken out of a lesson.
HELD_OUT = 0.25


@dataclass(frozen=True, slots=True)
class Lesson:
    """A knowledge base and questions to it; *family* names the set they come from."""

    name: str
    family: str
    articles: tuple[Draft, ...]
    queries: tuple[Query, ...]


def lessons(root: Path, own: Sequence[Path], seed: int = 7) -> Iterator[Lesson]:
    """All lessons from the sets under *root* and from our *own* articles, the same for a seed."""
    chance = random.Random(seed)
    yield from _own(own, chance)
    clinc = read_kb(root / "en_clinc150" / "kb.jsonl")
    banking = read_kb(root / "en_banking77_oos" / "kb.jsonl")
    curekart = read_kb(root / "en_hint3_curekart" / "kb.jsonl")
    covid = read_kb(root / "en_deepset_covid" / "kb.jsonl")
    welfare = read_kb(root / "ko_welfare" / "kb.jsonl")
    yield _with_dev("clinc dev", "clinc", clinc, root / "en_clinc150" / "dev.jsonl", chance)
    yield _with_dev(
        "banking dev", "banking", banking, root / "en_banking77_oos" / "dev.jsonl", chance
    )
    for name, articles, strangers in (
        ("clinc", clinc, banking),
        ("banking", banking, curekart),
        ("curekart", curekart, covid),
        ("welfare", welfare, ()),
    ):
        for kept in (0, 2, 5, 20):
            yield _few_phrasings(f"{name} {kept}", name, articles, strangers, kept, chance)
    for seed_of_split in range(3):
        yield _answers_only(f"covid {seed_of_split}", "covid", covid, clinc, chance)
    pairs = _pairs("pairs", root / "zh_pairs" / "LCQMC_dev.jsonl", chance)
    yield pairs
    for name, articles in (("clinc", clinc), ("banking", banking), ("curekart", curekart)):
        for number in range(TINY):
            yield _tiny(f"{name} tiny {number}", name, articles, chance)
    for number in range(TINY):
        yield _tiny_pairs(f"pairs tiny {number}", pairs, chance)


def _own(files: Sequence[Path], chance: random.Random) -> Iterator[Lesson]:
    """Offices as ours: each file's articles with fewer phrasings, and with answers alone."""
    for path in files:
        articles, family = read_kb(path), path.stem
        for kept in (0, 1, 2, 3):
            yield _few_phrasings(f"{family} {kept}", family, articles, (), kept, chance)
        yield _answers_only(f"{family} answers", family, articles, (), chance)
        for number in range(TINY):
            yield _tiny(f"{family} tiny {number}", family, articles, chance)


def _with_dev(
    name: str, family: str, articles: Sequence[Draft], dev: Path, chance: random.Random
) -> Lesson:
    gone = _held_out(articles, chance)
    queries = chance.sample(list(read_queries(dev)), QUESTIONS)
    return _lesson(name, family, articles, queries, gone)


def _few_phrasings(
    name: str,
    family: str,
    articles: Sequence[Draft],
    strangers: Sequence[Draft],
    kept: int,
    chance: random.Random,
) -> Lesson:
    """Keep *kept* phrasings of each article; the others are asked."""
    gone = _held_out(articles, chance)
    queries: list[Query] = []
    thinned: list[Draft] = []
    for article in articles:
        texts = chance.sample(article.phrasings, len(article.phrasings))
        thinned.append(replace(article, phrasings=tuple(texts[:kept])))
        queries += [Query(t, (article.id,), "in") for t in texts[kept : kept + 40]]
    queries = chance.sample(queries, min(QUESTIONS, len(queries)))
    asked = [
        Query(chance.choice((a.question, *a.phrasings)), (), "far_oos")
        for a in strangers
        for _ in range(5)
    ]
    return _lesson(name, family, thinned, queries + asked[: len(queries) // 6], gone)


def _answers_only(
    name: str,
    family: str,
    articles: Sequence[Draft],
    strangers: Sequence[Draft],
    chance: random.Random,
) -> Lesson:
    """Take the questions away and ask them."""
    gone = _held_out(articles, chance)
    queries = [Query(a.question, (a.id,), "in") for a in articles]
    queries += [
        Query(chance.choice((a.question, *a.phrasings)), (), "far_oos") for a in strangers[:40]
    ]
    return _lesson(name, family, [replace(a, question="") for a in articles], queries, gone)


def _pairs(name: str, path: Path, chance: random.Random) -> Lesson:
    """A pair's second text is an article's question; its first asks the same, or seems to."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows = chance.sample(rows, 4_000)
    ids: dict[str, str] = {}
    same: dict[str, set[str]] = {}
    for row in rows:
        article = ids.setdefault(row["b"], f"p{len(ids)}")
        same.setdefault(row["a"], set()).update({article} if row["label"] else set())
    articles = [Draft(id=i, question=text, answer="") for text, i in ids.items() if text.strip()]
    queries = [
        Query(text, tuple(sorted(right)), "in" if right else "near_oos")
        for text, right in same.items()
        if text not in ids
    ]
    return _lesson(name, name, articles, queries[:QUESTIONS], _held_out((), chance))


def _tiny(name: str, family: str, articles: Sequence[Draft], chance: random.Random) -> Lesson:
    """A desk that has only begun: a handful of articles, asked about many things."""
    known = chance.sample(articles, chance.randint(1, 8))
    kept = chance.choice((0, 2, 5))
    thinned = [replace(a, phrasings=a.phrasings[:kept]) for a in known]
    queries = [Query(t, (a.id,), "in") for a in known for t in a.phrasings[kept : kept + 5]]
    others = [a for a in articles if a not in known and a.phrasings]
    asked = [chance.choice(chance.choice(others).phrasings) for _ in queries]
    return Lesson(name, family, tuple(thinned), (*queries, *(Query(t, (), "oos") for t in asked)))


def _tiny_pairs(name: str, pairs: Lesson, chance: random.Random) -> Lesson:
    """The same from question pairs: as many that ask the same as only seem to or are foreign."""
    mine = chance.sample([q for q in pairs.queries if q.relevant], 6)
    others = chance.sample([q for q in pairs.queries if not q.relevant], 6)
    ids = {r for q in mine for r in q.relevant}
    known = tuple(a for a in pairs.articles if a.id in ids)
    return Lesson(name, pairs.family, known, (*mine, *others))


def _held_out(articles: Sequence[Draft], chance: random.Random) -> frozenset[str]:
    ids = [a.id for a in articles]
    return frozenset(chance.sample(ids, int(len(ids) * HELD_OUT)))


def _lesson(
    name: str,
    family: str,
    articles: Sequence[Draft],
    queries: Sequence[Query],
    gone: frozenset[str],
) -> Lesson:
    left = tuple(a for a in articles if a.id not in gone)
    return Lesson(name, family, left, tuple(_without(q, gone) for q in queries))


def _without(query: Query, gone: frozenset[str]) -> Query:
    relevant = tuple(r for r in query.relevant if r not in gone)
    if relevant == query.relevant:
        return query
    return Query(query.text, relevant, "in" if relevant else "near_oos")
