"""What the rest of a path can bring at most: the tables that steer the search for rings and chains.

A table has a number per node: one more than the best sum of scores of the edges still to come, 0 where no way leads on. It is
made of walks, which may visit a person twice. Every path is a walk, so a table never says too little: it is an admissible
bound in the sense of A* (Hart, Nilsson and Raphael 1968), and a best-first search that trusts it misses nothing.
"""

import numpy as np
from numpy.typing import NDArray

from matching.adjacency import Adjacency, Int32s

Table = NDArray[np.int32] | NDArray[np.bool_]
Nodes = NDArray[np.integer]


def spread(edges: Adjacency, owner: Int32s, centre: int, floors: list[int]) -> list[tuple[Nodes, Int32s]]:
    """Walk from `centre` along `edges`, a level d per floor: (nodes where d edges lead, each once; their best sums as a table).

    Walks of d edges that sum to less than `floors[d]` are left, and those that come back to something of the centre's owner.
    O(edges of the nodes reached) a level, at most all edges.
    """
    size = len(owner)
    nodes: Nodes = np.array([centre])
    table = np.ones(1, np.int32)
    sums = np.zeros(1, np.int32)
    levels: list[tuple[Nodes, Int32s]] = [(nodes, table)]
    place = np.empty(size, np.int32)
    for floor in floors[1:]:
        position, others, scores = edges.gather(nodes)
        totals = scores + sums[position]
        kept = ((totals >= floor) & (owner[others] != owner[centre])).nonzero()[0]
        others, totals = others[kept], totals[kept]
        table = np.zeros(size, np.int32)
        np.maximum.at(table, others, totals + 1)
        # Each node once: of all the edges that lead to it, the one that wrote its number last.
        number = np.arange(len(others), dtype=np.int32)
        place[others] = number
        nodes = others[place[others] == number]
        sums = table[nodes] - 1
        levels.append((nodes, table))
    return levels


def pull(edges: Adjacency, nodes: Nodes, rest: Table) -> Int32s:
    """The table one edge further away, for `nodes` only: the best of an edge's score plus what `rest` says of its end.

    O(edges of `nodes`).
    """
    position, others, scores = edges.gather(nodes)
    beyond = rest[others]
    open_ = beyond.nonzero()[0]
    table = np.zeros(len(rest), np.int32)
    np.maximum.at(table, nodes[position[open_]], scores[open_] + beyond[open_])
    return table


def union(levels: list[Nodes], size: int) -> Nodes:
    """The nodes of all `levels`, each once."""
    if len(levels) == 1:
        return levels[0]
    seen = np.zeros(size, np.bool_)
    for nodes in levels:
        seen[nodes] = True
    return np.flatnonzero(seen)
