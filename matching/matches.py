"""Two-party matches: what two owners could swap, and the facts that say why (S2.45). No clock, no I/O."""

from dataclasses import dataclass
from uuid import UUID

import numpy as np

from matching.candidates import Candidates
from matching.kinds import distinct
from matching.listings import Listings
from matching.scoring import SHOWN_MIN, similarity
from matching.seekers import Seekers

LOOKED_AT_MAX = 1_000  # the best by score, of which those are taken that nobody's wants speak against


@dataclass(frozen=True, slots=True)
class Wish:
    """What of one owner's stated wants the other's listing meets."""

    named: bool  # asked for by its id
    category: str | None  # the category they named that it is in
    keyword: str | None
    criteria: bool  # all that they stated is met, whichever criteria those are


@dataclass(frozen=True, slots=True)
class Match:
    """A listing of somebody else's that both could be content with."""

    item: UUID
    owner: UUID
    score: int  # millionths: the mean of both directions', a half rounded down
    wish: Wish | None  # how it meets what the asker stated; None: they stated nothing
    their_wish: Wish | None  # how the asker's meets what its owner stated; None: they stated nothing
    same_category: bool
    same_parent: bool  # both in categories right below the same one, or in the same
    same_condition: bool
    value_similarity: float | None  # 0..1; None: one value is not known

    @property
    def mutual(self) -> bool:
        """Both stated what they want, and both get it."""
        return self.wish is not None and self.their_wish is not None


def best_matches(listings: Listings, candidates: Candidates, seekers: Seekers, slot: int, count: int) -> list[Match]:
    """The best matches of `slot`: mean score of both directions first, then by item id. Scores below SHOWN_MIN are not shown.

    Nobody gets what their stated wants rule out; who stated none is neutral, unless they take no items.
    """
    if not (listings.stated[slot] or listings.takes[slot]):
        return []
    named, wanted = candidates.wanted_by(slot, anything=True)
    named_by, wanted_by = seekers.of(slot)
    found = distinct([named, wanted, named_by, wanted_by])
    found = found[listings.owner[found] != listings.owner[slot]]
    sums = listings.scores(slot, found, np.isin(found, named)) + listings.scores(found, slot, np.isin(found, named_by))
    order = np.lexsort((listings.id_low[found], listings.id_high[found], -sums))[:LOOKED_AT_MAX]
    matches: list[Match] = []
    for place in order.tolist():
        other, score = int(found[place]), int(sums[place]) // 2
        if score < SHOWN_MIN or len(matches) == count:
            break
        if _accepts(listings, slot, other) and _accepts(listings, other, slot):
            matches.append(_match(listings, slot, other, score))
    return matches


def _accepts(listings: Listings, a: int, b: int) -> bool:
    if listings.stated[a]:
        return listings.names(a, b) or listings.meets_criteria(a, b)
    return bool(listings.takes[a])


def _match(listings: Listings, a: int, b: int, score: int) -> Match:
    a_category, b_category = int(listings.category[a]), int(listings.category[b])
    parent = listings.taxonomy.parent
    alike = float(similarity(listings.value[a], listings.value[b]))
    return Match(
        item=UUID(int=listings.ids[b]),
        owner=UUID(int=listings.people.ids[listings.owner[b]]),
        score=score,
        wish=_wish(listings, a, b),
        their_wish=_wish(listings, b, a),
        same_category=a_category == b_category,
        same_parent=parent[a_category] == parent[b_category] >= 0,
        same_condition=bool(listings.condition[a] == listings.condition[b]),
        value_similarity=None if np.isnan(alike) else alike,
    )


def _wish(listings: Listings, a: int, b: int) -> Wish | None:
    if not listings.stated[a]:
        return None
    category, keyword = listings.wanted_category(a, b), listings.keyword(a, b)
    return Wish(
        named=listings.names(a, b),
        category=None if category is None else listings.taxonomy.slugs[category],
        keyword=None if keyword is None else " ".join(keyword),
        criteria=listings.meets_criteria(a, b),
    )
