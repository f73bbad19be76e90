"""Offers: what may be offered and countered, what is refused in which order, and how both doors show them (S2.15 to S2.50, C1,
C35 to C41). What each move brings in each state is in `tests/tables.py`.
"""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Market
from tests.people import Cast, Person
from tests.trading import BOTH_DOORS, refused, trade_between

NOBODYS = str(uuid4())  # no item, and no offer, has this id
Offer = dict[str, Any]


def z(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def lasts(offer: Offer, since: str) -> timedelta:
    return datetime.fromisoformat(offer["expiresAt"]) - datetime.fromisoformat(offer[since])


async def offer_between(alice: Person, bob: Person, **more: Any) -> Offer:
    """A camera of Alice's for a bicycle of Bob's."""
    items = {"offeredItemId": await alice.lists("A camera"), "requestedItemId": await bob.lists("A bicycle")}
    offer: Offer = await alice.by_rest("offer:create", **(items | more))
    return offer


# Making one


@BOTH_DOORS
async def test_an_offer_is_pending_for_seven_days_and_holds_nothing(market: Market, door: str) -> None:
    """S2.23, S2.26, S2.30 to S2.32, C12"""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    camera = await alice.lists("A camera", condition="LIKE_NEW", estimatedValue=900)
    bicycle = await bob.lists("A bicycle")
    offer = await alice.through(door, "offer:create", offeredItemId=camera, requestedItemId=bicycle, notes="With its bag")

    assert (offer["initiatorId"], offer["recipientId"], offer["status"]) == (alice.id, bob.id, "PENDING")
    assert offer["offeredItem"] == {
        "id": camera,
        "title": "A camera",
        "estimatedValue": 900,
        "condition": "LIKE_NEW",
        "images": [],
        "seller": {"id": alice.id, "fullName": "Alice", "avatar": None},
    }
    assert (offer["requestedItem"]["id"], offer["requestedItem"]["seller"]["id"]) == (bicycle, bob.id)
    assert offer["terms"] == {"offeredItems": [camera], "requestedItems": [bicycle]}
    assert (offer["notes"], offer["revision"], offer["awaiting"], offer["completedBy"]) == ("With its bag", 1, [bob.id], [])
    assert not offer.keys() & {"counterOfferItem", "reason"}
    assert lasts(offer, "createdAt") == timedelta(days=7)

    for person in (alice, bob):
        push = await person.hears("offer:changed", lambda push: push["offer"]["id"] == offer["id"])
        assert (push["seq"], push["change"]) == (1, {"status": "PENDING", "move": "request", "by": alice.id})
        assert push["offer"] == offer
    conversation = await bob.through(door, "conversation:get", conversationId=offer["conversation"])
    assert conversation["deal"] == {"kind": "offer", "id": offer["id"], "status": "PENDING"}
    for item in (camera, bicycle):
        assert (await bob.through(door, "item:get", itemId=item))["status"] == "available"


async def test_the_documents_statuses_and_messages_stand_word_for_word(cast: Cast) -> None:
    """S2.30, S2.37, S2.39, S2.42"""
    alice, bob = await cast.people("Alice", "Bob")
    items = {"offeredItemId": await alice.lists(), "requestedItemId": await bob.lists()}
    status, made, _ = await cast.answer("POST", "/barter/offers", items, token=alice.token, prefix="/api/v1")
    assert (status, made["message"]) == (201, "Barter offer created successfully")
    path = f"/barter/offers/{made['data']['id']}"
    counter = {"counterOfferItemId": await bob.lists()}
    status, countered, _ = await cast.answer("POST", f"{path}/counter", counter, token=bob.token, prefix="/api/v1")
    assert (status, countered["message"]) == (200, "Counter offer created successfully")
    status, accepted, _ = await cast.answer("POST", f"{path}/accept", token=alice.token, prefix="/api/v1")
    assert (status, accepted["message"]) == (200, "Barter offer accepted successfully")
    status, mine, _ = await cast.answer("GET", "/barter/offers/my", token=alice.token, prefix="/api/v1")
    assert (status, mine["message"]) == (200, "Barter offers retrieved successfully")


# What can be wrong with the two items, and what it is answered. In C41's order: the earliest one is what is said.
WRONGS = [
    ("same item", 400, "INVALID_REQUEST", "requestedItemId"),
    ("offered is not there", 404, "NOT_FOUND", "offeredItemId"),
    ("offered is another's", 403, "NOT_OWNER", "offeredItemId"),
    ("requested is not there", 404, "NOT_FOUND", "requestedItemId"),
    ("requested is one's own", 400, "SELF_BARTER", "requestedItemId"),
    ("offered is for sale", 400, "ACTIVE_LISTING", "offeredItemId"),
    ("requested is for sale", 400, "ACTIVE_LISTING", "requestedItemId"),
    ("offered is taken", 409, "ITEM_UNAVAILABLE", "offeredItemId"),
    ("requested is taken", 409, "ITEM_UNAVAILABLE", "requestedItemId"),
]
TEXTS = {
    "same item": "You cannot offer and request the same item",  # S2.100
    "requested is one's own": "You cannot barter with yourself",  # S2.101
    "offered is for sale": "Cannot barter items that have active sale listings. Please close the listing first.",  # S2.102
    "requested is for sale": "Cannot barter items that have active sale listings. Please close the listing first.",  # C40
}
Shelf = dict[str, str]


@pytest.fixture(scope="module")
async def shelves(market: Market) -> tuple[Person, Shelf, Shelf]:
    """Alice, and what she could offer and request, by what is wrong with it."""
    alice, bob, carol = await market.cast.people("Alice", "Bob", "Carol", connected=True)
    taken = await offer_between(alice, bob)
    await bob.does("offer:accept", offerId=taken["id"])
    for_sale = (await alice.lists(), await bob.lists())
    await alice.does("item:list-for-sale", itemId=for_sale[0], price=100)
    await bob.does("item:list-for-sale", itemId=for_sale[1], price=100)
    gone = await bob.lists()
    await bob.does("item:delete", itemId=gone)
    offered = {
        "fine": await alice.lists(),
        "offered is not there": NOBODYS,
        "offered is another's": await carol.lists(),
        "offered is for sale": for_sale[0],
        "offered is taken": taken["offeredItem"]["id"],
    }
    requested = {
        "fine": await bob.lists(),
        "requested is not there": gone,
        "requested is one's own": await alice.lists(),
        "requested is for sale": for_sale[1],
        "requested is taken": taken["requestedItem"]["id"],
    }
    return alice, offered, requested


@BOTH_DOORS
async def test_what_is_wrong_first_is_what_is_said(shelves: tuple[Person, Shelf, Shelf], door: str) -> None:
    """S2.33 to S2.36, S2.100 to S2.102, C40, C41, every two wrongs together"""
    alice, offered, requested = shelves
    cases = [({"offeredItemId": item, "requestedItemId": item}, {"same item"}) for item in offered.values()]
    for (one, mine), (other, theirs) in product(offered.items(), requested.items()):
        if {one, other} != {"fine"}:
            cases.append(({"offeredItemId": mine, "requestedItemId": theirs}, {one, other}))
    for items, wrongs in cases:
        wrong, status, code, field = next(each for each in WRONGS if each[0] in wrongs)
        no = await refused(alice.through(door, "offer:create", **items), code, field)
        assert no.status == (status if door == "rest" else None), wrong
        assert no.message == TEXTS.get(wrong, no.message)


@BOTH_DOORS
async def test_the_shape_comes_before_the_items(shelves: tuple[Person, Shelf, Shelf], door: str) -> None:
    """C41, C46, C47, C49"""
    alice, _, _ = shelves
    items = {"offeredItemId": NOBODYS, "requestedItemId": NOBODYS}
    now = datetime.now(UTC)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"offeredItemId": "abc123"}, "offeredItemId"),
        ({"requestedItemId": None}, "requestedItemId"),
        ({"requestedItemId": [NOBODYS]}, "requestedItemId"),
        ({"notes": "n" * 1001}, "notes"),
        ({"cash": 100}, "cash"),
        ({"expiresAt": "soon"}, "expiresAt"),
        ({"expiresAt": z(now - timedelta(seconds=1))}, "expiresAt"),
        ({"expiresAt": z(now + timedelta(days=90, minutes=1))}, "expiresAt"),
        ({"expiresAt": (now + timedelta(days=1)).replace(tzinfo=None).isoformat()}, "expiresAt"),
    ]
    for more, field in wrong:
        await refused(alice.through(door, "offer:create", **(items | more)), "INVALID_REQUEST", field)
    for missing in items:
        rest = {name: item for name, item in items.items() if name != missing}
        await refused(alice.through(door, "offer:create", **rest), "INVALID_REQUEST", missing)


