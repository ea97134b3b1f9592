"""How long until the demonstration has answered its first question.

    python -m benchmarks.demo [--rounds 3]

Starts ``huiying demo`` on a free port, asks one question over HTTP and ends it: first in a new data
directory (tables, sample knowledge, index), then again in the same one. Times run from the start of
the process, in seconds; each is the median of the rounds.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.servers.demo import Citizen, running_demo

QUESTION = "新生儿怎么报户口？"


def first_answer(data: Path) -> tuple[float, float]:
    """Return the seconds until the page is up, and until the question is answered."""
    with running_demo(data) as demo:
        ready = time.monotonic() - demo.started
        answer = Citizen(demo.url).ask(QUESTION)
        answered = time.monotonic() - demo.started
    assert "出生医学证明" in answer["text"], "the answer is not the article's"
    return ready, answered


def measure(rounds: int) -> dict[str, float]:
    """Start it twice a round, with nothing and with what the first start left."""
    new, known = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            new.append(first_answer(Path(folder)))
            known.append(first_answer(Path(folder)))
    return {
        "new_ready_s": _median(new, 0),
        "new_first_answer_s": _median(new, 1),
        "new_first_answer_worst_s": round(max(times[1] for times in new), 2),
        "known_ready_s": _median(known, 0),
        "known_first_answer_s": _median(known, 1),
        "rounds": rounds,
    }


def _median(times: list[tuple[float, float]], place: int) -> float:
    return round(statistics.median(pair[place] for pair in times), 2)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    print(json.dumps(measure(parser.parse_args().rounds)))


if __name__ == "__main__":
    main()
