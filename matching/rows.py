"""Which edges a row of the market's graph keeps: the best of its candidates. No clock, no I/O."""

import numpy as np

from matching.candidates import Candidates
from matching.listings import Int32s, Listings
from matching.scoring import EDGE_MIN, SAME_CONDITION, SAME_PARENT, value_points_max

EDGES_MAX = 20


def best_row(listings: Listings, candidates: Candidates, slot: int) -> tuple[Int32s, Int32s]:
    """(others, scores) of the EDGES_MAX best edges of `slot`: best score first, of equals the nearest by id (circle.py)."""
    if listings.open[slot]:
        others, scores = _best(listings, slot, *candidates.wanted_by(slot, same=True))
        beside_at_most = SAME_PARENT + int(value_points_max(listings.value[slot])) + SAME_CONDITION
        if len(scores) == EDGES_MAX and scores[-1] > beside_at_most:
            return others, scores  # as a rule: what is in no such category cannot be as good
    return _best(listings, slot, *candidates.wanted_by(slot))


def _best(listings: Listings, slot: int, named: Int32s, met: Int32s) -> tuple[Int32s, Int32s]:
    others = np.concatenate((named, met))
    scores = listings.scores(slot, others, np.arange(len(others)) < len(named))
    least = EDGE_MIN
    if len(others) > EDGES_MAX:
        least = max(least, int(np.partition(scores, -EDGES_MAX)[-EDGES_MAX]))
    fits = scores >= least
    others, scores = others[fits], scores[fits]
    best = np.lexsort((listings.id_high[others], listings.apart(slot, others), -scores))[:EDGES_MAX]
    return others[best], scores[best].astype(np.int32)
