"""The word index is the same whether it is made at once or change by change."""

import subprocess
import sys

import numpy as np
import pytest

from knowledge.lexical import Lexical, tokens

TEXTS = ["the red permit", "借书证怎么办理", "the blue card", "借书证 card", "the red permit"]
ASKED = [tokens(text) for text in ("red card", "怎么借书", "a unicorn", "the", "")]


def made(texts: list[str], old: Lexical | None = None) -> Lexical:
    owners = [min(row, 3) for row in range(len(texts))]
    return Lexical(texts, owners, 4, old)


def assert_same(one: Lexical, other: Lexical) -> None:
    for query in ASKED:
        assert np.array_equal(one.scores(query), other.scores(query))
        assert np.array_equal(one.cover(query), other.cover(query))
        assert one.ceiling(query) == other.ceiling(query)
        assert [one.idf(t) for t in query] == [other.idf(t) for t in query]
        assert [t in one for t in query] == [t in other for t in query]
        rows = range(len(one.scores(query)))
        assert [one.overlap(query, r) for r in rows] == [other.overlap(query, r) for r in rows]


@pytest.mark.parametrize(
    "texts",
    [
        TEXTS,
        TEXTS[::-1],
        TEXTS[2:],
        ["a unicorn", *TEXTS],
        [TEXTS[0], "the card", TEXTS[0]],
        ["nothing of this", "was there before"],
        [],
    ],
    ids=["same", "turned", "fewer", "more", "repeated", "others", "none"],
)
def test_change_by_change_it_is_the_same(texts: list[str]) -> None:
    assert_same(made(texts, made(TEXTS)), made(texts))
    assert_same(made(texts, made(["a unicorn"], made(TEXTS))), made(texts))


def test_only_new_texts_are_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    old, seen = made(TEXTS), []

    def noting(text: str) -> list[str]:
        seen.append(text)
        return tokens(text)

    monkeypatch.setattr("knowledge.lexical.tokens", noting)
    made([*TEXTS[1:], "a green card"], old)
    assert seen == ["a green card"]


def test_tokens_out_of_use_are_forgotten_in_the_end() -> None:
    lexical = made(TEXTS)
    for number in range(100):
        lexical = made([f"text{number} word{number}"], lexical)
    assert len(lexical.known()[0].ids) < 40


def test_overlap_is_the_shared_weight_over_that_of_both() -> None:
    lexical = made(TEXTS)
    red, card, the = (lexical.idf(t) for t in ("red", "card", "the"))
    query = ["red", "red", "card", "unicorn"]
    either = red + card + lexical.unknown + the + lexical.idf(tokens("permit")[0])
    assert lexical.overlap(query, 0) == pytest.approx(red / either)
    assert lexical.overlap([], 0) == 0
    assert lexical.overlap(tokens(TEXTS[0]), 0) == pytest.approx(1)


def test_scores_do_not_hang_on_the_order_of_a_hash() -> None:
    """Python's order of a set of texts differs from process to process; sums must not."""
    code = (
        "from knowledge.lexical import Lexical, tokens\n"
        f"texts = {[*TEXTS, 'how do I renew the red library card in the old town hall'] * 40!r}\n"
        "known = Lexical([f'{t} {i}' for i, t in enumerate(texts)], list(range(240)), 240)\n"
        "asked = tokens('how do I renew the library card and the red permit 怎么借书证 7 8 9')\n"
        "print(known.scores(asked).tobytes().hex(), known.cover(asked).tobytes().hex(),"
        " known.ceiling(asked), [known.overlap(asked, row) for row in range(240)])\n"
    )
    outs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outs) == 1
