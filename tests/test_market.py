"""The market's graph is what its definition says, however it came about (S2.79, C57, C58), and stays so in large markets."""

import random
from collections.abc import Iterator
from dataclasses import replace
from sys import getrefcount
from uuid import UUID

import pytest

from matching.market import EDGES_FEW, Market
from matching.rows import EDGES_MAX
from matching.search import best_cycles
from matching.wants import Listing, Wants
from tests.markets import TAXONOMY, any_listing, check, listing, market_of, row, row_by_definition, score_by_definition


@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_and_goes_in_any_order_the_edges_are_the_best_by_definition(seed: int) -> None:
    chance = random.Random(seed)
    size, people = chance.choice((3, 10, 30, 60)), chance.choice((2, 5, 40))
    first = [any_listing(chance, number, people) for number in range(1, size // 2)]
    listings = {one.item: one for one in first}
    market = market_of(listings)
    check(market, listings, whole=True)

    for step in range(3 * size):
        number = chance.randint(1, size)
        if chance.random() < 0.4:
            assert market.drop(UUID(int=number)) == (listings.pop(UUID(int=number), None) is not None)
        else:
            new = any_listing(chance, number, people)
            market.put(new)
            listings[new.item] = new
        if step % 10 == 0:
            check(market, listings, whole=False)

    assert market.mend(rows_max=1_000) == 0
    check(market, listings, whole=True)
    check(market_of(listings), listings, whole=True)
    for a in listings.values():
        for b in listings.values():
            assert market.edge(a.item, b.item) == score_by_definition(a, b)


def edges_between(*listings: Listing) -> dict[tuple[int, int], int]:
    """All edges, by the places of the two listings; the same whether they were loaded or put one by one."""
    market = market_of({one.item: one for one in listings})
    one_by_one = Market(TAXONOMY)
    for one in listings:
        one_by_one.put(one)
    place = {one.item: number for number, one in enumerate(listings)}
    found = {(place[one.item], place[b]): score for one in listings for b, score in row(market, one.item)}
    assert found == {(place[one.item], place[b]): score for one in listings for b, score in row(one_by_one, one.item)}
    return found


def test_an_item_that_is_named_is_wanted_whatever_it_is() -> None:
    lamp = listing(1, category="lamps", value=100.0)
    camera = listing(2, category="audio", value=130.0, wants=Wants(items=frozenset({lamp.item}), keywords=("sofa",)))
    sofa = listing(3, category="sofas", value=130.0, title="A sofa")
    assert edges_between(camera, lamp, sofa) == {(0, 1): 400_000 + 295_652 + 200_000, (0, 2): 0 + 400_000 + 200_000}


def test_a_wanted_category_has_all_below_it_and_nothing_beside_it() -> None:
    seeker = listing(1, category="books", wants=Wants(categories=("phones",)))
    things = [listing(2, category=slug) for slug in ("phones", "smartphones", "audio", "electronics")]
    assert set(edges_between(seeker, *things)) == {(0, 1), (0, 2)}


def test_one_keyword_is_enough_but_every_word_of_it_must_be_there() -> None:
    seeker = listing(1, wants=Wants(keywords=("acoustic guitar", "هاتف احمر")))
    both = listing(2, title="Guitar", description="An ACOUSTIC one.")
    half = listing(3, title="Guitar", description="Electric")
    arabic = listing(4, title="هاتف ذكي", description="لون أحمر")
    assert set(edges_between(seeker, both, half, arabic)) == {(0, 1), (0, 3)}


def test_limits_are_inclusive_and_who_says_no_value_is_not_in_a_range() -> None:
    seeker = listing(1, wants=Wants(value_min=50, value_max=100, condition="GOOD"))
    values = [listing(2, value=value) for value in (49.99, 50.0, 100.0, 100.01, None)]
    conditions = [listing(3, condition=condition, value=90.0) for condition in ("NEW", "GOOD", "FAIR")]
    assert set(edges_between(seeker, *values, *conditions)) == {(0, 2), (0, 3), (0, 6), (0, 7)}


def test_all_criteria_must_be_met() -> None:
    seeker = listing(1, wants=Wants(categories=("furniture",), keywords=("red",), value_max=100.0))
    good = listing(2, category="sofas", title="Red sofa", value=80.0)
    lacking = [replace(good, item=UUID(int=900 + n), **{name: value}) for n, (name, value) in enumerate(  # type: ignore[arg-type] # one fact each
        (("category", "books"), ("title", "Blue sofa"), ("value", 120.0))
    )]  # fmt: skip
    assert set(edges_between(seeker, good, *lacking)) == {(0, 1)}


def test_without_wants_only_the_flexible_want_anything() -> None:
    assert set(edges_between(listing(1, flexible=True), listing(2), listing(3))) == {(0, 1), (0, 2)}


def test_nobody_wants_what_is_theirs() -> None:
    assert edges_between(listing(1, flexible=True), listing(1, flexible=True)) == {}


def test_values_of_none_and_zero_count_as_said() -> None:
    things = [listing(1, value=0.0, flexible=True), listing(2, value=0.0), listing(3, value=None), listing(4, value=5.0)]
    assert edges_between(*things) == {(0, 1): 1_000_000, (0, 2): 800_000, (0, 3): 600_000}


def test_an_item_is_found_by_what_it_is_now() -> None:
    seeker = listing(1, wants=Wants(keywords=("guitar",)))
    thing = listing(2, title="Guitar")
    market = market_of({one.item: one for one in (seeker, thing)})
    market.put(replace(thing, title="Drum"))
    assert row(market, seeker.item) == []
    assert market.edge(seeker.item, thing.item) is None
    market.put(replace(thing, owner=seeker.owner))
    assert row(market, seeker.item) == []
    market.put(thing)
    assert [item for item, _ in row(market, seeker.item)] == [thing.item]
    assert market.drop(thing.item)
    assert not market.drop(thing.item)
    assert len(market) == 1
    assert market.slot(thing.item) is None
    assert market.edge(seeker.item, thing.item) is None


def test_a_category_that_is_not_there_changes_nothing() -> None:
    market = market_of({})
    thing = listing(1)
    market.put(thing)
    with pytest.raises(KeyError):
        market.put(replace(thing, category="no-such"))
    assert market.slot(thing.item) is not None


def test_500_people_who_all_want_everything() -> None:
    chance = random.Random(1)
    values = chance.sample(range(1_000, 3_000), 500)  # all different: of equals, a window shows some only
    crowd = [listing(n, flexible=True, value=float(value)) for n, value in enumerate(values)]
    listings = {one.item: one for one in crowd}
    loaded = market_of(listings)
    check(loaded, listings, whole=True)
    market = Market(TAXONOMY)
    for one in crowd:
        market.put(one)
    for one in crowd[:250]:
        market.drop(one.item)
        del listings[one.item]
    assert min(market.out.degree(slot) for slot in map(market.slot, listings) if slot is not None) >= EDGES_FEW
    market.mend(rows_max=1_000)
    check(market, listings, whole=True)


@pytest.mark.parametrize("value", [10.0, None])
@pytest.mark.parametrize("ids", ["at random", "one after the other"])
def test_where_all_are_alike_everybody_is_wanted_and_finds_rings(value: float | None, ids: str) -> None:
    chance = random.Random(4)
    items = [chance.getrandbits(128) if ids == "at random" else number for number in range(1, 501)]
    listings = {UUID(int=item): listing(n, item, flexible=True, value=value) for n, item in enumerate(items)}
    market = Market(TAXONOMY)
    for one in chance.sample(list(listings.values()), len(listings)):
        market.put(one)
    for item in chance.sample(list(listings), 250):  # and come back, so that rows are cut, fall short and are told anew
        market.drop(item)
        market.put(listings[item])
    assert market.mend(rows_max=1_000) == 0
    check(market, listings, whole=True)
    check(market_of(listings), listings, whole=True)

    wanted = {item: {b for b, _ in row(market, item)} for item in listings}
    for item in listings:
        slot = market.slot(item)
        assert slot is not None
        assert market.out.degree(slot) == EDGES_MAX
        assert EDGES_MAX // 2 <= market.into.degree(slot) <= 2 * EDGES_MAX
        found = best_cycles(market.graph, slot, parties_max=5, count=10, expansions_max=10_000)
        of_three = sorted((item, b, c) for b in wanted[item] for c in wanted[b] if c != item and item in wanted[c])
        assert [tuple(map(market.item, path)) for _, path in found.paths] == of_three[:10]
        assert found.exact
        assert len(found.paths) == 10


def test_where_thousands_are_alike_they_are_found_by_whom_they_are_nearest_to() -> None:
    """More than any window shows: which of them it shows is for the ids to say, too."""
    chance = random.Random(5)
    alike = [listing(n, chance.getrandbits(128), flexible=True, value=10.0) for n in range(3_000)]
    listings = {one.item: one for one in alike}
    market = market_of({one.item: one for one in alike[:2_900]})
    for one in alike[2_900:]:
        market.put(one)
    for one in alike[:20] + alike[2_980:]:
        assert row(market, one.item) == row_by_definition(one, listings)[:EDGES_MAX]
        slot = market.slot(one.item)
        assert slot is not None
        seekers = [market.item(seeker) for seeker in market.into.row(slot)[0].tolist()]
        assert EDGES_MAX // 2 <= len(seekers) <= 2 * EDGES_MAX
        for seeker in seekers[:3]:
            assert row(market, seeker) == row_by_definition(listings[seeker], listings)[:EDGES_MAX]


def test_5_000_items_of_one_person_hide_nothing_of_others() -> None:
    collector = [listing(1, flexible=True, value=100.0 + n / 1_000) for n in range(5_000)]
    others = [listing(2 + n, flexible=True, value=150.0 + n) for n in range(30)]
    listings = {one.item: one for one in (*collector, *others)}
    market = market_of({one.item: one for one in collector})
    for one in others:
        market.put(one)
    among_others = {one.item: one for one in others}
    for one in (collector[0], collector[2_500], collector[-1]):
        assert row(market, one.item) == row_by_definition(one, among_others)[:EDGES_MAX]
    assert len(market) == len(listings)
    for one in collector:
        market.drop(one.item)
    market.mend(rows_max=100)
    check(market, among_others, whole=True)


def test_reading_a_market_holds_no_listing_that_has_been_read() -> None:
    chance = random.Random(3)

    def read() -> Iterator[Listing]:
        before = any_listing(chance, 1, people=20)
        yield before
        for number in range(2, 100):
            one = any_listing(chance, number, people=20)
            yield one
            assert getrefcount(before) == 2, "this one and the question itself"
            before = one

    market = Market(TAXONOMY)
    market.load(read())
    assert len(market) == 99


def test_a_market_that_emptied_keeps_nothing() -> None:
    chance = random.Random(2)
    listings = [any_listing(chance, number, people=20) for number in range(1, 200)]
    market = Market(TAXONOMY)
    for _ in range(2):
        for one in listings:
            market.put(one)
        full = market.nbytes
        for one in listings:
            market.drop(one.item)
        assert market.out.edges == market.into.edges == len(market) == 0
    assert market.listings.slots == len(listings), "slots are taken again"
    assert market.nbytes < full
