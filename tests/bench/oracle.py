"""The best rings and chains by trying everything, with nothing that the product's search is made of but the edges."""

from collections.abc import Iterator
from fractions import Fraction
from heapq import nsmallest

import networkx as nx

from matching.scoring import SHOWN_MIN
from matching.search import PARTIES_MIN, Graph, Path

Edges = list[dict[int, int]]  # by slot: what its owner wants, and the score


def edges_of(graph: Graph) -> Edges:
    rows = (graph.out.row(slot) for slot in range(graph.out.nodes))
    return [dict(zip(others.tolist(), scores.tolist(), strict=True)) for others, scores in rows]


class BruteForce:
    """Every ring and chain of a market, one after the other."""

    def __init__(self, graph: Graph) -> None:
        self.wanted = edges_of(graph)
        self.wanting: list[list[int]] = [[] for _ in self.wanted]
        for slot, row in enumerate(self.wanted):
            for other in row:
                self.wanting[other].append(slot)
        self.owner = graph.owner.tolist()
        self.gives = graph.gives.tolist()
        self.rank = graph.rank

    def best_rings(self, start: int, parties_max: int, count: int) -> list[Path]:
        return self.best_of_rings(self._rings(start, parties_max), count)

    def best_of_rings(self, rings: Iterator[tuple[int, ...]], count: int) -> list[Path]:
        scored = ((self._sum((*path, path[0])), path) for path in rings)
        good = ((total, path) for total, path in scored if total >= SHOWN_MIN * len(path))
        return nsmallest(count, good, key=lambda ring: self._order(ring[0], len(ring[1]), ring[1]))

    def best_chains(self, through: int, parties_max: int, count: int) -> list[Path]:
        """Chains as `best_chains` orders them: equal ones by the ids ahead of `through`, then by those behind it."""
        found = []
        for path, place in self._chains(through, parties_max):
            total, edges = self._sum(path), len(path) - 1
            if total >= SHOWN_MIN * edges:
                seen = path[place:] + path[:place][::-1]
                found.append(((*self._order(total, edges, seen), len(path) - place), (total, path)))
        return [chain for _, chain in nsmallest(count, found)]

    def has_distinct_owners(self, path: tuple[int, ...]) -> bool:
        return len({self.owner[slot] for slot in path}) == len(path)

    def _rings(self, start: int, parties_max: int) -> Iterator[tuple[int, ...]]:
        for path in self._paths((start,), parties_max - 1, self.wanted):
            if len(path) >= PARTIES_MIN and start in self.wanted[path[-1]]:
                yield path

    def _chains(self, through: int, parties_max: int) -> Iterator[tuple[tuple[int, ...], int]]:
        """(the chain along its edges, the place of `through` in it)."""
        for ahead in self._paths((through,), parties_max - 1, self.wanted):
            if self.gives[ahead[-1]]:
                for behind in self._paths((through,), parties_max - len(ahead), self.wanting):
                    path = behind[:0:-1] + ahead
                    if len(path) >= PARTIES_MIN and self.has_distinct_owners(path):
                        yield path, len(behind) - 1

    def _paths(self, path: tuple[int, ...], more: int, edges: Edges | list[list[int]]) -> Iterator[tuple[int, ...]]:
        """`path` and all that it grows into with up to `more` nodes, of owners that are not in it yet."""
        yield path
        if more:
            owners = [self.owner[slot] for slot in path]
            for other in edges[path[-1]]:
                if self.owner[other] not in owners:
                    yield from self._paths((*path, other), more - 1, edges)

    def _sum(self, path: tuple[int, ...]) -> int:
        return sum(self.wanted[path[k]][path[k + 1]] for k in range(len(path) - 1))

    def _order(self, total: int, edges: int, seen: tuple[int, ...]) -> tuple[Fraction, int, list[int]]:
        return -Fraction(total, edges), edges, [self.rank[slot] for slot in seen]


class Networkx:
    """The same rings by what networkx has for it: `all_simple_paths` with a cutoff. Each path closes to a ring."""

    def __init__(self, brute_force: BruteForce) -> None:
        self._brute_force = brute_force
        self._graph: nx.DiGraph[int] = nx.DiGraph()
        self._graph.add_nodes_from(range(len(brute_force.wanted)))
        self._graph.add_edges_from((slot, other) for slot, row in enumerate(brute_force.wanted) for other in row)

    def best_rings(self, start: int, parties_max: int, count: int) -> list[Path]:
        """From everything that the owner of `start` wants, back to `start`."""
        firsts = self._graph.successors(start)
        paths = (path for first in firsts for path in nx.all_simple_paths(self._graph, first, start, cutoff=parties_max - 1))
        return self._best(((start, *path[:-1]) for path in paths), count)

    def best_rings_by_their_ends(self, start: int, parties_max: int, count: int) -> list[Path]:
        """From `start` to everyone who wants it: nobody's last step has to be enumerated, for it is looked up."""
        lasts = set(self._graph.predecessors(start))
        paths = nx.all_simple_paths(self._graph, start, lasts, cutoff=parties_max - 1)
        return self._best((tuple(path) for path in paths), count)

    def _best(self, rings: Iterator[tuple[int, ...]], count: int) -> list[Path]:
        brute_force = self._brute_force
        proper = (ring for ring in rings if len(ring) >= PARTIES_MIN and brute_force.has_distinct_owners(ring))
        return brute_force.best_of_rings(proper, count)
