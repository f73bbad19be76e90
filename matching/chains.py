"""The best chains through an item: someone gives for nothing, and all that follow hand on. No clock, no I/O.

A chain is a path j → … → g of edges "wants": the owner of g gives only, and has said so; the owner of j receives only (C59
to C61). The item may stand anywhere in it. So the search starts at the item, goes ahead to an end that gives, then back from
the item to whoever is the first; the bounds and the order of the search are those of rings (search.py).
"""

import numpy as np

from matching.adjacency import Adjacency
from matching.bounds import Table, pull, spread, union
from matching.scoring import SHOWN_MIN
from matching.search import PARTIES_MAX, PARTIES_MIN, Best, Found, Graph, Route, Step, best_first


def best_chains(
    graph: Graph, through: int, *, parties_max: int, count: int, expansions_max: int, least: int = SHOWN_MIN
) -> Found:
    """The `count` best chains of 3 to `parties_max` people with `through` in them, each as its slots along the edges, j first.

    In order of mean score (at least `least` millionths), then fewer parties, then item ids as seen from `through`: those after
    it, then those before it, the nearest first. At most `expansions_max` partial chains are extended; the bounds read each edge
    at most `parties_max`² times, and only those within reach of `through`.
    """
    assert PARTIES_MIN <= parties_max <= PARTIES_MAX

    def routes(lengths: range, best: Best) -> list[Route]:
        floors = best.floors(lengths, lengths[-1])
        ahead = _tables(graph, graph.out, through, graph.gives, floors)
        if not any(table[through] for table in ahead):
            return []  # nobody near enough gives
        back = _tables(graph, graph.into, through, np.ones(len(graph.owner), np.bool_), floors)
        return [
            Route(
                through, edges, steps_ahead, _steps(graph, through, ahead[: steps_ahead + 1], back[: edges - steps_ahead + 1])
            )
            for edges in lengths
            for steps_ahead in range(edges + 1)
            if ahead[steps_ahead][through] and back[edges - steps_ahead][through]
        ]

    # A length knows what the shorter ones found: most of the walks that its bounds are made of end early.
    lengths = [(2, 2), (3, 3), (4, 4), (5, 6), (7, 9)]  # in edges
    phases = [range(low, min(high, parties_max - 1) + 1) for low, high in lengths if low < parties_max]
    return best_first(graph, routes, phases, Best(count, least), expansions_max)


def _steps(graph: Graph, through: int, ahead: list[Table], back: list[Table]) -> tuple[Step, ...]:
    """The steps to the end by the tables `ahead`, with what the start may bring in mind, then to the start by those `back`."""
    start_brings = int(back[-1][through]) - 1
    to_the_end = [Step(graph.out, table, start_brings) for table in ahead[-2::-1]]
    to_the_start = [Step(graph.into, table) for table in back[-2::-1]]
    return (*to_the_end, *to_the_start)


def _tables(graph: Graph, edges: Adjacency, through: int, ends: Table, floors: list[int]) -> list[Table]:
    """tables[r]: of the best walk of r edges along `edges` to one of `ends`, for what is near enough to `through`."""
    reached = [nodes for nodes, _ in spread(edges, graph.owner, through, floors[:-1])]
    tables: list[Table] = [ends]
    for length in range(1, len(floors)):
        near = union(reached[: len(floors) - length], len(graph.owner))
        tables.append(pull(edges, near, tables[-1]))
    return tables
