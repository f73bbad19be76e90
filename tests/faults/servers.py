"""Server processes, as anybody would run them: started, killed, stopped, asked to end, and started again when they are gone."""

import asyncio
import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp

from server.embedded.supervisor import with_our_death
from tests.faults.proxy import Link, to_port, to_socket

ROOT = Path(__file__).parents[2]
HEALTH_SECONDS_MAX = 3.0
METRIC = re.compile(r'^(\w+)(?:\{(?:worker="(\d+)")?\})? ([0-9.e+]+)$', re.MULTILINE)
PROBES_AT_ONCE = 4
PROBES_MAX = 10  # times so many: which worker one comes to is chance


class Server:
    """One server with the three links it lives by: to its clients, to PostgreSQL and to Redis.

    It is one process, or where `workers` are several, one that looks after so many.
    `is_witness`: it lives through the whole run, so that what grows in it can be seen; its links and stores fail as others' do.
    """

    def __init__(
        self,
        number: int,
        folder: Path,
        database_url: str,
        redis_url: str,
        chance: random.Random,
        *,
        workers: int = 1,
        is_witness: bool = False,
    ) -> None:
        self.number = number
        self.workers = workers
        self.is_witness = is_witness
        self.port = free_port()
        self.log = folder / f"server-{number}.log"
        self.held = False  # it is to stay down for now
        self.starts = 0
        self.workers_orphaned = 0
        self.outliving: list[str] = []  # workers that lived on
        self.pids: list[int] = []
        self.front = Link(f"clients of server {number}", to_port(self.port), chance)
        self.database = Link(f"server {number} and PostgreSQL", to_socket(database_socket(database_url)), chance)
        self.cache = Link(f"server {number} and Redis", to_socket(unquote(urlsplit(redis_url).path)), chance)
        self._folder = folder / f"server-{number}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def links(self) -> tuple[Link, Link, Link]:
        return self.front, self.database, self.cache

    @property
    def url(self) -> str:
        """For its clients: through the link."""
        return f"http://127.0.0.1:{self.front.port}"

    @property
    def direct_url(self) -> str:
        """For who looks whether it is well: past the link."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, program: list[str], settings: Mapping[str, str]) -> None:
        """Start it, or start it again. To be called in the main thread."""
        assert not self.alive
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DATA_DIR": str(self._folder),
            "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{self.database.port}/postgres?sslmode=disable",
            "REDIS_URL": f"redis://127.0.0.1:{self.cache.port}/0",
            "WORKERS": str(self.workers),
            "LOG_LEVEL": "warning",
            "LOG_FORMAT": "json",
            **settings,
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *program, "serve", "--no-demo"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=with_our_death(signal.SIGKILL),  # noqa: PLW1509 - as the product starts its own parts
            )
        self.starts += 1
        self.pids.append(self._process.pid)

    def signal(self, number: signal.Signals) -> bool:
        """Whether there was a process to be told."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
                return True
        return False

    def worker_pids(self) -> list[int]:
        return children_of(self.pid) if self.alive and self.workers > 1 else []

    def outlived(self, workers: list[int]) -> None:
        """To be told, some time after the one that looks after these workers was killed: they die with it."""
        self.workers_orphaned += len(workers)
        self.outliving += [f"worker {pid} of server {self.number}" for pid in workers if _runs(pid)]

    def end(self) -> None:
        """Kill it and wait until it is gone."""
        self.held = True
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)

    async def is_ready(self, http: aiohttp.ClientSession) -> bool:
        return await self.health(http) == "ready"

    async def health(self, http: aiohttp.ClientSession) -> str:
        """ "ready", when all its processes are, or what one of them says of itself instead."""
        ready: set[int] = set()
        for _ in range(PROBES_MAX):
            told = await asyncio.gather(*(self._one_health(http) for _ in range(PROBES_AT_ONCE if self.workers > 1 else 1)))
            for one in told:
                if isinstance(one, str):
                    return one
                ready.add(one)
            if len(ready) >= self.workers:
                return "ready"
        return f"only the workers {sorted(ready)} answer"

    async def _one_health(self, http: aiohttp.ClientSession) -> int | str:
        """The number of the worker that answered and is ready, or what was said instead. `http` opens a connection for each."""
        try:
            async with http.get(f"{self.direct_url}/readyz", timeout=aiohttp.ClientTimeout(HEALTH_SECONDS_MAX)) as answer:
                if answer.status != 200:
                    return await answer.text()
                return int((await answer.json()).get("worker", 1))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return f"no answer ({type(error).__name__})"

    async def metrics(self, http: aiohttp.ClientSession) -> dict[str, dict[str, float]]:
        """The plain gauges and counters of each of its processes, by name: those without labels."""
        told: dict[str, dict[str, float]] = {}
        async with http.get(f"{self.direct_url}/metrics", timeout=aiohttp.ClientTimeout(HEALTH_SECONDS_MAX)) as answer:
            for name, worker, value in METRIC.findall(await answer.text()):
                process = f"server {self.number}" + (f", worker {worker}" if worker else "")
                told.setdefault(process, {})[name] = float(value)
        return told


def _runs(pid: int) -> bool:
    """A process that nobody has waited for yet is dead all the same."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def database_socket(url: str) -> str:
    """The unix socket that libpq means by this URL."""
    query = parse_qs(urlsplit(url).query)
    return f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
