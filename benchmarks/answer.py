"""Question → answer handed to the channel, at a steady rate, through ``huiying serve``.

    python -m benchmarks.answer [--kb KB.jsonl] [--questions QUESTIONS.jsonl]
                                [--rate 10] [--seconds 60] [--postgresql URL]

KB holds articles as ``huiying kb import`` reads them, QUESTIONS a ``query`` in each line; without
them the sample knowledge is asked its own. The platform and the office run in processes of their
own; the flood limits are opened wide. Questions come at fixed moments, whether or not earlier ones
were answered, each from a new citizen, so a stall is paid for by all who ask during it (no
coordinated omission). ``answer_ms`` runs from the moment an update is stored to the platform's
receipt of the answer; ``citizen_ms`` from the moment the citizen was due to ask. Targets: answer
p50 ≤ 40 ms, p95 ≤ 120 ms, RSS ≤ 350 MB.
"""

import argparse
import asyncio
import itertools
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from bot.config import load_settings
from bot.inbox import InboxRow
from huiying.schema import open_database
from tests.servers.telegram_remote import RemoteTelegram

DEMO = Path(__file__).parents[1] / "huiying" / "demo"
HUIYING = (sys.executable, "-m", "huiying.cli")
FIRST_CITIZEN = 100_000
WARM = 20
GROUP = -1001000000001


def environment(tg: RemoteTelegram, url: str) -> dict[str, str]:
    """Return the settings of an office on the played platform, without flood limits."""
    telegram = {
        "TOKEN": tg.token,
        "API_BASE_URL": tg.api_base_url,
        "FILE_BASE_URL": tg.file_base_url,
        "ADMIN_CHAT": str(GROUP),
        "PER_CHAT": "10000",
        "PER_GROUP_MINUTE": "600000",
        "PER_SECOND": "10000",
        "TOPICS_PER_MINUTE": "600000",
    }
    named = {f"HUIYING_TELEGRAM__{name}": value for name, value in telegram.items()}
    return {**os.environ, **named, "HUIYING_WEB__PORT": "0", "HUIYING_DATABASE__URL": url}


@asynccontextmanager
async def served(
    tg: RemoteTelegram, data: Path, url: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``huiying serve`` until the block ends."""
    with (data / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *HUIYING, "serve", "--data", str(data), env=environment(tg, url), stderr=log
        )
        try:
            while not await tg.do("polls"):
                if process.returncode is not None:
                    raise SystemExit((data / "log").read_text())
                await asyncio.sleep(0.05)
            yield process
        finally:
            process.terminate()
            await process.wait()


async def ask_all(tg: RemoteTelegram, questions: Sequence[str], rate: float) -> dict[int, float]:
    """Ask at fixed moments; return the wall-clock second at which each citizen was due."""
    start = time.time() + 0.5
    due = {FIRST_CITIZEN + n: start + n / rate for n in range(len(questions))}
    asking = []
    for (citizen, moment), question in zip(due.items(), questions, strict=True):
        await asyncio.sleep(moment - time.time())
        asked = tg.do("citizen.says", question, on=[citizen])
        asking.append(asyncio.create_task(asked))
    await asyncio.gather(*asking)
    return due


async def answers(tg: RemoteTelegram, citizens: Sequence[int]) -> dict[int, float]:
    """Wait until everybody was answered; return the wall-clock second of each first answer."""
    wall = time.time() - time.monotonic()  # the platform notes monotonic seconds
    found: dict[int, float] = {}
    deadline = time.monotonic() + 60
    while len(found) < len(citizens) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        for call in reversed(await tg.do("calls")):
            if call["method"] == "sendmessage":
                found[int(call["params"]["chat_id"])] = call["at"] + wall
        found = {citizen: found[citizen] for citizen in citizens if citizen in found}
    return found


def stored(url: str, data: Path) -> dict[int, tuple[float, str]]:
    """Return when each citizen's question was accepted, and how it ended."""
    settings = load_settings(None, data)
    settings = settings.model_copy(
        update={"database": settings.database.model_copy(update={"url": url})}
    )
    database = open_database(settings)
    with database.session() as session:
        rows = _rows(session)
    database.close()
    return {chat: (at, outcome) for chat, at, outcome in rows}


def _rows(session: Session) -> list[tuple[int, float, str]]:
    return [
        (int(row.conversation.split("/")[1]), row.received_at.timestamp(), row.outcome)
        for row in session.exec(select(InboxRow))
    ]


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95, p99 and the longest, in milliseconds."""
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return round(ordered[math.ceil(share * len(ordered)) - 1] * 1000, 1)

    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0)}


def memory_mb(pid: int | str) -> dict[str, float]:
    """Return the resident memory of a process, now and at its height (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    kilobytes = {name: int(fields[name].split()[0]) for name in ("VmRSS", "VmHWM")}
    return {
        "rss_mb": round(kilobytes["VmRSS"] / 1024, 1),
        "rss_max_mb": round(kilobytes["VmHWM"] / 1024, 1),
    }


async def measure(given: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Import, serve, ask, and compare the two clocks' stories."""
    lines = given.questions.read_text("utf-8").splitlines()
    real = [str(json.loads(line)["query"]) for line in lines if line.strip()]
    count = round(given.rate * given.seconds)
    questions = list(itertools.islice(itertools.cycle(real), count))
    async with RemoteTelegram() as tg:
        env = environment(tg, given.postgresql)
        load = (*HUIYING, "kb", "import", str(given.kb), "--publish", "--data", str(data))
        loading = await asyncio.create_subprocess_exec(*load, env=env, stdout=sys.stderr)
        if await loading.wait():
            raise SystemExit("the articles could not be imported")
        await tg.do("forum", GROUP)
        async with served(tg, data, given.postgresql) as office:
            for n, question in enumerate(questions[:WARM]):
                await tg.do("citizen.says", question, on=[1000 + n])
            await answers(tg, range(1000, 1000 + min(WARM, count)))
            due = await ask_all(tg, questions, given.rate)
            receipt = await answers(tg, list(due))
            memory = memory_mb(office.pid)
    accepted = stored(given.postgresql, data)
    outcomes = [accepted[citizen][1] for citizen in due]
    return {
        "database": "postgresql" if given.postgresql else "sqlite",
        "questions": count,
        "answered_all": len(receipt) == count,
        "answer_ms": percentiles([receipt[c] - accepted[c][0] for c in receipt]),
        "citizen_ms": percentiles([receipt[c] - due[c] for c in receipt]),
        "outcomes": {name: outcomes.count(name) for name in sorted(set(outcomes))},
        **memory,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kb", type=Path, default=DEMO / "knowledge_zh.jsonl")
    parser.add_argument("--questions", type=Path, default=DEMO / "questions_zh.jsonl")
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--postgresql", default="", help="URL of an empty database")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(given, Path(folder)))))


if __name__ == "__main__":
    main()
