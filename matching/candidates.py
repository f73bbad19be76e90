"""Who might want what, found by indexes and never by comparing all pairs. No clock, no I/O.

Both ways: what the owner of a listing may want (a row of the market's graph), and who may want a listing that is new. Where
an index has more than a window shows, the nearest in value are taken, for nearness in value is what scores differ by most.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np

from matching.listings import Int32s, Listings
from matching.postings import NONE
from matching.scoring import value_points
from matching.shelves import Key, Shelf, Shelves
from matching.wants import ANY_CONDITION

# Windows: so many on either side of a value, on every shelf looked at.
# The nearest in value of one category and condition are the best of it: a row's 20, one that shows that there are more,
# and the asker itself.
WANTED_REACH = 22
WANTED_REACH_MAX = 5_632  # as wide as a window gets where it is full of one's own
FED_REACH = 500  # seekers who have found enough: only what is nearer than that gets into their rows
HUNGRY_REACH = 5_000  # seekers who have not: they take what is far away, too
KEYWORD_MAX = 2_000  # of those that have a keyword

CONDITIONS = range(ANY_CONDITION + 1)


class Seeks(IntEnum):
    """What the owner of a listing does about it."""

    NOTHING = 0  # it is not in the market
    MORE = 1  # their row has room: hungry
    BETTER = 2  # their row is full, or was cut: fed


# The first part of a shelf's key, and what the second is: which listings stand on it, or who would take such.
SAME = "same"  # a category: exactly that one
SIBLING = "sibling"  # a category: those right below it
WITHIN = "within"  # a category: it and all below it
ALL = "all"  # None
WORD = "word"  # of a keyword that is sought


class Candidates:
    """The indexes over `listings`: of what is offered, and of what is sought."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._offered = Shelves()  # (which, node, condition): a window of one condition is not crowded out by another
        self._sought = Shelves()  # (which, node or word, hungry or fed), by the value of what the seeker has
        self._seeks = bytearray()  # by slot
        self._named: dict[int, tuple[int, ...]] = {}  # by item id, listed or not: the slots of those who asked for it

    @property
    def nbytes(self) -> int:
        named = sum(200 + 8 * len(slots) for slots in self._named.values())
        return self._offered.nbytes + self._sought.nbytes + len(self._seeks) + named

    def load_offers(self, slots: Iterable[int]) -> None:
        """Add all of these at once, into empty indexes."""
        offered: dict[Key, list[int]] = defaultdict(list)
        for slot in slots:
            for key in self._offered_on(slot):
                offered[key].append(slot)
            self._note_named(slot)
        self._offered.load(offered, self._listings.value)

    def load_seekers(self, slots: Sequence[int], seeks: Sequence[Seeks]) -> None:
        """What the owner of each does, at once, into empty indexes."""
        sought: dict[Key, list[int]] = defaultdict(list)
        self._seeks = bytearray(self._listings.slots)
        for slot, does in zip(slots, seeks, strict=True):
            self._seeks[slot] = does
            for key in self._sought_on(slot, does):
                sought[key].append(slot)
        self._sought.load(sought, self._listings.value)

    def add(self, slot: int) -> None:
        """It can be found by others; `seek` says whether others can find its owner."""
        self._offered.add(self._offered_on(slot), slot, float(self._listings.value[slot]))
        self._note_named(slot)

    def remove(self, slot: int) -> None:
        """While it is still in the listings, as it was added."""
        self.seek(slot, Seeks.NOTHING)
        self._offered.remove(self._offered_on(slot), slot, float(self._listings.value[slot]))
        for item in self._listings.wanted_items.get(slot, ()):
            self._named[item] = tuple(other for other in self._named[item] if other != slot)
            if not self._named[item]:
                del self._named[item]

    def seek(self, slot: int, does: Seeks) -> None:
        """The owner of `slot` does this from now on."""
        if slot >= len(self._seeks):
            self._seeks.extend(bytes(slot + 1 - len(self._seeks)))
        if (before := self._seeks[slot]) != does:
            value = float(self._listings.value[slot])
            self._sought.remove(self._sought_on(slot, before), slot, value)
            self._sought.add(self._sought_on(slot, does), slot, value)
            self._seeks[slot] = does

    def wanted_by(self, slot: int, *, anything: bool = False) -> tuple[Int32s, Int32s]:
        """What of others' the owner of `slot` would take: (what they named, what else satisfies them), each once.

        `anything`: take one who stated no wants as open to anything, though they did not say so.
        """
        listings = self._listings
        wanted_items = listings.wanted_items.get(slot, ())
        named = [other for item in wanted_items if (other := listings.slot_of.get(item)) is not None]
        if listings.by_keyword[slot]:
            met = self._having_keywords(slot)
        elif listings.criteria[slot]:
            kinds = [self._within(node) for node in listings.wanted_nodes[slot]]
            met = self._on_offer(slot, kinds if listings.by_category[slot] else [(ALL, None)])
        elif listings.open[slot] or (anything and not listings.stated[slot]):
            met = distinct([self._on_offer(slot, self._alike(slot))])
        else:
            met = NONE
        return self._sorted_out(slot, named, met)

    def seekers_of(self, slot: int) -> tuple[Int32s, Int32s]:
        """The listings of others whose owners may want `slot`: (those who named it, who may want it else), each once.

        They seek its category, one of its words, or anything. Whether it meets all their criteria is for the caller to see:
        of the thousands here few have nothing better.
        """
        listings = self._listings
        kinds = self._alike(slot)
        kinds += [(WITHIN, node) for node in listings.taxonomy.upward[listings.category[slot]]]
        words: list[Key] = [(WORD, word) for word in listings.texts.words(slot)]
        value, spread = float(listings.value[slot]), listings.spread(slot)
        near: list[Int32s] = []
        for does, reach in ((Seeks.MORE, HUNGRY_REACH), (Seeks.BETTER, FED_REACH)):
            near += [shelf.near(value, spread, reach) for shelf in self._sought.of((*kind, does) for kind in kinds)]
            by_word = distinct([shelf.near(value, spread, reach) for shelf in self._sought.of((*word, does) for word in words)])
            near.append(self._nearest(slot, by_word, 2 * reach))
        met = distinct(near)
        return self._sorted_out(slot, sorted(self._named.get(listings.ids[slot], ())), met)

    def _on_offer(self, slot: int, kinds: list[Key]) -> Int32s:
        """What others offer of these kinds, near in value, within the limits that the owner of `slot` set."""
        listings = self._listings
        value, spread = float(listings.value[slot]), listings.spread(slot)
        low, high = float(listings.value_min[slot]), float(listings.value_max[slot])
        conditions = CONDITIONS[: int(listings.condition_max[slot]) + 1]
        shelves = self._offered.of((*kind, condition) for kind in kinds for condition in conditions)
        if listings.by_value[slot]:  # only what has a value is in a range, though it goes up to infinity
            low = max(low, 0.0)
        owner = listings.owner[slot]
        found = _joined([shelf.near(value, spread, WANTED_REACH, low, high) for shelf in shelves])
        of_others: Int32s = found[listings.owner[found] != owner]
        if len(found) - len(of_others) < WANTED_REACH // 2:  # so no window is full of them; one is the asker itself
            return of_others

        def beyond_own(shelf: Shelf) -> Int32s:
            reach, seen = WANTED_REACH, -1
            while True:
                found = shelf.near(value, spread, reach, low, high)
                others: Int32s = found[listings.owner[found] != owner]
                if len(others) >= WANTED_REACH or reach >= WANTED_REACH_MAX or len(found) == seen:
                    return others
                reach, seen = reach * 4, len(found)

        return _joined([beyond_own(shelf) for shelf in shelves])

    def _having_keywords(self, slot: int) -> Int32s:
        """What has one of the keywords of the owner of `slot`, and meets their other criteria."""
        listings = self._listings
        found = distinct([listings.texts.having_all(keyword) for keyword in listings.keywords[slot]])
        found = found[
            listings.within_limits(np.full(len(found), slot), found) & (listings.owner[found] != listings.owner[slot])
        ]
        if listings.by_category[slot]:
            found = found[listings.taxonomy.below(listings.wanted_nodes[slot])[listings.category[found]]]
        return self._nearest(slot, found, KEYWORD_MAX)

    def _nearest(self, slot: int, slots: Int32s, count: int) -> Int32s:
        """The `count` of `slots` that are nearest in value to `slot`."""
        if len(slots) <= count:
            return slots
        points = value_points(self._listings.value[slot], self._listings.value[slots])
        return slots[np.argpartition(-points, count)[:count]]

    def _sorted_out(self, slot: int, named: list[int], met: Int32s) -> tuple[Int32s, Int32s]:
        """Both without the owner's own, and what is named only there."""
        owner, own = self._listings.owner, self._listings.owner[slot]
        first = np.array(named, np.int32)
        first, met = first[owner[first] != own], met[owner[met] != own]
        if len(first) and len(met):
            met = met[~np.isin(met, first)]
        return first, met

    def _alike(self, slot: int) -> list[Key]:
        """The kinds that score by likeness to `slot`: its category, those beside it, anything."""
        category = int(self._listings.category[slot])
        parent = self._listings.taxonomy.parent[category]
        beside: list[Key] = [(SIBLING, parent)] if parent >= 0 else []
        return [(SAME, category), *beside, (ALL, None)]

    def _offered_on(self, slot: int) -> list[Key]:
        condition = int(self._listings.condition[slot])
        kinds = self._alike(slot)
        kinds += [self._within(node) for node in self._listings.taxonomy.upward[self._listings.category[slot]]]
        return [(*kind, condition) for kind in dict.fromkeys(kinds)]

    def _within(self, node: int) -> Key:
        """What is offered in a category or below it. With none below it, that is what is offered in exactly that one."""
        return (WITHIN if node in self._listings.taxonomy.parent else SAME, node)

    def _sought_on(self, slot: int, does: int) -> list[Key]:
        if does == Seeks.NOTHING:
            return []
        listings = self._listings
        kinds: list[Key] = []
        if listings.by_keyword[slot]:
            # One word of each keyword is enough to find them by: the longest tends to be the rarest.
            longest = {max(keyword, key=lambda word: (len(word), word)) for keyword in listings.keywords[slot] if keyword}
            kinds = [(WORD, word) for word in longest]
        elif listings.by_category[slot]:
            kinds = [(WITHIN, node) for node in listings.wanted_nodes[slot]]
        elif listings.criteria[slot]:
            kinds = [(ALL, None)]
        elif listings.open[slot]:
            kinds = self._alike(slot)
        return [(*kind, does) for kind in kinds]

    def _note_named(self, slot: int) -> None:
        for item in self._listings.wanted_items.get(slot, ()):
            self._named[item] = (*self._named.get(item, ()), slot)


def _joined(parts: list[Int32s]) -> Int32s:
    return np.concatenate(parts) if parts else NONE


def distinct(parts: list[Int32s]) -> Int32s:
    """Each once, in order. Five times as fast as `np.unique`, which hashes."""
    slots = np.sort(_joined(parts))
    first = np.ones(len(slots), np.bool_)
    np.not_equal(slots[1:], slots[:-1], out=first[1:])
    return slots[first]