@BOTH_DOORS
async def test_an_expiry_that_is_given_is_kept(cast: Cast, door: str) -> None:
    """S2.30, C46: up to 90 days"""
    alice, bob = await cast.people("Alice", "Bob")
    items = {"offeredItemId": await alice.lists(), "requestedItemId": await bob.lists(), "notes": "n" * 1000}
    asked = z((datetime.now(UTC) + timedelta(days=90, minutes=-1)).replace(microsecond=0))
    offer = await alice.through(door, "offer:create", expiresAt=asked, **items)
    assert (offer["expiresAt"], len(offer["notes"])) == (asked, 1000)


@BOTH_DOORS
async def test_the_same_swap_is_on_the_table_once_in_either_direction_and_by_either_door(cast: Cast, door: str) -> None:
    """S2.97, C39, C1"""
    alice, bob = await cast.people("Alice", "Bob")
    camera, bicycle = await alice.lists(), await bob.lists()
    offers = [
        (alice, "offer:create", {"offeredItemId": camera, "requestedItemId": bicycle}),
        (bob, "offer:create", {"offeredItemId": bicycle, "requestedItemId": camera}),
        (alice, "trade:request", {"offeredItem": camera, "requestedItem": bicycle}),
        (bob, "trade:request", {"offeredItem": bicycle, "requestedItem": camera}),
    ]
    for person, event, items in offers:
        deal = await person.through(door, event, **items)
        for again, other_event, other_items in offers:
            no = await refused(again.through(door, other_event, **other_items), "DUPLICATE_OFFER")
            assert no.status == (409 if door == "rest" else None)
        noun = event.split(":")[0]
        await person.through(door, f"{noun}:cancel", **{f"{noun}Id": deal["id"]})


