"""The market that searches look through: a snapshot in this process, kept up with PostgreSQL, in a thread of its own.

Before every search what has changed since the last one is read, so that an item added or sold is seen by the next search,
whichever process changed it. The snapshot is only touched by its one thread, so that neither a search nor a change stops the
event loop, and none sees half of the other.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog

from matching.deal import Kind
from matching.market import Market
from matching.matches import Match
from matching.refusals import Unavailable
from matching.rings import Ring, Steps, ring_score, rings_through
from matching.wants import Listing, Taxonomy, Wants
from storage.categories import CategoryTree
from storage.database import Database, Row, Tx
from storage.market import BATCH, changed_since, listed_after, now_cursor

log = structlog.get_logger()
T = TypeVar("T")

KEEP_UP_SECONDS = 1.0  # so that a search after a quiet hour has little to read
LOADING_SECONDS_MAX = 5.0  # a search that comes while the market is being read waits so long
SEARCHES_WAITING_MAX = 50
PLACES = 3  # searches with a connection: one has the thread, the others read from PostgreSQL before or after
MENDED_AT_ONCE = 100  # a few milliseconds: a search does not wait long behind it
MENDING_SECONDS_MAX = 0.05  # each time it keeps up
LARGE_MARKET = 10_000  # from so many items on the collector is told to leave them alone
FOUND_MAX = 60  # of each kind; people are shown the best of them
EXPANSIONS_MAX = 5_000  # a search of up to ten parties is exact well before, in the markets that were measured
NOBODY = (0, UUID(int=0))


class Matchmaker:
    """Finds rings and matches. Raises Unavailable while the market is being read, or too many are searching."""

    def __init__(self, categories: CategoryTree) -> None:
        parents = {category.id: category.slug for category in categories.all}
        tree = {category.slug: parents.get(category.parent_id) if category.parent_id else None for category in categories.all}
        self._market = Market(Taxonomy(tree))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="market")
        self._cursor = 0
        self._applied: dict[UUID, int] = {}  # what was read at or after the cursor: it is read again, and need not be applied
        self._turn = asyncio.Lock()
        self._loaded = asyncio.Event()
        self._places = asyncio.Semaphore(PLACES)
        self._waiting = 0

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def run(self, database: Database) -> None:
        """Read the market, then keep up with it, until cancelled."""
        while True:
            try:
                if not self._loaded.is_set():
                    await self._load(database)
                async with database.connection() as tx:
                    await self._keep_up(tx)
                await self._mend()
            except Unavailable:
                log.warning("market.put_off")
            except Exception:
                log.exception("market.bug")
            await asyncio.sleep(KEEP_UP_SECONDS)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place among those who search, for who has no connection yet: if all who wait for their turn had one, nobody else
        would be answered. Raises Unavailable where too many wait.
        """
        if self._waiting >= SEARCHES_WAITING_MAX:
            raise Unavailable("Too many are searching at the moment. Please try again.")
        self._waiting += 1
        try:
            async with self._places:
                yield
        finally:
            self._waiting -= 1

    async def rings(self, tx: Tx, item_id: UUID, *, parties_max: int) -> tuple[list[Ring], list[Ring], bool]:
        """The best cycles and the best chains through the item; and whether that is exact."""
        return await self._ask(
            tx,
            lambda market: rings_through(
                market, item_id, parties_max=parties_max, count=FOUND_MAX, expansions_max=EXPANSIONS_MAX
            ),
        )

    async def matches(self, tx: Tx, item_id: UUID, count: int) -> list[Match]:
        """The best items to swap this one for, between two."""
        return await self._ask(tx, lambda market: market.matches(item_id, count))

    async def score(self, tx: Tx, kind: Kind, steps: Steps) -> float | None:
        """The score of a ring as the market is now; None where somebody does not want what they would get any more."""
        return await self._ask(tx, lambda market: ring_score(market, kind, steps))

    async def _ask(self, tx: Tx, search: Callable[[Market], T]) -> T:
        try:
            async with asyncio.timeout(LOADING_SECONDS_MAX):
                await self._loaded.wait()
        except TimeoutError:
            raise Unavailable("The market is still being read. Please try again in a moment.") from None
        await self._keep_up(tx)
        return await self._in_thread(lambda: search(self._market))

    async def _load(self, database: Database) -> None:
        async with database.connection() as tx:
            self._cursor = await now_cursor(tx)
        last, size = UUID(int=0), BATCH
        batches: list[list[Row]] = []
        while size == BATCH:
            async with database.connection() as tx:
                rows = await listed_after(tx, last)
            batches.append(rows)
            size = len(rows)
            last = rows[-1]["id"] if rows else last
        await self._in_thread(partial(self._fill, batches))
        self._loaded.set()
        log.info("market.read", items=len(self._market))

    def _fill(self, batches: list[list[Row]]) -> None:
        # The collector stops every thread while it looks through all that there is, and here it would find nothing: what is
        # loaded stays. A hundred thousand items made it stop the event loop for half a second, again and again.
        gc.disable()
        try:
            self._market.load(_all_listings(batches))
        finally:
            if len(self._market) >= LARGE_MARKET:
                gc.freeze()
            gc.enable()

    async def _keep_up(self, tx: Tx) -> None:
        async with self._turn:  # what is read later is newer, and must be applied later
            applied: dict[UUID, int] = {}
            after, size = NOBODY, BATCH
            while size == BATCH:
                rows, cursor = await changed_since(tx, self._cursor, after)
                size = len(rows)
                new = [row for row in rows if self._applied.get(row["id"]) != row["changed_xid"]]
                if new:
                    await self._in_thread(partial(self._apply, new))
                applied |= {row["id"]: row["changed_xid"] for row in rows}
                after = (rows[-1]["changed_xid"], rows[-1]["id"]) if rows else after
            self._cursor, self._applied = cursor, applied

    async def _mend(self) -> None:
        """A row that lost some of its edges is made whole again, given time. While many trade, that is little, and waiting
        spares work: a row that loses more is made whole once.
        """
        until = time.monotonic() + MENDING_SECONDS_MAX
        while await self._in_thread(lambda: self._market.mend(MENDED_AT_ONCE)) and time.monotonic() < until:
            pass

    def _apply(self, rows: list[Row]) -> None:
        for row in rows:
            if row["listed"]:
                self._market.put(_listing(row))
            else:
                self._market.drop(row["id"])

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _all_listings(batches: list[list[Row]]) -> Iterator[Listing]:
    """One at a time, and each batch let go: a hundred thousand objects at once would make the collector stop everything."""
    batches.reverse()
    while batches:
        yield from map(_listing, batches.pop())


def _listing(row: Row) -> Listing:
    value = row["estimated_value"]
    return Listing(
        item=row["id"],
        owner=row["owner_id"],
        category=row["category"],
        condition=row["condition"],
        value=None if value is None else float(value),
        title=row["title"],
        description=row["description"],
        wants=Wants.of(row["wants"]) if row["wants"] else None,
        flexible=row["looking_for"] == "flexible",
        takes_items=row["looking_for"] != "credits",
        open_to_give=row["open_to_give"],
    )
