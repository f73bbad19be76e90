"""What the snapshot of a market takes, counted by Python's own allocator."""

import gc
import tracemalloc
from collections.abc import Mapping

from matching.market import Market
from matching.wants import Taxonomy
from tests.bench.market import listings
from tests.bench.report import Figure, Report

BYTES_PER_ITEM_MAX = 1_024.0


def measure(report: Report, tree: Mapping[str, str | None], count: int, seed: int) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        market = Market(Taxonomy(tree))
        # One after the other and not as a list: what of them the market does not keep is not counted.
        market.load(listings(tree, count, seed))
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    report.add(Figure("memory of the snapshot, an item", [held / count], [BYTES_PER_ITEM_MAX], "promised", "B", at_most=1))
    report.add(Figure("the market's own estimate of it", [market.nbytes / count], [held / count], "measured", "B"))
