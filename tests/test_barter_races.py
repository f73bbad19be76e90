"""Offers and rings, many at once, by two servers and both doors: what is promised holds, and all are told the same.

D5 to D7, C3, C28 to C37, S2.5. No deadlock is left to a retry: PostgreSQL counts them, and there is none.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from handlers.upkeep import expire_deals
from tests.conftest import OpenMarket
from tests.crowds import Ask, Crowd, Outcomes, open_crowd
from tests.people import Person
from tests.promises import broken_promises
from tests.rings import Ring
from tests.tellings import check_that_all_are_told_the_same
from tests.trading import refused, trade_between

Offer = dict[str, Any]


@pytest.fixture(scope="module")
async def crowd(open_market: OpenMarket) -> AsyncIterator[Crowd]:
    async with open_crowd(open_market) as crowd:
        yield crowd


@pytest.fixture(scope="module")
def told() -> dict[str, int]:
    """How many deals have been looked at."""
    return {"deals": 0}


@pytest.fixture(autouse=True)
async def _promises_hold_and_all_are_told_the_same(crowd: Crowd, told: dict[str, int]) -> AsyncIterator[None]:
    yield
    async with crowd.market.sql() as connection:
        assert await broken_promises(connection) == []
    told["deals"] = await check_that_all_are_told_the_same(crowd, told["deals"])


# Rings of four: Alice has proposed them. Every other two are chains, of which she is the pure receiver.


async def listed_around(kind: str, *people: Person) -> list[str]:
    """An item of each, who wants the next one's; in a cycle the last wants the first's, in a chain the last only gives."""
    items = [await people[-1].lists("A lamp", openToGive=kind == "chain")]
    for person in reversed(people[:-1]):
        items.insert(0, await person.lists("A thing", wants={"items": [items[0]]}))
    if kind == "cycle":
        await people[-1].by_rest("item:update", itemId=items[-1], wants={"items": [items[0]]})
    return items


async def ring_around(kind: str, *people: Person) -> Ring:
    items = await listed_around(kind, *people)
    ring: Ring = await people[0].by_rest("chain:create", itemId=items[0], maxParticipants=len(people))
    assert (ring["chainType"], ring["participantCount"]) == (kind.upper(), len(people))
    return ring


async def rings_of(crowd: Crowd, rounds: int, before: str = "") -> list[Ring]:
    """As many rings of Alice, Bob, Carol and Dave, after the moves `before`: "bob:yes alice:execute"."""

    async def one(number: int) -> Ring:
        people = (crowd.alice, crowd.bob, crowd.carol, crowd.dave)
        ring = await ring_around("chain" if number // 2 % 2 else "cycle", *people)
        for step in before.split():
            person, event, payload = ring_ask(crowd, ring, step)
            ring = await person.by_rest(event, **payload)
        return ring

    return await asyncio.gather(*(one(number) for number in range(rounds)))


def ring_ask(crowd: Crowd, ring: Ring, step: str) -> Ask:
    """ "bob:yes", as a request."""
    who, move = step.split(":")
    person: Person = getattr(crowd, who)
    if move in ("yes", "no"):
        return person, "chain:respond", {"chainId": ring["id"], "accept": move == "yes"}
    return person, f"chain:{move}", {"chainId": ring["id"]}


async def ring_statuses(crowd: Crowd, rings: list[Ring]) -> list[str]:
    return [(await crowd.dave.by_rest("chain:get", chainId=ring["id"]))["status"] for ring in rings]


async def owners_of(crowd: Crowd, ring: Ring) -> dict[str, str]:
    """Who has each item that the ring gives."""
    given = [place["givingItem"]["id"] for place in ring["participants"] if place["givingItem"]]
    return {item: (await crowd.alice.by_rest("item:get", itemId=item))["owner"] for item in given}


def receivers_in(ring: Ring) -> dict[str, str]:
    return {place["receivingItem"]["id"]: place["user"]["id"] for place in ring["participants"] if place["receivingItem"]}


def givers_in(ring: Ring) -> dict[str, str]:
    return {place["givingItem"]["id"]: place["user"]["id"] for place in ring["participants"] if place["givingItem"]}


class Meeting(NamedTuple):
    """Two things said at once: after which moves, what may come of the two, and the words the deal may end in."""

    before: str
    one: str
    other: str
    allowed: Outcomes
    ends: set[str]


EITHER: Outcomes = {("OK", "INVALID_STATE"), ("INVALID_STATE", "OK")}
BOTH: Outcomes = {("OK", "OK")}
AGREED = "bob:yes carol:yes dave:yes"
RING_MEETINGS = {
    "the last two yeses": Meeting("bob:yes", "carol:yes", "dave:yes", BOTH, {"ACCEPTED"}),  # D7
    "the first yes and another": Meeting("", "carol:yes", "dave:yes", BOTH, {"PENDING"}),
    "the last yes and the initiator's own": Meeting("bob:yes carol:yes", "dave:yes", "alice:yes", BOTH, {"ACCEPTED"}),  # C28
    "the last yes and a no": Meeting("bob:yes carol:yes", "dave:yes", "alice:no", EITHER, {"ACCEPTED", "REJECTED"}),
    "a yes and a no": Meeting("bob:yes", "carol:yes", "dave:no", {("OK", "OK"), ("INVALID_STATE", "OK")}, {"REJECTED"}),
    "two noes": Meeting("bob:yes", "carol:no", "dave:no", EITHER, {"REJECTED"}),
    "the last yes twice": Meeting(
        "bob:yes carol:yes", "dave:yes", "dave:yes", {("OK", "ALREADY_RESPONDED"), ("ALREADY_RESPONDED", "OK")}, {"ACCEPTED"}
    ),
    "one's yes and one's no": Meeting(
        "bob:yes carol:yes",
        "dave:yes",
        "dave:no",
        {("OK", "INVALID_STATE"), ("ALREADY_RESPONDED", "OK")},
        {"ACCEPTED", "REJECTED"},
    ),
    "the last yes and a cancel": Meeting(
        "bob:yes carol:yes", "dave:yes", "alice:cancel", {("OK", "OK"), ("INVALID_STATE", "OK")}, {"CANCELLED"}
    ),  # C30
    "a cancel and the first execute": Meeting(
        AGREED,
        "alice:cancel",
        "carol:execute",
        {("OK", "INVALID_STATE"), ("CHAIN_IN_EXECUTION", "OK")},
        {"CANCELLED", "ACCEPTED"},
    ),
    "a withdrawal and the first execute": Meeting(
        AGREED,
        "bob:withdraw",
        "carol:execute",
        {("OK", "INVALID_STATE"), ("CHAIN_IN_EXECUTION", "OK")},
        {"CANCELLED", "ACCEPTED"},
    ),  # C31
    "a withdrawal and a cancel": Meeting(AGREED, "bob:withdraw", "alice:cancel", EITHER, {"CANCELLED"}),
    "a withdrawal and a dispute": Meeting(
        AGREED, "bob:withdraw", "dave:dispute", {("OK", "INVALID_STATE"), ("OK", "OK")}, {"CANCELLED", "DISPUTED"}
    ),
    "a cancel and the last execute": Meeting(
        f"{AGREED} alice:execute bob:execute carol:execute",
        "alice:cancel",
        "dave:execute",
        {("CHAIN_IN_EXECUTION", "OK"), ("INVALID_STATE", "OK")},
        {"COMPLETED"},
    ),
    "a withdrawal and the last execute": Meeting(
        f"{AGREED} alice:execute bob:execute carol:execute",
        "bob:withdraw",
        "dave:execute",
        {("CHAIN_IN_EXECUTION", "OK"), ("INVALID_STATE", "OK")},
        {"COMPLETED"},
    ),
    "a dispute and the last execute": Meeting(
        f"{AGREED} alice:execute bob:execute carol:execute",
        "bob:dispute",
        "dave:execute",
        {("OK", "OK"), ("INVALID_STATE", "OK")},
        {"COMPLETED"},
    ),
    "the last two executes": Meeting(
        f"{AGREED} alice:execute bob:execute", "carol:execute", "dave:execute", BOTH, {"COMPLETED"}
    ),  # C33
}


@pytest.mark.parametrize("meeting", RING_MEETINGS.values(), ids=RING_MEETINGS)
async def test_of_what_two_say_to_a_ring_at_once_one_comes_first(crowd: Crowd, meeting: Meeting) -> None:
    rings = await rings_of(crowd, 4, meeting.before)
    asks = [(ring_ask(crowd, ring, meeting.one), ring_ask(crowd, ring, meeting.other)) for ring in rings]
    assert await crowd.two_at_once(asks) <= meeting.allowed
    for ring, status in zip(rings, await ring_statuses(crowd, rings), strict=True):
        assert status in meeting.ends
        assert await owners_of(crowd, ring) == (receivers_in(ring) if status == "COMPLETED" else givers_in(ring))


async def test_when_all_say_yes_at_once_a_ring_is_accepted_once_and_holds_each_item_once(crowd: Crowd) -> None:
    """D7, C28, C32"""
    rings = await rings_of(crowd, 6)
    yeses = [ring_ask(crowd, ring, f"{who}:yes") for ring in rings for who in ("alice", "bob", "carol", "dave")]
    assert set(await crowd.at_once(*yeses)) == {"OK"}
    assert set(await ring_statuses(crowd, rings)) == {"ACCEPTED"}
    async with crowd.market.sql() as connection:
        held = await connection.fetch(
            "SELECT deal_id::text, array_agg(item_id::text) AS items FROM item_holds WHERE deal_id = ANY($1) GROUP BY deal_id",
            [ring["id"] for ring in rings],
        )
    assert {row["deal_id"]: set(row["items"]) for row in held} == {ring["id"]: set(givers_in(ring)) for ring in rings}


async def test_twenty_executes_at_once_move_every_item_once(crowd: Crowd) -> None:
    """S2.5, S2.68, C33, D6: some say it five times, and hear that it was noted, or that it is over"""
    for ring in await rings_of(crowd, 4, AGREED):
        storm = [ring_ask(crowd, ring, f"{who}:execute") for who in ("alice", "bob", "carol", "dave")] * 5
        answers = await crowd.at_once(*storm)
        assert set(answers) <= {"OK", "INVALID_STATE"}
        assert answers.count("OK") >= 4
        assert await owners_of(crowd, ring) == receivers_in(ring)
        for item in givers_in(ring):
            assert len(await crowd.alice.by_rest("item:history", itemId=item)) == 2


# One item in every kind of deal


async def test_an_item_in_a_trade_two_offers_a_cycle_and_a_chain_goes_to_one_of_them(crowd: Crowd) -> None:
    """C3, S1.48, C37: each lacks one yes, and all of them are said at once"""
    alice, bob, carol, dave = crowd.alice, crowd.bob, crowd.carol, crowd.dave
    winners: set[int] = set()
    for number in range(10):
        wanted, given = await bob.lists("A bicycle"), await dave.lists("A lamp", openToGive=True)
        oud = await alice.lists("The oud that everybody wants", wants={"items": [wanted, given]})
        last = await carol.lists("A camera", wants={"items": [oud]})
        await bob.by_rest("item:update", itemId=wanted, wants={"items": [last]})

        trade = await trade_between(bob, alice, "interest", offeredItem=await bob.lists(), requestedItem=oud)
        offer = await dave.by_rest("offer:create", offeredItemId=await dave.lists(), requestedItemId=oud)
        hers = {"offeredItemId": await carol.lists(), "requestedItemId": await alice.lists()}
        countered = await carol.by_rest("offer:create", **hers)
        await alice.by_rest("offer:counter", offerId=countered["id"], counterOfferItemId=oud)
        found = (await alice.by_rest("barter:opportunities", itemId=oud))["opportunities"]
        (cycle_found,) = found["cycles"]
        chain_found = next(
            one for one in found["chains"] if one["participants"] == 3 and one["preview"][1]["userId"] == alice.id
        )
        cycle = await alice.by_rest("chain:create", itemId=oud, opportunityId=cycle_found["id"])
        chain = await alice.by_rest("chain:create", itemId=oud, opportunityId=chain_found["id"])
        assert {place["user"]["id"] for place in chain["participants"]} == {alice.id, carol.id, dave.id}
        await bob.by_rest("chain:respond", chainId=cycle["id"], accept=True)
        await dave.by_rest("chain:respond", chainId=chain["id"], accept=True)

        asks: list[Ask] = [
            (alice, "trade:confirm", {"tradeId": trade["id"]}),
            (alice, "offer:accept", {"offerId": offer["id"]}),
            (carol, "offer:accept", {"offerId": countered["id"]}),
            (carol, "chain:respond", {"chainId": cycle["id"], "accept": True}),
            (carol, "chain:respond", {"chainId": chain["id"], "accept": True}),
        ]
        first = number % len(asks)  # another one each time, so that each has a chance
        turned = await crowd.at_once(*asks[first:], *asks[:first])
        answers = turned[-first:] + turned[:-first] if first else turned
        assert Counter(answers) == {"OK": 1, "INVALID_STATE": 4}
        winners.add(answers.index("OK"))
        ends = [
            (await alice.by_rest("trade:get", tradeId=trade["id"]))["status"].upper(),
            (await alice.by_rest("offer:get", offerId=offer["id"]))["status"],
            (await alice.by_rest("offer:get", offerId=countered["id"]))["status"],
            (await alice.by_rest("chain:get", chainId=cycle["id"]))["status"],
            (await alice.by_rest("chain:get", chainId=chain["id"]))["status"],
        ]
        won = {"CONFIRMED", "ACCEPTED"}
        assert [end in won for end in ends] == [answer == "OK" for answer in answers]
        assert {end for end in ends if end not in won} == {"REJECTED"}
        async with crowd.market.sql() as connection:
            assert await connection.fetchval("SELECT count(*) FROM item_holds WHERE item_id = $1", oud) == 1
    assert len(winners) >= 3, "it is not always the same kind of deal"


# Offers: Alice offers a camera for a bicycle of Bob's


async def offers_of(crowd: Crowd, rounds: int, before: str = "") -> list[Offer]:
    async def one() -> Offer:
        items = {"offeredItemId": await crowd.alice.lists("A camera"), "requestedItemId": await crowd.bob.lists("A bicycle")}
        offer: Offer = await crowd.alice.by_rest("offer:create", **items)
        for step in before.split():
            person, event, payload = await offer_ask(crowd, offer, step)
            offer = await person.by_rest(event, **payload)
        return offer

    return await asyncio.gather(*(one() for _ in range(rounds)))


async def offer_ask(crowd: Crowd, offer: Offer, step: str) -> Ask:
    """ "bob:accept", as a request; "bob:edit" edits what he is to give, "accept-seen" names the terms that were seen."""
    who, move = step.split(":")
    person: Person = getattr(crowd, who)
    named = {"offerId": offer["id"]}
    match move:
        case "counter":
            return person, "offer:counter", named | {"counterOfferItemId": await person.lists("Another thing")}
        case "accept-seen":
            return person, "offer:accept", named | {"revision": offer["revision"]}
        case "interest" | "confirm":
            return person, f"trade:{move}", {"tradeId": offer["id"]}
        case "edit":
            side = "offeredItems" if person is crowd.alice else "requestedItems"
            return person, "item:update", {"itemId": offer["terms"][side][0], "title": "Old and rusty"}
        case _:
            return person, f"offer:{move}", named


OFFER_MEETINGS = {
    "accepting twice": Meeting("", "bob:accept", "bob:accept", EITHER, {"ACCEPTED"}),
    "accepting and rejecting": Meeting("", "bob:accept", "bob:reject", EITHER, {"ACCEPTED", "REJECTED"}),
    "a yes by each model": Meeting("bob:interest", "bob:accept", "bob:confirm", EITHER, {"ACCEPTED"}),  # C1, C3
    "interest and accepting": Meeting("", "bob:interest", "bob:accept", {("OK", "OK"), ("INVALID_STATE", "OK")}, {"ACCEPTED"}),
    "confirming and countering": Meeting(
        "bob:interest",
        "bob:confirm",
        "bob:counter",
        {("OK", "INVALID_STATE"), ("FORBIDDEN", "OK")},
        {"ACCEPTED", "COUNTER_OFFERED"},
    ),
    "accepting and taking it back": Meeting("", "bob:accept", "alice:cancel", EITHER, {"ACCEPTED", "CANCELLED"}),
    "countering twice": Meeting(
        "", "bob:counter", "bob:counter", {("OK", "FORBIDDEN"), ("FORBIDDEN", "OK")}, {"COUNTER_OFFERED"}
    ),
    "countering and accepting": Meeting(
        "", "bob:counter", "bob:accept", {("OK", "FORBIDDEN"), ("INVALID_STATE", "OK")}, {"COUNTER_OFFERED", "ACCEPTED"}
    ),
    "countering and taking it back": Meeting(
        "", "bob:counter", "alice:cancel", {("OK", "OK"), ("INVALID_STATE", "OK")}, {"CANCELLED"}
    ),
    "accepting a counter-offer and countering it": Meeting(  # D5
        "bob:counter",
        "alice:accept",
        "alice:counter",
        {("OK", "INVALID_STATE"), ("FORBIDDEN", "OK")},
        {"ACCEPTED", "COUNTER_OFFERED"},
    ),
    "accepting a counter-offer and taking it back": Meeting(
        "bob:counter", "alice:accept", "bob:cancel", EITHER, {"ACCEPTED", "CANCELLED"}
    ),
    "accepting a counter-offer and editing its item": Meeting(
        "bob:counter",
        "alice:accept-seen",
        "bob:edit",
        {("OK", "ITEM_LOCKED"), ("STALE_REVISION", "OK")},
        {"ACCEPTED", "COUNTER_OFFERED"},
    ),
    "both completing": Meeting("bob:accept", "alice:complete", "bob:complete", BOTH, {"COMPLETED"}),  # C2
    "completing twice": Meeting("bob:accept", "alice:complete", "alice:complete", BOTH, {"ACCEPTED"}),
    "the second completing twice": Meeting(
        "bob:accept alice:complete", "bob:complete", "bob:complete", EITHER, {"COMPLETED"}
    ),  # D3
}


@pytest.mark.parametrize("meeting", OFFER_MEETINGS.values(), ids=OFFER_MEETINGS)
async def test_of_what_two_say_to_an_offer_at_once_one_comes_first(crowd: Crowd, meeting: Meeting) -> None:
    offers = await offers_of(crowd, 6, meeting.before)
    asks = [(await offer_ask(crowd, offer, meeting.one), await offer_ask(crowd, offer, meeting.other)) for offer in offers]
    assert await crowd.two_at_once(asks) <= meeting.allowed
    for offer in offers:
        seen = await crowd.alice.by_rest("offer:get", offerId=offer["id"])
        assert seen["status"] in meeting.ends
        moved = seen["status"] == "COMPLETED"
        for item in seen["terms"]["offeredItems"]:
            assert (await crowd.bob.by_rest("item:get", itemId=item))["owner"] == (crowd.bob.id if moved else crowd.alice.id)
        for item in seen["terms"]["requestedItems"]:
            assert (await crowd.bob.by_rest("item:get", itemId=item))["owner"] == (crowd.alice.id if moved else crowd.bob.id)


async def test_a_counter_offer_of_what_is_being_confirmed_elsewhere_is_refused_or_rejected(crowd: Crowd) -> None:
    """C36, C3: by a trade's confirm, an offer's accept, or a ring's last yes"""
    pairs: list[tuple[Ask, Ask]] = []
    countered = await offers_of(crowd, 15)
    for number, offer in enumerate(countered):
        lamp = await crowd.bob.lists("A lamp")
        confirm: Ask
        if number % 3 == 0:
            items = {"offeredItem": await crowd.carol.lists(), "requestedItem": lamp}
            trade = await trade_between(crowd.carol, crowd.bob, "interest", **items)
            confirm = (crowd.bob, "trade:confirm", {"tradeId": trade["id"]})
        elif number % 3 == 1:
            items = {"offeredItemId": await crowd.carol.lists(), "requestedItemId": lamp}
            rival = await crowd.carol.by_rest("offer:create", **items)
            confirm = (crowd.bob, "offer:accept", {"offerId": rival["id"]})
        else:
            given = await crowd.dave.lists("A lamp", openToGive=True)
            await crowd.bob.by_rest("item:update", itemId=lamp, wants={"items": [given]})
            kept = await crowd.carol.lists("A radio", wants={"items": [lamp]})
            ring = await crowd.carol.by_rest("chain:create", itemId=kept)
            await crowd.bob.by_rest("chain:respond", chainId=ring["id"], accept=True)
            confirm = (crowd.dave, "chain:respond", {"chainId": ring["id"], "accept": True})
        pairs.append((confirm, (crowd.bob, "offer:counter", {"offerId": offer["id"], "counterOfferItemId": lamp})))
    assert await crowd.two_at_once(pairs) <= {("OK", "OK"), ("OK", "ITEM_UNAVAILABLE")}
    ends = {(await crowd.bob.by_rest("offer:get", offerId=offer["id"]))["status"] for offer in countered}
    assert ends <= {"PENDING", "REJECTED"}, "never countered with an item that is held"


