"""Trades: confirm and complete through our door, beside pgbench doing the same statements in the same transactions.

What the product asks of PostgreSQL is noted while it does them once, and that is what pgbench does, prepared, with each trade's
own ids. The two take turns on one PostgreSQL that commits durably, each in a database of its own.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg

from client_demo.load.trading import Traded, Trading
from client_demo.load.wire import Wire, connect
from server.config import read_config
from server.embedded import EmbeddedValkey
from server.service import running
from tests.bench.cluster import Cluster
from tests.bench.floors import fresh_database
from tests.bench.pgbench import floor
from tests.bench.recorded import Recorder, Script, Step
from tests.bench.report import Figure, Report
from tests.bench.servers import serving
from tests.bench.timing import median
from tests.bench.trade_stock import Swap, stock
from tests.promises import broken_promises

RATIO_MIN = 0.5
ROUNDS = 3
CONNECTIONS = 32
WARM_UP = 5  # trades by each connection, before anything is measured


@dataclass(frozen=True, slots=True)
class Course:
    """A part of a trade's way: the steps of one, and how the load client goes many. By each connection in each round."""

    name: str
    steps: Callable[[Swap], Sequence[Step]]
    ours: Callable[[Trading, Sequence[tuple[Wire, Wire]], list[list[Swap]]], Awaitable[Traded]]
    each: int
    each_by_pgbench: int
    negotiating: bool  # the trades are there, and the two talk
    at_least: float | None = None

    def swaps(self, connections: int, rounds: int) -> int:
        """How many are needed. One of the first `connections` is to be noted, the others are to be gone."""
        return connections * (1 + rounds * max(self.each_by_pgbench, WARM_UP + self.each))


def last_steps(swap: Swap) -> Sequence[Step]:
    said = {"tradeId": str(swap.deal)}
    return [Step(swap.owner, f"trade:{move}", lambda _: said) for move in ("confirm", "complete")]


def all_steps(swap: Swap) -> Sequence[Step]:
    terms = {"offeredItem": str(swap.offered), "requestedItem": str(swap.requested)}
    moves = [
        Step(swap.owner, f"trade:{move}", lambda answers: {"tradeId": answers[0]["id"]})
        for move in ("interest", "confirm", "complete")
    ]
    return [Step(swap.requester, "trade:request", lambda _: terms), *moves]


async def finish(trading: Trading, pairs: Sequence[tuple[Wire, Wire]], swaps: list[list[Swap]]) -> Traded:
    owners = [owner for _, owner in pairs]
    return await trading.confirm_and_complete(owners, [[str(swap.deal) for swap in row] for row in swaps])


async def go_all_the_way(trading: Trading, pairs: Sequence[tuple[Wire, Wire]], swaps: list[list[Swap]]) -> Traded:
    terms = [[(str(swap.offered), str(swap.requested)) for swap in row] for row in swaps]
    return await trading.request_to_completion(pairs, terms)


COURSES = (
    Course("confirm and complete", last_steps, finish, 50, 150, negotiating=True, at_least=RATIO_MIN),
    Course("request to completion", all_steps, go_all_the_way, 25, 75, negotiating=False),
)


async def run(courses: Sequence[Course] = COURSES, connections: int = CONNECTIONS, rounds: int = ROUNDS) -> Report:
    report = Report(f"Trades: {connections} connections, beside the same statements by pgbench with as many")
    counts = [course.swaps(connections, rounds) for course in courses]
    negotiating = sum(count for course, count in zip(courses, counts, strict=True) if course.negotiating)
    async with fresh_database(durable=True) as url, valkey() as redis_url:
        people, swaps = await stock(url, connections, sum(counts), negotiating)
        cluster = await Cluster.of(url)
        floor_url = await cluster.copy("floor")
        bench = Bench(report, rounds, cluster, floor_url, redis_url, people)
        for course, count in zip(courses, counts, strict=True):
            noted, theirs = swaps[0], swaps[connections:count]
            await bench.compare(course, theirs, await floor_of(course, noted, theirs, floor_url, redis_url))
            del swaps[:count]
        report.note("Nobody wants mail: to write letters is not measured. Everybody is connected, and is pushed what happens.")
        report.note("The server is started for each of its rounds: while pgbench runs, there is none.")
        await check(report, url, bench.completed)
        await check(report, floor_url, sum(1 + connections * rounds * course.each_by_pgbench for course in courses))
    return report


@asynccontextmanager
async def valkey() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as root, Valkey runs as another user, who has to get here
        started = EmbeddedValkey(Path(folder))
        started.start()
        try:
            yield started.url
        finally:
            started.stop()


