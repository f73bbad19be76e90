"""The best rings through an item: a best-first search with admissible bounds. No clock, no I/O.

Best-first with a bound that never says too little is A* (Hart, Nilsson and Raphael 1968): once the most promising partial
path cannot beat what is found, nothing can. The bounds meet in the middle (Pohl 1971): backwards from the item for the second
half of a ring, forwards for the first, so that neither has to reach across the market. Rings of bounded length through one
node are exponentially many (C62): the bounds make the usual case cheap, and `expansions_max` bounds the worst one.
"""

from bisect import insort
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from matching.adjacency import Adjacency, Int32s
from matching.bounds import Table, pull, spread, union
from matching.scoring import ONE, SHOWN_MIN

PARTIES_MIN, PARTIES_MAX = 3, 10  # C61, C63
FRONTIER_MAX = 50_000  # partial paths kept at a time, about 500 bytes each

T = TypeVar("T")
Path = tuple[int, tuple[int, ...]]  # (sum of scores, slots along the edges)

# A path as the search sees it: (-mean, edges, ranks, steps ahead, sum, slots, owners, sum so far), slots in the order of the
# steps. While it is partial, mean and sum are of the best that it may become. Entries sort as answers do: bounds only fall, and
# a prefix of ranks comes before what it grows into; so all that a partial path becomes sorts after it, equal scores included.
Entry = tuple[float, int, tuple[int, ...], int, int, tuple[int, ...], tuple[int, ...], int]


@dataclass(slots=True)
class Graph:
    """A market. A node, or slot, is an item of a person; an edge a → b: the owner of a wants b, with a score in millionths."""

    out: Adjacency
    into: Adjacency  # the same edges, each in the row of its end
    owner: Int32s  # per slot, a number per person
    gives: NDArray[np.bool_]  # per slot: open to be given for nothing
    rank: Sequence[int]  # per slot, in the order of item ids: it decides between equal scores. A list is read fastest


@dataclass(frozen=True, slots=True)
class Found:
    """Paths, the best first. Not exact: the budget ended the search, and there may be better ones than these."""

    paths: list[Path]
    exact: bool


@dataclass(frozen=True, slots=True)
class Step:
    """How a path gets its next node."""

    rows: Adjacency
    table: Table  # of the node that is added: what may still come after it
    extra: int = 0  # what may still come at the other end of the path


@dataclass(frozen=True, slots=True)
class Route:
    """The paths of one shape: a start, a node for each step ahead, then one for each step back from the start.

    After the last step the bound is the path's own sum.
    """

    start: int
    edges: int  # of a complete path, for its mean
    ahead: int
    steps: tuple[Step, ...]


class Best:
    """The best complete paths so far, in order, and what a partial one must promise to be worth extending."""

    def __init__(self, count: int, least: int) -> None:
        assert count >= 1
        self.entries: list[Entry] = []
        self._count = count
        self._least = least

    def offer(self, entry: Entry) -> None:
        insort(self.entries, entry)
        del self.entries[self._count :]

    def beaten_by(self, entry: Entry) -> bool:
        """Whether `entry`, or what a partial one may become, would be among the best."""
        return len(self.entries) < self._count or entry < self.entries[-1]

    def height(self, edges: int) -> int:
        """The least sum of so many edges that could be among the best: with the same mean, more parties lose."""
        if len(self.entries) < self._count:
            return self._least * edges
        _, fewer, _, _, total, *_ = self.entries[-1]
        return total * edges // fewer + 1 if edges > fewer else -(-total * edges // fewer)

    def floors(self, lengths: range, depth: int) -> list[int]:
        """For d = 0..depth: the least sum of d edges of a path of one of these lengths, were all its other edges perfect."""
        heights = [(edges, self.height(edges)) for edges in lengths]
        return [min(height - (edges - d) * ONE for edges, height in heights if edges >= d) for d in range(depth + 1)]


def best_cycles(
    graph: Graph, start: int, *, parties_max: int, count: int, expansions_max: int, least: int = SHOWN_MIN
) -> Found:
    """The `count` best rings of 3 to `parties_max` people through `start`, each as the slots from `start` along its edges.

    In order of mean score (at least `least` millionths), then fewer parties, then item ids. At most `expansions_max` partial
    rings are extended; the bounds read each edge at most 3 · `parties_max` times, of most markets only what is near `start`.
    """
    assert PARTIES_MIN <= parties_max <= PARTIES_MAX

    def routes(lengths: range, best: Best) -> list[Route]:
        tables = _ring_tables(graph, start, lengths, best)
        return [
            Route(start, parties, parties - 1, tuple(Step(graph.out, tables[parties - step]) for step in range(1, parties)))
            for parties in lengths
        ]

    # The best short rings are found at once, and most long ones cannot beat them: the walks of their bounds end early.
    lengths = [(3, 5), (6, 7), (8, 10)]
    phases = [range(low, min(high, parties_max) + 1) for low, high in lengths if low <= parties_max]
    return best_first(graph, routes, phases, Best(count, least), expansions_max)


