"""The market: every listing that can be bartered, and the graph of who wants what, kept right as listings come and go.

An edge a → b says that the owner of a wants b: b satisfies what they stated, or they are open to anything and stated nothing;
b is another's; and the score is at least EDGE_MIN (C57). Each row keeps its EDGES_MAX best edges. No clock, no I/O.

A row that had more is *cut*: it holds the best, and what was left out is not remembered. So when it loses some, it is short:
still the best there are, but fewer. With fewer than half left it is computed anew; `mend` does the others, given time.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np

from matching.adjacency import Adjacency
from matching.candidates import Candidates, Seeks
from matching.listings import Int32s, Listings
from matching.matches import Match, best_matches
from matching.rows import EDGES_MAX, best_rows
from matching.scoring import EDGE_MIN
from matching.search import Graph
from matching.wants import Listing, Taxonomy

EDGES_FEW = EDGES_MAX // 2  # a cut row with fewer is computed anew at once
ROWS_AT_ONCE = 256  # bounds the memory of one step, and for how long it keeps other threads waiting
NO_FLOOR = 0
NONE: Int32s = np.zeros(0, np.int32)


class Market:
    """A snapshot, by slot: a small number per listing, which the next one takes over when it leaves. Not safe for threads."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.listings = Listings(taxonomy)
        self.out = Adjacency()
        self.into = Adjacency()
        self._candidates = Candidates(self.listings)
        self._cut = np.zeros(0, np.bool_)  # by slot: the row is not all there is
        self._floor = np.zeros(0, np.int32)  # by slot: a new edge with less does not get into the row
        self._last = np.zeros(0, np.int32)  # by slot: the other end of the edge with that score
        self._short: dict[int, None] = {}  # rows to mend, in the order they became short

    def __len__(self) -> int:
        return len(self.listings)

    @property
    def nbytes(self) -> int:
        """The memory of all it holds, bytes: exact for arrays, estimated for the rest."""
        edges = self.out.nbytes + self.into.nbytes + self._cut.nbytes + self._floor.nbytes + self._last.nbytes
        return edges + self.listings.nbytes + self._candidates.nbytes + 100 * len(self._short)

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
        self._candidates.load_offers(slots)
        sources, others, scores = [], [], []
        for start in range(0, len(slots), ROWS_AT_ONCE):
            part = slots[start : start + ROWS_AT_ONCE]
            rows = best_rows(self.listings, self._candidates, part)
            sources.append(np.repeat(np.asarray(part, np.int32), np.diff(rows.start)))
            others.append(rows.others)
            scores.append(rows.scores)
            self._cut[part] = rows.cut
        if slots:
            a, b, points = np.concatenate(sources), np.concatenate(others), np.concatenate(scores)
            self.out = Adjacency.of(self.listings.slots, a, b, points)
            self.into = Adjacency.of(self.listings.slots, b, a, points)
            for slot in slots:
                self._set_floor(slot)
            seeks = [Seeks.BETTER if self._floor[slot] else Seeks.MORE for slot in slots]
            self._candidates.load_seekers(slots, seeks)

    def put(self, listing: Listing) -> None:
        """Add a listing, or have it as it is now. Raises KeyError for a category that is not in the taxonomy."""
        self.listings.taxonomy.node(listing.category)  # before anything is changed
        self.drop(listing.item)
        slot = self.listings.enter(listing)
        self._grow()
        self._candidates.add(slot)
        self._renew([slot])
        self._tell_seekers(slot)

    def drop(self, item: UUID) -> bool:
        """Take a listing out. False: it was not in."""
        slot = self.slot(item)
        if slot is None:
            return False
        self._candidates.remove(slot)
        for other in self.out.row(slot)[0].tolist():
            self.into.remove(other, slot)
        few = []
        for seeker in self.into.row(slot)[0].tolist():
            self.out.remove(seeker, slot)
            self._note_floor(seeker)
            if self._cut[seeker]:
                self._short[seeker] = None
                if self.out.degree(seeker) < EDGES_FEW:
                    few.append(seeker)
        self.out.set_row(slot, NONE, NONE)
        self.into.set_row(slot, NONE, NONE)
        self._cut[slot] = False
        self._short.pop(slot, None)
        self.listings.leave(slot)
        self._renew(few)
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
        named = np.array([listings.names(source, target)])
        score = int(listings.scores(np.array([source]), np.array([target]), named)[0])
        return score if score >= EDGE_MIN else None

    def matches(self, item: UUID, count: int) -> list[Match]:
        """The best listings of others to swap this one for, two ways (S2.45): best first, `count` at most."""
        slot = self.slot(item)
        return [] if slot is None else best_matches(self.listings, self._candidates, slot, count)

    def _renew(self, slots: Sequence[int]) -> None:
        """Compute these rows, both ways."""
        for start in range(0, len(slots), ROWS_AT_ONCE):
            part = slots[start : start + ROWS_AT_ONCE]
            rows = best_rows(self.listings, self._candidates, part)
            for k, slot in enumerate(part):
                others, scores = rows.row(k)
                edges = dict(zip(others.tolist(), scores.tolist(), strict=True))
                before = self.out.row(slot)[0].tolist()
                for other in before:
                    if other not in edges:
                        self.into.remove(other, slot)
                self.out.set_row(slot, others, scores)
                for other, score in edges.items():
                    if other not in before:  # an edge's score never changes: who is changed comes anew
                        self.into.add(other, slot, score)
                self._cut[slot] = rows.cut[k]
                self._note_floor(slot)
                self._short.pop(slot, None)

    def _tell_seekers(self, slot: int) -> None:
        """Put the new `slot` into the rows of those who want it, where it is good enough for them."""
        named, met = self._candidates.seekers_of(slot)
        seekers = np.concatenate((named, met))
        scores = self.listings.scores(seekers, np.full(len(seekers), slot), np.arange(len(seekers)) < len(named))
        edge = scores >= EDGE_MIN
        seekers, scores = seekers[edge], scores[edge]
        # Most have better already. Among equals the id decides, and its first half tells nearly always.
        last, high, floor = self._last[seekers], self.listings.id_high, self._floor[seekers]
        good = (scores > floor) | ((scores == floor) & (high[last] >= high[slot]))
        self._cut[seekers[~good]] = True  # if it is theirs at all; that a full row may not be all there is does no harm
        kept = [
            (seeker, score)
            for seeker, score in zip(seekers[good].tolist(), scores[good].tolist(), strict=True)
            if self._is_wanted(seeker, slot) and self._insert(seeker, slot, score)
        ]
        if kept:
            rows: Int32s = np.array(kept, np.int32)
            self.into.set_row(slot, rows[:, 0], rows[:, 1])

    def _is_wanted(self, a: int, b: int) -> bool:
        listings = self.listings
        return bool(listings.open[a]) or listings.meets_criteria(a, b) or listings.names(a, b)

    def _insert(self, seeker: int, slot: int, score: int) -> bool:
        """Put an edge in its place in the row of `seeker`, if it is one of the best. `into` of `slot` is left to the caller."""
        ids = self.listings.ids
        others, scores = self.out.row(seeker)
        length = len(others)
        place = int(np.count_nonzero(scores >= score))
        while place and scores[place - 1] == score and ids[others[place - 1]] > ids[slot]:
            place -= 1
        # Behind the last of a cut row there may be others, better than this one.
        if place == EDGES_MAX or (place == length and self._cut[seeker]):
            self._cut[seeker] = True
            return False
        if length == EDGES_MAX:
            self.into.remove(int(others[-1]), seeker)
            self._cut[seeker] = True
        else:
            self.out.add(seeker, slot, score)
            others, scores = self.out.row(seeker)
        others[place + 1 :] = others[place:-1]
        scores[place + 1 :] = scores[place:-1]
        others[place], scores[place] = slot, score
        self._note_floor(seeker)
        return True

    def _note_floor(self, slot: int) -> None:
        self._set_floor(slot)
        self._candidates.seek(slot, Seeks.BETTER if self._floor[slot] else Seeks.MORE)

    def _set_floor(self, slot: int) -> None:
        others, scores = self.out.row(slot)
        full = len(scores) == EDGES_MAX or (len(scores) and self._cut[slot])
        self._floor[slot], self._last[slot] = (scores[-1], others[-1]) if full else (NO_FLOOR, slot)

    def _grow(self) -> None:
        slots = self.listings.slots
        self.out.grow(slots)
        self.into.grow(slots)
        if slots > len(self._cut):
            room = slots - len(self._cut) + slots // 8 + 16
            self._cut = np.concatenate((self._cut, np.zeros(room, np.bool_)))
            self._floor = np.concatenate((self._floor, np.zeros(room, np.int32)))
            self._last = np.concatenate((self._last, np.zeros(room, np.int32)))
