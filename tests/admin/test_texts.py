"""Chinese and English say the same: the same sentences, with the same values."""

import re
from pathlib import Path

import pytest

import admin.texts
import handlers.texts
from admin.texts import Texts, known, placeholders

ROOT = Path(__file__).parents[2]
ALL = pytest.mark.parametrize(
    "texts", [admin.texts.say, handlers.texts.say], ids=["admin", "handlers"]
)


@ALL
def test_both_languages_have_the_same_sentences(texts: Texts) -> None:
    assert texts.sentences["zh"].keys() == texts.sentences["en"].keys()


@ALL
def test_both_languages_take_the_same_values(texts: Texts) -> None:
    for key, sentence in texts.sentences["zh"].items():
        assert placeholders(sentence) == placeholders(texts.sentences["en"][key]), key


@ALL
def test_no_sentence_is_empty_or_padded(texts: Texts) -> None:
    for language in ("zh", "en"):
        for key, sentence in texts.sentences[language].items():
            assert sentence.strip() == sentence != "", key


@pytest.mark.parametrize("floor", ["admin", "handlers"])
def test_every_sentence_that_the_code_names_exists(floor: str) -> None:
    """Keys written out in the code; those put together from parts are tested with their parts."""
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / floor).rglob("*.py"))
    named = set(re.findall(r'\bsay\([^()]*?"([a-z_]+(?:\.[a-z_]+)?)"', source))
    refused = set(re.findall(r'(?:refuse|ActRefused)\(\s*"([a-z_]+)"', source))
    have = set(admin.texts.say.sentences["zh"]) | set(handlers.texts.say.sentences["zh"])
    short = {key.partition(".")[2] for key in have}
    assert len(named) > 10
    assert not named - have - short
    assert not {f"refused.{key}" for key in refused} - have


def test_values_are_put_in_as_they_are() -> None:
    say = admin.texts.say
    assert "{number} %s" in say("en", "done.closed", number="K7Q2M", ground="{number} %s")


def test_a_language_we_do_not_speak_is_answered_in_english() -> None:
    assert [known(tag) for tag in ("zh-hant", "ZH", "en", "fr", "")] == [
        "zh",
        "zh",
        "en",
        "en",
        "en",
    ]
