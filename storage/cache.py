"""The way to Redis: one client, bounded waits, and a breaker, so that a hanging Redis does not make every request wait.

Redis holds what may be lost (presence, the marks of the last second, rate limits, fan-out). Callers catch CacheAway and do
without.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import redis.asyncio
from redis.exceptions import RedisError

T = TypeVar("T")

TIMEOUT_SECONDS = 1.0
PAUSE_SECONDS = 1.0  # after a failure nobody asks again for so long
CONNECTIONS_MAX = 50
PREFIX = "swaploop:"

# Redis does not answer. RuntimeError: what uvloop says of writing to a connection that has just been closed.
AWAY = (RedisError, OSError, TimeoutError, RuntimeError)

Client = redis.asyncio.Redis
Pipeline = redis.asyncio.client.Pipeline


class CacheAway(Exception):
    """Redis did not answer."""


class Cache:
    """A Redis client that answers soon, or raises CacheAway."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._paused_until = 0.0
        # A burst waits for a connection: the other kind of pool raises when all are taken, as if Redis were away.
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            max_connections=CONNECTIONS_MAX,
        )
        self.client: Client = redis.asyncio.Redis.from_pool(pool)

    async def run(self, ask: Callable[[Client], Awaitable[T]]) -> T:
        """What `ask(client)` answers."""
        if time.monotonic() < self._paused_until:
            raise CacheAway
        try:
            async with asyncio.timeout(2 * TIMEOUT_SECONDS):
                return await ask(self.client)
        except AWAY as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            raise CacheAway from error

    async def pipe(self, fill: Callable[[Pipeline], object]) -> list[Any]:
        """The answers to the commands that `fill(pipeline)` queues, sent together."""

        async def ask(client: Client) -> list[Any]:
            async with client.pipeline(transaction=False) as pipeline:
                fill(pipeline)
                answers: list[Any] = await pipeline.execute()
                return answers

        return await self.run(ask)

    async def ping(self) -> bool:
        try:
            return bool(await self.run(lambda client: client.ping()))
        except CacheAway:
            return False

    async def close(self) -> None:
        await self.client.aclose()
