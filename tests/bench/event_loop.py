"""For how long the event loop cannot run anything, while the product searches, changes and reads its market."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from uuid import UUID

import asyncpg

from client_demo.load.quantiles import Quantiles
from handlers.matchmaker import Matchmaker
from matching.refusals import Unavailable
from matching.wants import Listing
from storage.categories import CategoryTree
from storage.database import Database
from tests.bench.floors import insert
from tests.bench.report import Figure, Report

TICK_SECONDS = 0.001
GAP_SECONDS_MAX = 0.05  # promised
AT_ONCE = 8  # searches: so that the thread is never without one
IDLE_SECONDS = 2.0


class Gaps:
    """How late each tick came, seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    @property
    def longest(self) -> float:
        return max(self.seconds)


@asynccontextmanager
async def watched() -> AsyncIterator[Gaps]:
    """Tick for as long as the block runs: what keeps the loop from running makes a tick late."""
    gaps = Gaps()

    async def tick() -> None:
        while True:
            begun = perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            gaps.seconds.append(perf_counter() - begun - TICK_SECONDS)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    try:
        yield gaps
    finally:
        await asyncio.sleep(5 * TICK_SECONDS)  # or a gap that ends with the block would not be seen
        ticking.cancel()


async def measure(
    report: Report,
    connection: "asyncpg.Connection[asyncpg.Record]",
    database: Database,
    categories: CategoryTree,
    sample: Sequence[UUID],
    fresh: Sequence[Listing],
    look_up_seconds: float,
) -> None:
    """The product's matchmaker over this database, while the loop is watched: reading the market, searches, changes."""
    async with watched() as idle:
        await asyncio.sleep(IDLE_SECONDS)
    matchmaker = Matchmaker(categories)
    running = asyncio.create_task(matchmaker.run(database))

    async def search(item: UUID, parties_max: int) -> None:
        async with database.connection() as tx:
            await matchmaker.rings(tx, item, parties_max=parties_max)

    async def match(item: UUID) -> None:
        async with database.connection() as tx:
            await matchmaker.matches(tx, item, 20)

    try:
        async with watched() as reading:
            await _until_read(partial(match, sample[0]))
        async with watched() as searching:
            await _some_at_once(partial(search, parties_max=5), sample)
        async with watched() as searching_far:
            await _some_at_once(partial(search, parties_max=10), sample[::4])
        async with watched() as matching:
            await _some_at_once(match, sample)
        seconds = []
        async with watched() as changing:
            for listing in fresh[: len(sample)]:
                await insert(connection, [listing])
                begun = perf_counter()
                await search(listing.item, 5)
                seconds.append(perf_counter() - begun)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        matchmaker.close()

    for name, gaps, at_most in (
        ("searches, rings of up to 5", searching, 1.0),
        ("searches, rings of up to 10", searching_far, 1.0),
        ("searches, between two", matching, 1.0),
        ("items added, and searched", changing, 1.0),
        ("the market being read", reading, None),
        ("nothing", idle, None),
    ):
        figure = Figure(
            f"longest wait of the event loop: {name}", [gaps.longest], [GAP_SECONDS_MAX], "promised", at_most=at_most
        )
        report.add(figure)
    quantiles = Quantiles.of(seconds)
    report.add(
        Figure(
            "committed, until a search of the product has seen it: p50",
            [quantiles.p50],
            [look_up_seconds],
            "look-up",
            floor_unit="µs",
        )
    )


async def _until_read(search: Callable[[], Awaitable[None]]) -> None:
    while True:
        with contextlib.suppress(Unavailable):
            return await search()


async def _some_at_once(search: Callable[[UUID], Awaitable[None]], items: Sequence[UUID]) -> None:
    left = iter(items)

    async def one_after_the_other() -> None:
        for item in left:
            await search(item)

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
