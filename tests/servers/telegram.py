"""A local server that plays the Telegram Bot API over real HTTP.

In a test::

    async with PlayedTelegram() as tg:
        tg.citizen(1001).says("How do I renew a passport?")
        answer = await tg.wait_for_message(1001)

As its own process: ``python -m tests.servers.telegram --port 0`` prints one JSON line with its
port; then every verb below can be called over HTTP, see :class:`RemoteTelegram`. The server keeps
the truth: ``calls`` is what it acted on, ``refused`` what it turned away, ``confirmed`` which
updates the bot acknowledged.
"""

import argparse
import asyncio
import json
from typing import Any, Self

from tests.servers.http import CUT, HttpServer, Request, Response, json_response
from tests.servers.telegram_api import BotApi, Params
from tests.servers.telegram_faults import Fault, FaultPlan
from tests.servers.telegram_people import Citizen, Official
from tests.servers.telegram_record import Record
from tests.servers.telegram_webhook import Webhook
from tests.servers.telegram_world import TOKEN, ApiError, Chat, Json, World

CONFLICT = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is "
    "running"
)
HOOKED = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete "
    "the webhook first"
)


class PlayedTelegram(Record):
    """The whole platform: chats and people, the Bot API, faults to plant, and the truth."""

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__(World())
        self.token = token
        self.updates = self.world.updates
        self.faults = FaultPlan()
        self.webhook = Webhook(self.updates, self.changed)
        self.polls = 0
        self._api = BotApi(self.world)
        self._server = HttpServer(self._answer)
        self._waiting: asyncio.Future[bool] | None = None
        self.updates.on_add = self._on_update

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Listen on loopback."""
        await self._server.start(port)

    async def stop(self) -> None:
        """Stop listening and pushing."""
        await self.webhook.stop()
        await self._server.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def api_base_url(self) -> str:
        """The value for ``telegram.api_base_url``."""
        return f"{self.url}/bot"

    @property
    def file_base_url(self) -> str:
        """The value for ``telegram.file_base_url``."""
        return f"{self.url}/file/bot"

    # --- people and places ---------------------------------------------------------------------

    def citizen(self, user_id: int, name: str = "", language: str = "zh") -> Citizen:
        """Return a person in a private chat with the bot."""
        user = self.world.person(user_id, name, language)
        return Citizen(self.world, user, self.world.private(user_id))

    def official(self, user_id: int, name: str = "", group: int = 0) -> Official:
        """Return a person in a group (the first one, if none is named)."""
        chat = self.world.chats[group] if group else self._first_group()
        return Official(self.world, self.world.person(user_id, name), chat)

    def forum(self, chat_id: int = -1001000000001, title: str = "Duty desk") -> Chat:
        """Make a group with topics."""
        chat = self.world.chats[chat_id] = Chat(chat_id, "supergroup", title, forum=True)
        return chat

    def group(self, chat_id: int, title: str = "Group") -> Chat:
        """Make a plain group."""
        chat = self.world.chats[chat_id] = Chat(chat_id, "group", title)
        return chat

    def migrates(self, old: int, new: int) -> None:
        """Turn a group into a supergroup with a new id."""
        before = self.world.chats[old]
        before.migrated_to = new
        after = self.forum(new, before.title)
        sender = self.world.users[self.world.bot_id]
        message = self.world.post(before, sender, None, {"migrate_to_chat_id": new})
        self.updates.add("message", message)
        message = self.world.post(after, sender, None, {"migrate_from_chat_id": old})
        self.updates.add("message", message)

    def topics(self, chat: int = 0) -> dict[int, Any]:
        """Return the topics of a group by their ids."""
        return (self.world.chats[chat] if chat else self._first_group()).topics

    def burst(
        self, messages: int, citizens: int = 100, text: str = "message", first: int = 1
    ) -> int:
        """Let ``citizens`` write ``messages`` in turn: "message 1" …; return the last number."""
        for number in range(first, first + messages):
            self.citizen(10_000 + number % citizens).says(f"{text} {number}")
        return first + messages - 1

    # --- faults --------------------------------------------------------------------------------

    def plant(self, **fault: Any) -> Fault:
        """Plant a fault, see :class:`Fault`."""
        return self.faults.add(Fault(**fault))

    def flood(self, seconds: int, chat: int | None = None, times: int = 1) -> Fault:
        """Answer sends with 429."""
        text = f"Too Many Requests: retry after {seconds}"
        known = {"retry_after": seconds}
        return self.plant(
            method="send", chat=chat, times=times, status=429, description=text, parameters=known
        )

    def bad_gateway(self, method: str = "", times: int = 1) -> Fault:
        """Answer 502 with a page of HTML, as a proxy does."""
        return self.plant(method=method, times=times, status=502, body="<html>502</html>")

    def cut(self, when: str, method: str = "send", times: int = 1) -> Fault:
        """Drop the connection "before" or "after" the server acted."""
        return self.plant(method=method, times=times, cut=when)

    # --- HTTP ----------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Any:
        parts = request.path.split("/")
        if request.path == "/control":
            return self._control(request)
        if parts[1] == "file":
            data = self.world.files.get(parts[-1])
            return Response(404) if data is None else Response(200, data, "application/octet")
        if parts[1] != f"bot{self.token}" or len(parts) != 3:
            return _error(ApiError(401, "Unauthorized"))
        return self._call(parts[2].lower(), Params(request.params()))

    def _call(self, method: str, params: Params) -> Any:
        chat = params.raw.get("chat_id", "")
        fault = self.faults.next(method, str(chat))
        if fault is not None:
            return self._faulty(fault, method, params)
        if method == "getupdates":
            return self._get_updates(params)
        return self._act(method, params)

    def _act(self, method: str, params: Params) -> Response:
        try:
            result = self._result(method, params)
        except ApiError as error:
            self.turned_away(method, params.shown(), error.status)
            return _error(error)
        self.acted(method, params.shown(), result)
        return json_response({"ok": True, "result": result})

    def _result(self, method: str, params: Params) -> Any:
        if method.endswith("webhook") or method == "getwebhookinfo":
            return self.webhook.call(method, params)
        known = self._api.methods.get(method)
        if known is None:
            raise ApiError(404, "Not Found")
        return known(params)

    async def _faulty(self, fault: Fault, method: str, params: Params) -> Response:
        await asyncio.sleep(fault.delay_s)
        response = CUT
        if fault.acts:
            answer = self._get_updates(params) if method == "getupdates" else None
            response = await answer if answer else self._act(method, params)
        if fault.status:
            self.turned_away(method, params.shown(), fault.status)
            response = fault.response()
        await asyncio.sleep(fault.stall_s)
        return CUT if fault.cut else response

    async def _get_updates(self, params: Params) -> Response:
        self.polls += 1
        if self.webhook.url:
            return _error(ApiError(409, HOOKED))
        if (kinds := params.json("allowed_updates")) is not None:
            self.updates.allowed = set(kinds)
        batch = self._fetch(params)
        if not batch and params.number("timeout"):
            if not await self._wait_for_update(params.number("timeout")):
                return _error(ApiError(409, CONFLICT))
            batch = self._fetch(params)
        return json_response({"ok": True, "result": batch})

    def _fetch(self, params: Params) -> list[Any]:
        batch = self.updates.fetch(params.number("offset"), min(params.number("limit", 100), 100))
        self.changed()
        return batch

    async def _wait_for_update(self, seconds: float) -> bool:
        """Wait for an update; return False when another poll took this one's place."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(False)
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_later(seconds, _settle, waiting)
        try:
            return bool(await waiting)
        finally:
            timer.cancel()

    def _on_update(self) -> None:
        if self._waiting is not None:
            _settle(self._waiting)
        self.webhook.wake()

    def _first_group(self) -> Chat:
        for chat in self.world.chats.values():
            if chat.type != "private" and chat.migrated_to is None:
                return chat
        return self.forum()

    async def _control(self, request: Request) -> Response:
        """Call any verb: ``{"verb": "citizen.says", "on": [1001], "args": ["hello"]}``."""
        asked = json.loads(request.body)
        target: Any = self
        *path, verb = asked["verb"].split(".")
        for name in path:
            target = getattr(target, name)
            target = target(*asked["on"]) if callable(target) else target
        result = getattr(target, verb)
        if callable(result):
            result = result(*asked.get("args", ()), **asked.get("kwargs", {}))
        if asyncio.iscoroutine(result):
            result = await result
        return Response(200, json.dumps(result, default=_plain).encode())


def _settle(future: "asyncio.Future[bool]") -> None:
    if not future.done():
        future.set_result(True)


def _plain(value: Any) -> Any:
    names = getattr(value, "__dataclass_fields__", None)
    return {n: getattr(value, n) for n in names if n != "ids"} if names else str(value)


def _error(error: ApiError) -> Response:
    body: Json = {"ok": False, "error_code": error.status, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return json_response(body, error.status)


async def _serve(port: int) -> None:
    played = PlayedTelegram()
    await played.start(port)
    print(json.dumps({"url": played.url, "token": played.token}), flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Play the Telegram Bot API on loopback.")
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(_serve(parser.parse_args().port))
