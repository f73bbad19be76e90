"""All that is listed, as columns: a slot per listing, an array per fact. No clock, no I/O.

Whole arrays of pairs are compared and scored at a time, which Python objects could not do. What has no fixed size (words,
wanted categories, keywords and ids) stands beside them.
"""

from collections.abc import Iterable, Iterator
from math import inf, nan
from sys import intern

import numpy as np
from numpy.typing import NDArray

from matching.circle import LOW_HALF, UInt64s, apart
from matching.postings import Postings
from matching.scoring import SAME_CATEGORY, Points, category_points, condition_points, value_points
from matching.slot_of import SlotOf
from matching.wants import ANY_CONDITION, CONDITIONS, Listing, Taxonomy, Wants, words_of

Int32s = NDArray[np.int32]
Slots = NDArray[np.integer]
Bools = NDArray[np.bool_]

SHARED_MAX = 10_000  # sets of wanted categories that are kept once: all of one and of two, in a tree of a hundred


class People:
    """A small number per owner, for as long as they list anything."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self._number: dict[int, int] = {}
        self._listed: list[int] = []  # how many listings, by number
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._number)

    def enter(self, person: int) -> int:
        number = self._number.get(person)
        if number is None:
            if self._free:
                number = self._free.pop()
                self.ids[number] = person
            else:
                number = len(self.ids)
                self.ids.append(person)
                self._listed.append(0)
            self._number[person] = number
        self._listed[number] += 1
        return number

    def leave(self, number: int) -> None:
        self._listed[number] -= 1
        if self._listed[number] == 0:
            del self._number[self.ids[number]]
            self._free.append(number)


class Listings:
    """A slot per listing; ids are the UUIDs' integers. The columns are longer than what is used of them."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.people = People()
        self.ids: list[int] = []  # by slot; what has left keeps its id until the slot is taken again
        self.slot_of = SlotOf(self.ids)
        self.texts = Postings()
        self.wanted_nodes: list[tuple[int, ...]] = []  # by slot: the categories asked for
        self.wanted_items: dict[int, tuple[int, ...]] = {}  # of the slots that ask for some: their ids
        self.keywords: dict[int, tuple[tuple[str, ...], ...]] = {}  # of the slots that have some: each as its words
        self._shared: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._free: list[int] = []
        self._likeness = _likeness(taxonomy)

        self.id_high, self.id_low = np.zeros(0, np.uint64), np.zeros(0, np.uint64)  # the id in halves, to sort by
        self.owner = np.zeros(0, np.int32)
        self.value = np.zeros(0, np.float64)  # NaN: not said
        self.category = np.zeros(0, np.int16)
        self.condition = np.zeros(0, np.int8)  # its place in CONDITIONS: the less, the better
        self.gives = np.zeros(0, np.bool_)
        self.takes = np.zeros(0, np.bool_)  # without wants: takes items at all
        self.open = np.zeros(0, np.bool_)  # has no wants, and anything is welcome
        self.stated = np.zeros(0, np.bool_)  # has wants; the rest says which
        self.criteria = np.zeros(0, np.bool_)
        self.by_category = np.zeros(0, np.bool_)
        self.by_keyword = np.zeros(0, np.bool_)
        self.by_value = np.zeros(0, np.bool_)
        self.value_min, self.value_max = np.zeros(0, np.float64), np.zeros(0, np.float64)
        self.condition_max = np.zeros(0, np.int8)  # the lowest acceptable, as a place in CONDITIONS
        self._columns = [name for name, column in vars(self).items() if isinstance(column, np.ndarray) and name[0] != "_"]

    def __len__(self) -> int:
        return len(self.slot_of)

    @property
    def slots(self) -> int:
        """How many there are, taken and free."""
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """The arrays, and an estimate of the rest: mostly ids and places in lists."""
        columns = sum(int(getattr(self, name).nbytes) for name in self._columns)
        wants = 20 * self.slots + 250 * (len(self.keywords) + len(self.wanted_items))
        return columns + self.slot_of.nbytes + self.texts.nbytes + wants + 60 * self.slots + 250 * len(self.people)

    def load(self, listings: Iterable[Listing]) -> list[int]:
        """Enter all of these into an empty market; the slots they took. A listing is not held once the next one comes."""
        slots: list[int] = []

        def texts() -> Iterator[tuple[int, tuple[str, ...]]]:
            for listing in listings:
                slots.append(self._enter(listing))
                yield slots[-1], _words(listing)

        self.texts.load(texts())
        return slots

    def enter(self, listing: Listing) -> int:
        """Take a slot for `listing`. Raises KeyError for a category that is not in the taxonomy."""
        slot = self._enter(listing)
        self.texts.add(slot, _words(listing))
        return slot

    def _enter(self, listing: Listing) -> int:
        category, condition, item = self.taxonomy.node(listing.category), CONDITIONS.index(listing.condition), listing.item.int
        if self._free:
            slot = self._free.pop()
        else:
            slot = len(self.ids)
            self.ids.append(0)
            self.wanted_nodes.append(())
            self._grow(slot + 1)
        self.ids[slot] = item
        self.slot_of.add(slot)
        self.id_high[slot], self.id_low[slot] = item >> 64, item & LOW_HALF
        self.owner[slot] = self.people.enter(listing.owner.int)
        self.value[slot] = nan if listing.value is None else listing.value
        self.category[slot] = category
        self.condition[slot] = condition
        self.gives[slot] = listing.open_to_give
        self.takes[slot] = listing.takes_items
        self.open[slot] = listing.wants is None and listing.flexible
        self._note_wants(slot, listing.wants)
        return slot

    def leave(self, slot: int) -> None:
        self.slot_of.remove(slot)
        self.people.leave(int(self.owner[slot]))
        self.texts.remove(slot)
        self.wanted_nodes[slot] = ()
        self.wanted_items.pop(slot, None)
        self.keywords.pop(slot, None)
        self._free.append(slot)

    def apart(self, a: Slots | int, b: Slots | int) -> UInt64s:
        """How far apart their ids are around the circle."""
        return apart(self.id_low[a], self.id_low[b])

    def nearer(self, a: Slots, b: Slots | int, c: Slots | int) -> Bools:
        """Whether to each of `a` the `b` is nearer, by their ids, than the `c`."""
        to_b, to_c = self.apart(a, b), self.apart(a, c)
        before: Bools = (to_b < to_c) | ((to_b == to_c) & (self.id_high[b] < self.id_high[c]))
        return before

    def scores(self, a: Slots | int, b: Slots | int, named: Bools) -> Points:
        """How well each of `b` suits the owner of the `a` in the same place, or of the one there is; and the other way round.

        `named`: it was asked for by its id.
        """
        likeness = self._likeness[self.category[a], self.category[b]]
        points: Points = np.where(named | self.by_category[a], SAME_CATEGORY, likeness)
        points += value_points(self.value[a], self.value[b])
        points += condition_points(self.condition[a], self.condition[b])
        return points

    def within_limits(self, a: Slots | int, b: Slots | int) -> Bools:
        """Whether each of `b` has a value and a condition that the `a` in the same place takes."""
        value = self.value[b]
        in_range = (value >= self.value_min[a]) & (value <= self.value_max[a])  # no value said: not in any range
        fine: Bools = (in_range | ~self.by_value[a]) & (self.condition[b] <= self.condition_max[a])
        return fine

    def names(self, a: int, b: int) -> bool:
        """Whether a's owner asked for b by its id."""
        return self.ids[b] in self.wanted_items.get(a, ())

    def wanted_category(self, a: int, b: int) -> int | None:
        """The category that a's owner named and b is in."""
        return next((node for node in self.taxonomy.upward[self.category[b]] if node in self.wanted_nodes[a]), None)

    def keyword(self, a: int, b: int) -> tuple[str, ...] | None:
        """The first keyword of a's owner that is in b's text, as its words."""
        return next((keyword for keyword in self.keywords.get(a, ()) if keyword and self.texts.has_all(b, keyword)), None)

    def meets_criteria(self, a: int, b: int) -> bool:
        """Whether b meets every criterion that a's owner gave, and there is one."""
        value = self.value[b]
        return (
            bool(self.criteria[a])
            and bool(self.condition[b] <= self.condition_max[a])
            and bool(not self.by_value[a] or self.value_min[a] <= value <= self.value_max[a])
            and (not self.by_category[a] or self.wanted_category(a, b) is not None)
            and (not self.by_keyword[a] or self.keyword(a, b) is not None)
        )

    def _note_wants(self, slot: int, wants: Wants | None) -> None:
        self.stated[slot] = wants is not None
        wants = wants or Wants()
        self.criteria[slot] = wants.has_criteria
        self.by_category[slot] = bool(wants.categories)
        self.by_keyword[slot] = bool(wants.keywords)
        self.by_value[slot] = wants.value_min is not None or wants.value_max is not None
        self.value_min[slot] = -inf if wants.value_min is None else wants.value_min
        self.value_max[slot] = inf if wants.value_max is None else wants.value_max
        self.condition_max[slot] = ANY_CONDITION if wants.condition is None else CONDITIONS.index(wants.condition)
        if wants.categories:
            nodes = self.taxonomy.nodes(wants.categories)
            if len(self._shared) < SHARED_MAX:
                self._shared.setdefault(nodes, nodes)
            self.wanted_nodes[slot] = self._shared.get(nodes, nodes)
        if wants.items:
            self.wanted_items[slot] = tuple(item.int for item in sorted(wants.items))
        if wants.keywords:
            self.keywords[slot] = tuple(tuple(map(intern, words_of(keyword))) for keyword in wants.keywords)

    def _grow(self, slots: int) -> None:
        if slots > len(self.value):
            room = slots // 8 + 16
            for name in self._columns:
                column = getattr(self, name)
                setattr(self, name, np.concatenate((column, np.zeros(room, column.dtype))))


def _likeness(taxonomy: Taxonomy) -> Points:
    """The points for likeness of each category with each: 8 bytes a pair, 100 KB for the product's own tree."""
    parent = np.array(taxonomy.parent, np.int16)
    a, b = np.ogrid[: len(taxonomy), : len(taxonomy)]
    return category_points(False, a, b, parent[a], parent[b])


def _words(listing: Listing) -> tuple[str, ...]:
    return words_of(listing.title) + words_of(listing.description)