# Who proposes, and items that change under a ring


async def test_when_all_propose_the_same_ring_at_once_it_is_on_the_table_once(crowd: Crowd) -> None:
    """C67"""
    people = (crowd.alice, crowd.bob, crowd.carol)
    for kind in ("cycle", "chain"):
        for _ in range(4):
            items = await listed_around(kind, *people)
            asks: list[Ask] = [(person, "chain:create", {"itemId": item}) for person, item in zip(people, items, strict=True)]
            assert Counter(await crowd.at_once(*asks, *asks)) == {"OK": 1, "DUPLICATE_OFFER": 5}


@pytest.mark.parametrize(
    ("event", "more", "allowed", "ends"),
    [
        ("item:delete", {}, {("OK", "ITEM_LOCKED"), ("INVALID_STATE", "OK")}, {"ACCEPTED", "REJECTED"}),
        ("item:list-for-sale", {"price": 5}, {("OK", "ITEM_LOCKED"), ("ITEM_UNAVAILABLE", "OK")}, {"ACCEPTED", "REJECTED"}),
        # Edited before the last yes, it is no last yes: the others said theirs to other terms (C17).
        ("item:update", {"title": "Old and rusty"}, {("OK", "ITEM_LOCKED"), ("OK", "OK")}, {"ACCEPTED", "PENDING"}),
    ],
)
async def test_an_item_that_changes_during_the_last_yes_is_held_before_or_not_at_all(
    crowd: Crowd, event: str, more: dict[str, Any], allowed: Outcomes, ends: set[str]
) -> None:
    """C32, C17"""
    rings = await rings_of(crowd, 10, "bob:yes carol:yes")
    pairs: list[tuple[Ask, Ask]] = []
    for ring in rings:
        (item,) = [item for item, giver in givers_in(ring).items() if giver == crowd.bob.id]
        pairs.append((ring_ask(crowd, ring, "dave:yes"), (crowd.bob, event, {"itemId": item} | more)))
    assert await crowd.two_at_once(pairs) <= allowed
    assert set(await ring_statuses(crowd, rings)) <= ends


