"""What the owner of a listing may want, found by indexes and never by comparing all pairs. No clock, no I/O.

Where an index has more than a window shows, the nearest in value are taken, for nearness in value is what scores differ by
most.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from matching.kinds import ANYTHING, SAME, WITHIN, alike, around, distinct, joined, nearest
from matching.listings import Int32s, Listings
from matching.postings import NONE
from matching.shelves import Key, Shelf, Shelves
from matching.wants import ANY_CONDITION

# Windows: so many on either side of a value, on every shelf looked at.
# The nearest in value of one category and condition are the best of it: a row's 20, one more, and the asker itself.
WANTED_REACH = 22
WANTED_REACH_MAX = 5_632  # as wide as a window gets where it is full of one's own
KEYWORD_MAX = 2_000  # of those that have a keyword

CONDITIONS = range(ANY_CONDITION + 1)


class Candidates:
    """The indexes of what is offered."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        # (which, node, condition): a window of one condition is not crowded out by another
        self._offered = Shelves(listings.ids)

    @property
    def nbytes(self) -> int:
        return self._offered.nbytes

    def load(self, slots: Iterable[int]) -> None:
        """Add all of these at once, into empty indexes."""
        offered: dict[Key, list[int]] = defaultdict(list)
        for slot in around(self._listings, slots):
            for key in self._offered_on(slot):
                offered[key].append(slot)
        self._offered.load(offered, self._listings.value)

    def add(self, slot: int) -> None:
        self._offered.add(self._offered_on(slot), slot, float(self._listings.value[slot]))

    def remove(self, slot: int) -> None:
        """While it is still in the listings, as it was added."""
        self._offered.remove(self._offered_on(slot), slot, float(self._listings.value[slot]))

    def wanted_by(self, slot: int, *, anything: bool = False, same: bool = False) -> tuple[Int32s, Int32s]:
        """What of others' the owner of `slot` would take: (what they named, what else satisfies them), each once.

        `anything`: take one who stated no wants as open to anything, though they did not say so. `same`: of all that one open
        to anything would take, only what is in the same category, which is far less.
        """
        listings = self._listings
        wanted_items = listings.wanted_items.get(slot, ())
        named = [other for item in wanted_items if (other := listings.slot_of.get(item)) is not None]
        if listings.by_keyword[slot]:
            met = self._having_keywords(slot)
        elif listings.criteria[slot]:
            kinds = [self._within(node) for node in listings.wanted_nodes[slot]]
            met = self._on_offer(slot, kinds if listings.by_category[slot] else [ANYTHING])
        elif listings.open[slot] or (anything and not listings.stated[slot]):
            kinds = alike(listings, slot)
            met = distinct([self._on_offer(slot, kinds[:1] if same else kinds)])
        else:
            met = NONE
        return self._sorted_out(slot, named, met)

    def _on_offer(self, slot: int, kinds: list[Key]) -> Int32s:
        """What others offer of these kinds, near in value, within the limits that the owner of `slot` set."""
        listings = self._listings
        value, item = float(listings.value[slot]), listings.ids[slot]
        low, high = float(listings.value_min[slot]), float(listings.value_max[slot])
        conditions = CONDITIONS[: int(listings.condition_max[slot]) + 1]
        shelves = self._offered.of((*kind, condition) for kind in kinds for condition in conditions)
        if listings.by_value[slot]:  # only what has a value is in a range, though it goes up to infinity
            low = max(low, 0.0)
        owner = listings.owner[slot]
        found = joined([shelf.near(value, item, WANTED_REACH, low, high) for shelf in shelves])
        of_others: Int32s = found[listings.owner[found] != owner]
        if len(found) - len(of_others) < WANTED_REACH // 2:  # so no window is full of them; one is the asker itself
            return of_others

        def beyond_own(shelf: Shelf) -> Int32s:
            reach, seen = WANTED_REACH, -1
            while True:
                found = shelf.near(value, item, reach, low, high)
                others: Int32s = found[listings.owner[found] != owner]
                if len(others) >= WANTED_REACH or reach >= WANTED_REACH_MAX or len(found) == seen:
                    return others
                reach, seen = reach * 4, len(found)

        return joined([beyond_own(shelf) for shelf in shelves])

    def _having_keywords(self, slot: int) -> Int32s:
        """What has one of the keywords of the owner of `slot`, and meets their other criteria."""
        listings = self._listings
        found = distinct([listings.texts.having_all(keyword) for keyword in listings.keywords[slot]])
        found = found[listings.within_limits(slot, found) & (listings.owner[found] != listings.owner[slot])]
        if listings.by_category[slot]:
            found = found[listings.taxonomy.below(listings.wanted_nodes[slot])[listings.category[found]]]
        return nearest(listings, slot, found, KEYWORD_MAX)

    def _sorted_out(self, slot: int, named: list[int], met: Int32s) -> tuple[Int32s, Int32s]:
        """Both without the owner's own, and what is named only there."""
        owner, own = self._listings.owner, self._listings.owner[slot]
        first = np.array(named, np.int32)
        first, met = first[owner[first] != own], met[owner[met] != own]
        if len(first) and len(met):
            met = met[~np.isin(met, first)]
        return first, met

    def _offered_on(self, slot: int) -> list[Key]:
        listings = self._listings
        condition = int(listings.condition[slot])
        kinds = alike(listings, slot)
        kinds += [self._within(node) for node in listings.taxonomy.upward[listings.category[slot]]]
        return [(*kind, condition) for kind in dict.fromkeys(kinds)]

    def _within(self, node: int) -> Key:
        """What is offered in a category or below it. With none below it, that is what is offered in exactly that one."""
        return (WITHIN if node in self._listings.taxonomy.parent else SAME, node)
