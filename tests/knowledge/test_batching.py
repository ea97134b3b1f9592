"""Questions of many threads are encoded together, and each thread gets its own vector."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from knowledge.batching import MOST, QuestionEncoder
from knowledge.embedder import Kind, Vectors
from tests.knowledge.twins import LetterEmbedder


class GatedEmbedder(LetterEmbedder):
    """Stops in its first round until told to go on; notes how many came in each."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds: list[int] = []
        self.inside, self.go_on = threading.Event(), threading.Event()

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """Encode, the first time only when told."""
        self.rounds.append(len(texts))
        self.inside.set()
        assert self.go_on.wait(10)
        if any("broken" in text for text in texts):
            raise ValueError(f"{len(texts)} texts: {' '.join(texts)}")
        return super().encode(texts, kind)


def asked_while_busy(letters: GatedEmbedder, texts: Sequence[str]) -> list[Vectors | BaseException]:
    """Ask one question, and all *texts* while it is being encoded."""
    encoder = QuestionEncoder(letters)
    with ThreadPoolExecutor(len(texts) + 1) as pool:
        first = pool.submit(encoder.encode, "the first")
        assert letters.inside.wait(10)
        others = [pool.submit(encoder.encode, text) for text in texts]
        while len(encoder._waiting) < len(texts):
            pass
        letters.go_on.set()
        first.result(10)
        return [f.exception(10) or f.result() for f in others]


def test_what_waits_shares_a_round_and_everybody_gets_their_own() -> None:
    letters = GatedEmbedder()
    texts = [f"question {chr(97 + i)}" for i in range(20)]
    found = asked_while_busy(letters, texts)
    assert letters.rounds == [1, 20]
    assert np.array_equal(np.stack(found), LetterEmbedder().encode(texts, "query"))  # type: ignore[arg-type]


def test_a_round_is_bounded() -> None:
    letters = GatedEmbedder()
    asked_while_busy(letters, [f"question {i}" for i in range(2 * MOST + 3)])
    assert letters.rounds == [1, MOST, MOST, 3]


def test_a_text_that_cannot_be_encoded_fails_its_own_asker_only() -> None:
    letters = GatedEmbedder()
    found = asked_while_busy(letters, ["good", "broken one", "fine", "broken two"])
    assert [str(f) for f in found if isinstance(f, ValueError)] == [
        "1 texts: broken one",
        "1 texts: broken two",
    ]
    assert isinstance(found[0], np.ndarray)
    assert isinstance(found[2], np.ndarray)


def test_after_a_failure_the_next_question_is_encoded() -> None:
    letters = GatedEmbedder()
    letters.go_on.set()
    encoder = QuestionEncoder(letters)
    with pytest.raises(ValueError, match="broken"):
        encoder.encode("broken")
    assert encoder.encode("whole").shape == (letters.dim,)


def test_a_leader_that_is_interrupted_leaves_nobody_waiting() -> None:
    class Interrupted(GatedEmbedder):
        def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
            """Be interrupted while two wait for this round."""
            found = super().encode(texts, kind)
            if len(texts) == 2:
                raise KeyboardInterrupt
            return found

    kinds = {type(f) for f in asked_while_busy(Interrupted(), ["one", "two"])}
    assert kinds == {KeyboardInterrupt, InterruptedError}


def test_a_crowd_that_keeps_asking_is_served_right() -> None:
    letters = LetterEmbedder()
    encoder = QuestionEncoder(letters)
    texts = [f"{chr(97 + i % 26)}{i * 7919}" for i in range(800)]
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(encoder.encode, texts))
    assert np.array_equal(np.stack(found), LetterEmbedder().encode(texts, "query"))
