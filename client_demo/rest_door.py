"""The REST door of the servers: one call, one answer or one of the three failures of `wire`. Each call goes to the next one."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import aiohttp

from client_demo.servers import Servers
from client_demo.wire import Data, NoAnswer, RestCall, data_of

ANSWER_BYTES_MAX = 8 * 1024 * 1024
CONNECTIONS_MAX = 100
HEALTH_BYTES_MAX = 64 * 1024
HEALTH_SECONDS_MAX = 3.0


class RestDoor:
    """REST under each server's /api. Give `http` to share one connection pool between many people; its giver closes it."""

    def __init__(self, servers: Servers, http: aiohttp.ClientSession | None = None) -> None:
        self._servers = servers
        self._http = http
        self._owned = http is None

    @property
    def http(self) -> aiohttp.ClientSession:
        """The connection pool; made at the first use, because it needs the running loop."""
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX))
        return self._http

    async def ask(self, call: RestCall, token: str | None, timeout_seconds: float, server: str | None = None) -> Any:
        """Make `call` once, of `server` or of the next one, and return its `data`. Raises Refused or NoAnswer."""
        body = None if call.body is None else json.dumps(call.body)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return await self._answer(call, headers, body, token, timeout_seconds, server)

    async def upload(self, path: str, images: Sequence[bytes], token: str, key: str, timeout_seconds: float) -> Any:
        """Send pictures as the multipart field `image`. Raises Refused or NoAnswer."""
        form = aiohttp.FormData()
        for number, image in enumerate(images, 1):
            form.add_field("image", image, filename=f"picture-{number}", content_type=media_type(image))
        return await self._answer(RestCall("POST", path, {}, None, key), {}, form, token, timeout_seconds)

    async def fetch(self, path: str, bytes_max: int, timeout_seconds: float) -> bytes:
        """The bytes of a picture at `path` below the server. Raises NoAnswer, also when larger than `bytes_max`."""
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self.http.get(self._servers.next() + path) as answer,
            ):
                if answer.status != 200:
                    raise NoAnswer(f"{path} answered {answer.status}")
                return await _read(answer, bytes_max)
        except (aiohttp.ClientError, OSError, TimeoutError) as broken:
            raise NoAnswer(str(broken)) from broken

    async def is_there(self) -> bool:
        """Whether a server answers at all, said soon: for the first contact, before anybody's patience is needed."""
        try:
            await self.fetch("/healthz", HEALTH_BYTES_MAX, HEALTH_SECONDS_MAX)
        except NoAnswer:
            return False
        return True

    async def _answer(
        self,
        call: RestCall,
        headers: dict[str, str],
        body: str | aiohttp.FormData | None,
        token: str | None,
        timeout_seconds: float,
        server: str | None = None,
    ) -> Any:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if call.key is not None:
            headers["Idempotency-Key"] = call.key
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self.http.request(
                    call.method,
                    f"{server or self._servers.next()}/api{call.path}",
                    params=call.query,
                    data=body,
                    headers=headers,
                ) as answer,
            ):
                parsed: Data = json.loads(await _read(answer, ANSWER_BYTES_MAX))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as broken:
            raise NoAnswer(f"{call.method} {call.path}: {str(broken) or type(broken).__name__}") from broken
        return data_of(parsed)

    async def close(self) -> None:
        if self._owned and self._http is not None:
            await self._http.close()
            self._http = None


async def _read(answer: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """The whole body. Read by hand, because aiohttp's read() has no bound."""
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_chunked(64 * 1024):
        size += len(part)
        if size > bytes_max:
            raise NoAnswer(f"the answer is larger than {bytes_max} bytes")
        parts.append(part)
    return b"".join(parts)


def media_type(image: bytes) -> str:
    """The media type that the first bytes tell, for the three kinds the server takes."""
    if image.startswith(b"\x89PNG"):
        return "image/png"
    if image[8:12] == b"WEBP":
        return "image/webp"
    return "image/jpeg"
