"""What processes take: CPU and memory, from /proc."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Of all threads of one process, by the nanosecond."""
    return sum(int(thread.read_text().split()[0]) for thread in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def private_bytes(pid: int) -> int:
    """What is a process's own: resident, and not shared with other processes."""
    return _rollup(pid, "Private_Dirty", "Private_Clean")


def family_cpu_seconds(pid: int) -> float:
    """Of a process, its children that live, and those it has waited for: PostgreSQL has one for each connection."""
    fields = [_stat(one) for one in (pid, *children(pid))]
    return sum(sum(stat[:2]) for stat in fields) / TICKS + sum(fields[0][2:]) / TICKS


def family_bytes(pid: int) -> int:
    """Of a process and its children; what several of them share is counted once."""
    return sum(_rollup(one, "Pss") for one in (pid, *children(pid)))


def children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, task.read_text().split())


def _stat(pid: int) -> list[int]:
    """User, system, and the same of children that have ended, ticks; none of a process that has."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return [0, 0, 0, 0]
    return [int(field) for field in text.rpartition(")")[2].split()[11:15]]


def _rollup(pid: int, *names: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended meanwhile
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.partition(":")[0] in names)
