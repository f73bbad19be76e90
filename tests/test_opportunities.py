"""Opportunities: the rings through one's own item, how they are scored, ordered and shown, and how one of them is proposed
(S2.51 to S2.63, S2.79 to S2.84, C57 to C68).
"""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Market, OpenMarket
from tests.people import Cast, Person
from tests.trading import BOTH_DOORS, refused, trade_between

Found = dict[str, Any]


@pytest.fixture(scope="module")
async def cast(open_market: OpenMarket) -> AsyncIterator[Cast]:
    """People on a market of their own, where nobody else wants anything."""
    async with open_market() as market:
        yield market.cast


async def listed_around(*listings: tuple[Person, dict[str, Any]], closed: bool = True) -> list[str]:
    """An item of each, who wants the next one's by its id; `closed`: and the last wants the first's."""
    items: list[str] = []
    for person, facts in reversed(listings):
        items.insert(0, await person.lists(**({"wants": {"items": [items[0]]}} if items else {}), **facts))
    if closed:
        await listings[-1][0].by_rest("item:update", itemId=items[-1], wants={"items": [items[0]]})
    return items


async def found_for(person: Person, item: str, door: str = "rest", **asked: Any) -> Found:
    found: Found = (await person.through(door, "barter:opportunities", itemId=item, **asked))["opportunities"]
    assert found["total"] >= len(found["cycles"]) + len(found["chains"])
    return found


def moves_in(opportunity: Found) -> list[tuple[str, str | None, str | None]]:
    return [(place["userId"], place["givingItemId"], place["receivingItemId"]) for place in opportunity["preview"]]


# What is shown


