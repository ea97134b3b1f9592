"""How the played Telegram pushes updates: one chat in order, several chats side by side."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.servers.telegram_api import Params
from tests.servers.telegram_world import Json, Pending, UpdateQueue

FIRST_RETRY_S, LAST_RETRY_S = 0.02, 0.5


class Webhook:
    """Where updates are pushed to, and the pushing."""

    def __init__(self, updates: UpdateQueue, changed: Callable[[], None]) -> None:
        self.url = ""
        self.secret = ""
        self.limit = 40
        self.last_error = ""
        self.last_error_date = 0
        #: status of every push, in order
        self.answers: list[int] = []
        self._updates = updates
        self._changed = changed
        self._wake = asyncio.Event()
        self._pusher: asyncio.Task[None] | None = None

    def call(self, method: str, p: Params) -> Any:
        """Answer setWebhook, deleteWebhook or getWebhookInfo."""
        if method == "getwebhookinfo":
            return self._info()
        self._set(p if method == "setwebhook" else Params({}))
        return True

    def wake(self) -> None:
        """Look for updates to push."""
        self._wake.set()

    async def stop(self) -> None:
        """Stop pushing."""
        if self._pusher is not None:
            self._pusher.cancel()
            await asyncio.gather(self._pusher, return_exceptions=True)
            self._pusher = None

    def _set(self, p: Params) -> None:
        self.url, self.secret = p.text("url"), p.text("secret_token")
        self.limit = p.number("max_connections", 40)
        if (kinds := p.json("allowed_updates")) is not None:
            self._updates.allowed = set(kinds)
        self._wake.set()
        if self.url and self._pusher is None:
            self._pusher = asyncio.create_task(self._push_all())

    def _info(self) -> Json:
        pending = len(self._updates.pending)
        return {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": pending,
            **self._last(),
        }

    def _last(self) -> Json:
        known = {"last_error_message": self.last_error, "last_error_date": self.last_error_date}
        return known if self.last_error else {}

    async def _push_all(self) -> None:
        busy: dict[str, asyncio.Task[None]] = {}
        async with httpx.AsyncClient(timeout=10) as client, asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                busy = {chat: task for chat, task in busy.items() if not task.done()}
                for item in list(self._updates.pending) if self.url else ():
                    chat = _chat_of(item.update)
                    if chat not in busy and len(busy) < self.limit:
                        busy[chat] = group.create_task(self._push(client, item))
                await self._wake.wait()

    async def _push(self, client: httpx.AsyncClient, item: Pending) -> None:
        wait = FIRST_RETRY_S
        while self.url and not await self._post(client, item.update):
            await asyncio.sleep(wait)
            wait = min(wait * 2, LAST_RETRY_S)
        if self.url:
            self._updates.confirm(item)
            self._changed()
        asyncio.get_running_loop().call_soon(self._wake.set)

    async def _post(self, client: httpx.AsyncClient, update: Any) -> bool:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.secret} if self.secret else {}
        try:
            answer = await client.post(self.url, json=update, headers=headers)
        except httpx.HTTPError as error:
            self._failed(repr(error))
            return False
        self.answers.append(answer.status_code)
        if not answer.is_success:
            self._failed(f"Wrong response from the webhook: {answer.status_code}")
        return answer.is_success

    def _failed(self, why: str) -> None:
        self.last_error, self.last_error_date = why, int(time.time())


def _chat_of(update: Any) -> str:
    """Return what keeps updates in order; anything malformed is a chat of its own."""
    for content in update.values() if isinstance(update, dict) else ():
        if isinstance(content, dict):
            content = content.get("message", content)
            if isinstance(content, dict) and isinstance(content.get("chat"), dict):
                return str(content["chat"].get("id"))
    return f"malformed {id(update)}"
