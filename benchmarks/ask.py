"""How fast the knowledge answers: cold, as a command, and warm, inside a process; prints JSON.

    python -m benchmarks.ask KB.jsonl [QUESTIONS.jsonl] [--rounds 5]

KB.jsonl holds articles as ``huiying kb import`` reads them; QUESTIONS.jsonl a ``query`` a
line (default: the articles' own questions, turned round so that none is exact).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from knowledge.embedder import load_embedder
from knowledge.evaluate import read_kb, rss_mb
from knowledge.search import Knowledge


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kb", type=Path)
    parser.add_argument("questions", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5, help="cold starts")
    given = parser.parse_args()
    texts = _questions(given.kb, given.questions)
    print(json.dumps(_warm(given.kb, texts) | _cold(given.kb, texts[0], given.rounds)))


def _questions(kb: Path, questions: Path | None) -> list[str]:
    if questions is None:
        return [f"请问一下{a.question[::-1]}" for a in read_kb(kb) if a.question][:300]
    lines = questions.read_text("utf-8").splitlines()
    return [str(json.loads(line)["query"]) for line in lines if line.strip()]


def _warm(kb: Path, texts: list[str]) -> dict[str, float]:
    known = Knowledge(load_embedder())
    started = time.perf_counter()
    known.load(read_kb(kb))
    built = time.perf_counter() - started
    times = [known.ask(text).ms for text in texts]
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(known.ask, texts))
    together = len(texts) / (time.perf_counter() - started)
    return {
        "articles": len(known.snapshot.articles),
        "build_s": round(built, 2),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p95_ms": round(float(np.percentile(times, 95)), 2),
        "asked_by_8_qps": round(together, 1),
        "rss_mb": rss_mb(),
    }


def _cold(kb: Path, text: str, rounds: int) -> dict[str, float]:
    """Seconds of ``kb import`` once and of ``ask`` in a new process each time."""
    with tempfile.TemporaryDirectory() as data:
        imported = _timed("kb", "import", str(kb), "--publish", "--data", data)
        asked = [_timed("ask", text, "--json", "--data", data) for _ in range(rounds)]
    return {"import_s": imported, "cold_ask_s": float(np.median(asked))}


def _timed(*arguments: str) -> float:
    command = [sys.executable, "-c", "from huiying.cli import app; app()", *arguments]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return round(time.perf_counter() - started, 2)


if __name__ == "__main__":
    main()