@BOTH_DOORS
async def test_a_cycle_is_shown_from_who_asks_on_each_receiving_what_the_next_one_gives(cast: Cast, door: str) -> None:
    """S2.51 to S2.53, C59"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    camera, bicycle, oud = await listed_around((alice, {"title": "A camera", "estimatedValue": 50}), (bob, {}), (carol, {}))
    answer = await alice.through(door, "barter:opportunities", itemId=camera)
    assert answer["item"] == {"id": camera, "title": "A camera", "estimatedValue": 50, "condition": "GOOD", "images": []}
    found = answer["opportunities"]
    assert (found["total"], found["exact"], found["chains"]) == (1, True, [])
    (cycle,) = found["cycles"]
    assert (cycle["type"], cycle["participants"]) == ("CYCLE", 3)
    assert moves_in(cycle) == [(alice.id, camera, bicycle), (bob.id, bicycle, oud), (carol.id, oud, camera)]
    first = cycle["preview"][0]
    assert first["user"] == {"id": alice.id, "fullName": "Alice", "avatar": None}
    assert (first["givingItem"]["title"], first["receivingItem"]["id"]) == ("A camera", bicycle)

    for person, item, shift in ((bob, bicycle, 1), (carol, oud, 2)):
        (seen,) = (await found_for(person, item, door))["cycles"]
        assert (seen["id"], seen["matchScore"]) == (cycle["id"], cycle["matchScore"]), "the same from everybody's item (C65)"
        assert moves_in(seen) == moves_in(cycle)[shift:] + moves_in(cycle)[:shift]


@BOTH_DOORS
async def test_a_chain_is_shown_from_who_only_gives_on_and_only_where_they_opted_in(cast: Cast, door: str) -> None:
    """S2.83, S2.84, C59 to C61"""
    alice, bob, carol, dave = await cast.people("Alice", "Bob", "Carol", "Dave")
    kept, bicycle, oud, lamp = await listed_around(
        (alice, {}), (bob, {}), (carol, {}), (dave, {"openToGive": True}), closed=False
    )

    chains = {chain["participants"]: chain for chain in (await found_for(alice, kept, door))["chains"]}
    assert chains.keys() == {4}, "there is one way from her to who gives"
    assert moves_in(chains[4]) == [
        (dave.id, lamp, None),
        (carol.id, oud, lamp),
        (bob.id, bicycle, oud),
        (alice.id, None, bicycle),
    ]
    assert [place["score"] for place in chains[4]["preview"]] == [None, 0.8, 0.8, 0.8]
    shorter = {chain["participants"] for chain in (await found_for(bob, bicycle, door))["chains"]}
    assert shorter == {3, 4}, "three give and get, the first only gives, the last only gets"
    for person, item in ((bob, bicycle), (carol, oud), (dave, lamp)):
        seen = {chain["participants"]: chain for chain in (await found_for(person, item, door))["chains"]}
        assert (seen[4]["id"], moves_in(seen[4])) == (chains[4]["id"], moves_in(chains[4]))

    await dave.through(door, "item:update", itemId=lamp, openToGive=False)
    for person, item in ((alice, kept), (bob, bicycle), (dave, lamp)):
        found = await found_for(person, item, door)
        assert (found["cycles"], found["chains"], found["total"]) == ([], [], 0)


# Four people whose values alternate, who ask by id (40 % for that) or by a word (no more than the category is worth): the
# score of each edge, and so the mean.
BANDS: list[tuple[str, str, tuple[float, float], float, str | None]] = [
    ("items", "GOOD", (100, 100), 1.0, "excellent"),
    ("items", "GOOD", (9, 7), 0.9, "excellent"),  # 0.4 + 0.4 · 0.75 + 0.2, the lower bound (C66)
    ("items", "GOOD", (9, 6.9), 0.89, "good"),
    ("items", "POOR", (9, 7), 0.84, "good"),  # another condition: 0.14
    ("items", "GOOD", (11, 5), 0.7, "good"),
    ("items", "GOOD", (11, 4.9), 0.69, "fair"),
    ("keywords", "GOOD", (9, 7), 0.5, "fair"),  # another category: 0 + 0.3 + 0.2
    ("keywords", "GOOD", (9, 6.9), 0.49, None),  # below 0.5 nothing is shown
]


@pytest.mark.parametrize(("by", "condition", "values", "score", "band"), BANDS)
async def test_the_score_is_the_mean_of_the_edges_and_has_a_band(
    cast: Cast, by: str, condition: str, values: tuple[float, float], score: float, band: str | None
) -> None:
    """S2.54, S2.81, S2.85 to S2.88, C66"""
    people = await cast.people("Alice", "Bob", "Carol", "Dave")
    words = [f"w{uuid4().hex}" for _ in people]
    items = []
    for number, person in enumerate(people):
        facts: dict[str, Any] = {
            "estimatedValue": values[number % 2],
            "condition": ("GOOD", condition)[number % 2],
            "category": ("electronics", "books")[number % 2],
            "description": words[number],
        }
        if by == "keywords":
            facts["wants"] = {"keywords": [words[(number + 1) % 4]]}
        items.append(await person.lists(**facts))
    if by == "items":
        for number, person in enumerate(people):
            await person.by_rest("item:update", itemId=items[number], wants={"items": [items[(number + 1) % 4]]})

    found = await found_for(people[0], items[0])
    if band is None:
        assert found == {"cycles": [], "chains": [], "total": 0, "totalIsEstimate": False, "exact": True}
        await refused(people[0].by_rest("chain:create", itemId=items[0]), "NO_MATCHES")
    else:
        (cycle,) = found["cycles"]
        assert (cycle["matchScore"], cycle["band"]) == (pytest.approx(score, abs=0.0051), band)
        assert all(place["score"] == cycle["matchScore"] for place in cycle["preview"])


async def test_the_best_come_first_and_what_is_unlike_counts_in_the_mean(cast: Cast) -> None:
    """S2.82, S2.89: 0.2 + 0.36 + 0.2 for siblings asked for by a word; S2.81: the mean"""
    alice, bob, carol, dave = await cast.people("Alice", "Bob", "Carol", "Dave")
    word = f"w{uuid4().hex}"
    mine = await alice.lists(category="cameras", condition="NEW", estimatedValue=20_000, wants={"keywords": [word]})
    last = await carol.lists(category="cameras", condition="NEW", estimatedValue=20_000, wants={"items": [mine]})
    facts: dict[str, Any] = {"category": "phones", "description": word, "wants": {"items": [last]}}
    near = await bob.lists(condition="NEW", estimatedValue=22_000, **facts)
    far = await dave.lists(condition="GOOD", estimatedValue=60_000, **facts)
    found = await found_for(alice, mine)
    firsts = [cycle["preview"][0] for cycle in found["cycles"]]
    assert [place["receivingItemId"] for place in firsts] == [near, far]
    assert [place["score"] for place in firsts] == [0.76, 0.34]
    # 0.761905, asked for by id 0.4 + 0.361905 + 0.2, and all alike: 1; and with the dearer one 0.34, 0.54 and 1
    assert [cycle["matchScore"] for cycle in found["cycles"]] == [round((0.761905 + 0.961905 + 1) / 3, 2), round(1.88 / 3, 2)]


async def test_nobody_is_in_a_ring_twice_and_nobody_gets_what_is_their_own(cast: Cast) -> None:
    """C58: Bob's two items are wanted in a row"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    mine, *_ = await listed_around((alice, {}), (bob, {}), (carol, {}), (bob, {}))
    assert (await found_for(alice, mine))["total"] == 0
    others, *_ = await listed_around((alice, {}), (bob, {}), (alice, {}))
    assert (await found_for(alice, others))["total"] == 0