# Countering


@BOTH_DOORS
async def test_a_counter_offer_puts_the_counterer_s_own_item_in_place_of_what_they_would_give(cast: Cast, door: str) -> None:
    """S2.39, S2.40, C35 to C37, D5: back and forth, and what is accepted is the latest"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    offer = await offer_between(alice, bob, notes="A fair swap?")
    camera, bicycle = offer["offeredItem"]["id"], offer["requestedItem"]["id"]
    lamp, radio = await bob.lists("A lamp"), await alice.lists("A radio")
    named = {"offerId": offer["id"]}

    first = await bob.through(door, "offer:counter", **named, counterOfferItemId=lamp, notes="I need my bicycle")
    assert (first["status"], first["awaiting"], first["revision"]) == ("COUNTER_OFFERED", [alice.id], 2)
    assert (first["counterOfferItem"]["id"], first["counterOfferItem"]["seller"]["id"]) == (lamp, bob.id)
    assert (first["offeredItem"]["id"], first["requestedItem"]["id"]) == (camera, bicycle), "what it began with"
    assert (first["terms"], first["notes"]) == ({"offeredItems": [camera], "requestedItems": [lamp]}, "I need my bicycle")

    second = await alice.through(door, "offer:counter", **named, counterOfferItemId=radio)
    assert (second["status"], second["awaiting"], second["revision"]) == ("COUNTER_OFFERED", [bob.id], 3)
    assert (second["counterOfferItem"]["id"], second["terms"]) == (radio, {"offeredItems": [radio], "requestedItems": [lamp]})
    assert second["notes"] is None, "Bob's note was on his terms"

    await refused(alice.through(door, "offer:accept", **named), "FORBIDDEN")
    await refused(bob.through(door, "offer:accept", **named, revision=2), "STALE_REVISION")
    accepted = await bob.through(door, "offer:accept", **named, revision=3)
    assert accepted["status"] == "ACCEPTED"
    statuses = {item: (await bob.through(door, "item:get", itemId=item))["status"] for item in (camera, bicycle, lamp, radio)}
    assert statuses == {camera: "available", bicycle: "available", lamp: "traded", radio: "traded"}
    moves = [push["change"]["move"] for event, push in alice.heard if event == "offer:changed"]
    assert (await alice.hears("offer:changed", lambda push: push["change"]["move"] == "accept"))["offer"]["terms"] == second[
        "terms"
    ]
    assert moves[:3] == ["request", "counter", "counter"]


@BOTH_DOORS
async def test_a_counter_offer_lasts_seven_days_anew_or_as_long_as_is_said(cast: Cast, door: str) -> None:
    """C35, C46"""
    alice, bob = await cast.people("Alice", "Bob")
    soon = z((datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0))
    offer = await offer_between(alice, bob, expiresAt=soon)
    assert offer["expiresAt"] == soon
    counter = {"offerId": offer["id"], "counterOfferItemId": await bob.lists()}
    past = z(datetime.now(UTC) - timedelta(seconds=1))
    await refused(bob.through(door, "offer:counter", **counter, expiresAt=past), "INVALID_REQUEST", "expiresAt")
    first = await bob.through(door, "offer:counter", **counter)
    assert lasts(first, "updatedAt") == timedelta(days=7)
    second = await alice.through(
        door, "offer:counter", offerId=offer["id"], counterOfferItemId=await alice.lists(), expiresAt=soon
    )
    assert second["expiresAt"] == soon


@BOTH_DOORS
async def test_what_is_wrong_with_a_counter_offer_is_said_in_the_same_order(cast: Cast, door: str) -> None:
    """C36, C41"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    offer = await offer_between(alice, bob)
    fine, sold, taken = await bob.lists(), await bob.lists(), await bob.lists()
    await bob.by_rest("item:list-for-sale", itemId=sold, price=5)
    await trade_between(carol, bob, "interest", "confirm", offeredItem=await carol.lists(), requestedItem=taken)

    async def no(person: Person, item: str, code: str, field: str | None = "counterOfferItemId") -> None:
        await refused(person.through(door, "offer:counter", offerId=offer["id"], counterOfferItemId=item), code, field)

    await no(carol, fine, "NOT_FOUND", None)  # a stranger, whatever they name (C51)
    await no(alice, NOBODYS, "FORBIDDEN", None)  # whose turn it is comes before what they name
    await no(bob, "abc123", "INVALID_REQUEST")
    await no(bob, NOBODYS, "NOT_FOUND")
    await no(bob, offer["requestedItem"]["id"], "INVALID_REQUEST")
    await no(bob, offer["offeredItem"]["id"], "NOT_OWNER")
    await no(bob, await carol.lists(), "NOT_OWNER")
    await no(bob, sold, "ACTIVE_LISTING")
    await no(bob, taken, "ITEM_UNAVAILABLE")
    assert (await bob.through(door, "offer:get", offerId=offer["id"]))["revision"] == 1
    await bob.through(door, "offer:counter", offerId=offer["id"], counterOfferItemId=fine)
    await no(bob, await bob.lists(), "FORBIDDEN", None)


