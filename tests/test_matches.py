"""Two-party matches: nobody gets what their wants rule out, and what is said of a match is true (S2.45, S2.54)."""

import random
from dataclasses import replace
from uuid import UUID

import pytest

from matching.matches import Match
from matching.scoring import SHOWN_MIN
from matching.wants import Listing, Wants
from tests.markets import any_listing, listing, market_of, satisfies, score_of_pair

MINE = listing(1, category="phones", value=100.0, title="A phone")


def matches(*listings: Listing, count: int = 100) -> list[Match]:
    """Those of the first one."""
    return market_of({one.item: one for one in listings}).matches(listings[0].item, count)


def by_definition(a: Listing, listings: list[Listing]) -> list[tuple[UUID, int]]:
    def content(one: Listing, other: Listing) -> bool:
        return satisfies(other, one.wants) if one.wants else one.takes_items

    others = [b for b in listings if b.owner != a.owner and content(a, b) and content(b, a)]
    scored = [(b.item, (score_of_pair(a, b) + score_of_pair(b, a)) // 2) for b in others]
    return sorted((one for one in scored if one[1] >= SHOWN_MIN), key=lambda one: (-one[1], one[0]))


@pytest.mark.parametrize("seed", range(15))
def test_the_matches_are_the_best_by_definition(seed: int) -> None:
    chance = random.Random(seed)
    listings = [replace(any_listing(chance, n, people=12), takes_items=chance.random() < 0.8) for n in range(1, 40)]
    market = market_of({one.item: one for one in listings})
    for one in listings:
        found = [(match.item, match.score) for match in market.matches(one.item, 100)]
        assert found == by_definition(one, listings)
        assert [match.item for match in market.matches(one.item, 3)] == [item for item, _ in found[:3]]


def test_what_a_match_says_of_itself_is_true() -> None:
    mine = replace(MINE, wants=Wants(categories=("furniture",), keywords=("three seats",)))
    theirs = listing(
        2, category="sofas", value=110.0, title="Three seats, one sofa", wants=Wants(items=frozenset({MINE.item}), value_max=50)
    )
    (match,) = matches(mine, theirs)
    assert (match.item, match.owner) == (theirs.item, theirs.owner)
    assert match.mutual
    assert match.wish is not None
    assert match.their_wish is not None
    assert (match.wish.named, match.wish.category, match.wish.keyword) == (False, "furniture", "three seats")
    assert match.wish.criteria
    assert (match.their_wish.named, match.their_wish.category, match.their_wish.criteria) == (True, None, False)
    assert (match.same_category, match.same_parent, match.same_condition) == (False, False, True)
    assert match.value_similarity == pytest.approx(1 - 10 / 105)
    assert match.score == 400_000 + 361_905 + 200_000


def test_who_stated_nothing_is_neutral_and_the_match_is_not_called_mutual() -> None:
    (match,) = matches(MINE, listing(2, category="phones", value=None, condition="NEW"))
    assert (match.wish, match.their_wish, match.mutual) == (None, None, False)
    assert (match.same_category, match.same_parent, match.same_condition) == (True, True, False)
    assert match.value_similarity is None


def test_who_asks_for_credits_only_gets_and_is_no_match() -> None:
    for_credits = listing(2, category="phones", takes_items=False)
    assert matches(MINE, for_credits) == []
    assert matches(for_credits, MINE) == []
    assert len(matches(MINE, replace(for_credits, wants=Wants(value_max=500)))) == 1


def test_what_would_not_be_shown_is_no_match() -> None:
    assert matches(MINE, listing(2, category="books", value=250.0)) == []


def test_an_item_that_is_not_in_the_market_has_no_matches() -> None:
    assert market_of({}).matches(MINE.item, 10) == []
