"""The real ``huiying demo`` in a process of its own, on a free port; a citizen without a browser.

Its ways are those of the page: a session by cookie, a message by POST, the answer in the history.
"""

import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx

#: longest wait for a first answer
PATIENCE_S = 60.0
_SIGN_IN = re.compile(r"(http://[\d.:]+)/desk/sign-in\?code=\S+")


@dataclass
class Demo:
    """A started demonstration: where it is, and its two sign-in links once they are printed."""

    process: subprocess.Popen[str]
    started: float
    url: str = ""
    links: list[str] = field(default_factory=list)


@contextmanager
def running_demo(data: Path, lang: str = "zh") -> Iterator[Demo]:
    """Start the demonstration, wait for its two links, and end it afterwards."""
    command = [sys.executable, "-m", "huiying.cli", "demo", "--port", "0", "--lang", lang]
    started = time.monotonic()
    process = subprocess.Popen(
        [*command, "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    overdue = threading.Timer(PATIENCE_S, process.kill)
    overdue.start()
    try:
        yield _announced(Demo(process, started))
    finally:
        overdue.cancel()
        process.terminate()
        process.communicate(timeout=20)


def _announced(demo: Demo) -> Demo:
    assert demo.process.stdout is not None
    for line in demo.process.stdout:
        if found := _SIGN_IN.search(line):
            demo.url = found[1]
            demo.links.append(found[0])
        if len(demo.links) == 2:
            return demo
    assert demo.process.stderr is not None
    raise AssertionError(f"the demonstration did not start: {demo.process.stderr.read()[-2000:]}")


class Citizen:
    """Somebody at the citizen's page, by HTTP alone."""

    def __init__(self, url: str) -> None:
        # Loopback is never behind a proxy, whatever the environment says.
        self._http = httpx.Client(
            base_url=url, headers={"Origin": url}, trust_env=False, timeout=PATIENCE_S
        )

    def ask(self, text: str, language: str = "zh") -> dict[str, Any]:
        """Write one question and return the first line that answers it."""
        self._post("/chat/session", {"create": True, "language": language})
        known = len(self._answers())
        self._post("/chat/messages", {"id": uuid.uuid4().hex, "text": text, "language": language})
        overdue = time.monotonic() + PATIENCE_S
        while time.monotonic() < overdue:
            if len(answers := self._answers()) > known:
                return answers[known]
            time.sleep(0.02)
        raise AssertionError(f"no answer within {PATIENCE_S:.0f} s")

    def _answers(self) -> list[dict[str, Any]]:
        lines = cast(list[dict[str, Any]], self._http.get("/chat/history").json()["lines"])
        return [line for line in lines if line["direction"] == "out"]

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self._http.post(path, json=body).raise_for_status()