@BOTH_DOORS
async def test_rings_are_of_at_most_so_many_people_and_none_is_cut_to_fit(cast: Cast, door: str) -> None:
    """C63, D8"""
    people = await cast.people(*[f"Person {number}" for number in range(6)])
    mine, *_ = await listed_around(*[(person, {}) for person in people])
    for asked in ({"maxParticipants": 3}, {"maxParticipants": 5}, {}):
        assert (await found_for(people[0], mine, door, **asked))["total"] == 0
        await refused(people[0].through(door, "chain:create", itemId=mine, **asked), "NO_MATCHES")
    (cycle,) = (await found_for(people[0], mine, door, maxParticipants=6))["cycles"]
    assert cycle["participants"] == len(cycle["preview"]) == 6
    assert (await found_for(people[0], mine, door, maxParticipants=10))["cycles"] == [cycle]


async def test_not_all_of_those_shown_begin_with_the_same_step(cast: Cast) -> None:
    """C64, and design.md: diversity counts; all that were found are counted"""
    alice, bob, carol, dave = await cast.people("Alice", "Bob", "Carol", "Dave")
    mine = await alice.lists(estimatedValue=100)
    lasts = [await carol.lists(estimatedValue=100, wants={"items": [mine]}) for _ in range(12)]
    wanted = [
        await person.lists(estimatedValue=value, wants={"items": lasts})
        for person, value in ((bob, 100), (bob, 99), (bob, 98), (dave, 97))
    ]
    await alice.by_rest("item:update", itemId=mine, wants={"items": wanted})
    found = await found_for(alice, mine)
    assert (found["total"], found["totalIsEstimate"], len(found["cycles"])) == (48, False, 20)
    steps = Counter(moves_in(cycle)[0][2] for cycle in found["cycles"])
    assert steps == {wanted[0]: 6, wanted[1]: 6, wanted[2]: 6, wanted[3]: 2}, "a third each, the better ones first"
    scores = [cycle["matchScore"] for cycle in found["cycles"]]
    assert scores == sorted(scores, reverse=True)
    assert len({cycle["id"] for cycle in found["cycles"]}) == 20


