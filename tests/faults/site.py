"""All that runs: PostgreSQL that keeps its promises (fsync on), Valkey, mail, some servers, and the links between them."""

import asyncio
import contextlib
import os
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import redis.asyncio

from server.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.faults.clock import Clock
from tests.faults.mailbox import Mailbox
from tests.faults.servers import Server

TEND_SECONDS = 0.2
READY_SECONDS_MAX = 60.0
PROGRAM = ["server.cli"]
WITNESS_PROGRAM = ["tests.faults.witness"]
BROKEN_PROGRAM = "tests.faults.broken"


class Site:
    """`tend` brings back whatever died, unless it is held down: what a supervisor does for real servers."""

    def __init__(
        self, folder: Path, workers: list[int], chance: random.Random, clock: Clock, broken: str | None, *, with_witness: bool
    ) -> None:
        self.folder = folder
        self.clock = clock
        self.postgres = EmbeddedPostgres(folder)
        self.valkey = EmbeddedValkey(folder)
        self.mailbox = Mailbox(clock)
        self.servers: list[Server] = []
        self.redis_held = False
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))  # to any of a server's workers
        self._workers = workers
        self._with_witness = with_witness
        self._chance = chance
        self._broken = broken
        self._tending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.postgres.start()
        self.valkey.start()
        await self.mailbox.open()
        for number, workers in enumerate([*self._workers, 1][: len(self._workers) + self._with_witness], 1):
            server = Server(
                number,
                self.folder,
                self.postgres.url,
                self.valkey.url,
                self._chance,
                workers=workers,
                is_witness=number > len(self._workers),
            )
            for link in server.links:
                await link.open()
            self.servers.append(server)
        self._tending = asyncio.create_task(self._tend())
        assert await self.healthy_within(READY_SECONDS_MAX) is not None, f"the servers did not start; see {self.folder}"

    async def stop(self) -> None:
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        for server in self.servers:
            server.end()
            for link in server.links:
                await link.close()
        await self.mailbox.close()
        await self.http.close()
        self.valkey.stop()
        self.postgres.stop()

    async def _tend(self) -> None:
        while True:
            if not self.redis_held:
                self.valkey.tend()
            self.postgres.tend()
            for server in self.servers:
                if not server.alive and not server.held:
                    server.start(self._program_of(server), self._settings())
            await asyncio.sleep(TEND_SECONDS)

    def _program_of(self, server: Server) -> list[str]:
        if self._broken:
            return [BROKEN_PROGRAM, self._broken]
        return WITNESS_PROGRAM if server.is_witness else PROGRAM

    def _settings(self) -> dict[str, str]:
        return {
            "SECRET_KEY": "the fault run's own, of more than thirty-two bytes",
            "SMTP_URL": f"smtp://127.0.0.1:{self.mailbox.port}",
            "UPLOAD_DIR": str(self.folder / "uploads"),
            "TRANSPORTS": "websocket",
            "RATE_LIMITS": "off",
            "ACCESS_TOKEN_TTL": "60",
        }

    async def healthy_within(self, seconds: float) -> float | None:
        """After how many seconds every server was ready; None where that took longer than `seconds`."""
        began_at = self.clock.now()
        while self.clock.now() - began_at < seconds:
            ready = await asyncio.gather(*(server.is_ready(self.http) for server in self.servers))
            if all(ready):
                return self.clock.now() - began_at
            await asyncio.sleep(0.1)
        return None

    @property
    def witness(self) -> Server | None:
        return next((server for server in self.servers if server.is_witness), None)

    @asynccontextmanager
    async def sql(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection past all links, for the faults and for the checker."""
        connection = await asyncpg.connect(self.postgres.url, server_settings={"application_name": "faults"})
        try:
            yield connection
        finally:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await connection.close(timeout=5)

    @asynccontextmanager
    async def cache(self) -> AsyncIterator["redis.asyncio.Redis"]:
        client = redis.asyncio.Redis.from_url(self.valkey.url, socket_timeout=5)
        try:
            yield client
        finally:
            await client.aclose()


@asynccontextmanager
async def open_site(
    workers: list[int], chance: random.Random, clock: Clock, broken: str | None = None, *, with_witness: bool = False
) -> AsyncIterator[Site]:
    """Everything started and ready; all of it gone at the end.

    `workers`: of each server, 1 where it is one process. `with_witness`: one more server, which is not killed.
    """
    with tempfile.TemporaryDirectory(prefix="swaploop-faults-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as root, PostgreSQL runs as another user, who has to get here
        site = Site(Path(folder), workers, chance, clock, broken, with_witness=with_witness)
        try:
            await site.start()
            yield site
        finally:
            await site.stop()
