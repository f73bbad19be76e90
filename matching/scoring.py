"""How well item b suits the owner of item a: category 40 %, value 40 %, condition 20 % (S2.85 to S2.88, C52 to C56).

Scores are whole millionths, 0..1_000_000, so that sums are exact and ties are ties on every machine. All functions take
numpy arrays of one length, or single numbers, and work place by place.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

VALUE_LEAST = 1e-9  # below any value but 0: it keeps 0 from being divided by 0
ONE = 1_000_000  # a score of 1.0
EDGE_MIN = 300_000  # an edge with less is none (C57)
NO_FLOOR = EDGE_MIN - 1  # of a row with room: any edge has more
SHOWN_MIN = 500_000  # an opportunity or a match with less is not shown (S2.54)

SAME_CATEGORY = 400_000  # also: in a category that was asked for, or asked for by its id
SAME_PARENT = 200_000
VALUE = 400_000
VALUE_UNKNOWN = VALUE // 2  # halfway between alike and not (C55)
SAME_CONDITION = 200_000
OTHER_CONDITION = 140_000

Points = NDArray[np.int64]


def category_points(wanted: ArrayLike, a: ArrayLike, b: ArrayLike, a_parent: ArrayLike, b_parent: ArrayLike) -> Points:
    """`wanted`: b was asked for by category or id; a, b and their parents are numbers of categories, -1 for no parent."""
    # Two roots have no parent in common, though both have none (C56).
    siblings = np.equal(a_parent, b_parent) & np.greater_equal(a_parent, 0)
    same = np.equal(a, b) | np.asarray(wanted)
    return np.where(same, SAME_CATEGORY, np.where(siblings, SAME_PARENT, 0))


def similarity(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """How alike two values are, 0..1: 1 - difference / mean, not below 0 (S2.86). Both 0: 1. One unknown (NaN): NaN (C55)."""
    half = np.maximum(np.add(a, b), VALUE_LEAST) / 2
    alike: NDArray[np.float64] = np.maximum(0.0, 1 - np.abs(np.subtract(a, b)) / half)
    return alike


def value_points(a: ArrayLike, b: ArrayLike) -> Points:
    """`a` and `b` are values in one currency, NaN where unknown."""
    points = np.rint(similarity(a, b) * VALUE)
    return np.where(np.isnan(points), VALUE_UNKNOWN, points).astype(np.int64)


def condition_points(a: ArrayLike, b: ArrayLike) -> Points:
    return np.where(np.equal(a, b), SAME_CONDITION, OTHER_CONDITION)


def value_points_max(a: ArrayLike) -> Points:
    """The most that anything can get for its value."""
    return np.where(np.isnan(a), VALUE_UNKNOWN, VALUE)


def mean(scores_sum: int, edges: int) -> float:
    """The score of a ring, chain or match, 0..1, from the sum of its edges' (S2.81, S2.84). Equal means are equal floats."""
    return scores_sum / (edges * ONE)