@pytest.mark.parametrize("door", ["socket", "rest"])
async def test_the_last_yes_to_a_ring_whose_item_is_for_sale_by_now_rejects_it_for_all(crowd: Crowd, door: str) -> None:
    """C32: 409 to who said it last; and the answer to the same key stays that"""
    (ring,) = await rings_of(crowd, 1, "bob:yes carol:yes")
    (item,) = [item for item, giver in givers_in(ring).items() if giver == crowd.bob.id]
    await crowd.bob.by_rest("item:list-for-sale", itemId=item, price=5)

    def of_the_end(push: Any) -> bool:
        return bool(push["chain"]["id"] == ring["id"] and push["change"]["move"] == "reject")

    await refused(crowd.dave.through(door, "chain:respond", chainId=ring["id"], accept=True), "ITEM_UNAVAILABLE")
    for person in (crowd.alice, crowd.bob, crowd.carol, crowd.dave):
        now = await person.through(door, "chain:get", chainId=ring["id"])
        assert (now["status"], bool(now["reason"])) == ("REJECTED", True)
        push = await person.hears("chain:changed", of_the_end)
        assert (push["change"]["by"], push["chain"]) == (None, now)
    await refused(crowd.dave.through(door, "chain:respond", chainId=ring["id"], accept=True), "INVALID_STATE")


