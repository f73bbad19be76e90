"""The demo market shows what it says it shows. Read by networkx from the data alone, with the contract's `wants`."""

import re
from itertools import combinations, pairwise
from typing import TypeAlias

import networkx as nx
import pytest

from server.demo.listings import GUEST, LISTINGS, PEOPLE, RING_OF_THREE, TALKS, Listing
from server.demo.motifs import MOTIFS, picture_of
from server.picture_rendering import render
from storage.migrate import FOLDER

Market: TypeAlias = "nx.DiGraph[str]"

BY_KEY = {listing.key: listing for listing in LISTINGS}
CONDITIONS = ["POOR", "FAIR", "GOOD", "LIKE_NEW", "NEW"]
TREE = (FOLDER / "0001_categories.sql").read_text(encoding="utf-8")
CHILDREN = re.findall(r"\('([a-z-]+)', (?:uuid )?'[0-9a-f-]{36}', '([a-z-]+)'", TREE)  # (parent, child)
PARENT_OF = {child: parent for parent, child in CHILDREN}
SLUGS = set(re.findall(r"'[0-9a-f-]{36}', '([a-z-]+)'", TREE))


def above(slug: str) -> set[str]:
    """The category and those it lies in."""
    return {slug} | (above(PARENT_OF[slug]) if slug in PARENT_OF else set())


def satisfies(thing: Listing, wanting: Listing) -> bool:
    """Whether `thing` meets all the criteria of what `wanting`'s owner would take for it (contract.md, `wants`)."""
    if thing.owner == wanting.owner:
        return False
    wants = wanting.wants
    if wants is None:
        return wanting.looking_for == "flexible"
    text = f"{thing.title} {thing.description}".lower()
    return (
        ("categories" not in wants or bool(above(thing.category) & set(wants["categories"])))
        and ("keywords" not in wants or any(word.lower() in text for word in wants["keywords"]))
        and wants.get("valueMin", 0) <= thing.value <= wants.get("valueMax", float("inf"))
        and CONDITIONS.index(thing.condition) >= CONDITIONS.index(wants.get("condition", "POOR"))
    )


def score(wanting: Listing, thing: Listing) -> float:
    """S2's pair score (S2.85 to S2.88, C52), with the wanted category met."""
    value = max(0, 1 - abs(wanting.value - thing.value) / ((wanting.value + thing.value) / 2))
    return 0.4 + value * 0.4 + (0.2 if wanting.condition == thing.condition else 0.14)


@pytest.fixture(scope="module")
def market() -> Market:
    """An edge a → b: the owner of a wants b."""
    graph: Market = nx.DiGraph()
    for one in LISTINGS:
        for other in LISTINGS:
            if satisfies(other, wanting=one):
                graph.add_edge(one.key, other.key)
    return graph


def rings(market: Market, length: int) -> list[list[str]]:
    found = nx.simple_cycles(market, length_bound=length)
    return [ring for ring in found if len({BY_KEY[key].owner for key in ring}) == len(ring) == length]


def test_the_ring_of_three_is_there_and_no_two_of_them_could_help_themselves(market: Market) -> None:
    assert set(RING_OF_THREE) in [set(ring) for ring in rings(market, 3)]
    circle = [*RING_OF_THREE, RING_OF_THREE[0]]
    for wanting, thing in pairwise(circle):
        assert market.has_edge(wanting, thing)
        assert score(BY_KEY[wanting], BY_KEY[thing]) >= 0.7  # "good" (S2.54)
    people = {BY_KEY[key].owner for key in RING_OF_THREE}
    assert not pairs(market, people)


def pairs(market: Market, people: set[str]) -> list[tuple[str, str]]:
    """Pairs of people of whom each wants anything at all of the other's."""
    wants = {(BY_KEY[one].owner, BY_KEY[other].owner) for one, other in market.edges}
    return [(one, other) for one, other in combinations(sorted(people), 2) if {(one, other), (other, one)} <= wants]


def test_the_other_rings_and_the_chain_are_there(market: Market) -> None:
    assert {"armchair", "espresso", "sewing-machine"} in [set(ring) for ring in rings(market, 3)]
    assert {"laptop", "scooter", "phone", "console"} in [set(ring) for ring in rings(market, 4)]
    assert BY_KEY["bricks"].open_to_give
    assert market.has_edge("tent", "bricks")
    assert market.has_edge("skateboard", "tent")


def test_trades_under_way_are_between_things_that_want_each_other_and_leave_the_rings_alone(market: Market) -> None:
    for talk in TALKS:
        assert market.has_edge(talk.offered, talk.requested)
        assert market.has_edge(talk.requested, talk.offered)
        assert {talk.offered, talk.requested}.isdisjoint(RING_OF_THREE)


def test_everything_that_is_named_exists() -> None:
    assert len(PARENT_OF) > 90
    people = {person.key for person in PEOPLE}
    assert PEOPLE[-1].key == GUEST
    assert len(BY_KEY) == len(LISTINGS) == 24
    assert {listing.owner for listing in LISTINGS} == people - {GUEST}
    for listing in LISTINGS:
        assert listing.category in MOTIFS
        assert {listing.category, *(listing.wants or {}).get("categories", [])} <= SLUGS
    assert set(MOTIFS) <= SLUGS


def test_a_picture_is_the_same_every_time_and_one_that_the_upload_door_takes() -> None:
    for category in ("digital-cameras", "plants", "a category without a motif"):
        painted = picture_of(category, "seed")
        assert painted == picture_of(category, "seed")
        assert painted != picture_of(category, "another seed")
        large, small = render(painted)
        assert (large.size, small.size, large.mode) == ((960, 720), (320, 240), "RGB")
