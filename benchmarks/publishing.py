"""Publishing while an office serves; used by benchmarks.knowledge."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.answer import memory_mb
from benchmarks.sample import questions, write
from bot.config import Settings, load_settings
from bot.db import Database
from huiying.app import Running, serve
from knowledge import articles as store
from knowledge.drafts import ArticleStatus, Draft
from knowledge.revisions import Act
from knowledge.search import Knowledge

ASKERS, WARM_S = 4, 3.0


def measure(articles: Sequence[Draft], data: Path, rounds: int) -> dict[str, Any]:
    """Import in a process of its own, then serve here and publish *rounds* times."""
    office = data / "office.jsonl"
    write(articles, office)
    command = [sys.executable, "-m", "huiying.cli", "kb", "import", str(office), "--publish"]
    started = time.perf_counter()
    subprocess.run([*command, "--data", str(data)], check=True, stdout=sys.stderr)
    imported = time.perf_counter() - started
    settings = load_settings(None, data)
    web = settings.web.model_copy(update={"port": 0})
    found = asyncio.run(_serve(settings.model_copy(update={"web": web}), articles, rounds))
    return {"import_s": round(imported, 1), **found}


async def _serve(settings: Settings, articles: Sequence[Draft], rounds: int) -> dict[str, Any]:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, stop, ready.set_result))
    office: Running = await ready
    try:
        return await _publish_while_asked(office, articles, rounds)
    finally:
        stop.set()
        await serving


async def _publish_while_asked(
    office: Running, articles: Sequence[Draft], rounds: int
) -> dict[str, Any]:
    times: list[float] = []
    texts = iter(questions(articles, 100_000))
    asking = [asyncio.create_task(_ask(office.knowledge, texts, times)) for _ in range(ASKERS)]
    await asyncio.sleep(WARM_S)
    before, quiet = memory_mb("self"), len(times)
    visible = [await _publish(office, articles[n], n) for n in range(rounds)]
    await asyncio.sleep(WARM_S)  # the index is saved, and what the old one held is given back
    for task in asking:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return {
        "publish_to_visible_s": {
            "median": round(statistics.median(visible), 2),
            "max": round(max(visible), 2),
        },
        "longest_gap_ms": _longest(times[quiet:]),
        "longest_gap_without_publishing_ms": _longest(times[:quiet]),
        "serving": before,
        "after_publishing": memory_mb("self"),
    }


async def _ask(knowledge: Knowledge, texts: Any, times: list[float]) -> None:
    for text in texts:
        await asyncio.to_thread(knowledge.ask, text)
        times.append(time.perf_counter())


async def _publish(office: Running, draft: Draft, number: int) -> float:
    """Seconds from the commit to the first answer made from the new version."""
    changed = replace(draft, phrasings=(*draft.phrasings, f"第{number}次改动"))
    await asyncio.to_thread(_commit, office.database, changed)
    started, before = time.perf_counter(), office.knowledge.kb_version
    while office.knowledge.kb_version == before:
        await asyncio.sleep(0.005)
    return time.perf_counter() - started


def _commit(database: Database, draft: Draft) -> None:
    with database.transaction() as tx:
        store.save(tx.session, draft, Act("editor", tx.now, "benchmark"), ArticleStatus.PUBLISHED)


def _longest(times: Sequence[float]) -> float:
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return round(max(gaps, default=0.0) * 1e3, 1)