async def test_a_refused_last_yes_is_answered_the_same_to_the_same_key(crowd: Crowd) -> None:
    """C32 and "Retrying is safe": the chain was rejected, once"""
    (ring,) = await rings_of(crowd, 1, "bob:yes carol:yes")
    (item,) = [item for item, giver in givers_in(ring).items() if giver == crowd.bob.id]
    await crowd.bob.by_rest("item:list-for-sale", itemId=item, price=5)
    yes = {"chainId": ring["id"], "accept": True}
    first = await refused(crowd.dave.by_rest("chain:respond", key="dave's last yes", **yes), "ITEM_UNAVAILABLE")
    again = await refused(crowd.dave.by_rest("chain:respond", key="dave's last yes", **yes), "ITEM_UNAVAILABLE")
    elsewhere = crowd.elsewhere[crowd.dave.id]
    by_socket = await refused(elsewhere.does("chain:respond", idempotencyKey="dave's last yes", **yes), "ITEM_UNAVAILABLE")
    assert (first.status, again.status) == (409, 409)
    assert first.body == again.body == by_socket.body


async def test_what_is_accepted_at_its_deadline_is_accepted_or_expired_and_never_both(crowd: Crowd) -> None:
    """C34: by the database's clock, whoever sweeps"""
    offers, rings = await offers_of(crowd, 30), await rings_of(crowd, 15, "bob:yes carol:yes")
    lasts = 0.4
    async with crowd.market.sql() as connection:
        await connection.execute(
            "UPDATE deals SET expires_at = now() + make_interval(secs => $2) WHERE id = ANY($1)",
            [deal["id"] for deal in offers + rings],
            lasts,
        )
    asks: list[Ask] = [(crowd.bob, "offer:accept", {"offerId": offer["id"]}) for offer in offers]
    asks = [
        ask
        for three in zip(asks[::2], asks[1::2], (ring_ask(crowd, ring, "dave:yes") for ring in rings), strict=True)
        for ask in three
    ]

    async def says(number: int, ask: Ask) -> str:
        await asyncio.sleep(lasts * 2 * number / len(asks))  # half of them before the deadline, half after it
        return (await crowd.at_once(ask))[0]

    async def sweeps() -> None:
        for _ in range(20):
            await asyncio.gather(*(expire_deals(market.service.app) for market in (crowd.market, crowd.other)))
            await asyncio.sleep(lasts * 2 / 20)

    *answers, _ = await asyncio.gather(*(says(number, ask) for number, ask in enumerate(asks)), sweeps())
    assert set(answers) <= {"OK", "OFFER_EXPIRED", "CHAIN_EXPIRED"}
    assert len(set(answers)) == 3, "some were in time, and of both kinds some were not"
    for answer, (person, event, payload) in zip(answers, asks, strict=True):
        named = {name: value for name, value in payload.items() if name.endswith("Id")}
        status = (await person.by_rest(f"{event.split(':')[0]}:get", **named))["status"]
        assert status == ("ACCEPTED" if answer == "OK" else "EXPIRED")