@BOTH_DOORS
async def test_ranked_by_what_is_expected_those_who_keep_their_word_come_first(cast: Cast, door: str) -> None:
    """Score × the chance that all say yes and keep it; the score alone is the order where nothing is said"""
    alice, bob, carol, dave = await cast.people("Alice", "Bob", "Carol", "Dave")
    for _ in range(4):
        trade = await trade_between(alice, bob)
        await bob.by_rest("trade:reject", tradeId=trade["id"])
    mine = await alice.lists(estimatedValue=100)
    last = await carol.lists(estimatedValue=100, wants={"items": [mine]})
    better = await bob.lists(estimatedValue=100, wants={"items": [last]})
    surer = await dave.lists(estimatedValue=60, wants={"items": [last]})
    await alice.by_rest("item:update", itemId=mine, wants={"items": [better, surer]})

    by_score = (await found_for(alice, mine, door))["cycles"]
    assert [cycle["preview"][0]["receivingItemId"] for cycle in by_score] == [better, surer]
    assert by_score == (await found_for(alice, mine, door, rank="SCORE"))["cycles"]
    by_chance = (await found_for(alice, mine, door, rank="expected"))["cycles"]
    assert by_chance == by_score[::-1]
    # Of whom nothing is known: (0 + 3) / (0 + 4) · (0 + 9) / (0 + 10); Bob has said no four times of four: 3 / 8 · 0.9
    assert [place["chance"] for place in by_score[0]["preview"]] == [
        pytest.approx(chance, abs=0.006) for chance in (0.675, 0.3375, 0.675)
    ]
    assert [cycle["expectedCompletion"] for cycle in by_score] == [
        pytest.approx(cycle["matchScore"] * 0.675**2 * chance, abs=0.006)
        for cycle, chance in zip(by_score, (0.3375, 0.675), strict=True)
    ]
    await refused(found_for(alice, mine, door, rank="luck"), "INVALID_REQUEST", "rank")


@BOTH_DOORS
async def test_opportunities_are_for_one_s_own_item_that_can_be_bartered(cast: Cast, door: str) -> None:
    """S2.51, C40, C41, C47; proposing asks the same"""
    alice, bob = await cast.people("Alice", "Bob")
    sold, mine = await alice.lists(), await alice.lists()
    await alice.by_rest("item:list-for-sale", itemId=sold, price=5)
    taken = (await trade_between(alice, bob, "interest", "confirm"))["offeredItem"]
    for event in ("barter:opportunities", "chain:create"):
        await refused(bob.through(door, event, itemId=mine), "NOT_OWNER", "itemId")
        await refused(alice.through(door, event, itemId=str(uuid4())), "NOT_FOUND")
        await refused(alice.through(door, event, itemId=sold), "ACTIVE_LISTING", "itemId")
        await refused(alice.through(door, event, itemId=taken), "ITEM_UNAVAILABLE", "itemId")
    await refused(alice.through(door, "chain:create", itemId="abc123"), "INVALID_REQUEST", "itemId")
    await refused(alice.through(door, "barter:opportunities", itemId="abc123"), "NOT_FOUND")  # of a path


# Proposing one


@BOTH_DOORS
async def test_the_best_is_proposed_or_the_one_that_is_named(cast: Cast, door: str) -> None:
    """S2.55 to S2.58, S2.61 to S2.63, C65, C68"""
    alice, bob, carol, dave = await cast.people("Alice", "Bob", "Carol", "Dave", connected=True)
    mine = await alice.lists(estimatedValue=100)
    last = await carol.lists(estimatedValue=100, wants={"items": [mine]})
    best, second = [
        await person.lists(estimatedValue=value, wants={"items": [last]}) for person, value in ((bob, 100), (dave, 90))
    ]
    await alice.by_rest("item:update", itemId=mine, wants={"items": [best, second]})
    named = (await found_for(alice, mine, door))["cycles"][1]

    chain = await alice.through(door, "chain:create", itemId=mine)
    assert (chain["chainType"], chain["status"], chain["participantCount"], chain["matchScore"]) == (
        "CYCLE",
        "PROPOSED",
        3,
        1.0,
    )
    assert [(place["position"], place["user"]["id"], place["status"]) for place in chain["participants"]] == [
        (0, alice.id, "PENDING"),
        (1, bob.id, "PENDING"),
        (2, carol.id, "PENDING"),
    ]
    assert [(place["givingItem"]["id"], place["receivingItem"]["id"]) for place in chain["participants"]] == [
        (mine, best),
        (best, last),
        (last, mine),
    ]
    short = [f"User {person.id[:8]}" for person in (alice, bob, carol, alice)]
    assert chain["description"] == f"Cycle: {' → '.join(short)} (3 parties)"
    assert (chain["initiatorId"], chain["awaiting"]) == (alice.id, [bob.id, carol.id])
    for person in (alice, bob, carol):
        push = await person.hears("chain:changed", lambda push: push["chain"]["id"] == chain["id"])
        assert (push["change"], push["chain"]) == ({"status": "PROPOSED", "move": "request", "by": alice.id}, chain)
    await refused(
        carol.through(door, "chain:create", itemId=last, opportunityId=(await found_for(carol, last))["cycles"][0]["id"]),
        "DUPLICATE_OFFER",
    )

    other = await carol.through(door, "chain:create", itemId=last, opportunityId=named["id"])
    assert (other["initiatorId"], [place["user"]["id"] for place in other["participants"]]) == (
        carol.id,
        [carol.id, alice.id, dave.id],
    )
    assert (await alice.through(door, "chain:get", chainId=other["id"])) == other
    await refused(bob.through(door, "chain:get", chainId=other["id"]), "NOT_PARTICIPANT")