@BOTH_DOORS
async def test_a_counter_offer_of_what_is_on_the_table_already_is_a_duplicate(cast: Cast, door: str) -> None:
    """C39: and changes nothing"""
    alice, bob = await cast.people("Alice", "Bob")
    offer, lamp = await offer_between(alice, bob), await bob.lists()
    await bob.by_rest("trade:request", offeredItem=lamp, requestedItem=offer["offeredItem"]["id"])
    before = await alice.through(door, "offer:get", offerId=offer["id"])
    await refused(bob.through(door, "offer:counter", offerId=offer["id"], counterOfferItemId=lamp), "DUPLICATE_OFFER")
    assert await alice.through(door, "offer:get", offerId=offer["id"]) == before


async def test_there_are_twenty_counter_offers_at_most_and_all_can_be_read(cast: Cast) -> None:
    """C35: every round is kept as it was; an edit of an item is a revision too, and no round"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    offer = await offer_between(alice, bob, notes="Round 0")
    items = {person.id: [await person.lists(f"{person.name}'s {number}") for number in range(2)] for person in (alice, bob)}
    expected: list[tuple[Any, ...]] = [(1, alice.id, "request", "Round 0", "A camera", "A bicycle")]
    offered, requested = "A camera", "A bicycle"
    for number in range(20):
        person = alice if number % 2 else bob
        place = number // 2 % 2
        counter = {"counterOfferItemId": items[person.id][place], "notes": f"Round {number + 1}"}
        await person.by_rest("offer:counter", offerId=offer["id"], **counter)
        offered, requested = (f"Alice's {place}", requested) if person is alice else (offered, f"Bob's {place}")
        expected.append((number + 2, person.id, "counter", f"Round {number + 1}", offered, requested))
    one_more = bob.by_rest("offer:counter", offerId=offer["id"], counterOfferItemId=await bob.lists())
    no = await refused(one_more, "INVALID_STATE")
    assert "20" in no.message

    await bob.by_rest("item:update", itemId=items[bob.id][1], title="Bob's rusty one")
    expected.append((22, bob.id, "update", None, offered, "Bob's rusty one"))
    for person in (alice, bob):
        seen = await person.by_rest("offer:get", offerId=offer["id"])
        told = [
            (
                one["revision"],
                one["by"],
                one["move"],
                one["notes"],
                one["offeredItems"][0]["title"],
                one["requestedItems"][0]["title"],
            )
            for one in seen["revisions"]
        ]
        assert told == expected
        assert (seen["revision"], seen["notes"]) == (22, "Round 20")
    await refused(carol.by_rest("offer:get", offerId=offer["id"]), "NOT_FOUND")
    accepted = await bob.by_rest("offer:accept", offerId=offer["id"], revision=22)
    assert accepted["status"] == "ACCEPTED", "it can still be answered"


# Listing them, and both doors (C1)


@BOTH_DOORS
async def test_my_offers_by_side_status_and_page(cast: Cast, door: str) -> None:
    """S2.42, S2.11, S2.12, C48"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    sent = [await offer_between(alice, bob) for _ in range(3)]
    received = [await offer_between(bob, alice) for _ in range(2)]
    await bob.by_rest("offer:counter", offerId=sent[0]["id"], counterOfferItemId=await bob.lists())
    await bob.by_rest("offer:reject", offerId=sent[1]["id"], reason="Not now")
    await alice.by_rest("offer:accept", offerId=received[0]["id"])
    sent_ids, received_ids = [[offer["id"] for offer in reversed(offers)] for offers in (sent, received)]

    async def ids(**asked: Any) -> list[str]:
        return [offer["id"] for offer in (await alice.through(door, "offer:mine", **asked))["items"]]

    assert await ids() == await ids(type="all") == received_ids + sent_ids, "newest first"
    assert await ids(type="sent") == await ids(type="SENT") == sent_ids
    assert await ids(type="received") == received_ids
    assert await ids(status="PENDING") == await ids(status="pending") == [received_ids[0], sent_ids[0]]
    assert await ids(status="COUNTER_OFFERED") == [sent[0]["id"]]
    assert await ids(status="REJECTED", type="sent") == [sent[1]["id"]]
    assert await ids(status="ACCEPTED", type="sent") == []
    assert await ids(status="EXPIRED") == await ids(status="COMPLETED") == await ids(status="CANCELLED") == []

    first = await alice.through(door, "offer:mine", limit=2)
    assert [offer["id"] for offer in first["items"]] == (received_ids + sent_ids)[:2]
    assert first["pagination"] == {"page": 1, "limit": 2, "total": 5, "totalPages": 3, "hasMore": True}
    last = await alice.through(door, "offer:mine", limit=2, page=3)
    assert ([offer["id"] for offer in last["items"]], last["pagination"]["hasMore"]) == (sent_ids[-1:], False)
    assert (await alice.through(door, "offer:mine", page=4, limit=2))["items"] == []
    assert "revisions" not in first["items"][0], "those are read where one offer is asked for"

    assert (await carol.through(door, "offer:mine"))["pagination"]["total"] == 0
    wrongs: list[dict[str, Any]] = [{"type": "mine"}, {"status": "negotiating"}, {"limit": 101}, {"limit": 0}, {"page": 0}]
    for wrong in wrongs:
        (field,) = wrong
        await refused(alice.through(door, "offer:mine", **wrong), "INVALID_REQUEST", field)


