"""Listings in order of value, to find those nearest to a value without looking at the rest. No clock, no I/O."""

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import inf, isnan, nan

import numpy as np
from numpy.typing import NDArray

from matching.circle import along, spread
from matching.postings import NONE

Int32s = NDArray[np.int32]
Floats = NDArray[np.float64]
Key = tuple[Hashable, ...]


class Shelf:
    """Slots in order of their listings' values; after them those whose value nobody said, which are as near to any value.

    Of equal values in the order of their ids around the circle (circle.py). 12 bytes a slot, and up to an eighth of room. A
    change costs one move of what stands behind it.
    """

    __slots__ = ("_ids", "_slots", "_values", "count", "valued")

    def __init__(self, values: Floats, slots: Int32s, ids: Sequence[int]) -> None:
        """`ids` by slot: the caller's. The slots come in the order of theirs around the circle."""
        order = np.argsort(values, kind="stable")  # NaN, for no value, comes last
        self._ids = ids
        self._values = values[order]
        self._slots = slots[order]
        self.count = len(slots)
        self.valued = self.count - int(np.count_nonzero(np.isnan(values)))

    @property
    def nbytes(self) -> int:
        return self._values.nbytes + self._slots.nbytes

    def add(self, slot: int, value: float) -> None:
        if self.count == len(self._slots):
            room = self.count // 8 + 2
            self._values = np.concatenate((self._values, np.full(room, nan)))
            self._slots = np.concatenate((self._slots, np.zeros(room, np.int32)))
        place, end = self._place(self._ids[slot], *self._equal(value)), self.count
        self._values[place + 1 : end + 1] = self._values[place:end]
        self._slots[place + 1 : end + 1] = self._slots[place:end]
        self._values[place] = value
        self._slots[place] = slot
        self.count += 1
        self.valued += not isnan(value)

    def remove(self, slot: int, value: float) -> None:
        """`value` is the one it was added with, and its id is what it was."""
        place, end = self._place(self._ids[slot], *self._equal(value)), self.count
        assert self._slots[place] == slot, "it stands where its value and its id say"
        self._values[place : end - 1] = self._values[place + 1 : end]
        self._slots[place : end - 1] = self._slots[place + 1 : end]
        self.count -= 1
        self.valued -= not isnan(value)

    def near(self, value: float, item: int, reach: int, low: float = -inf, high: float = inf) -> Int32s:
        """The `reach` slots on either side of `value`, and twice `reach` of those without a value: a view, or a copy.

        Between limits only those with a value in them. Where more are equally near than are shown, it is those whose ids are
        nearest to `item`'s around the circle, so that not everybody finds the same few.
        """
        limited = low > -inf or high < inf
        if not limited and self.count <= 2 * reach:
            return self._slots[: self.count]
        first, last = 0, self.valued
        if limited:
            values = self._values[:last]
            first, last = int(values.searchsorted(low, "left")), int(values.searchsorted(high, "right"))
            if first >= last:
                return NONE
        if isnan(value):  # all are equally near, and in no order that helps: as good as any are those at a place of its own
            left = right = first + int(spread(item) * (last - first))
        else:
            left, right = self._equal(value)
        if right - left > 2 * reach and first <= left and right <= last:  # what is equal is within the limits, or is not
            valued = self._around(item, left, right, reach)
        else:
            place = min(max((left + right) // 2, first), last)
            valued = self._slots[max(place - reach, first) : min(place + reach, last)]
        if limited or self.valued == self.count:
            return valued
        return np.concatenate((valued, self._around(item, self.valued, self.count, reach)))

    def _around(self, item: int, left: int, right: int, reach: int) -> Int32s:
        """Of the slots from `left` to `right`, equal in value, the `reach` on either side of where `item` is on the circle."""
        if right - left <= 2 * reach:
            return self._slots[left:right]
        place = self._place(item, left, right)
        start, end = place - reach, place + reach
        if start < left:
            return np.concatenate((self._slots[left:end], self._slots[start + right - left : right]))
        if end > right:
            return np.concatenate((self._slots[left : end - right + left], self._slots[start:right]))
        return self._slots[start:end]

    def _equal(self, value: float) -> tuple[int, int]:
        """From where to where it has this value; NaN: none."""
        if isnan(value):
            return self.valued, self.count
        values = self._values[: self.valued]
        left = int(values.searchsorted(value, "left"))
        if left == self.valued or values[left] != value:
            return left, left
        return left, int(values.searchsorted(value, "right"))

    def _place(self, item: int, left: int, right: int) -> int:
        """Where from `left` to `right`, equal in value, `item` is, or would be."""
        ids = self._ids
        return bisect_left(self._slots, along(item), left, right, key=lambda slot: along(ids[slot]))


class Shelves:
    """A shelf per key, for as long as anything stands on it. `ids` by slot: the caller's."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids
        self._shelves: dict[Key, Shelf] = {}

    @property
    def nbytes(self) -> int:
        return sum(shelf.nbytes + 400 for shelf in self._shelves.values())

    def load(self, standing: Mapping[Key, list[int]], values: Floats) -> None:
        """Everything at once: the slots of each key, in the order of their ids around the circle, and the values by slot."""
        for key, slots in standing.items():
            places = np.array(slots, np.int32)
            self._shelves[key] = Shelf(values[places], places, self._ids)

    def add(self, keys: Iterable[Key], slot: int, value: float) -> None:
        for key in keys:
            shelf = self._shelves.get(key)
            if shelf is None:
                shelf = self._shelves[key] = Shelf(np.zeros(0), NONE, self._ids)
            shelf.add(slot, value)

    def remove(self, keys: Iterable[Key], slot: int, value: float) -> None:
        for key in keys:
            shelf = self._shelves[key]
            shelf.remove(slot, value)
            if shelf.count == 0:
                del self._shelves[key]

    def of(self, keys: Iterable[Key]) -> list[Shelf]:
        """Those of the keys that have one."""
        return [shelf for key in keys if (shelf := self._shelves.get(key)) is not None]
