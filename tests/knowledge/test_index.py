"""The saved index: only what changed is encoded, and damage is noticed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from knowledge import index, index_files
from knowledge.errors import IndexUnusable
from tests.knowledge.twins import LetterEmbedder

TEXTS = ["library card", "dog licence", "library card", "parking permit"]


@pytest.fixture
def letters() -> LetterEmbedder:
    return LetterEmbedder()


def test_search_finds_the_nearest_first(letters: LetterEmbedder) -> None:
    built = index.build(TEXTS, letters)
    scores, rows = built.search(letters.encode(["dog licence"], "query")[0], 10)
    assert rows[0] == 1
    assert scores[0] == pytest.approx(1, abs=1e-5)
    assert len(rows) == len(TEXTS)


def test_vectors_outlive_the_index_they_come_from(letters: LetterEmbedder) -> None:
    """They lie in FAISS's memory: freed too early, a later index would write over them."""
    texts = [str(i) for i in range(5_000)]
    vectors = index.build(texts, letters).vectors[:]
    for _ in range(5):
        index.build([f"other {i}" for i in range(5_000)], letters)
    assert np.array_equal(vectors, LetterEmbedder().encode(texts, "passage"))


def test_equal_texts_are_encoded_once(letters: LetterEmbedder) -> None:
    built = index.build(TEXTS, letters)
    assert sorted(letters.encoded) == sorted(set(TEXTS))
    assert np.array_equal(built.vectors[0:1], built.vectors[2:3])


def test_only_what_changed_is_encoded_again(letters: LetterEmbedder) -> None:
    old = index.build(TEXTS, letters)
    letters.encoded.clear()
    new = index.build(["parking permit", "new text", "dog licence"], letters, old)
    assert letters.encoded == ["new text"]
    assert np.array_equal(new.vectors[0:1], old.vectors[3:4])
    assert np.array_equal(new.vectors[2:3], old.vectors[1:2])


def test_the_same_texts_keep_the_same_index(letters: LetterEmbedder) -> None:
    old = index.build(TEXTS, letters)
    assert index.build(list(TEXTS), letters, old) is old


def test_vectors_of_another_model_are_never_kept(letters: LetterEmbedder) -> None:
    old = index.build(TEXTS, letters)
    other = LetterEmbedder("letters/2")
    new = index.build(TEXTS, other, old)
    assert len(other.encoded) == 3
    assert new.fingerprint == "letters/2"


def test_saved_and_loaded_it_is_the_same(tmp_path: Path, letters: LetterEmbedder) -> None:
    built = index.build(TEXTS, letters)
    index_files.save(built, tmp_path / "index", 3)
    found = index_files.load(tmp_path / "index", letters.fingerprint)
    assert np.array_equal(found.vectors[:], built.vectors[:])
    assert np.array_equal(found.keys, built.keys)


def test_a_new_save_replaces_the_old(tmp_path: Path, letters: LetterEmbedder) -> None:
    index_files.save(index.build(TEXTS, letters), tmp_path, 1)
    index_files.save(index.build(TEXTS[:1], letters), tmp_path, 2)
    assert len(index_files.load(tmp_path, letters.fingerprint).keys) == 1


def test_progress_counts_what_is_encoded(letters: LetterEmbedder) -> None:
    seen: list[tuple[int, int]] = []
    index.build([str(i) for i in range(150)], letters, progress=lambda a, b: seen.append((a, b)))
    assert seen == [(64, 150), (128, 150), (150, 150)]


def spoil_vectors(folder: Path) -> None:
    (path,) = folder.glob("*.faiss")
    raw = bytearray(path.read_bytes())
    raw[-5] ^= 0xFF
    path.write_bytes(raw)


def cut_vectors(folder: Path) -> None:
    (path,) = folder.glob("*.faiss")
    path.write_bytes(path.read_bytes()[:100])


def lose_keys(folder: Path) -> None:
    (path,) = folder.glob("*.keys")
    path.unlink()


def spoil_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{half", "utf-8")


def empty_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[]", "utf-8")


def newer_format(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"format": 99}), "utf-8")


@pytest.mark.parametrize(
    "damage",
    [spoil_vectors, cut_vectors, lose_keys, spoil_manifest, empty_manifest, newer_format],
)
def test_a_damaged_index_is_refused(
    tmp_path: Path, letters: LetterEmbedder, damage: object
) -> None:
    index_files.save(index.build(TEXTS, letters), tmp_path, 1)
    assert callable(damage)
    damage(tmp_path)
    with pytest.raises(IndexUnusable):
        index_files.load(tmp_path, letters.fingerprint)


def test_another_models_index_is_refused(tmp_path: Path, letters: LetterEmbedder) -> None:
    index_files.save(index.build(TEXTS, letters), tmp_path, 1)
    with pytest.raises(IndexUnusable, match="another model"):
        index_files.load(tmp_path, "letters/2")


def test_no_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexUnusable):
        index_files.load(tmp_path / "none", "letters/1")


ASKED_BY_A_THREAD = """
import os
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from knowledge.index import Exact

def natives():
    return len(os.listdir("/proc/self/task"))

rows = np.eye(512, dtype=np.float32).repeat(28, axis=0)
found = Exact.of(rows)
with ThreadPoolExecutor(1) as pool:
    before = pool.submit(natives).result()
    pool.submit(found.search, rows[:1], 200).result()
    print(natives() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_a_thread_that_asks_gets_no_team_of_its_own() -> None:
    env = {**os.environ, "OMP_NUM_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", ASKED_BY_A_THREAD], env=env, capture_output=True, check=True
    )
    assert done.stdout.strip() == b"0"