@BOTH_DOORS
async def test_each_door_shows_the_other_s_deals_in_its_own_words(cast: Cast, door: str) -> None:
    """C1, C6"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    trade, offer = await trade_between(alice, bob, "interest"), await offer_between(alice, bob)
    lamp = await bob.lists()
    await bob.through(door, "offer:counter", offerId=offer["id"], counterOfferItemId=lamp)

    as_offer = await bob.through(door, "offer:get", offerId=trade["id"])
    assert (as_offer["status"], as_offer["initiatorId"], as_offer["recipientId"]) == ("PENDING", alice.id, bob.id)
    assert as_offer["terms"] == {"offeredItems": [trade["offeredItem"]], "requestedItems": [trade["requestedItem"]]}
    as_trade = await bob.through(door, "trade:get", tradeId=offer["id"])
    assert (as_trade["status"], as_trade["requester"], as_trade["owner"]) == ("negotiating", alice.id, bob.id)
    assert (as_trade["offeredItem"], as_trade["requestedItem"]) == (offer["offeredItem"]["id"], lamp), "as it would be swapped"
    assert as_trade["reason"] == "countered", "what S1 has no word for"

    both = [offer["id"], trade["id"]]
    assert [deal["id"] for deal in (await alice.through(door, "trade:mine"))["items"]] == both
    assert [deal["id"] for deal in (await bob.through(door, "trade:incoming"))["items"]] == both
    assert [deal["id"] for deal in (await alice.through(door, "offer:mine", type="sent"))["items"]] == both
    for event, name in (("offer:get", "offerId"), ("trade:get", "tradeId")):
        for deal_id in (*both, NOBODYS):
            await refused(carol.through(door, event, **{name: deal_id}), "NOT_FOUND")


@BOTH_DOORS
async def test_either_door_completes_a_deal_as_the_door_that_opened_it_has_it(cast: Cast, door: str) -> None:
    """C1, C2: an offer with the second of both, a trade with the first of either"""
    alice, bob = await cast.people("Alice", "Bob")
    trade, offer = await trade_between(alice, bob, "interest", "confirm"), await offer_between(alice, bob)
    await bob.through(door, "offer:accept", offerId=offer["id"])
    first = await alice.through(door, "trade:complete", tradeId=offer["id"])
    assert first["status"] == "confirmed", "Bob has not said so yet"
    assert (await bob.through(door, "offer:get", offerId=offer["id"]))["completedBy"] == [alice.id]
    assert (await bob.through(door, "trade:complete", tradeId=offer["id"]))["status"] == "completed"
    done = await alice.through(door, "offer:complete", offerId=trade["id"])
    assert (done["status"], done["completedBy"]) == ("COMPLETED", [alice.id])


# What people say with it


@BOTH_DOORS
async def test_reasons_and_confirmation_notes_are_told(cast: Cast, door: str) -> None:
    """S2.38, S2.46, S2.49, C49"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    rejected = await offer_between(alice, bob)
    await refused(bob.through(door, "offer:reject", offerId=rejected["id"], reason="r" * 501), "INVALID_REQUEST", "reason")
    now = await bob.through(door, "offer:reject", offerId=rejected["id"], reason="I keep it")
    assert (now["status"], now["reason"]) == ("REJECTED", "I keep it")
    push = await alice.hears("offer:changed", lambda push: push["change"]["move"] == "reject")
    assert push["change"] == {"status": "REJECTED", "move": "reject", "by": bob.id, "reason": "I keep it"}
    assert "reason" not in await _rejected_without_a_word(alice, bob, door)

    offer = await offer_between(alice, bob)
    await bob.through(door, "offer:accept", offerId=offer["id"])
    long = {"offerId": offer["id"], "confirmationNotes": "n" * 501}
    await refused(alice.through(door, "offer:complete", **long), "INVALID_REQUEST", "confirmationNotes")
    for _ in range(2):  # said twice, told once
        await alice.through(door, "offer:complete", offerId=offer["id"], confirmationNotes="It works")
    await bob.through(door, "offer:complete", offerId=offer["id"])
    log = await bob.through(door, "message:list", conversationId=offer["conversation"])
    assert [entry.get("text") or entry["change"]["move"] for entry in log] == [
        "request",
        "accept",
        "complete",
        "It works",
        "complete",
    ]


