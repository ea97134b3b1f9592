"""python-telegram-bot's HTTP requests, carried by aiohttp instead of httpx.

``BaseRequest`` is PTB's own interface for this. Measured against the same server (see
docs/adr/0008-aiohttp-under-telegram.md), aiohttp's compiled parser spends about a third of the
processor time httpx spends on a small request, and that time is most of what sending costs.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram import error as tg
from telegram.request import BaseRequest, RequestData

#: an idle connection is dropped before the platform drops it: a request written into a closing
#: connection would end as unconfirmed, seconds
_KEEP_ALIVE_S = 12.0


class AiohttpRequest(BaseRequest):
    """One pool of connections; opened at the first request, inside the running event loop."""

    def __init__(
        self, connections: int, read_timeout: float = 15.0, connect_timeout: float = 5.0
    ) -> None:
        self._connections = connections
        self._read_timeout = read_timeout
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[tuple[str, str], str | None] = {}

    @property
    def read_timeout(self) -> float | None:
        """Seconds to wait for an answer unless a call says otherwise."""
        return self._read_timeout

    async def initialize(self) -> None:
        """Nothing to do before the first request."""

    async def shutdown(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Return status and body. Raise ``TimedOut`` or ``NetworkError`` from aiohttp's error."""
        timeout = aiohttp.ClientTimeout(
            total=None,
            connect=_given(pool_timeout, 15.0) + _given(connect_timeout, self._connect_timeout),
            sock_connect=_given(connect_timeout, self._connect_timeout),
            sock_read=_given(read_timeout, self._read_timeout),
        )
        try:
            async with self._opened().request(
                method, url, data=_form(request_data), timeout=timeout, proxy=self._proxy(url)
            ) as response:
                return response.status, await response.read()
        except TimeoutError as error:
            raise tg.TimedOut from error
        except aiohttp.ClientError as error:
            # The text of aiohttp's errors may hold the URL, and with it the token.
            raise tg.NetworkError(f"aiohttp.{type(error).__name__}") from error

    def _proxy(self, url: str) -> str | None:
        """Return the proxy the environment names for this host; asked once, it never changes."""
        split = urlsplit(url)
        place = (split.scheme, split.netloc)
        if place not in self._proxies:
            passed = proxy_bypass(split.hostname or "")
            self._proxies[place] = None if passed else getproxies().get(split.scheme)
        return self._proxies[place]

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, keepalive_timeout=_KEEP_ALIVE_S
                ),
            )
        return self._session


def _given(value: Any, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) else otherwise


def _form(request_data: RequestData | None) -> Mapping[str, str] | aiohttp.FormData | None:
    if request_data is None:
        return None
    fields: Mapping[str, str] = request_data.json_parameters
    if not request_data.contains_files:
        return fields
    # A file name goes as it is; aiohttp would percent-encode it, and Telegram would show that.
    form = aiohttp.FormData(quote_fields=False)
    for name, value in fields.items():
        form.add_field(name, value)
    for name, (filename, content, mime) in (request_data.multipart_data or {}).items():
        form.add_field(name, content, filename=filename, content_type=mime)
    return form
