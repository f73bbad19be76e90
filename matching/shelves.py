"""Listings in order of value, to find those nearest to a value without looking at the rest. No clock, no I/O."""

from collections.abc import Hashable, Iterable, Mapping
from math import inf, isnan, nan

import numpy as np
from numpy.typing import NDArray

Int32s = NDArray[np.int32]
Floats = NDArray[np.float64]
Key = tuple[Hashable, ...]

NONE: Int32s = np.zeros(0, np.int32)


class Shelf:
    """Slots in order of their listings' values; after them those whose value nobody said, which are as near to any value.

    12 bytes a slot, and up to an eighth of room. A change costs one move of what stands behind it.
    """

    __slots__ = ("_slots", "_values", "count", "valued")

    def __init__(self, values: Floats, slots: Int32s) -> None:
        order = np.argsort(values, kind="stable")  # NaN, for no value, comes last
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
        place, end = self._equal(value)[1], self.count
        self._values[place + 1 : end + 1] = self._values[place:end]
        self._slots[place + 1 : end + 1] = self._slots[place:end]
        self._values[place] = value
        self._slots[place] = slot
        self.count += 1
        self.valued += not isnan(value)

    def remove(self, slot: int, value: float) -> None:
        """`value` is the one it was added with."""
        left, right = self._equal(value)
        (found,) = np.nonzero(self._slots[left:right] == slot)
        assert len(found) == 1, "it stands where its value says, once"
        place, end = left + int(found[0]), self.count
        self._values[place : end - 1] = self._values[place + 1 : end]
        self._slots[place : end - 1] = self._slots[place + 1 : end]
        self.count -= 1
        self.valued -= not isnan(value)

    def near(self, value: float, spread: float, reach: int, low: float = -inf, high: float = inf) -> Int32s:
        """The `reach` slots on either side of `value`, and twice `reach` of those without a value: a view, or a copy.

        Between limits only those with a value in them. Where many are equally near, `spread` (0 up to 1, the asker's own)
        says where among them to look, so that not everybody finds the same few.
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
        left, right = (first, last) if isnan(value) else self._equal(value)
        place = min(max(left + int(spread * (right - left)), first), last)
        valued = self._slots[max(place - reach, first) : min(place + reach, last)]
        if limited or self.valued == self.count:
            return valued
        start = min(self.valued + int(spread * (self.count - self.valued)), max(self.count - 2 * reach, self.valued))
        return np.concatenate((valued, self._slots[start : min(start + 2 * reach, self.count)]))

    def _equal(self, value: float) -> tuple[int, int]:
        """From where to where it has this value; NaN: none."""
        if isnan(value):
            return self.valued, self.count
        values = self._values[: self.valued]
        return int(values.searchsorted(value, "left")), int(values.searchsorted(value, "right"))


class Shelves:
    """A shelf per key, for as long as anything stands on it."""

    def __init__(self) -> None:
        self._shelves: dict[Key, Shelf] = {}

    @property
    def nbytes(self) -> int:
        return sum(shelf.nbytes + 400 for shelf in self._shelves.values())

    def load(self, standing: Mapping[Key, list[int]], values: Floats) -> None:
        """Everything at once: the slots of each key, and the values by slot."""
        for key, slots in standing.items():
            places = np.array(slots, np.int32)
            self._shelves[key] = Shelf(values[places], places)

    def add(self, keys: Iterable[Key], slot: int, value: float) -> None:
        for key in keys:
            shelf = self._shelves.get(key)
            if shelf is None:
                shelf = self._shelves[key] = Shelf(np.zeros(0), NONE)
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
