"""Real parts for every test: one PostgreSQL and one Valkey per run, a fresh database from a template where one is needed.

`market` is a running server that most tests share; each makes its own people. A test that needs other settings, or a market
of its own, starts one with `open_market`.
"""

import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from server.config import read_config
from server.embedded import EmbeddedPostgres, EmbeddedValkey
from server.logs import configure_logs
from server.service import Service, running
from storage.migrate import migrate
from tests.people import Cast

# What a crash could lose does not matter here; what is tested is the same.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
TEMPLATE = "swaploop_template"
REDIS_DATABASES = 1_000  # so that no two markets of a run share one: they would take over each other's presence and marks


@dataclass(frozen=True, slots=True)
class Parts:
    """The PostgreSQL and the Valkey of this run."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    names: "itertools.count[int]"

    def url_of(self, database: str) -> str:
        head, _, query = self.postgres.url.partition("?")
        return f"{head.rpartition('/')[0]}/{database}?{query}"

    async def new_database(self) -> str:
        """The URL of a fresh, migrated database."""
        name = f"test_{next(self.names)}"
        connection = await asyncpg.connect(self.postgres.url)
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        finally:
            await connection.close()
        return self.url_of(name)


@dataclass(frozen=True, slots=True)
class Market:
    """A running server, and how to look behind it."""

    url: str
    database_url: str
    redis_url: str
    data_dir: Path
    service: Service
    cast: Cast

    @asynccontextmanager
    async def sql(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        connection = await asyncpg.connect(self.database_url)
        try:
            yield connection
        finally:
            await connection.close()


OpenMarket = Callable[..., AbstractAsyncContextManager[Market]]


@pytest.fixture(scope="session")
def embedded() -> Iterator[tuple[EmbeddedPostgres, EmbeddedValkey]]:
    with tempfile.TemporaryDirectory(prefix="swaploop-tests-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as root, PostgreSQL runs as another user, who has to get here
        postgres = EmbeddedPostgres(Path(folder), FAST)
        valkey = EmbeddedValkey(Path(folder), (f"databases={REDIS_DATABASES}",))
        postgres.start()
        valkey.start()
        yield postgres, valkey
        valkey.stop()
        postgres.stop()


@pytest.fixture(scope="session")
async def parts(embedded: tuple[EmbeddedPostgres, EmbeddedValkey]) -> Parts:
    configure_logs("warning", "console")
    made = Parts(*embedded, itertools.count(1))
    connection = await asyncpg.connect(made.postgres.url)
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    await migrate(made.url_of(TEMPLATE))
    return made


@pytest.fixture(scope="session")
def open_market(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> OpenMarket:
    """`async with open_market(ACCESS_TOKEN_TTL="5") as market:` a server with these settings and a database of its own."""

    @asynccontextmanager
    async def open_one(**settings: str) -> AsyncIterator[Market]:
        data_dir = tmp_path_factory.mktemp("data")
        environment = {"PORT": "0", "DATA_DIR": str(data_dir), "RATE_LIMITS": "off", "LOG_LEVEL": "warning"} | settings
        database_url = settings.get("DATABASE_URL") or await parts.new_database()
        # Each market has its own Redis database, and so its own channels
        redis_url = settings.get("REDIS_URL") or f"{parts.valkey.url}?db={next(parts.names) % REDIS_DATABASES}"
        async with running(read_config(environment), database_url, redis_url) as service:
            cast = Cast(f"http://127.0.0.1:{service.port}")
            try:
                yield Market(cast.url, database_url, redis_url, data_dir, service, cast)
            finally:
                await cast.close()

    return open_one


@pytest.fixture(scope="session")
async def market(open_market: OpenMarket) -> AsyncIterator[Market]:
    async with open_market() as market:
        yield market


@pytest.fixture
def cast(market: Market) -> Cast:
    """Makes people on the shared server."""
    return market.cast
