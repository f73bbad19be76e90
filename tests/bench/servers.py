"""Servers to be measured, each in a process of its own, and what they and their stores take."""

import asyncio
import contextlib
import os
import re
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
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

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 15.0
PRODUCT = "tests.bench.no_op_server"
LISTENS = re.compile(r"^(?:(\d+)|Swaploop.* serves at http://localhost:(\d+))$", re.MULTILINE)

Stock = Callable[[str], Awaitable[None]]  # of the database with this URL


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens: one process, or one with workers."""

    pid: int
    port: int
    secret: str

    def auth(self, user_id: UUID | None = None) -> dict[str, str]:
        """The sign-in of somebody, or of one whom nobody knows; a token is all that a socket needs."""
        return {"token": Tokens(self.secret, timedelta(hours=1)).issue(user_id or uuid4(), uuid4())}

    def cpu_seconds(self) -> float:
        return sum(processes.cpu_seconds(pid) for pid in (self.pid, *processes.children(self.pid)))

    def memory_bytes(self) -> int:
        return sum(processes.private_bytes(pid) for pid in (self.pid, *processes.children(self.pid)))


@asynccontextmanager
async def serving(module: str, *arguments: str, **settings: str) -> AsyncIterator[Server]:
    """`python -m MODULE`, which prints its port, or says where it serves; its log is thrown away."""
    secret = settings.get("SECRET_KEY") or secrets.token_urlsafe(48)
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder, (Path(folder) / "log").open("w") as written:
        environment = {**os.environ, "PORT": "0", "DATA_DIR": folder, "RATE_LIMITS": "off", "SECRET_KEY": secret} | settings
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            stdout=written,
            stderr=written,
            env=environment,
        )
        try:
            yield Server(process.pid, await _port(process, Path(folder) / "log"), secret)
        finally:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                process.terminate()  # it ends its workers, and writes its profile
                await asyncio.wait_for(process.wait(), STOP_SECONDS_MAX)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _port(process: asyncio.subprocess.Process, log: Path) -> int:
    """What it says that it listens on. Raises RuntimeError with its log, where it does not start."""
    limit = perf_counter() + START_SECONDS_MAX
    while process.returncode is None and perf_counter() < limit:
        if port := _said(log):
            return port
        await asyncio.sleep(0.02)
    raise RuntimeError(f"the server did not start, and said: {_end_of(log)}")


def _said(log: Path) -> int | None:
    found = LISTENS.search(log.read_text())
    return int(found[1] or found[2]) if found else None


def _end_of(log: Path) -> str:
    return log.read_text()[-2000:]


@dataclass(frozen=True, slots=True)
class Product:
    """The product on a PostgreSQL and a Valkey of its own. `servers`: mostly one, or several side by side."""

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
    *options: str,
    workers: Sequence[int] = (),
    durable: bool = False,
    before: Stock | None = None,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Product]:
    """The product, with one action more that does nothing, on a PostgreSQL that has been stocked.

    `workers`: instead, a `swaploop serve` for each, of so many processes. `options`: PostgreSQL's; `durable`: fsync as ever.
    """
    with _stores(options if durable else FAST + options) as (postgres, valkey):
        await migrate(postgres.url)
        if before is not None:
            await before(postgres.url)
        common = {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url, "SECRET_KEY": secrets.token_urlsafe(48)}
        common |= settings or {}
        starts = [serving("server.cli", "serve", "--no-demo", WORKERS=str(count), **common) for count in workers]
        async with contextlib.AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(one) for one in starts or [serving(PRODUCT, **common)]]
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
