"""The watch of a long run: what the witness, the stores and the run itself hold, every few seconds.

Servers are killed again and again, and forget; only the witness lives through it all, and shows what grows with time.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import redis.exceptions

from tests.faults import witness
from tests.faults.servers import Server, children_of
from tests.faults.site import Site

SAMPLE_SECONDS = 5.0
COLLECTIONS = 32
COLLECTING_SECONDS = 0.5

ID_LENGTH = 36

MEMORY = "memory of the server, MB"
BLOCKS = "small objects of the server, thousands"
MALLOCED = "larger objects of the server, MB"
TASKS = "tasks of the server, besides two per connection of a client"
FILES = "open files of the server, besides its connections"
THREADS = "threads of the server"
BACKENDS = "connections of the server to PostgreSQL"
BACKEND_MEMORY = "memory of a PostgreSQL process, MB"
REDIS_CLIENTS = "connections of the server to Redis"
REDIS_MEMORY = "memory of Redis, MB"
KEYS = "keys in Redis: "

# What the market itself has, for who reads the samples
ITEMS, DEALS, ENTRIES = "items on the market", "deals", "entries"
CONNECTIONS = "connections of clients to the witness"
RUN_MEMORY = "memory of the run, MB"

SIZES = """
    SELECT (SELECT count(*) FROM items WHERE deleted_at IS NULL) AS items, (SELECT count(*) FROM deals) AS deals,
           (SELECT count(*) FROM entries) AS entries
"""
AWAY = (OSError, TimeoutError, aiohttp.ClientError, asyncpg.PostgresError, asyncpg.InterfaceError, redis.exceptions.RedisError)


@dataclass(frozen=True, slots=True)
class Sample:
    """What was there at a moment. What could not be asked, because of a fault, is missing."""

    at: float
    values: dict[str, float]


class Watch:
    """Each sample is a line of `path`, too. `seconds`: how long it all takes.

    To have the witness collect what nobody refers to changes what it takes from the system; so that is done seldom.
    """

    def __init__(self, site: Site, witness: Server, path: Path, seconds: float) -> None:
        self.samples: list[Sample] = []
        self._site = site
        self._witness = witness
        self._path = path
        self._collects_every_seconds = seconds / COLLECTIONS
        self._collects_at = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        with self._path.open("w", encoding="utf-8", buffering=1) as file:
            while True:
                sample = await self._take()
                self.samples.append(sample)
                file.write(json.dumps({"at": round(sample.at, 1)} | sample.values, ensure_ascii=False) + "\n")
                await asyncio.sleep(SAMPLE_SECONDS)

    async def _take(self) -> Sample:
        values: dict[str, float] = {RUN_MEMORY: memory_mb(os.getpid())}
        for part in (self._of_witness, self._of_postgres, self._of_redis):
            with contextlib.suppress(*AWAY):
                values |= await part()
        return Sample(self._site.clock.now(), values)

    async def _of_witness(self) -> dict[str, float]:
        process = Path(f"/proc/{self._witness.pid}")
        now = self._site.clock.now()
        if collects := now >= self._collects_at:
            self._collects_at = now + self._collects_every_seconds
            self._witness.signal(signal.SIGUSR1)
            await asyncio.sleep(COLLECTING_SECONDS)
        (gauges,) = (await self._witness.metrics(self._site.http)).values()
        connections, backends, redis_clients = (len(link) for link in self._witness.links)
        collected = {BLOCKS: gauges[witness.BLOCKS] / 1e3, MALLOCED: gauges[witness.MALLOCED] / 1e6} if collects else {}
        return collected | {
            MEMORY: memory_mb(self._witness.pid),
            TASKS: gauges["swaploop_tasks"] - 2 * connections,
            FILES: len(list((process / "fd").iterdir())) - connections - backends - redis_clients,
            THREADS: len(list((process / "task").iterdir())),
            BACKENDS: backends,
            REDIS_CLIENTS: redis_clients,
            CONNECTIONS: connections,
        }

    async def _of_postgres(self) -> dict[str, float]:
        async with self._site.sql() as sql:
            sizes = await sql.fetchrow(SIZES)
        assert sizes is not None
        processes = [mb for pid in children_of(self._site.postgres.pid) if (mb := memory_mb(pid))]
        return {
            ITEMS: sizes["items"],
            DEALS: sizes["deals"],
            ENTRIES: sizes["entries"],
            BACKEND_MEMORY: sum(processes) / len(processes),
        }

    async def _of_redis(self) -> dict[str, float]:
        kinds: Counter[str] = Counter()
        async with self._site.cache() as client:
            told = await client.info()
            async for key in client.scan_iter(count=1000):
                kinds[kind_of(key.decode())] += 1
        keys = {KEYS + kind: float(count) for kind, count in kinds.items()}
        return keys | {REDIS_MEMORY: told["used_memory"] / 1e6}


def kind_of(key: str) -> str:
    """A key's name without what it is of: "swaploop:marks:in:0192…" is "marks:in"."""
    return ":".join(part for part in key.split(":")[1:] if len(part) < ID_LENGTH)


def memory_mb(pid: int) -> float:
    """What a process has for itself: resident, and not shared with others. 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty", "Private_Clean"))) * 1024 / 1e6
