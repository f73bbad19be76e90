"""Who might want what, found by indexes and never by comparing all pairs. No clock, no I/O.

Both ways: what the owner of a listing may want (a row of the market's graph), and who may want a listing that is new. Where
an index has more than a window shows, the nearest in value are taken, for nearness in value is what scores differ by most.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from matching.listings import Int32s, Listings
from matching.postings import NONE, Postings
from matching.scoring import value_points
from matching.shelves import Key, Shelf, Shelves
from matching.wants import ANY_CONDITION

# Windows: so many on either side of a value, on every shelf looked at.
WANTED_REACH = 20  # as many as a row keeps: the nearest in value of one category and condition are the best of it
WANTED_REACH_MAX = 5_120  # as wide as a window gets where it is full of one's own
SEEKERS_REACH = 1_000  # many more: somebody far away in value may have found nothing better yet
KEYWORD_MAX = 2_000  # of those that have a keyword

CONDITIONS = range(ANY_CONDITION + 1)

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
        self._sought = Shelves()  # (which, node or word), by the value of what the seeker has
        self._texts = Postings()
        self._named: dict[int, set[int]] = {}  # by item id, listed or not: the slots of those who asked for it

    @property
    def nbytes(self) -> int:
        named = sum(250 + 60 * len(slots) for slots in self._named.values())
        return self._offered.nbytes + self._sought.nbytes + self._texts.nbytes + named

    def load(self, slots: Iterable[int]) -> None:
        """Index all of these at once, into empty indexes."""
        offered: dict[Key, list[int]] = defaultdict(list)
        sought: dict[Key, list[int]] = defaultdict(list)
        texts: dict[str, list[int]] = defaultdict(list)
        for slot in slots:
            for key in self._offered_on(slot):
                offered[key].append(slot)
            for key in self._sought_on(slot):
                sought[key].append(slot)
            for word in self._listings.words[slot]:
                texts[word].append(slot)
            self._note_named(slot)
        self._offered.load(offered, self._listings.value)
        self._sought.load(sought, self._listings.value)
        self._texts.load(texts)

    def add(self, slot: int) -> None:
        value = float(self._listings.value[slot])
        self._offered.add(self._offered_on(slot), slot, value)
        self._sought.add(self._sought_on(slot), slot, value)
        self._texts.add(slot, self._listings.words[slot])
        self._note_named(slot)

    def remove(self, slot: int) -> None:
        """While it is still in the listings, as it was added."""
        value = float(self._listings.value[slot])
        self._offered.remove(self._offered_on(slot), slot, value)
        self._sought.remove(self._sought_on(slot), slot, value)
        self._texts.remove(slot, self._listings.words[slot])
        for item in self._listings.asked[slot].items:
            self._named[item].remove(slot)
            if not self._named[item]:
                del self._named[item]

    def wanted_by(self, slot: int, *, anything: bool = False) -> tuple[Int32s, Int32s]:
        """What of others' the owner of `slot` would take: (what they named, what else satisfies them), each once.

        `anything`: take one who stated no wants as open to anything, though they did not say so.
        """
        listings = self._listings
        named = [listings.slot_of[item] for item in listings.asked[slot].items if item in listings.slot_of]
        if listings.by_keyword[slot]:
            met = self._having_keywords(slot)
        elif listings.criteria[slot]:
            kinds: list[Key] = [(WITHIN, node) for node in listings.asked[slot].nodes]
            met = self._on_offer(slot, kinds if listings.by_category[slot] else [(ALL, None)])
        elif listings.open[slot] or (anything and not listings.stated[slot]):
            met = np.unique(self._on_offer(slot, self._alike(slot)))
        else:
            met = NONE
        return self._sorted_out(slot, named, met)

    def seekers_of(self, slot: int) -> tuple[Int32s, Int32s]:
        """The listings of others whose owners would take `slot`: (those who named it, those it satisfies else), each once."""
        listings = self._listings
        kinds = self._alike(slot)
        kinds += [(WITHIN, node) for node in listings.taxonomy.upward[listings.category[slot]]]
        value, spread = float(listings.value[slot]), listings.spread(slot)
        near = [shelf.near(value, spread, SEEKERS_REACH) for shelf in self._sought.of(kinds)]
        words = self._sought.of((WORD, word) for word in listings.words[slot])
        with_word = _joined([shelf.near(value, spread, KEYWORD_MAX) for shelf in words])
        near.append(self._nearest(slot, np.unique(with_word), KEYWORD_MAX))
        met = np.unique(_joined(near))
        met = met[listings.within_limits(met, np.full(len(met), slot))]
        # One of a keyword's words brought them here; the shelves stand for the categories of those without keywords only.
        unsure = listings.by_keyword[met]
        sure = [seeker for seeker in met[unsure].tolist() if listings.meets_criteria(seeker, slot)]
        met = np.concatenate((met[~unsure], np.array(sure, np.int32)))
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
        if len(of_others) == len(found):
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
        listings, asked = self._listings, self._listings.asked[slot]
        found = np.unique(_joined([self._texts.having_all(keyword) for keyword in asked.keywords]))
        found = found[
            listings.within_limits(np.full(len(found), slot), found) & (listings.owner[found] != listings.owner[slot])
        ]
        if listings.by_category[slot]:
            found = found[listings.taxonomy.below(asked.nodes)[listings.category[found]]]
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
        kinds += [(WITHIN, node) for node in self._listings.taxonomy.upward[self._listings.category[slot]]]
        return [(*kind, condition) for kind in kinds]

    def _sought_on(self, slot: int) -> list[Key]:
        listings, asked = self._listings, self._listings.asked[slot]
        if listings.by_keyword[slot]:
            # One word of each keyword is enough to find them by: the longest tends to be the rarest.
            longest = {max(keyword, key=lambda word: (len(word), word)) for keyword in asked.keywords if keyword}
            return [(WORD, word) for word in sorted(longest)]
        if listings.by_category[slot]:
            return [(WITHIN, node) for node in asked.nodes]
        if listings.criteria[slot]:
            return [(ALL, None)]
        return self._alike(slot) if listings.open[slot] else []

    def _note_named(self, slot: int) -> None:
        for item in self._listings.asked[slot].items:
            self._named.setdefault(item, set()).add(slot)


def _joined(parts: list[Int32s]) -> Int32s:
    return np.concatenate(parts) if parts else NONE