def _ring_tables(graph: Graph, start: int, lengths: range, best: Best) -> list[Table]:
    """tables[l]: of the best walk of l edges back to `start`, l = 1..longest - 1, where it can be part of a ring.

    Up to half the longest ring by walking backwards from `start`; beyond it, for the nodes that a walk forwards can have
    reached by then.
    """
    longest = lengths[-1]
    # The middle step of an odd ring is left to the side with fewer edges: what is wanted by hundreds has very many behind it.
    half = (longest + (graph.into.degree(start) <= graph.out.degree(start))) // 2
    tables: list[Table] = [table for _, table in spread(graph.into, graph.owner, start, best.floors(lengths, half))]
    ahead = [nodes for nodes, _ in spread(graph.out, graph.owner, start, best.floors(lengths, longest - half - 1))]
    for length in range(half + 1, longest):
        nodes = union(ahead[1 : longest - length + 1], len(graph.owner))
        tables.append(pull(graph.out, nodes, tables[-1]))
    return tables


def best_first(
    graph: Graph, routes: Callable[[range, Best], list[Route]], phases: Sequence[range], best: Best, expansions_max: int
) -> Found:
    """The best paths of the `routes` of each phase's lengths (in edges); a phase knows what the ones before it found.

    In order of mean, then fewer edges, then ranks in the order of the steps.
    """
    exact = True
    for lengths in phases:
        if expansions_max <= 0:
            exact = False
            break
        expansions, exact_here = _search(graph, routes(lengths, best), best, expansions_max)
        expansions_max -= expansions
        exact &= exact_here
    return Found([(total, _along(path, ahead)) for _, _, _, ahead, total, path, _, _ in best.entries], exact)


def _along(path: tuple[int, ...], ahead: int) -> tuple[int, ...]:
    """The path along its edges: what was added backwards from the start comes before it."""
    return path[:ahead:-1] + path[: ahead + 1]


def _search(graph: Graph, routes: list[Route], best: Best, expansions_max: int) -> tuple[int, bool]:
    """Extend partial paths, the most promising first, until none can beat the best: (how many were extended, is it exact).

    An extension reads one row: O(its length · log FRONTIER_MAX).
    """
    shapes = {(route.edges, route.ahead): route for route in routes}
    heap = [_root(graph, route) for route in routes]
    heapify(heap)
    dropped: list[Entry] = []  # the best of each time the frontier was cut
    expansions = 0
    while heap and best.beaten_by(heap[0]) and expansions < expansions_max:
        entry = heappop(heap)
        expansions += 1
        route = shapes[entry[1], entry[3]]
        complete = len(entry[5]) == len(route.steps)
        for longer in _extended(graph, route, entry, best):
            if complete:
                best.offer(longer)
            elif best.beaten_by(longer):
                heappush(heap, longer)
        if len(heap) > FRONTIER_MAX:
            heap.sort()  # a sorted list is a heap
            dropped.append(heap[FRONTIER_MAX // 2])
            del heap[FRONTIER_MAX // 2 :]
    return expansions, not any(best.beaten_by(entry) for entry in (*heap[:1], *dropped))


def _root(graph: Graph, route: Route) -> Entry:
    """The start of `route`, as promising as can be."""
    start = route.start
    owner = int(graph.owner[start])
    return (-ONE, route.edges, (graph.rank[start],), route.ahead, ONE * route.edges, (start,), (owner,), 0)


def _extended(graph: Graph, route: Route, entry: Entry, best: Best) -> list[Entry]:
    """The path with each node that the route's next step can add: of new owners only, and only what may be among the best."""
    _, edges, ranks, ahead, _, path, owners, so_far = entry
    taken = len(path) - 1
    step = route.steps[taken]
    others, scores = step.rows.row(path[0 if taken == ahead else -1])
    rest = step.table[others]
    bounds = scores + rest + (so_far + step.extra - 1)
    kept = ((rest > 0) & (bounds >= best.height(edges))).nonzero()[0]
    others = others[kept]
    rank = graph.rank
    return [
        (-bound / edges, edges, (*ranks, rank[other]), ahead, bound, (*path, other), (*owners, owner), so_far + score)
        for other, owner, bound, score in zip(
            others.tolist(), graph.owner[others].tolist(), bounds[kept].tolist(), scores[kept].tolist(), strict=True
        )
        if owner not in owners
    ]


def diverse(found: Sequence[T], count: int, first_step: Callable[[T], Hashable]) -> list[T]:
    """`count` of `found`, in their order, of which no more than a third begin with the same step while there are others.

    The very first always stays. `found` are best first, and more of them than `count` or there is nothing to choose.
    """
    share = max(1, count // 3)
    steps: Counter[Hashable] = Counter()
    fresh: list[int] = []
    stale: list[int] = []
    for place, one in enumerate(found):
        step = first_step(one)
        (fresh if steps[step] < share else stale).append(place)
        steps[step] += 1
    return [found[place] for place in sorted((fresh + stale)[:count])]
