"""Matching: rings and chains through an item of a large market, and how the market is kept (S2.79 to S2.84, C57 to C64)."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import asyncpg

from client_demo.load.quantiles import Quantiles
from handlers.matchmaker import EXPANSIONS_MAX, FOUND_MAX
from matching.chains import best_chains
from matching.market import Market
from matching.rings import rings_through
from matching.search import Found, best_cycles
from matching.wants import Listing, Taxonomy
from storage.categories import CategoryTree, load_categories
from storage.database import Database
from tests.bench import event_loop, memory, want_lists
from tests.bench.floors import LookUps, fresh_database, stock
from tests.bench.market import listings
from tests.bench.oracle import BruteForce, Networkx
from tests.bench.report import Figure, Report
from tests.bench.timing import median, taken, times

COUNT = 10  # rings asked for
PARTIES, PARTIES_LONG = 5, 10
PLENTY = 10_000_000  # expansions: the search is not to be cut
LOOK_UP = "look-up"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    listings: int = 100_000
    rounds: int = 3
    searched: int = 300  # items, in each round
    searched_long: int = 60
    looked_up: int = 2_000
    changed: int = 300
    tried_by_brute_force: int = 30  # items whose best rings are compared with those that trying everything finds
    chains_tried: int = 5
    tried_by_networkx: int = 6
    asked_of_the_product: int = 200  # searches, and changes, through the product's own thread


FULL = Scale()


async def run(scale: Scale = FULL, seed: int = 1) -> Report:
    report = Report(f"Matching: a market of {scale.listings:,} items")
    async with fresh_database() as url:
        database = await Database.connect(url)
        connection = await asyncpg.connect(url)
        try:
            async with database.connection() as tx:
                categories = await load_categories(tx)
            tree = tree_of(categories)
            made = listings(tree, scale.listings + scale.changed, seed)
            listed, fresh = list(islice(made, scale.listings)), list(made)
            await stock(connection, listed)
            looked_up = [one.item for one in random.Random(seed).choices(listed, k=scale.looked_up)]
            bench = Bench(report, scale, listed, Market(Taxonomy(tree)), LookUps(connection, database, looked_up))
            bench.load()
            await bench.floor()
            await bench.searches()
            bench.identity()
            await bench.changes(fresh)
            sample = [one.item for one in listed[: scale.asked_of_the_product]]
            look_up_seconds = await bench.look_ups.seconds()
            await event_loop.measure(report, connection, database, categories, sample, fresh, look_up_seconds)
        finally:
            await connection.close()
            await database.close()
    memory.measure(report, tree, scale.listings, seed)
    want_lists.measure(report, look_up_seconds)
    return report


def tree_of(categories: CategoryTree) -> dict[str, str | None]:
    slugs = {category.id: category.slug for category in categories.all}
    return {category.slug: slugs[category.parent_id] if category.parent_id else None for category in categories.all}


class Bench:
    """The product's own market and searches, called as the product calls them."""

    def __init__(self, report: Report, scale: Scale, listed: list[Listing], market: Market, look_ups: LookUps) -> None:
        self.report, self.scale, self.listed, self.market, self.look_ups = report, scale, listed, market, look_ups

    def load(self) -> None:
        bare, _ = taken(lambda: [(one.item.int, one.owner.int, one.title, one.value, one.wants) for one in self.listed])
        seconds, _ = taken(self.market.load, self.listed)
        self.report.add(Figure("read the whole market", [seconds], [bare], "loop over the listings", "s", "ms"))
        self.report.note(f"The market has {len(self.market):,} items and {self.market.out.edges:,} edges.")

    async def floor(self) -> None:
        floor, pooled = await self.look_ups.seconds(), await self.look_ups.pooled_seconds()
        self.report.add(Figure("the same look-up by an action, through the pool", [pooled], [floor], LOOK_UP, "µs"))
        self.report.note(
            "The look-up: one item by its primary key, by asyncpg on a connection that is at hand; the median of "
            f"{self.scale.looked_up:,}, taken anew in each round. Against that of an action, through the pool, each ratio "
            f"would be {pooled / floor:.1f} times smaller."
        )

    def sampled(self, count: int) -> list[int]:
        """Slots of as many items, left to chance, but the same each time."""
        sampled = [self.market.slot(one.item) for one in random.Random(7).sample(self.listed, count)]
        return [slot for slot in sampled if slot is not None]

    def rings(self, slot: int, parties_max: int = PARTIES, expansions_max: int = EXPANSIONS_MAX) -> Found:
        return best_cycles(self.market.graph, slot, parties_max=parties_max, count=COUNT, expansions_max=expansions_max)

    def chains(self, slot: int, parties_max: int = PARTIES, expansions_max: int = EXPANSIONS_MAX) -> Found:
        return best_chains(self.market.graph, slot, parties_max=parties_max, count=COUNT, expansions_max=expansions_max)

    async def searches(self) -> None:
        slots, few = self.sampled(self.scale.searched), self.sampled(self.scale.searched_long)
        exact: list[bool] = []

        def everything(slot: int) -> None:
            item = self.market.item(slot)
            rings_through(self.market, item, parties_max=PARTIES, count=FOUND_MAX, expansions_max=EXPANSIONS_MAX)

        def long_rings(slot: int) -> None:
            exact.append(self.rings(slot, PARTIES_LONG).exact)

        await self._rounds(f"{COUNT} best rings of up to {PARTIES}", self.rings, slots, p99_at_most=30)
        await self._rounds(f"{COUNT} best chains of up to {PARTIES}", self.chains, slots)
        await self._rounds(f"{FOUND_MAX} rings and {FOUND_MAX} chains of up to {PARTIES}", everything, slots)
        await self._rounds(f"{COUNT} best rings of up to {PARTIES_LONG}", long_rings, few)
        self.report.note(
            f"Rings of up to {PARTIES_LONG}, with a budget of {EXPANSIONS_MAX:,} expansions: "
            f"{sum(exact) / len(exact):.0%} of the answers were exact."
        )

    def identity(self) -> None:
        """The best rings and chains are those that trying everything finds, by our own hands and by networkx."""
        brute_force = BruteForce(self.market.graph)
        for slot in self.sampled(self.scale.tried_by_brute_force):
            self._same(slot, "rings", self.rings(slot, expansions_max=PLENTY), brute_force.best_rings(slot, PARTIES, COUNT))
        for slot in self.sampled(self.scale.chains_tried):
            self._same(slot, "chains", self.chains(slot, expansions_max=PLENTY), brute_force.best_chains(slot, PARTIES, COUNT))

        self.report.note(
            f"Compared with trying everything: the rings through {self.scale.tried_by_brute_force} items, the chains through "
            f"{self.scale.chains_tried}."
        )
        self._networkx(brute_force)

    def _networkx(self, brute_force: BruteForce) -> None:
        networkx, slots = Networkx(brute_force), self.sampled(self.scale.tried_by_networkx)
        ours = {slot: median(times(self.rings, [slot] * 5)) for slot in slots}
        for name, search, at_least in (
            ("networkx for the same, from what is wanted", networkx.best_rings, 1_000),
            ("networkx for the same, to who wants it", networkx.best_rings_by_their_ends, None),
        ):
            theirs = []
            for slot in slots:
                seconds, paths = taken(search, slot, PARTIES, COUNT)
                theirs.append(seconds)
                self._same(slot, "rings", self.rings(slot, expansions_max=PLENTY), paths)
            floor = f"ours, of the same {len(slots)} items"
            self.report.add(Figure(f"{name}: p50", [median(theirs)], [median(ours.values())], floor, at_least=at_least))

    async def changes(self, fresh: Sequence[Listing]) -> None:
        """Items come, are looked for, and go, in rounds. What is new is in the graph when `put` has returned."""
        floors, added, found, taken_out = [], [], [], []
        for _ in range(self.scale.rounds):
            floors.append(await self.look_ups.seconds())
            adding = times(self.market.put, fresh)
            searching = times(self._rings_of, fresh)
            added.append(Quantiles.of(adding))
            found.append(Quantiles.of([sum(both) for both in zip(adding, searching, strict=True)]))
            taken_out.append(Quantiles.of(times(self.market.drop, [listing.item for listing in fresh])))
        for name, quantiles in (("add an item", added), ("add one and find its rings", found), ("take an item out", taken_out)):
            self._add(name, quantiles, floors, p50_at_most=10 if quantiles is added else None)

        for listing in fresh:
            self.market.put(listing)
        with_rings = [rings for listing in fresh if (rings := self._rings_of(listing).paths)]
        self.report.note(f"Of {len(fresh)} items added, {len(with_rings)} were in a ring at once.")
        if any(total != self._by_definition(ring) for rings in with_rings for total, ring in rings):
            self.report.fail("a ring through an item that was added has edges that its listings do not")

    def _rings_of(self, listing: Listing) -> Found:
        slot = self.market.slot(listing.item)
        assert slot is not None, "it is in the market"
        return self.rings(slot)

    async def _rounds(
        self, name: str, search: Callable[[int], object], slots: Sequence[int], p99_at_most: float | None = None
    ) -> None:
        """Warm, then round after round: the searches, and the floor beside them."""
        times(search, slots)
        floors, rounds = [], []
        for _ in range(self.scale.rounds):
            floors.append(await self.look_ups.seconds())
            rounds.append(Quantiles.of(times(search, slots)))
        self._add(name, rounds, floors, p99_at_most=p99_at_most)

    def _add(self, name: str, rounds: Sequence[Quantiles], floors: Sequence[float], **at_most: float | None) -> None:
        """The quantiles of each round; `p99_at_most=30`: what is promised of one of them."""
        for quantile in Quantiles._fields:
            seconds = [getattr(each, quantile) for each in rounds]
            promised = at_most.get(f"{quantile}_at_most")
            self.report.add(Figure(f"{name}: {quantile}", seconds, floors, LOOK_UP, floor_unit="µs", at_most=promised))

    def _by_definition(self, ring: tuple[int, ...]) -> int:
        """The sum of its edges' scores, from the listings as they are."""
        items = [self.market.item(slot) for slot in (*ring, ring[0])]
        return sum(self.market.edge(one, other) or 0 for one, other in pairwise(items))

    def _same(self, slot: int, what: str, found: Found, tried: list[tuple[int, tuple[int, ...]]]) -> None:
        if found.paths != tried or not found.exact:
            self.report.fail(f"{what} through {self.market.item(slot)}: {found.paths} are not {tried}")
