"""The kinds of things that people list and seek, by which the indexes are kept. No clock, no I/O."""

from collections.abc import Iterable

import numpy as np

from matching.circle import along
from matching.listings import Int32s, Listings
from matching.postings import NONE
from matching.scoring import value_points
from matching.shelves import Key

# The first part of a shelf's key, and what the second is: which listings stand on it, or who would take such.
SAME = "same"  # a category: exactly that one
SIBLING = "sibling"  # a category: those right below it
WITHIN = "within"  # a category: it and all below it
ALL = "all"  # None
WORD = "word"  # of a keyword that is sought
ANYTHING: Key = (ALL, None)


def alike(listings: Listings, slot: int) -> list[Key]:
    """The kinds that score by likeness to `slot`: its category, those beside it, anything."""
    category = int(listings.category[slot])
    parent = listings.taxonomy.parent[category]
    beside: list[Key] = [(SIBLING, parent)] if parent >= 0 else []
    return [(SAME, category), *beside, ANYTHING]


def around(listings: Listings, slots: Iterable[int]) -> list[int]:
    """In the order of their ids around the circle, in which shelves are loaded."""
    ids = listings.ids
    return sorted(slots, key=lambda slot: along(ids[slot]))


def nearest(listings: Listings, slot: int, slots: Int32s, count: int) -> Int32s:
    """The `count` of `slots` that are nearest in value to `slot`."""
    if len(slots) <= count:
        return slots
    points = value_points(listings.value[slot], listings.value[slots])
    return slots[np.argpartition(-points, count)[:count]]


def joined(parts: list[Int32s]) -> Int32s:
    return np.concatenate(parts) if parts else NONE


def distinct(parts: list[Int32s]) -> Int32s:
    """Each once, in order. Five times as fast as `np.unique`, which hashes."""
    slots = np.sort(joined(parts))
    first = np.ones(len(slots), np.bool_)
    np.not_equal(slots[1:], slots[:-1], out=first[1:])
    return slots[first]
