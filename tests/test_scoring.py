"""The score of a pair: S2's worked examples and what C52 to C56 settle."""

from itertools import product

import numpy as np
import pytest

from matching.scoring import (
    ONE,
    SAME_CATEGORY,
    category_points,
    condition_points,
    mean,
    similarity,
    value_points,
)

NEW, LIKE_NEW, GOOD = 0, 1, 2
PHONES, TABLETS, SOFAS = 10, 11, 20  # phones and tablets have a parent in common
ELECTRONICS, FURNITURE, ROOT = 1, 2, -1
UNKNOWN = float("nan")


def test_example_1_same_parent_like_value_same_condition_is_0_76() -> None:  # S2.89, C53
    score = category_points(False, PHONES, TABLETS, ELECTRONICS, ELECTRONICS)
    score = score + value_points(20_000, 22_000) + condition_points(NEW, NEW)
    assert score == 761_905, "full precision is kept"
    assert round(mean(int(score), 1), 2) == 0.76


def test_example_2_unrelated_other_value_other_condition_is_0_34() -> None:  # S2.90, C52
    score = category_points(False, PHONES, SOFAS, ELECTRONICS, FURNITURE)
    score = score + value_points(5_000, 3_000) + condition_points(GOOD, NEW)
    assert round(mean(int(score), 1), 2) == 0.34


def test_example_3_a_ring_has_the_mean_of_its_edges() -> None:  # S2.91, C54
    assert mean(800_000 + 900_000 + 700_000, 3) == 0.8


def test_equal_means_are_equal_floats_whatever_the_number_of_edges() -> None:
    assert mean(3 * 733_333, 3) == mean(5 * 733_333, 5) == mean(10 * 733_333, 10)


@pytest.mark.parametrize(
    ("wanted", "a", "b", "points"),
    [
        (False, (PHONES, ELECTRONICS), (PHONES, ELECTRONICS), 400_000),
        (False, (PHONES, ELECTRONICS), (TABLETS, ELECTRONICS), 200_000),
        (False, (PHONES, ELECTRONICS), (SOFAS, FURNITURE), 0),
        (False, (ELECTRONICS, ROOT), (FURNITURE, ROOT), 0),  # C56: two roots have no parent in common
        (False, (ELECTRONICS, ROOT), (ELECTRONICS, ROOT), 400_000),
        (True, (PHONES, ELECTRONICS), (SOFAS, FURNITURE), 400_000),  # asked for
    ],
)
def test_category_is_40_percent(wanted: bool, a: tuple[int, int], b: tuple[int, int], points: int) -> None:  # S2.85
    assert category_points(wanted, a[0], b[0], a[1], b[1]) == points


@pytest.mark.parametrize(
    ("a", "b", "points"),
    [
        (100, 100, 400_000),
        (100, 300, 0),  # three times the value: nothing left
        (100, 10_000, 0),
        (0, 0, 400_000),  # C55
        (0, 100, 0),
        (UNKNOWN, 100, 200_000),
        (0, UNKNOWN, 200_000),
        (UNKNOWN, UNKNOWN, 200_000),
    ],
)
def test_value_is_40_percent(a: float, b: float, points: int) -> None:  # S2.86
    assert value_points(a, b) == value_points(b, a) == points


def test_condition_is_20_percent_and_both_new_is_the_same_condition() -> None:  # S2.87, C52
    assert condition_points(NEW, NEW) == condition_points(GOOD, GOOD) == 200_000
    assert condition_points(NEW, LIKE_NEW) == condition_points(GOOD, NEW) == 140_000


def test_no_score_is_above_one_and_the_best_is_one() -> None:  # S2.88
    assert SAME_CATEGORY + value_points(5, 5) + condition_points(GOOD, GOOD) == ONE


def test_many_at_once_score_as_each_alone() -> None:
    values = [0, 0.01, 1, 99.99, 100, 20_000, 22_000, 9_999_999_999.99, UNKNOWN]
    pairs = np.array(list(product(values, values)))
    together = value_points(pairs[:, 0], pairs[:, 1])
    assert together.tolist() == [int(value_points(a, b)) for a, b in pairs.tolist()]
    assert np.nanmax(similarity(pairs[:, 0], pairs[:, 1])) == 1
