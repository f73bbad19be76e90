"""The PostgreSQL of a bench: its databases, and what its processes take of the machine."""

from pathlib import Path

import asyncpg

from tests.bench.processes import family_cpu_seconds


class Cluster:
    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._pid = pid

    @classmethod
    async def of(cls, url: str) -> "Cluster":
        """The one at this URL, on this machine."""
        connection = await asyncpg.connect(url)
        try:
            folder = await connection.fetchval("SHOW data_directory")
        finally:
            await connection.close()
        return cls(url, int((Path(folder) / "postmaster.pid").read_text().split()[0]))

    async def copy(self, name: str) -> str:
        """The URL of a copy of the database, which nobody may be connected to."""
        head, _, query = self.url.partition("?")
        server, _, original = head.rpartition("/")
        connection = await asyncpg.connect(f"{server}/template1?{query}")
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {original}")
        finally:
            await connection.close()
        return f"{server}/{name}?{query}"

    def cpu_seconds(self) -> float:
        return family_cpu_seconds(self._pid)
