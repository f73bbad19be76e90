"""How likely people are to say yes and keep it."""

import pytest

from matching.expectation import Record, chance, expected


def test_a_newcomer_is_believed_but_not_blindly() -> None:
    assert chance(Record()) == pytest.approx(0.75 * 0.9)


def test_what_people_do_outweighs_the_belief() -> None:
    reliable = Record(asked=40, said_yes=38, promised=38, kept=38)
    silent = Record(asked=40, said_yes=1, promised=1, kept=1)
    assert chance(reliable) > 0.9
    assert chance(silent) < 0.1


def test_one_refusal_does_not_brand_anybody_and_nobody_is_certain() -> None:
    assert 0.5 < chance(Record(asked=1)) < chance(Record())
    assert 0 < chance(Record(asked=10_000)) < chance(Record(10_000, 10_000, 10_000, 10_000)) < 1


def test_breaking_a_promise_counts_as_well() -> None:
    assert chance(Record(10, 10, 10, 2)) < chance(Record(10, 10, 10, 10)) / 1.5


def test_a_ring_is_worth_less_the_more_people_must_say_yes() -> None:
    assert expected(0.8, [0.9] * 3) == pytest.approx(0.8 * 0.729)
    assert expected(0.8, [0.9] * 5) < expected(0.7, [0.9] * 3)
    assert expected(0.8, []) == 0.8


def test_a_record_that_cannot_be_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        Record(asked=1, said_yes=2)
