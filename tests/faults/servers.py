"""Server processes, as anybody would run them: started, killed, stopped, asked to end, and started again when they are gone."""

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
METRIC = re.compile(r"^(\w+)(?:\{\})? ([0-9.e+]+)$", re.MULTILINE)


class Server:
    """One server with the three links it lives by: to its clients, to PostgreSQL and to Redis.

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
        is_witness: bool = False,
    ) -> None:
        self.number = number
        self.is_witness = is_witness
        self.port = free_port()
        self.log = folder / f"server-{number}.log"
        self.held = False  # it is to stay down for now
        self.starts = 0
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

    def end(self) -> None:
        """Kill it and wait until it is gone."""
        self.held = True
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)

    async def is_ready(self, http: aiohttp.ClientSession) -> bool:
        return await self.health(http) == "ready"

    async def health(self, http: aiohttp.ClientSession) -> str:
        """ "ready", or what /readyz says instead."""
        try:
            async with http.get(f"{self.direct_url}/readyz", timeout=aiohttp.ClientTimeout(HEALTH_SECONDS_MAX)) as answer:
                return "ready" if answer.status == 200 else await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return f"no answer ({type(error).__name__})"

    async def metrics(self, http: aiohttp.ClientSession) -> dict[str, float]:
        """Its plain gauges and counters by name, those without labels."""
        async with http.get(f"{self.direct_url}/metrics", timeout=aiohttp.ClientTimeout(HEALTH_SECONDS_MAX)) as answer:
            return {name: float(value) for name, value in METRIC.findall(await answer.text())}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def database_socket(url: str) -> str:
    """The unix socket that libpq means by this URL."""
    query = parse_qs(urlsplit(url).query)
    return f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
