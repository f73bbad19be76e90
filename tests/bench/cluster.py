"""The PostgreSQL of a bench: its databases, and what its processes take of the machine."""

import os
from pathlib import Path

import asyncpg


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

    def url_of(self, database: str) -> str:
        head, _, query = self.url.partition("?")
        return f"{head.rpartition('/')[0]}/{database}?{query}"

    async def copy(self, database: str) -> str:
        """The URL of a copy of the first database, which nobody may be connected to."""
        original = self.url.partition("?")[0].rpartition("/")[2]
        connection = await asyncpg.connect(self.url_of("template1"))
        try:
            await connection.execute(f"CREATE DATABASE {database} TEMPLATE {original}")
        finally:
            await connection.close()
        return self.url_of(database)

    def cpu_seconds(self) -> float:
        """Of all its processes, also of those that have ended."""
        while True:
            children = self._children()
            try:
                ticks = _ticks(self._pid, ended=True) + sum(map(_ticks, children))
            except FileNotFoundError:
                continue
            if self._children() == children:  # else one may be in the sum twice, or not at all
                return ticks / os.sysconf("SC_CLK_TCK")

    def _children(self) -> list[int]:
        return [int(child) for child in Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()]


def _ticks(pid: int, *, ended: bool = False) -> int:
    """Of the process, by user and system; and of its children that have `ended`."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if ended else 13]))
