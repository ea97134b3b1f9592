"""Beyond the exact size: what is found, what is kept, and what the files survive."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from knowledge import index, index_files
from knowledge.errors import IndexUnusable
from knowledge.index import Exact, Index, Layered
from tests.knowledge.clusters import DIM, ClusterEmbedder, recall, unit

MANY = 6_000
TEXTS = [str(number) for number in range(MANY)]
#: Questions that are nowhere in the index.
ASKED = [str(number) for number in range(10**6, 10**6 + 300)]


def build(
    texts: Sequence[str], points: ClusterEmbedder, old: Index | None = None, up_to: int = 1_000
) -> Index:
    return index.build(texts, points, old, exact_up_to=up_to)


def layers(found: Index) -> Layered:
    assert isinstance(found.store, Layered)
    return found.store


@pytest.fixture(scope="module")
def points() -> ClusterEmbedder:
    return ClusterEmbedder()


@pytest.fixture(scope="module")
def many(points: ClusterEmbedder) -> Index:
    return build(TEXTS, points)


def nearest(found: Index, points: ClusterEmbedder, texts: Sequence[str]) -> list[str]:
    """The text that is found first for each question."""
    return [texts[found.search(q, 1)[1][0]] for q in points.encode(ASKED, "query")]


def test_it_is_exact_up_to_a_hundred_thousand() -> None:
    assert index.EXACT_UP_TO == 100_000


def test_the_size_decides(points: ClusterEmbedder) -> None:
    assert isinstance(build(TEXTS[:1_000], points).store, Exact)
    assert isinstance(build(TEXTS[:1_001], points).store, Layered)


@pytest.mark.parametrize("spread", [0.5, 0.9, 1.6, 100.0])
def test_the_ten_nearest_are_found_on_questions_not_seen(spread: float) -> None:
    """The last spread leaves no clusters at all: tuning must look nearly everywhere."""
    points = ClusterEmbedder(spread)
    found, exact = build(TEXTS, points), build(TEXTS, points, up_to=MANY)
    queries = points.encode(ASKED, "query")
    true = exact.search_many(queries, 10)[1]
    assert recall([found.search(q, 10)[1] for q in queries], true) >= 0.98


def test_clusters_are_found_without_looking_everywhere(many: Index) -> None:
    lists = layers(many).large.lists
    assert lists.nprobe <= lists.nlist / 4


def test_scores_are_cosines_and_come_best_first(many: Index, points: ClusterEmbedder) -> None:
    query = points.encode(ASKED[:1], "query")[0]
    scores, rows = many.search(query, 200)
    assert len(rows) == len(set(rows.tolist())) == 200
    assert list(scores) == sorted(scores, reverse=True)
    assert many.vectors[rows] @ query == pytest.approx(scores, abs=1e-6)
    assert many.vectors[slice(3, 5)] == pytest.approx(
        points.encode(["3", "4"], "passage"), abs=1e-3
    )


def test_few_changes_keep_the_large_part(many: Index) -> None:
    points = ClusterEmbedder()
    texts = [*ASKED[:40], *TEXTS[:1_000], *TEXTS[1_300:]]
    found = build(texts, points, many)
    assert points.encoded == ASKED[:40]
    assert layers(found).large is layers(many).large
    exact = build(texts, points, up_to=MANY)
    queries = points.encode(ASKED, "query")
    true = exact.search_many(queries, 10)[1]
    assert recall([found.search(q, 10)[1] for q in queries], true) >= 0.98
    assert nearest(found, points, texts)[:40] == ASKED[:40]


def test_what_was_deleted_is_never_found(many: Index, points: ClusterEmbedder) -> None:
    texts = [text for text in TEXTS if int(text) % 20]
    found = build(texts, points, many)
    gone = points.encode([text for text in TEXTS if not int(text) % 20], "query")
    for query in gone:
        scores, rows = found.search(query, 5)
        assert len(rows) == 5
        assert scores[0] < 0.999
    assert found.vectors[slice(0, 50)] == pytest.approx(
        points.encode(texts[:50], "query"), abs=1e-3
    )


def test_change_upon_change_stays_right(many: Index, points: ClusterEmbedder) -> None:
    found, texts = many, TEXTS
    for number in range(5):
        texts = [*texts[30:], str(2 * 10**6 + number), texts[0]]
        found = build(texts, points, found)
    assert layers(found).large is layers(many).large
    newest = points.encode([str(2 * 10**6 + 4)], "query")[0]
    assert texts[found.search(newest, 1)[1][0]] == str(2 * 10**6 + 4)
    exact = build(texts, points, up_to=MANY)
    pairs = zip(nearest(found, points, texts), nearest(exact, points, texts), strict=True)
    assert sum(one == other for one, other in pairs) >= 0.98 * len(ASKED)


def test_many_changes_put_everything_together_anew(many: Index) -> None:
    points = ClusterEmbedder()
    found = build(TEXTS[: MANY * 4 // 5], points, many)
    assert layers(found).large is not layers(many).large
    assert points.encoded == []
    assert len(layers(found).tail.rows) == 0


def test_a_long_tail_is_put_together_anew(
    many: Index, points: ClusterEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "TAIL", 50)
    assert layers(build([*TEXTS, *ASKED[:50]], points, many)).large is layers(many).large
    found = build([*TEXTS, *ASKED[:51]], points, many)
    assert len(layers(found).large.rows) == MANY + 51


def test_a_text_that_stands_twice_is_found_twice(points: ClusterEmbedder) -> None:
    texts = [*TEXTS[:2_000], *TEXTS[:200]]
    found = build(texts, points)
    for now in (texts, texts[1:], [*texts[1:], "7"]):
        found = build(now, points, found)
        places = layers(found).places
        assert len(set(places.tolist())) == len(now)
        both = found.search(points.encode(["7"], "query")[0], 3)[1]
        assert [now[row] for row in both].count("7") == min(now.count("7"), 3)


def test_it_grows_from_exact_and_shrinks_to_it(points: ClusterEmbedder) -> None:
    small = build(TEXTS[:900], points)
    again = ClusterEmbedder()
    grown = build(TEXTS[:1_200], again, small)
    assert again.encoded == TEXTS[900:1_200]
    again.encoded.clear()
    shrunk = build(TEXTS[:900], again, grown)
    assert again.encoded == []
    assert isinstance(shrunk.store, Exact)
    assert shrunk.vectors[slice(None)] == pytest.approx(small.vectors[slice(None)], abs=1e-3)


def test_saved_it_is_read_from_mapped_files(
    tmp_path: Path, many: Index, points: ClusterEmbedder
) -> None:
    saved = index_files.save(many, tmp_path, 1)
    loaded = index_files.load(tmp_path, points.fingerprint)
    for found in (saved, loaded):
        assert isinstance(layers(found).large.rows, np.memmap)
        assert layers(found).large.lists.nprobe == layers(many).large.lists.nprobe
        for query in points.encode(ASKED[:50], "query"):
            assert np.array_equal(found.search(query, 10), many.search(query, 10))
    maps = Path("/proc/self/maps").read_text()
    assert {p.suffix for p in tmp_path.iterdir() if str(p) in maps} == {".lists", ".npy"}


def test_the_large_files_are_written_once(
    tmp_path: Path, many: Index, points: ClusterEmbedder
) -> None:
    first = index_files.save(many, tmp_path, 1)
    texts = [*TEXTS[5:], *ASKED[:5]]
    index_files.save(build(texts, points, first), tmp_path, 2)
    assert len(list(tmp_path.glob("*.npy"))) == len(list(tmp_path.glob("*.lists"))) == 1
    loaded = index_files.load(tmp_path, points.fingerprint)
    assert nearest(loaded, points, texts)[:5] == ASKED[:5]
    assert build(texts, points, loaded) is loaded


@pytest.mark.parametrize("suffix", [".lists", ".npy", ".places", ".keys", ".faiss"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "lost"])
def test_any_damaged_file_is_noticed(
    tmp_path: Path, many: Index, points: ClusterEmbedder, suffix: str, damage: str
) -> None:
    index_files.save(many, tmp_path, 1)
    (path,) = tmp_path.glob(f"*{suffix}")
    raw = bytearray(path.read_bytes())
    path.unlink()
    raw[len(raw) // 2] ^= 0xFF
    if damage != "lost":
        path.write_bytes(raw if damage == "flipped" else raw[: len(raw) // 2])
    with pytest.raises(IndexUnusable, match="built anew"):
        index_files.load(tmp_path, points.fingerprint)


def test_a_save_that_dies_leaves_the_old_index(
    tmp_path: Path, many: Index, points: ClusterEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when the manifest is to be replaced: all other files are written."""
    index_files.save(many, tmp_path, 1)
    other = build(TEXTS[: MANY // 2], points)
    with monkeypatch.context() as broken:
        broken.setattr("os.replace", _full)
        with pytest.raises(OSError, match="full"):
            index_files.save(other, tmp_path, 2)
    assert len(index_files.load(tmp_path, points.fingerprint).keys) == MANY


def _full(*_: object) -> None:
    raise OSError("the disk is full")


def test_no_row_is_asked_for_where_nothing_is() -> None:
    none = unit(np.ones((1, DIM)))
    assert build([], ClusterEmbedder()).search(none[0], 5)[1].shape == (0,)
