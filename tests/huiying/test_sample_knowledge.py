"""The sample knowledge of the demonstration office.

It speaks for 云渚市 (Yunzhu City), which does not exist: its departments, telephone numbers
(0000-…), addresses, amounts and rules are invented, and its links end in the reserved domain
`.example` (RFC 2606), so that nothing in it can be taken for, or reach, a real office.
"""

import json
import re
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

Row = dict[str, Any]

DEMO = Path(__file__).parents[2] / "huiying" / "demo"
LANGUAGES = ("zh", "en")
FIELDS = (
    "id",
    "lang",
    "category",
    "department",
    "question",
    "phrasings",
    "answer",
    "source",
    "source_title",
    "date",
)
OPTIONAL = {"valid_from", "valid_to", "supersedes"}
LINK = re.compile(r"https?://[^\s，。；、）)]+")
TELEPHONE = re.compile(r"(?<![\d-])\d{3,4}-\d{4,8}(?![\d-])")


@cache
def rows(name: str) -> list[Row]:
    text = (DEMO / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def articles() -> list[Row]:
    return [row for lang in LANGUAGES for row in rows(f"knowledge_{lang}")]


def plain(text: str) -> str:
    """What is left of a question when case, spaces and punctuation do not count."""
    return "".join(c for c in text.casefold() if c.isalnum())


def strip(value: str | list[str]) -> str | list[str]:
    return value.strip() if isinstance(value, str) else [one.strip() for one in value]


def repeated(values: list[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def answer_length(row: Row) -> int:
    """Characters in Chinese, words in English."""
    return len(row["answer"]) if row["lang"] == "zh" else len(row["answer"].split())


@pytest.mark.parametrize(
    ("name", "least"),
    [("knowledge_zh", 90), ("knowledge_en", 45), ("questions_zh", 80), ("questions_en", 40)],
)
def test_there_is_enough_of_it(name: str, least: int) -> None:
    assert len(rows(name)) >= least


def test_every_field_is_there_and_filled() -> None:
    for row in articles():
        assert set(row) - OPTIONAL == set(FIELDS), row["id"]
        blank = [field for field in row if not row[field] or row[field] != strip(row[field])]
        assert not blank, (row["id"], blank)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_language_and_id_agree(lang: str) -> None:
    for row in rows(f"knowledge_{lang}"):
        assert row["lang"] == lang
        assert re.fullmatch(rf"{lang}-[a-z]+-\d{{3}}", row["id"]), row["id"]


def test_ids_and_questions_are_unique() -> None:
    assert repeated([row["id"] for row in articles()]) == []
    assert repeated([plain(row["question"]) for row in articles()]) == []


def test_each_article_has_three_to_six_phrasings() -> None:
    assert [row["id"] for row in articles() if not 3 <= len(row["phrasings"]) <= 6] == []


def test_no_two_articles_share_a_phrasing() -> None:
    wordings = [plain(text) for row in articles() for text in (row["question"], *row["phrasings"])]
    assert repeated(wordings) == []


@pytest.mark.parametrize(("lang", "least", "most"), [("zh", 60, 350), ("en", 50, 180)])
def test_answers_are_neither_curt_nor_long(lang: str, least: int, most: int) -> None:
    lengths = {row["id"]: answer_length(row) for row in rows(f"knowledge_{lang}")}
    assert {i: n for i, n in lengths.items() if not least <= n <= most} == {}


def test_dates_can_be_read_and_are_in_order() -> None:
    for row in articles():
        assert date.fromisoformat(row["date"]).year == 2026, row["id"]
        limits = [date.fromisoformat(row[k]) for k in ("valid_from", "valid_to") if k in row]
        assert limits == sorted(limits), row["id"]


def test_some_articles_have_a_period_of_validity() -> None:
    assert sum("valid_from" in row and "valid_to" in row for row in articles()) >= 3


def test_a_successor_follows_the_article_it_supersedes() -> None:
    by_id = {row["id"]: row for row in articles()}
    pairs = [(by_id[row["supersedes"]], row) for row in articles() if "supersedes" in row]
    assert pairs
    assert all(old["valid_to"] < new["valid_from"] for old, new in pairs)


def test_every_link_ends_in_the_reserved_domain() -> None:
    for row in articles():
        for link in (row["source"], *LINK.findall(row["answer"])):
            address = urlsplit(link)
            assert address.scheme == "https", (row["id"], link)
            assert (address.hostname or "").endswith(".example"), (row["id"], link)


def test_each_source_belongs_to_one_article() -> None:
    assert repeated([row["source"] for row in articles()]) == []


def test_telephone_numbers_cannot_be_anybodys() -> None:
    for row in articles():
        numbers = TELEPHONE.findall(row["answer"])
        assert [n for n in numbers if not n.startswith("0000-")] == [], row["id"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_knowledge_says_that_its_city_is_invented(lang: str) -> None:
    name, fictional = {"zh": ("云渚市", "虚构"), "en": ("Yunzhu", "invented")}[lang]
    notes = [row for row in rows(f"knowledge_{lang}") if name in row["question"]]
    assert any(fictional in row["answer"] for row in notes)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_categories_and_departments_are_spread(lang: str) -> None:
    knowledge = rows(f"knowledge_{lang}")
    categories = Counter(row["category"] for row in knowledge)
    assert len(categories) >= 10
    assert max(categories.values()) <= len(knowledge) / 4
    assert len({row["department"] for row in knowledge}) >= 10


@pytest.mark.parametrize("lang", LANGUAGES)
def test_questions_point_at_articles_that_exist(lang: str) -> None:
    known = {row["id"] for row in rows(f"knowledge_{lang}")}
    for row in rows(f"questions_{lang}"):
        assert set(row) == {"query", "relevant", "type"}, row
        assert set(row["relevant"]) <= known, row
        assert bool(row["relevant"]) == (row["type"] == "in"), row


@pytest.mark.parametrize("lang", LANGUAGES)
def test_questions_never_expect_a_superseded_article(lang: str) -> None:
    superseded = {row.get("supersedes") for row in articles()}
    for row in rows(f"questions_{lang}"):
        assert not superseded & set(row["relevant"]), row


@pytest.mark.parametrize("lang", LANGUAGES)
def test_questions_are_worded_as_no_article_is(lang: str) -> None:
    wordings = {
        plain(text)
        for row in rows(f"knowledge_{lang}")
        for text in (row["question"], *row["phrasings"])
    }
    queries = [plain(row["query"]) for row in rows(f"questions_{lang}")]
    assert repeated(queries) == []
    assert wordings.isdisjoint(queries)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_questions_hold_what_the_knowledge_cannot_answer(lang: str) -> None:
    types = Counter(row["type"] for row in rows(f"questions_{lang}"))
    share = {kind: count / types.total() for kind, count in types.items()}
    assert set(share) == {"in", "near_oos", "far_oos"}
    assert 0.18 <= share["near_oos"] <= 0.32
    assert 0.06 <= share["far_oos"] <= 0.14