async def _rejected_without_a_word(alice: Person, bob: Person, door: str) -> Offer:
    offer = await offer_between(alice, bob)
    rejected: Offer = await bob.through(door, "offer:reject", offerId=offer["id"])
    return rejected


@BOTH_DOORS
async def test_accepting_rejects_every_other_deal_over_either_item(cast: Cast, door: str) -> None:
    """C3, D2: a trade, an offer the other way, and an offer that was countered with it; each is told why"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol", connected=True)
    offer = await offer_between(alice, bob)
    camera, bicycle = offer["offeredItem"]["id"], offer["requestedItem"]["id"]
    trade = await trade_between(carol, alice, offeredItem=await carol.lists(), requestedItem=camera)
    other_way = await bob.by_rest("offer:create", offeredItemId=bicycle, requestedItemId=await carol.lists())
    countered = await offer_between(carol, bob)
    await bob.by_rest("offer:counter", offerId=countered["id"], counterOfferItemId=bicycle)
    counter_s_own = countered["requestedItem"]["id"]

    await bob.through(door, "offer:accept", offerId=offer["id"])
    for rival in (trade, other_way, countered):
        seen = await carol.through(door, "offer:get", offerId=rival["id"])
        assert (seen["status"], seen["reason"]) == ("REJECTED", "an item in it went to another deal")
    push = await carol.hears("offer:changed", lambda push: push["offer"]["id"] == countered["id"] and push["seq"] == 3)
    assert (push["change"]["status"], push["change"]["by"]) == ("REJECTED", None)
    assert (await bob.through(door, "item:get", itemId=counter_s_own))["status"] == "available"