# Whatever they do

RANDOM_MOVES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "trade": [
        ("trade:interest", {}),
        ("trade:confirm", {}),
        ("trade:complete", {}),
        ("trade:cancel", {}),
        ("trade:dispute", {}),
        ("offer:accept", {}),
        ("offer:counter", {}),
    ],
    "offer": [
        ("offer:accept", {}),
        ("offer:counter", {}),
        ("offer:complete", {}),
        ("offer:cancel", {}),
        ("trade:cancel", {}),
        ("trade:interest", {}),
        ("trade:confirm", {}),
    ],
    "ring": [
        ("chain:respond", {"accept": True}),
        ("chain:respond", {"accept": True}),
        ("chain:execute", {}),
        ("chain:withdraw", {}),
        ("chain:dispute", {}),
    ],
    "item": [
        ("item:update", {"title": "Changed"}),
        ("item:update", {"status": "available"}),
        ("item:end-sale", {}),
        ("item:list-for-sale", {"price": 5}),
    ],
}


async def test_whatever_they_do_at_random_nothing_breaks(crowd: Crowd) -> None:
    """Thirty things at a time, on few items: no bug, nothing given up after retries; what holds is looked at afterwards"""
    chance = random.Random(11)
    people = {person.id: person for person in (crowd.alice, crowd.bob, crowd.carol, crowd.dave)}
    items = [
        (person, await person.lists(lookingFor="flexible", openToGive=number == 0))
        for person in people.values()
        for number in range(5)
    ]

    def proposed() -> Ask:
        (person, mine), (_, theirs) = chance.sample(items, 2)
        match chance.randrange(3):
            case 0:
                return person, "trade:request", {"offeredItem": mine, "requestedItem": theirs}
            case 1:
                return person, "offer:create", {"offeredItemId": mine, "requestedItemId": theirs}
            case _:
                return person, "chain:create", {"itemId": mine, "maxParticipants": 4, "preferCycles": chance.random() < 0.5}

    def moved(deal: Any) -> Ask:
        person = people[str(chance.choice(deal["party_ids"]))]
        event, more = chance.choice(RANDOM_MOVES["ring" if deal["kind"] in ("cycle", "chain") else deal["kind"]])
        if event == "offer:counter":
            more = {"counterOfferItemId": chance.choice([item for owner, item in items if owner is person])}
        name = {"trade": "tradeId", "offer": "offerId", "chain": "chainId"}[event.split(":")[0]]
        return person, event, {name: str(deal["id"])} | more

    def touched() -> Ask:
        person, item = chance.choice(items)
        event, more = chance.choice(RANDOM_MOVES["item"])
        return person, event, {"itemId": item} | more

    answers: Counter[str] = Counter()
    async with crowd.market.sql() as connection:
        for _ in range(12):
            live = await connection.fetch(
                """
                SELECT id, kind, party_ids FROM deals WHERE closed_at IS NULL AND item_ids && $1::text[]::uuid[]
                 ORDER BY created_at DESC LIMIT 30
                """,
                [item for _, item in items],
            )
            asks = [proposed() for _ in range(10)] + [touched() for _ in range(4)]
            asks += [moved(chance.choice(live)) for _ in range(20) if live]
            answers.update(await crowd.at_once(*chance.sample(asks, len(asks))))
    assert not answers.keys() & {"INTERNAL", "UNAVAILABLE"}
    assert answers["OK"] > 50
