"""Rows of scored edges that grow and shrink, in one pool of numpy arrays. No clock, no I/O.

A market's graph has about twenty edges per item and changes one listing at a time. Lists of Python objects would take
100 bytes an edge; a fixed CSR matrix would have to be built anew for each change. So a row moves to the end of the pool when
it outgrows its place, with some room to grow in, and the pool is packed when a sixteenth of it is holes.
"""

from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Int32s = NDArray[np.int32]  # a slot fits, and so does a score in millionths
Int64s = NDArray[np.int64]
Slots = NDArray[np.integer]
Length = TypeVar("Length", int, Int32s)
POOL_MAX = 2**31 - 1  # edges and free places: a place is kept in 32 bits


class Adjacency:
    """A row of edges (other node, score in millionths) per node 0..nodes-1; at most one edge per row and other node.

    8 bytes an edge, plus an eighth and two of room in each row that grew, and up to a seventh of free space in the pool.
    Every change costs the length of its row; growing and packing the pool copy all of it, amortised over many changes.
    Not safe for threads: the views that `row` gives are right until the next change, so never give them to `set_row`.
    """

    __slots__ = ("_end", "_length", "_others", "_room", "_scores", "_start", "_taken", "edges", "nodes")

    def __init__(self, nodes: int = 0) -> None:
        self.nodes = 0
        self.edges = 0
        self._start: Int32s = np.zeros(0, np.int32)
        self._length: Int32s = np.zeros(0, np.int32)
        self._room: Int32s = np.zeros(0, np.int32)
        self._others: Int32s = np.zeros(0, np.int32)
        self._scores: Int32s = np.zeros(0, np.int32)
        self._end = 0  # the pool is used up to here; the rest is free
        self._taken = 0  # the sum of all rows' room: what is used and not taken is holes
        self.grow(nodes)

    @classmethod
    def of(cls, nodes: int, sources: NDArray[np.integer], others: NDArray[np.integer], scores: NDArray[np.integer]) -> Self:
        """All edges at once, `sources[k]` → `others[k]`; within a row they keep the order they come in. O(E log E)."""
        assert len(sources) == len(others) == len(scores)
        self = cls(nodes)
        order = np.argsort(sources, kind="stable")
        length = np.bincount(sources, minlength=nodes)
        assert len(length) == nodes, "a source beyond the nodes"
        self._others = others[order].astype(np.int32)
        self._scores = scores[order].astype(np.int32)
        assert len(order) <= POOL_MAX
        self._start[:nodes] = np.cumsum(length) - length
        self._length[:nodes] = length
        self._room[:nodes] = length
        self.edges = self._taken = self._end = len(order)
        return self

    @property
    def nbytes(self) -> int:
        """The memory of all arrays, bytes."""
        arrays = (self._start, self._length, self._room, self._others, self._scores)
        return sum(array.nbytes for array in arrays)

    def grow(self, nodes: int) -> None:
        """Have at least `nodes` nodes; the new ones have empty rows."""
        if nodes > len(self._start):
            size = max(nodes, len(self._start) * 9 // 8 + 16)
            self._start = _resized(self._start, size)
            self._length = _resized(self._length, size)
            self._room = _resized(self._room, size)
        self.nodes = max(self.nodes, nodes)

    def degree(self, node: int) -> int:
        """How many edges the row of `node` has."""
        self._check(node)
        return int(self._length[node])

    def degrees(self, nodes: Slots) -> Int32s:
        return self._length[nodes]

    def row(self, node: int) -> tuple[Int32s, Int32s]:
        """(others, scores) of `node`: views, to be read only, and only until the next change."""
        self._check(node)
        start = int(self._start[node])
        end = start + int(self._length[node])
        return self._others[start:end], self._scores[start:end]

    def set_row(self, node: int, others: NDArray[np.integer], scores: NDArray[np.integer]) -> None:
        """Make these the edges of `node`, in this order. An empty row gives its room back."""
        self._check(node)
        assert len(others) == len(scores)
        length = len(others)
        self.edges += length - int(self._length[node])
        self._length[node] = 0  # so that nothing is copied when the row moves
        if length == 0:
            self._taken -= int(self._room[node])
            self._room[node] = 0
            return
        start = self._start_with_room(node, length, length)
        self._others[start : start + length] = others
        self._scores[start : start + length] = scores
        self._length[node] = length

    def append(self, nodes: Slots, other: int, scores: NDArray[np.integer]) -> None:
        """Put an edge `nodes[k]` → `other` at the end of each row. Nodes are distinct, edges new."""
        place = self._start_with_one_more(nodes) + self._length[nodes]
        self._others[place] = other
        self._scores[place] = scores
        self._length[nodes] += 1
        self.edges += len(nodes)

    def insert(self, nodes: Slots, places: NDArray[np.integer], other: int, scores: NDArray[np.integer]) -> None:
        """Put an edge `nodes[k]` → `other` at the place `places[k]` of each row. Nodes are distinct, edges new."""
        place = self._start_with_one_more(nodes) + places
        behind = _ranges(place, self._length[nodes] - places)
        self._others[behind + 1] = self._others[behind]  # the right-hand side is a copy, so overlap does no harm
        self._scores[behind + 1] = self._scores[behind]
        self._others[place] = other
        self._scores[place] = scores
        self._length[nodes] += 1
        self.edges += len(nodes)

    def remove(self, nodes: Slots, other: int) -> None:
        """Take the edge → `other` out of each row; the row's others keep their order. Nodes are distinct, the edges there."""
        length = self._length[nodes]
        places = _ranges(self._start[nodes], length)
        place = places[self._others[places] == other]
        assert len(place) == len(nodes), "each row has it, once"
        behind = _ranges(place + 1, self._start[nodes] + length - place - 1)
        self._others[behind - 1] = self._others[behind]
        self._scores[behind - 1] = self._scores[behind]
        self._length[nodes] -= 1
        self.edges -= len(nodes)

    def remove_last(self, nodes: Slots) -> None:
        """Take the last edge out of each row. Nodes are distinct, and none is empty."""
        self._length[nodes] -= 1
        self.edges -= len(nodes)

    def discard(self, node: int, other: int) -> None:
        """Take the edge `node` → `other` out, which is there. The row's last takes its place, so that nothing is moved."""
        start, length = int(self._start[node]), int(self._length[node])
        place = start + int((self._others[start : start + length] == other).argmax())
        assert self._others[place] == other, "it is there"
        last = start + length - 1
        self._others[place] = self._others[last]
        self._scores[place] = self._scores[last]
        self._length[node] = length - 1
        self.edges -= 1

    def discard_all(self, nodes: Slots, other: int) -> None:
        """`discard` in each row at once. Nodes are distinct."""
        start, length = self._start[nodes], self._length[nodes]
        places = _ranges(start, length)
        place, last = places[self._others[places] == other], start + length - 1
        assert len(place) == len(nodes), "each row has it, once"
        self._others[place], self._scores[place] = self._others[last], self._scores[last]
        self._length[nodes] -= 1
        self.edges -= len(nodes)

    def last(self, nodes: Slots) -> tuple[Int32s, Int32s]:
        """(other, score) of the last edge of each node, of which none is empty."""
        place = self._start[nodes] + self._length[nodes] - 1
        return self._others[place], self._scores[place]

    def gather(self, nodes: Slots) -> tuple[Int64s, Int32s, Int32s]:
        """All edges of `nodes`, in their order, an entry each: (position in `nodes` of the edge's node, other, score)."""
        length = self._length[nodes]
        position = np.arange(len(nodes)).repeat(length)
        place = _ranges(self._start[nodes], length)
        return position, self._others[place], self._scores[place]

    def _check(self, node: int) -> None:
        # A negative index would silently be another node's row.
        if not 0 <= node < self.nodes:
            raise IndexError(f"node {node} of {self.nodes}")

    def _start_with_room(self, node: int, length: int, room: int) -> int:
        """Where the row of `node` starts, once `length` edges fit; if they do not as it is, it gets `room` for so many."""
        if length <= self._room[node]:
            return int(self._start[node])
        if self._end + room > len(self._others):
            self._make_space(room)
        old, new, kept = int(self._start[node]), self._end, int(self._length[node])
        self._others[new : new + kept] = self._others[old : old + kept]
        self._scores[new : new + kept] = self._scores[old : old + kept]
        self._start[node] = new
        self._taken += room - int(self._room[node])
        self._room[node] = room
        self._end += room
        return new

    def _start_with_one_more(self, nodes: Slots) -> Int32s:
        """Where the rows of `nodes` start, once one more edge fits into each."""
        full = nodes[self._length[nodes] == self._room[nodes]]
        if len(full):
            length = self._length[full]
            room = _roomy(length + 1)
            more = int(room.sum())
            if self._end + more > len(self._others):
                self._make_space(more)
            start = self._end + room.cumsum(dtype=np.int32) - room
            old, new = _ranges(self._start[full], length), _ranges(start, length)
            self._others[new] = self._others[old]
            self._scores[new] = self._scores[old]
            self._taken += more - int(self._room[full].sum())
            self._end += more
            self._start[full], self._room[full] = start, room
        return self._start[nodes]

    def _make_space(self, room: int) -> None:
        """Have `room` free places at the end of the pool: by packing it where a sixteenth is holes, else by growing it."""
        if self._end - self._taken >= self._end // 16:
            self._pack()
        if self._end + room > len(self._others):
            size = (self._end + room) * 17 // 16 + 64
            assert size <= POOL_MAX
            self._others = _resized(self._others, size)
            self._scores = _resized(self._scores, size)

    def _pack(self) -> None:
        """Write all rows one after the other, with no holes between them and no more than the usual room in each."""
        length = self._length[: self.nodes]
        room = np.minimum(self._room[: self.nodes], _roomy(length))
        start = np.cumsum(room, dtype=np.int64) - room
        source = _ranges(self._start[: self.nodes], length)
        self._start[: self.nodes] = start
        self._room[: self.nodes] = room
        target = _ranges(start, length)
        self._others[target] = self._others[source]  # the right-hand side is a copy, so overlap does no harm
        self._scores[target] = self._scores[source]
        self._end = self._taken = int(room.sum(dtype=np.int64))


def _ranges(start: Slots, length: Int32s) -> Int64s:
    """The numbers from each `start`, `length` of them, one range after the other."""
    ends = length.cumsum(dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    places: Int64s = (start - ends + length).repeat(length) + np.arange(total)
    return places


def _roomy(length: Length) -> Length:
    """With room to grow in."""
    return length + length // 8 + 2


def _resized(array: Int32s, size: int) -> Int32s:
    larger = np.zeros(size, array.dtype)
    larger[: len(array)] = array
    return larger
