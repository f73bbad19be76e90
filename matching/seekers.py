"""Who might want a listing that is new, found by indexes and never by comparing all pairs. No clock, no I/O.

Where an index has more than a window shows, the nearest in value are taken, for nearness in value is what scores differ by
most.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from matching.kinds import ALL, ANYTHING, SAME, SIBLING, WITHIN, WORD, alike, around, distinct, joined, nearest
from matching.listings import Bools, Int32s, Listings
from matching.scoring import NO_FLOOR, SAME_CONDITION, SAME_PARENT, value_points_max
from matching.shelves import Key, Shelves

# Windows: so many on either side of a value, on every shelf looked at.
FED_REACH = 500  # seekers who have found enough: only what is nearer than that gets into their rows
HUNGRY_REACH = 5_000  # seekers who have not: they take what is far away, too

# What the owner of a listing does about it.
NOTHING = 0  # it is not in the market
HUNGRY = 1  # their row has room
FED = 2  # their row is full, or was cut: they seek better
FED_BESIDE = 3  # so well that nothing gets into the row but what is in its category or one beside it
FED_ALIKE = 4  # nothing but what is in its category
IN_REACH = {HUNGRY: (SAME, SIBLING, ALL), FED: (SAME, SIBLING, ALL), FED_BESIDE: (SAME, SIBLING), FED_ALIKE: (SAME,)}


class Seekers:
    """The indexes of what is sought: by kind, and by item."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._sought = Shelves(listings.ids)  # (which, node or word, hungry or fed), by the value of what the seeker has
        self._does = np.zeros(0, np.int8)  # by slot
        self._named: dict[int, tuple[int, ...]] = {}  # by item id, listed or not: the slots of those who asked for it

    @property
    def nbytes(self) -> int:
        named = sum(200 + 8 * len(slots) for slots in self._named.values())
        return self._sought.nbytes + self._does.nbytes + named

    def load(self, slots: Sequence[int], floors: Int32s) -> None:
        """Add all of these at once, into empty indexes. `floors`: as for `seek`."""
        sought: dict[Key, list[int]] = defaultdict(list)
        self._grow()
        self._does[slots] = self._doing(np.array(slots, np.int32), floors)
        for slot in around(self._listings, slots):
            self._note_named(slot)
            for key in self._sought_on(slot, int(self._does[slot])):
                sought[key].append(slot)
        self._sought.load(sought, self._listings.value)

    def add(self, slot: int) -> None:
        """It has been entered. What its owner named is known from now on; what else they seek is for `seek` to say."""
        self._grow()
        self._note_named(slot)

    def remove(self, slot: int) -> None:
        """While it is still in the listings, as it was added."""
        self._set(slot, NOTHING)
        for item in self._listings.wanted_items.get(slot, ()):
            self._named[item] = tuple(other for other in self._named[item] if other != slot)
            if not self._named[item]:
                del self._named[item]

    def seek(self, slots: Int32s, floors: Int32s) -> None:
        """The owners of `slots` seek what has a score of at least this; NO_FLOOR: whatever they can get."""
        does = self._doing(slots, floors)
        for place in (does != self._does[slots]).nonzero()[0].tolist():
            self._set(int(slots[place]), int(does[place]))

    def of(self, slot: int) -> tuple[Int32s, Int32s]:
        """The listings whose owners may want `slot`: (those who named it, who may want it else).

        They seek its category, one of its words, or anything; some are found twice, and some are the owner's own. Most have
        better than `slot`: so it is for the caller to ask, of the few that are left, which of them it `satisfies`.
        """
        listings = self._listings
        kinds = alike(listings, slot)
        kinds += [(WITHIN, node) for node in listings.taxonomy.upward[listings.category[slot]]]
        words: list[Key] = [(WORD, word) for word in listings.texts.words(slot)]
        value, item = float(listings.value[slot]), listings.ids[slot]
        near: list[Int32s] = []
        for does, reach in ((HUNGRY, HUNGRY_REACH), (FED, FED_REACH)):
            near += [shelf.near(value, item, reach) for shelf in self._sought.of((*kind, does) for kind in kinds)]
            by_word = [shelf.near(value, item, reach) for shelf in self._sought.of((*word, does) for word in words)]
            near += [nearest(listings, slot, distinct(by_word), 2 * reach)] if sum(map(len, by_word)) > 2 * reach else by_word
        return np.array(self._named.get(item, ()), np.int32), joined(near)

    def satisfies(self, slot: int, seekers: Int32s) -> Bools:
        """Whether it meets what each of `seekers` stated, or they take anything: of those whom `of` found not by name."""
        listings = self._listings
        satisfied: Bools = listings.open[seekers] | (listings.criteria[seekers] & listings.within_limits(seekers, slot))
        # Who stated a category and no keyword was found by that category.
        for place in (satisfied & listings.by_keyword[seekers]).nonzero()[0].tolist():
            satisfied[place] = listings.meets_criteria(int(seekers[place]), slot)
        return satisfied

    def _sought_on(self, slot: int, does: int) -> list[Key]:
        if does == NOTHING:
            return []
        listings = self._listings
        kinds: Sequence[Key] = ()
        if listings.by_keyword[slot]:
            # One word of each keyword is enough to find them by: the longest tends to be the rarest.
            longest = {max(keyword, key=lambda word: (len(word), word)) for keyword in listings.keywords[slot] if keyword}
            kinds = [(WORD, word) for word in longest]
        elif listings.by_category[slot]:
            kinds = [(WITHIN, node) for node in listings.wanted_nodes[slot]]
        elif listings.criteria[slot]:
            kinds = [ANYTHING]
        elif listings.open[slot]:
            kinds = [kind for kind in alike(listings, slot) if kind[0] in IN_REACH[does]]
        return [(*kind, min(does, FED)) for kind in kinds]

    def _doing(self, slots: Int32s, floors: Int32s) -> NDArray[np.int8]:
        """What those do whose rows let in nothing below these scores."""
        listings = self._listings
        category_points_min = floors - value_points_max(listings.value[slots]) - SAME_CONDITION
        does = np.full(len(slots), FED, np.int8)
        by_likeness = listings.open[slots]
        does[by_likeness & (category_points_min > 0)] = FED_BESIDE
        does[by_likeness & (category_points_min > SAME_PARENT)] = FED_ALIKE
        does[floors == NO_FLOOR] = HUNGRY
        return does

    def _set(self, slot: int, does: int) -> None:
        value, before = float(self._listings.value[slot]), int(self._does[slot])
        self._sought.remove(self._sought_on(slot, before), slot, value)
        self._sought.add(self._sought_on(slot, does), slot, value)
        self._does[slot] = does

    def _grow(self) -> None:
        if (slots := self._listings.slots) > len(self._does):
            self._does = np.concatenate((self._does, np.zeros(slots - len(self._does) + slots // 8, np.int8)))

    def _note_named(self, slot: int) -> None:
        for item in self._listings.wanted_items.get(slot, ()):
            self._named[item] = (*self._named.get(item, ()), slot)