@BOTH_DOORS
async def test_cycles_are_preferred_unless_the_caller_prefers_the_better_score(cast: Cast, door: str) -> None:
    """S2.62"""
    alice, bob, carol, dave = await cast.people("Alice", "Bob", "Carol", "Dave")
    gift = await dave.lists(estimatedValue=100, openToGive=True)
    bicycle = await bob.lists(estimatedValue=100)
    mine = await alice.lists(estimatedValue=100, wants={"items": [bicycle]})
    radio = await carol.lists(estimatedValue=20, wants={"items": [mine]})
    await bob.by_rest("item:update", itemId=bicycle, wants={"items": [radio, gift]})
    found = await found_for(alice, mine, door)
    assert found["cycles"][0]["matchScore"] < found["chains"][0]["matchScore"]

    preferred = await alice.through(door, "chain:create", itemId=mine)
    better = await alice.through(door, "chain:create", itemId=mine, preferCycles=False)
    assert (preferred["chainType"], better["chainType"]) == ("CYCLE", "CHAIN")
    assert [(place["user"]["id"], place["givingItem"] and place["givingItem"]["id"]) for place in better["participants"]] == [
        (dave.id, gift),
        (bob.id, bicycle),
        (alice.id, None),
    ]
    short = [f"User {person.id[:8]}" for person in (dave, bob, alice)]
    assert better["description"] == f"Chain: {' → '.join(short)} (3 parties)"
    assert better["participants"][0]["receivingItem"] is None


async def test_the_documents_messages_stand_word_for_word(cast: Cast) -> None:
    """S2.51, S2.55, S2.64, S2.68"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    mine, *_ = await listed_around((alice, {}), (bob, {}), (carol, {}))
    say: dict[str, Any] = {"prefix": "/api/v1"}
    status, found, _ = await cast.answer("GET", f"/barter/opportunities/{mine}", token=alice.token, **say)
    assert (status, found["message"]) == (200, "Barter opportunities discovered successfully")
    status, made, _ = await cast.answer("POST", "/barter/chains", {"itemId": mine}, token=alice.token, **say)
    assert (status, made["message"]) == (201, "Smart barter proposal created successfully")
    path = f"/barter/chains/{made['data']['id']}"
    for person in (bob, carol):
        status, yes, _ = await cast.answer("POST", f"{path}/respond", {"accept": True}, token=person.token, **say)
        assert (status, yes["message"]) == (200, "Proposal accepted successfully")
    status, done, _ = await cast.answer("POST", f"{path}/execute", token=bob.token, **say)
    assert (status, done["message"]) == (200, "Barter chain execution confirmed")
    status, no, _ = await cast.answer("POST", "/barter/chains", {"itemId": await bob.lists()}, token=bob.token, **say)
    assert (status, no["message"]) == (400, "No suitable barter matches found for this item")


async def test_nobody_s_address_is_in_what_others_are_shown(market: Market) -> None:
    """C68, C69, D12"""
    alice, bob, carol = await market.cast.people("Alice", "Bob", "Carol")
    mine, *_ = await listed_around((alice, {}), (bob, {}), (carol, {}))
    ring = await alice.by_rest("chain:create", itemId=mine)
    shown = [await alice.by_rest("barter:opportunities", itemId=mine), await bob.by_rest("chain:get", chainId=ring["id"])]
    assert "example.org" not in str(shown)
