"""Servers to be measured, each in a process of its own, and what they and their stores take."""

import asyncio
import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

from handlers.tokens import Tokens
from server.embedded import EmbeddedPostgres, EmbeddedValkey
from storage.migrate import migrate
from tests.bench import processes
from tests.bench.floors import FAST
from tests.bench.profiling import DUMP_SECONDS_MAX, PROFILE

START_SECONDS_MAX = 60
PRODUCT = "tests.bench.no_op_server"

Stock = Callable[[str], Awaitable[None]]  # of the database with this URL


@dataclass(frozen=True, slots=True)
class Server:
    """A server process that listens."""

    pid: int
    port: int
    secret: str

    def auth(self, user_id: UUID | None = None) -> dict[str, str]:
        """The sign-in of somebody, or of one whom nobody knows; a token is all that a socket needs."""
        return {"token": Tokens(self.secret, timedelta(hours=1)).issue(user_id or uuid4(), uuid4())}

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.pid)

    def memory_bytes(self) -> int:
        return processes.private_bytes(self.pid)


@asynccontextmanager
async def serving(module: str, **settings: str) -> AsyncIterator[Server]:
    """`python -m MODULE`; its log goes to a file, which is thrown away."""
    secret = settings.get("SECRET_KEY") or secrets.token_urlsafe(48)
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder, (Path(folder) / "log").open("w") as written:
        environment = {**os.environ, "PORT": "0", "DATA_DIR": folder, "RATE_LIMITS": "off", "SECRET_KEY": secret} | settings
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdout=asyncio.subprocess.PIPE,
            stderr=written,
            env=environment,
        )
        try:
            assert process.stdout is not None, "it is a pipe"
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS_MAX)
            if not line.strip().isdigit():
                raise RuntimeError(f"the server did not start: {(Path(folder) / 'log').read_text()[-2000:]}")
            yield Server(process.pid, int(line), secret)
        finally:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                if PROFILE in os.environ and module == PRODUCT:
                    process.terminate()  # it writes its profile
                    await asyncio.wait_for(process.wait(), DUMP_SECONDS_MAX)
                else:
                    process.kill()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Product:
    """The product on a PostgreSQL and a Valkey of its own. `servers`: mostly one."""

    servers: tuple[Server, ...]
    database_url: str
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    @property
    def server(self) -> Server:
        return self.servers[0]

    def spent(self) -> "Spent":
        """CPU seconds so far."""
        return Spent(
            sum(server.cpu_seconds() for server in self.servers),
            processes.family_cpu_seconds(self.postgres.pid),
            processes.cpu_seconds(self.valkey.pid),
            processes.cpu_seconds(os.getpid()),
        )


@dataclass(slots=True)
class Spent:
    """CPU seconds."""

    server: float
    postgres: float
    valkey: float
    client: float
    at: float = field(default_factory=perf_counter)

    def since(self, before: "Spent") -> "Spent":
        """What was spent between the two; `at` is how long that was."""
        return Spent(
            self.server - before.server,
            self.postgres - before.postgres,
            self.valkey - before.valkey,
            self.client - before.client,
            self.at - before.at,
        )

    def __str__(self) -> str:
        shares = {"server": self.server, "PostgreSQL": self.postgres, "Valkey": self.valkey, "load client": self.client}
        return ", ".join(f"{name} {seconds / self.at:.0%}" for name, seconds in shares.items())


@asynccontextmanager
async def product(
    *options: str, count: int = 1, durable: bool = False, before: Stock | None = None, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Product]:
    """`count` server processes on a PostgreSQL that has been stocked. `options`: PostgreSQL's; `durable`: fsync as ever."""
    with _stores(options if durable else FAST + options) as (postgres, valkey):
        await migrate(postgres.url)
        if before is not None:
            await before(postgres.url)
        common = {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url, "SECRET_KEY": secrets.token_urlsafe(48)}
        common |= settings or {}
        async with contextlib.AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(serving(PRODUCT, **common)) for _ in range(count)]
            yield Product(tuple(servers), postgres.url, postgres, valkey)


@contextmanager
def _stores(options: tuple[str, ...]) -> Iterator[tuple[EmbeddedPostgres, EmbeddedValkey]]:
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as root, they run as other users, who have to get here
        postgres, valkey = EmbeddedPostgres(Path(folder), options), EmbeddedValkey(Path(folder))
        try:
            postgres.start()
            valkey.start()
            yield postgres, valkey
        finally:
            valkey.stop()
            postgres.stop()


@asynccontextmanager
async def ours(**settings: str) -> AsyncIterator[Server]:
    """The product, where nothing but its server process is looked at."""
    async with product(settings=settings) as made:
        yield made.server