async def floor_of(course: Course, noted: Swap, others: Sequence[Swap], floor_url: str, redis_url: str) -> Script:
    """The course as pgbench's script, noted while the product goes it; its parameters for the others are in that database."""
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder:
        config = read_config({"PORT": "0", "DATA_DIR": folder, "RATE_LIMITS": "off", "LOG_LEVEL": "warning"})
        async with running(config, floor_url, redis_url) as service, Recorder.of(service.app, floor_url) as recorder:
            script = Script(course.name.replace(" ", "_"), await recorder.record(course.steps(noted)))
            settings = await recorder.session_settings()
    connection = await asyncpg.connect(floor_url)
    try:
        for name, setting in settings.items():  # pgbench's connections plan as the product's do
            await connection.execute(f"ALTER DATABASE floor SET {name} = '{setting}'")
        await script.prepare(connection, (swap.stands_for(noted) for swap in others), each=course.each_by_pgbench)
    finally:
        await connection.close()
    return script


@dataclass(slots=True)
class Side:
    """What was measured of one of the two: trades a second and CPU seconds a trade, per round; and how long each step took."""

    rates: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Bench:
    report: Report
    rounds: int
    cluster: Cluster
    floor_url: str
    redis_url: str
    people: Sequence[UUID]
    completed: int = 0

    async def compare(self, course: Course, swaps: Sequence[Swap], script: Script) -> None:
        """Rounds of both, and their figures."""
        rows = [list(swaps[place :: len(self.people)]) for place in range(len(self.people))]

        def take(count: int) -> list[list[Swap]]:
            return [[row.pop() for _ in range(count)] for row in rows]

        ours, bare = Side(), Side()
        for _ in range(self.rounds):
            await self._pgbench(course, script, bare)
            await self._ours(course, take(WARM_UP), take(course.each), ours)
        name = course.name
        self.report.add(Figure(f"{name}: a second", ours.rates, bare.rates, "pgbench", "", at_least=course.at_least))
        self.report.add(Figure(f"{name}: CPU of PostgreSQL", ours.database, bare.database, "pgbench", "µs"))
        self.report.add(Figure(f"{name}: CPU of the server", ours.server, bare.database, "PostgreSQL by pgbench", "µs"))
        for side in (bare, ours):
            for what, seconds in side.latencies.items():
                self.report.took(f"{name}: {what}", seconds)
        fetched = await self._fetching(script, course.each_by_pgbench)
        self.report.note(
            f"{name.capitalize()}: {script.statements} statements. That pgbench looks up each trade's ids before takes "
            f"{median(bare.rates) / fetched:.0%} of its time."
        )

    async def _ours(self, course: Course, before: list[list[Swap]], swaps: list[list[Swap]], side: Side) -> None:
        asked = sum(map(len, swaps))
        async with serving("tests.bench.no_op_server", DATABASE_URL=self.cluster.url, REDIS_URL=self.redis_url) as server:
            trading, half = Trading(), len(self.people) // 2
            wires = await connect(server.port, [server.auth(person) for person in self.people], trading)
            pairs = 2 * list(zip(wires[:half], wires[half:], strict=True))
            self.completed += (await course.ours(trading, pairs, before)).completed

            database, spent = self.cluster.cpu_seconds(), server.cpu_seconds()
            traded = await course.ours(trading, pairs, swaps)
            side.database.append((self.cluster.cpu_seconds() - database) / asked)
            side.server.append((server.cpu_seconds() - spent) / asked)
            for wire in wires:
                wire.close()
        self.completed += traded.completed
        side.rates.append(traded.completed / traded.seconds)
        for event, seconds in traded.latencies.items():
            side.latencies[event] += seconds
        if traded.completed < asked:
            self.report.fail(f"{asked - traded.completed} of {asked} trades were not completed: {dict(traded.refusals)}")

    async def _pgbench(self, course: Course, script: Script, side: Side) -> None:
        spent = self.cluster.cpu_seconds()
        measured = await floor(self.floor_url, script.text, len(self.people), times=course.each_by_pgbench)
        side.database.append((self.cluster.cpu_seconds() - spent) / (len(self.people) * course.each_by_pgbench))
        side.rates.append(measured.rate)
        side.latencies["all of it by pgbench"] += measured.latencies

    async def _fetching(self, script: Script, times: int) -> float:
        """How often a second pgbench could do no more than to look up the ids."""
        await script.rewind(self.floor_url)
        return (await floor(self.floor_url, script.fetch, len(self.people), times=times)).rate


async def check(report: Report, url: str, completed: int) -> None:
    """As many trades are completed as were, and no promise is broken by it."""
    connection = await asyncpg.connect(url)
    try:
        there = await connection.fetchval("SELECT count(*) FROM deals WHERE status = 'completed'")
        if there != completed:
            report.fail(f"{there} trades are completed, {completed} were")
        for broken in await broken_promises(connection):
            report.fail(broken)
    finally:
        await connection.close()
