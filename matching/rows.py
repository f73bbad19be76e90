"""Which edges a row of the market's graph keeps: the best of its candidates. No clock, no I/O."""

import numpy as np

from matching.candidates import Candidates
from matching.listings import Int32s, Listings
from matching.scoring import EDGE_MIN

EDGES_MAX = 20


def best_row(listings: Listings, candidates: Candidates, slot: int) -> tuple[Int32s, Int32s]:
    """(others, scores) of the EDGES_MAX best edges of `slot`: best score first, of equals the nearest by id (circle.py)."""
    named, met = candidates.wanted_by(slot)
    others = np.concatenate((named, met))
    scores = listings.scores(slot, others, np.arange(len(others)) < len(named))
    least = EDGE_MIN
    if len(others) > EDGES_MAX:
        least = max(least, int(np.partition(scores, -EDGES_MAX)[-EDGES_MAX]))
    fits = scores >= least
    others, scores = others[fits], scores[fits]
    best = np.lexsort((listings.id_high[others], listings.apart(slot, others), -scores))[:EDGES_MAX]
    return others[best], scores[best].astype(np.int32)
