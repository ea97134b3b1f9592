"""A decision told to a reader, in Chinese and English."""

import re
from pathlib import Path

import pytest

from admin.texts import placeholders
from huiying import texts
from huiying.explaining import candidates_table, explained, feature
from knowledge.ranker import RANK_FEATURES
from knowledge.search import Reason
from tests.knowledge.conftest import office
from tests.knowledge.test_commands import Desk, file
from tests.knowledge.test_search import only

__all__ = ["file"]

CARD, DOG = office()[0], office()[1]


def test_both_languages_say_the_same() -> None:
    zh, en = texts.say.sentences["zh"], texts.say.sentences["en"]
    assert zh.keys() == en.keys()
    assert all(placeholders(zh[key]) == placeholders(en[key]) for key in zh)


def test_every_reason_and_feature_has_its_words() -> None:
    have = texts.say.sentences["en"].keys()
    assert {f"reason.{reason.value}" for reason in Reason} <= have
    assert {f"feature.{name}" for name in RANK_FEATURES} <= have
    assert feature("zh", "cover") == "词语覆盖"
    assert feature("zh", "not-yet-named") == "not-yet-named"


@pytest.mark.parametrize("text", ["借书证怎么办理", "借书的卡", "宇宙", "😀"])
def test_every_decision_can_be_told(text: str) -> None:
    said = explained(only(*office()).ask(text).to_record())
    assert "letters/1" in said
    assert "{" not in said


def test_it_is_told_in_the_language_of_the_question() -> None:
    known = only(*office())
    assert "直接回答" in explained(known.ask("借书证怎么办理").to_record())
    said = explained(known.ask("How do I have an old sofa or fridge collected?").to_record())
    assert "word for word" in said
    assert "From 0." in said


def test_the_table_names_what_tells_candidates_apart() -> None:
    rows = [
        {"article": "a", "confidence": 0.9, "features": {"cover": 0.8, "overlap": 0.1, "share": 1}},
        {
            "article": "b",
            "confidence": 0.1,
            "features": {"cover": 0.2, "overlap": 0.11, "share": 0},
        },
    ]
    head, first, second = candidates_table("en", rows).splitlines()
    assert re.split(r"  +", head) == [
        "Article",
        "Probability",
        "Speaks for it",
        "Speaks against it",
    ]
    assert re.split(r"  +", first) == ["a", "0.900", "words covered 0.80", "–"]
    assert re.split(r"  +", second) == ["b", "0.100", "–", "words covered 0.20 (best 0.80)"]


def test_the_command_tells_readers_and_programs(tmp_path: Path, file: Path) -> None:
    desk = Desk(tmp_path / "data")
    desk.json("kb", "import", str(file), "--publish")
    said = desk.run("kb", "explain", "借书的卡").stdout
    assert CARD.id in said
    assert "支持" in said
    assert desk.json("kb", "explain", "借书的卡")["candidates"][0]["article"] == CARD.id
    for wrong in ((), ("狗", "--journal", "1")):
        done = desk.run("kb", "explain", *wrong)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "--journal" in done.stderr
