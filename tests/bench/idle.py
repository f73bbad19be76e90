"""Sockets that are signed in and silent: what each takes of one server process's memory, and what one costs that leaves.

The memory is what is the process's own, before the first connection and with all of them; the kernel's is not in it.
"""

import asyncio
import resource
from time import perf_counter

from client_demo.load.connecting import ignore
from client_demo.load.wire import Wire, connect
from tests.bench.report import Figure, Report
from tests.bench.servers import Server, ours

SOCKETS = 10_000
FEW = 100
LEAVING = 300  # at once
KB = 1_024.0
MEMORY_KB_MAX = 40.0
WARM_UP = 200  # connections, before anything is measured
SETTLE_SECONDS = 2.0


async def run(sockets: int = SOCKETS, few: int = FEW, leaving: int = LEAVING, settle_seconds: float = SETTLE_SECONDS) -> Report:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the server inherits it
    assert sockets + 1_000 < most, f"this takes {sockets} open files, in two processes; ulimit -n allows {most}"
    report = Report(f"Idle sockets: {sockets:,} signed in, each of a person of its own, on one process")
    async with ours() as server:
        for wire in await connect(server.port, [server.auth() for _ in range(WARM_UP)], ignore):
            wire.close()
        await asyncio.sleep(settle_seconds)

        wires = await connect(server.port, [server.auth() for _ in range(few + leaving)], ignore)
        with_few = await seconds_to_leave(server, [wires.pop() for _ in range(leaving)], settle_seconds)
        with_few_memory = server.memory_bytes()

        begun = perf_counter()
        wires += await connect(server.port, [server.auth() for _ in range(sockets - few)], ignore)
        taken = perf_counter() - begun
        await asyncio.sleep(settle_seconds)
        each = (server.memory_bytes() - with_few_memory) / (sockets - few)
        spent = server.cpu_seconds()
        await asyncio.sleep(5 * settle_seconds)
        spent = (server.cpu_seconds() - spent) / (5 * settle_seconds)
        with_many = await seconds_to_leave(server, [wires.pop() for _ in range(leaving)], settle_seconds)
        lost = sum(not wire.is_open for wire in wires)
        if lost:
            report.fail(f"{lost} of {len(wires)} idle sockets have been closed")
        for wire in wires:
            wire.close()
    report.add(Figure("memory of an idle socket", [each], [MEMORY_KB_MAX * KB], "promised", "B", at_most=1.0))
    report.add(
        Figure(f"CPU of one that leaves {sockets:,} others", [with_many], [with_few], f"leaves {few}", "µs", at_most=1.5)
    )
    report.note(f"Connecting and signing in {sockets - few:,} took {taken:.1f} s, {(sockets - few) / taken:,.0f} a second.")
    report.note(f"While they are idle, pings and heartbeats take {spent:.1%} of one core.")
    return report


async def seconds_to_leave(server: Server, leaving: list[Wire], settle_seconds: float) -> float:
    """CPU of the server process for each of these that closes."""
    await asyncio.sleep(settle_seconds)
    quiet = server.cpu_seconds()
    await asyncio.sleep(settle_seconds / 2)
    quiet = server.cpu_seconds() - quiet
    before = server.cpu_seconds()
    for wire in leaving:
        wire.close()
    await asyncio.sleep(settle_seconds / 2)
    return max(server.cpu_seconds() - before - quiet, 1e-6) / len(leaving)
