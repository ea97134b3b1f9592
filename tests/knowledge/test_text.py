"""The copy of a text that search compares."""

import pytest

from knowledge.lexical import Lexical, tokens
from knowledge.text import (
    SEARCH_CHARS,
    clean,
    cut,
    fold,
    has_words,
    language,
    normalise,
    passages,
)


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("  a\t b\n", "a b"),
        ("a\x00b\ud800c\u202ed", "abcd"),
        ("ＡＢＣ１２３", "ABC123"),
        ("", ""),
    ],
)
def test_clean_drops_what_nobody_sees(raw: str, seen: str) -> None:
    assert clean(raw) == seen


def test_both_chinese_scripts_meet() -> None:
    assert normalise("申請戶籍謄本") == normalise("申请户籍誊本")
    assert fold("借書證，怎麼辦理？") == fold("借书证怎么办理")


def test_a_long_text_keeps_its_beginning_and_end() -> None:
    short = cut("begin" + "x" * 8_000 + "end")
    assert len(short) == SEARCH_CHARS
    assert short.startswith("begin")
    assert short.endswith("end")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("怎么办理借书证", "zh"),
        ("図書館のカードを作りたい", "ja"),
        ("도서관 카드 만들기", "ko"),
        ("How do I get a library card?", "en"),
        ("Wie bekomme ich einen Ausweis für die Bibliothek?", "de"),
        ("¿Cómo puedo pagar los impuestos?", "es"),
        ("Где находится библиотека", "ru"),
        ("WiFi 密码是什么", "zh"),
        ("😀 !!", ""),
    ],
)
def test_language(text: str, code: str) -> None:
    assert language(text) == code


def test_words_are_letters_or_digits() -> None:
    assert has_words("1")
    assert has_words("好")
    assert not has_words("😀？！ ")


def test_passages_end_at_sentences_and_lose_nothing() -> None:
    text = "第一句话说明条件。" * 30 + "没有句号的" + "长" * 400
    pieces = passages(text, 60)
    assert "".join(pieces).replace(" ", "") == text
    assert all(len(p) <= 120 for p in pieces)
    assert pieces[0].endswith("。")


def test_tokens_of_both_kinds() -> None:
    assert tokens("借书证") == ["借", "书", "证", "借书", "书证"]
    assert tokens("Parking permits") == tokens("parking permit")


def test_lexical_scores_prefer_rare_words() -> None:
    lexical = Lexical(["the red permit", "the blue card", "the green card"], [0, 1, 2], 3)
    scores = lexical.scores(tokens("red card"))
    assert scores[0] > scores[1] == scores[2] > 0
    cover = lexical.cover(tokens("red unicorn"))
    assert 0 < cover[0] < 1
    assert cover[1] == 0
    assert "unicorn" not in lexical


def test_lexical_of_nothing_answers_nothing() -> None:
    assert Lexical([], [], 0).scores(["a"]).shape == (0,)
