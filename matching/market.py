"""The market: every listing that can be bartered, and the graph of who wants what, kept right as listings come and go.

An edge a → b says that the owner of a wants b: b satisfies what they stated, or they are open to anything and stated nothing;
b is another's; and the score is at least EDGE_MIN (C57). Each row keeps its EDGES_MAX best edges, of equals those that are
nearest to it by their ids (circle.py). No clock, no I/O.

A row that was full is *cut*: it holds the best, and what was left out is not remembered. So when it loses some, it is short:
still the best there are, but fewer. With fewer than half left it is computed anew; `mend` does the others, given time.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np

from matching.adjacency import Adjacency
from matching.candidates import Candidates
from matching.listings import Int32s, Listings
from matching.matches import Match, best_matches
from matching.postings import NONE
from matching.rows import EDGES_MAX, best_row
from matching.scoring import EDGE_MIN, NO_FLOOR
from matching.search import Graph
from matching.seekers import Seekers
from matching.wants import Listing, Taxonomy

EDGES_FEW = EDGES_MAX // 2  # a cut row with fewer is computed anew at once
ROWS_AT_ONCE = 256  # bounds the memory of one step, and for how long it keeps other threads waiting


class Market:
    """A snapshot, by slot: a small number per listing, which the next one takes over when it leaves. Not safe for threads."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.listings = Listings(taxonomy)
        self.out = Adjacency()
        self.into = Adjacency()
        self._candidates = Candidates(self.listings)
        self._seekers = Seekers(self.listings)
        self._cut = np.zeros(0, np.bool_)  # by slot: the row may not be all there is
        self._floor = np.zeros(0, np.int32)  # by slot: a new edge with less does not get into the row
        self._last = np.zeros(0, np.int32)  # by slot: the other end of the edge with that score
        self._short: dict[int, None] = {}  # rows to mend, in the order they became short

    def __len__(self) -> int:
        return len(self.listings)

    @property
    def nbytes(self) -> int:
        """The memory of all it holds, bytes: exact for arrays, estimated for the rest."""
        edges = self.out.nbytes + self.into.nbytes + self._cut.nbytes + self._floor.nbytes + self._last.nbytes
        return edges + self.listings.nbytes + self._candidates.nbytes + self._seekers.nbytes + 100 * len(self._short)

    @property
    def graph(self) -> Graph:
        """What is searched: views, right until the next change."""
        listings = self.listings
        return Graph(out=self.out, into=self.into, owner=listings.owner, gives=listings.gives, rank=listings.ids)

    def slot(self, item: UUID) -> int | None:
        return self.listings.slot_of.get(item.int)

    def item(self, slot: int) -> UUID:
        return UUID(int=self.listings.ids[slot])

    def owner(self, slot: int) -> UUID:
        return UUID(int=self.listings.people.ids[self.listings.owner[slot]])

    def load(self, listings: Iterable[Listing]) -> None:
        """Fill an empty market, much faster than one by one. Lets other threads run all the while."""
        assert len(self) == 0
        slots = self.listings.load(listings)
        self._grow()
        self._candidates.load(slots)
        others, scores, lengths = [NONE], [NONE], []
        for start in range(0, len(slots), ROWS_AT_ONCE):
            rows = [best_row(self.listings, self._candidates, slot) for slot in slots[start : start + ROWS_AT_ONCE]]
            others.append(np.concatenate([row[0] for row in rows]))
            scores.append(np.concatenate([row[1] for row in rows]))
            lengths += [len(row[0]) for row in rows]
        taken = np.array(slots, np.int32)
        a, b, points = taken.repeat(lengths), np.concatenate(others), np.concatenate(scores)
        self.out = Adjacency.of(self.listings.slots, a, b, points)
        self.into = Adjacency.of(self.listings.slots, b, a, points)
        self._note_floors(taken)
        self._seekers.load(slots, self._floor[taken])

    def put(self, listing: Listing) -> None:
        """Add a listing, or have it as it is now. Raises KeyError for a category that is not in the taxonomy."""
        self.listings.taxonomy.node(listing.category)  # before anything is changed
        self.drop(listing.item)
        slot = self.listings.enter(listing)
        self._grow()
        self._candidates.add(slot)
        self._seekers.add(slot)
        self._renew([slot])
        self._tell_seekers(slot)

    def drop(self, item: UUID) -> bool:
        """Take a listing out. False: it was not in."""
        slot = self.slot(item)
        if slot is None:
            return False
        self._candidates.remove(slot)
        self._seekers.remove(slot)
        self.into.discard_all(self.out.row(slot)[0], slot)
        seekers = self.into.row(slot)[0].copy()
        self.out.remove(seekers, slot)
        self._note_floors(seekers)
        self._seekers.seek(seekers, self._floor[seekers])
        short = seekers[self._cut[seekers]]
        self._short.update(dict.fromkeys(short.tolist()))
        self.out.set_row(slot, NONE, NONE)
        self.into.set_row(slot, NONE, NONE)
        self._cut[slot] = False
        self._short.pop(slot, None)
        self.listings.leave(slot)
        self._renew(short[self.out.degrees(short) < EDGES_FEW].tolist())
        return True

    def mend(self, rows_max: int) -> int:
        """Compute up to `rows_max` short rows anew. How many are left."""
        self._renew(list(self._short)[:rows_max])
        return len(self._short)

    def edge(self, a: UUID, b: UUID) -> int | None:
        """The score of the edge from a to b, from the listings as they are: also of one that its row does not keep."""
        source, target = self.slot(a), self.slot(b)
        listings = self.listings
        if source is None or target is None or listings.owner[source] == listings.owner[target]:
            return None
        if not self._is_wanted(source, target):
            return None
        score = int(listings.scores(source, target, np.array([listings.names(source, target)]))[0])
        return score if score >= EDGE_MIN else None

    def matches(self, item: UUID, count: int) -> list[Match]:
        """The best listings of others to swap this one for, two ways (S2.45): best first, `count` at most."""
        slot = self.slot(item)
        return [] if slot is None else best_matches(self.listings, self._candidates, self._seekers, slot, count)

    def _renew(self, slots: Sequence[int]) -> None:
        """Compute these rows, both ways."""
        if not slots:
            return
        for slot in slots:
            others, scores = best_row(self.listings, self._candidates, slot)
            before, now = self.out.row(slot)[0].tolist(), set(others.tolist())
            for other in before:
                if other not in now:
                    self.into.discard(other, slot)
            fresh = ~np.isin(others, before)  # an edge's score never changes: who is changed comes anew
            self.out.set_row(slot, others, scores)
            self.into.append(others[fresh], slot, scores[fresh])
            self._cut[slot] = False
            self._short.pop(slot, None)
        renewed = np.array(slots, np.int32)
        self._note_floors(renewed)
        self._seekers.seek(renewed, self._floor[renewed])

    def _tell_seekers(self, slot: int) -> None:
        """Put the new `slot` into the rows of those who want it, where it is good enough for them."""
        listings = self.listings
        named, met = self._seekers.of(slot)
        seekers = np.concatenate((named, met))
        by_name = np.arange(len(seekers)) < len(named)
        scores = listings.scores(seekers, slot, by_name)
        # Most have better already. So what else speaks against it is asked of fewer and fewer.
        (few,) = (scores >= self._floor[seekers]).nonzero()
        seekers, scores, by_name = seekers[few], scores[few], by_name[few]
        good = (scores > self._floor[seekers]) | listings.nearer(seekers, slot, self._last[seekers])
        good &= (scores >= EDGE_MIN) & (listings.owner[seekers] != listings.owner[slot])
        seekers, scores, by_name = seekers[good], scores[good], by_name[good]
        wanted = by_name | self._seekers.satisfies(slot, seekers)
        # Each once: of equals `unique` takes the first, and those who named it come first.
        seekers, first = np.unique(seekers[wanted], return_index=True)
        if len(seekers):
            self._insert(seekers, slot, scores[wanted][first].astype(np.int32))

    def _is_wanted(self, a: int, b: int) -> bool:
        listings = self.listings
        return bool(listings.open[a]) or listings.meets_criteria(a, b) or listings.names(a, b)

    def _insert(self, seekers: Int32s, slot: int, scores: Int32s) -> None:
        """Put the new `slot` in its place in the rows of `seekers`, each once, of which it is one of the best."""
        row, others, kept = self.out.gather(seekers)
        better = kept > scores[row]
        equal = (kept == scores[row]).nonzero()[0]
        better[equal] = self.listings.nearer(seekers[row[equal]], others[equal], slot)
        places = np.bincount(row[better], minlength=len(seekers))
        full = seekers[self.out.degrees(seekers) == EDGES_MAX]
        for seeker, last in zip(full.tolist(), self._last[full].tolist(), strict=True):
            self.into.discard(last, seeker)
        self.out.remove_last(full)
        self.out.insert(seekers, places, slot, scores)
        self.into.set_row(slot, seekers, scores)
        self._note_floors(seekers)
        self._seekers.seek(seekers, self._floor[seekers])

    def _note_floors(self, slots: Int32s) -> None:
        """What the rows of `slots` let in from now on."""
        degrees = self.out.degrees(slots)
        self._cut[slots] |= degrees == EDGES_MAX
        self._floor[slots], self._last[slots] = NO_FLOOR, slots
        full = slots[self._cut[slots] & (degrees > 0)]
        self._last[full], self._floor[full] = self.out.last(full)

    def _grow(self) -> None:
        slots = self.listings.slots
        self.out.grow(slots)
        self.into.grow(slots)
        if slots > len(self._cut):
            room = slots - len(self._cut) + slots // 8 + 16
            self._cut = np.concatenate((self._cut, np.zeros(room, np.bool_)))
            self._floor = np.concatenate((self._floor, np.zeros(room, np.int32)))
            self._last = np.concatenate((self._last, np.zeros(room, np.int32)))
