"""Which edges a row of the market's graph keeps: the best of its candidates. No clock, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.candidates import Candidates
from matching.listings import Int32s, Listings
from matching.scoring import EDGE_MIN, ONE

EDGES_MAX = 20
SCORE_BITS = 20  # a score in millionths fits


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of edges, one after the other: the k-th is from `start[k]` to `start[k + 1]`, best score first, then by item id."""

    start: NDArray[np.int64]
    others: Int32s
    scores: Int32s
    cut: NDArray[np.bool_]  # by row: there were more edges than it keeps

    def row(self, k: int) -> tuple[Int32s, Int32s]:
        here = slice(self.start[k], self.start[k + 1])
        return self.others[here], self.scores[here]


def best_rows(listings: Listings, candidates: Candidates, slots: Sequence[int]) -> Rows:
    """The rows of `slots`: of each the EDGES_MAX best edges."""
    parts: list[Int32s] = []
    named_counts, sizes = [], []
    for slot in slots:
        named, met = candidates.wanted_by(slot)
        parts += (named, met)
        named_counts.append(len(named))
        sizes.append(len(named) + len(met))
    row = np.repeat(np.arange(len(slots)), sizes)
    others = np.concatenate(parts)
    place_in_row = np.arange(len(row)) - (np.cumsum(sizes) - sizes)[row]
    scores = listings.scores(np.asarray(slots)[row], others, place_in_row < np.asarray(named_counts)[row])
    edge = scores >= EDGE_MIN
    row, others, scores = row[edge], others[edge], scores[edge]

    # By row, then score; of each row as far as what is as good as its last. Only of those few the ids are compared.
    key = row << SCORE_BITS | (ONE - scores)
    order = np.argsort(key)
    row, key = row[order], key[order]
    count = np.bincount(row, minlength=len(slots))
    first = np.cumsum(count) - count
    last = np.minimum(first + EDGES_MAX, first + count) - 1
    fits = key <= key[last[row]]
    order, row, key = order[fits], row[fits], key[fits]
    slot = others[order]
    order = order[np.lexsort((listings.id_low[slot], listings.id_high[slot], key))]  # the rows stay where they are
    fitting = np.bincount(row, minlength=len(slots))
    kept = np.arange(len(row)) - (np.cumsum(fitting) - fitting)[row] < EDGES_MAX
    order, row = order[kept], row[kept]
    start = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=len(slots)))))
    return Rows(start, others[order].astype(np.int32), scores[order].astype(np.int32), count > EDGES_MAX)
