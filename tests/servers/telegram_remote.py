"""The played Telegram in a process of its own, so that it keeps the truth while others are killed.

::

    async with RemoteTelegram() as tg:
        await tg.do("citizen.says", "hello", on=[1001])
        texts = await tg.do("texts_to", 1001)
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Self

import httpx


class RemoteTelegram:
    """Starts ``python -m tests.servers.telegram`` and calls its verbs over HTTP."""

    def __init__(self) -> None:
        self.url = ""
        self.token = ""
        self._process: asyncio.subprocess.Process
        self._client: httpx.AsyncClient

    @property
    def api_base_url(self) -> str:
        """The value for ``telegram.api_base_url``."""
        return f"{self.url}/bot"

    @property
    def file_base_url(self) -> str:
        """The value for ``telegram.file_base_url``."""
        return f"{self.url}/file/bot"

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.servers.telegram",
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdout is not None
        started = json.loads(await self._process.stdout.readline())
        self.url, self.token = started["url"], started["token"]
        self._client = httpx.AsyncClient(base_url=self.url, timeout=120, trust_env=False)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.aclose()
        self._process.kill()
        await self._process.wait()

    async def do(self, verb: str, *args: Any, on: list[Any] | None = None, **kwargs: Any) -> Any:
        """Call a verb of the played server; ``on`` are the arguments of what it belongs to."""
        asked = {"verb": verb, "on": on or [], "args": args, "kwargs": kwargs}
        answer = await self._client.post("/control", json=asked)
        answer.raise_for_status()
        return answer.json()
