"""Splitting: nothing is lost, no piece is too long, cuts fall where a reader would pause."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Span, SpanKind
from bot.splitting import Piece, split, units, utf16_ranges

UNITS = ("utf16", "bytes", "chars")
#: Texts with everything that is counted differently in one unit or another.
texts = st.text(st.sampled_from("ab .!?\n,，。！；é中文😀👍🏽\u200d👩🇨🇳\ud800\x00"), max_size=300)


def words_only(text: str) -> str:
    return "".join(text.split())


@given(text=texts, limit=st.integers(8, 40), unit=st.sampled_from(UNITS), first=st.integers(0, 20))
def test_every_piece_fits_and_nothing_but_white_space_is_lost(
    text: str, limit: int, unit: str, first: int
) -> None:
    first = first if first >= 8 else 0
    pieces = split(text, (), limit, unit, first)
    assert words_only("".join(p.text for p in pieces)) == words_only(text)
    assert all(p.text.strip() for p in pieces)
    room = [first or limit, *([limit] * len(pieces))]
    assert all(units(p.text, unit) <= r for p, r in zip(pieces, room, strict=False))


@given(text=texts, offset=st.integers(0, 300), length=st.integers(1, 300))
def test_spans_stay_on_their_words(text: str, offset: int, length: int) -> None:
    span = Span(SpanKind.BOLD, offset, length)
    pieces = split(text, (span,), 12)
    marked = "".join(
        p.text[s.offset : s.offset + s.length] for p in pieces for s in p.spans if p.text
    )
    assert words_only(marked) == words_only(text[offset : offset + length])


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("第一句。第二句很长很长", 8, ["第一句。", "第二句很长很长"]),
        ("他说：“好。”然后走了没有回来", 10, ["他说：“好。”", "然后走了没有回来"]),
        ("One is 3.5 long. Two is short.", 18, ["One is 3.5 long.", "Two is short."]),
        ("no sentence ends in these words", 12, ["no sentence", "ends in", "these words"]),
        ("first line\nsecond line", 14, ["first line", "second line"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
    ],
)
def test_cuts_where_a_reader_would_pause(text: str, limit: int, expected: list[str]) -> None:
    assert [p.text for p in split(text, (), limit)] == expected


@pytest.mark.parametrize("emoji", ["👩‍👩‍👧‍👦", "👍🏽", "🇨🇳", "❤️", "e\u0301"])
def test_an_emoji_is_never_torn(emoji: str) -> None:
    for shift in range(12):
        pieces = split("x" * shift + emoji * 8, (), 20)
        assert all(len(p.text.replace("x", "")) % len(emoji) == 0 for p in pieces)


def test_lengths_are_counted_in_the_platforms_unit() -> None:
    assert [units("a中😀", unit) for unit in UNITS] == [4, 8, 3]
    assert [p.text for p in split("😀😀😀", (), 4, "utf16")] == ["😀😀", "😀"]
    assert [p.text for p in split("中文字", (), 6, "bytes")] == ["中文", "字"]


def test_ranges_count_in_utf16() -> None:
    piece = Piece("😀中b", (Span(SpanKind.BOLD, 1, 1), Span(SpanKind.CODE, 0, 99)))
    assert utf16_ranges(piece) == [(2, 1), (0, 4)]


def test_a_short_text_is_kept_as_it_is() -> None:
    assert split(" as it is \n", (), 99) == [Piece(" as it is \n")]
    assert split(" \n\t", (), 99) == split("", (), 99) == []


@pytest.mark.parametrize("unit", ["." * 6, "\n \t", "😀", "。", "a", "🇨", "\u200d", '?"'])
def test_a_huge_text_is_split_in_linear_time(unit: str) -> None:
    began = time.process_time()
    split(unit * (100_000 // len(unit)), (), 4096)
    assert time.process_time() - began < 1.0
