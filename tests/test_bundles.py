"""Bundles: several items a side in one trade, all of them or none (design.md, "One engine")."""

from uuid import uuid4

import pytest

from tests.people import Cast, Person
from tests.trading import BOTH_DOORS, refused, trade_between


async def shelf(person: Person, count: int) -> list[str]:
    return [await person.lists(f"Thing {number}") for number in range(count)]


@BOTH_DOORS
@pytest.mark.parametrize(("given", "taken"), [(2, 1), (1, 3), (10, 10)])
async def test_a_bundle_changes_hands_as_one(cast: Cast, door: str, given: int, taken: int) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    offered, requested = await shelf(alice, given), await shelf(bob, taken)
    trade = await alice.through(door, "trade:request", offeredItem=offered, requestedItem=requested)
    for side, items in (("offeredItem", offered), ("requestedItem", requested)):
        shown = trade[side] if len(items) > 1 else [trade[side]]
        assert set(shown) == set(items), "one item is an id, several are an array"

    await bob.through(door, "trade:interest", tradeId=trade["id"])
    await bob.through(door, "trade:confirm", tradeId=trade["id"])
    assert (await alice.through(door, "item:list", owner=alice.id))["items"] == []
    await alice.through(door, "trade:complete", tradeId=trade["id"])
    for items, owner in ((offered, bob), (requested, alice)):
        for item in items:
            ledger = await owner.through(door, "item:history", itemId=item)
            assert [(line["seq"], line["to"], line["dealId"]) for line in ledger[1:]] == [(2, owner.id, trade["id"])]
            assert (await owner.through(door, "item:get", itemId=item))["owner"] == owner.id


@BOTH_DOORS
async def test_an_array_of_one_is_as_good_as_an_id(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    camera, bicycle = await alice.lists(), await bob.lists()
    trade = await alice.through(door, "trade:request", offeredItem=[camera], requestedItem=[bicycle])
    assert (trade["offeredItem"], trade["requestedItem"]) == (camera, bicycle)
    await refused(alice.through(door, "trade:request", offeredItem=camera, requestedItem=bicycle), "DUPLICATE_OFFER")


@BOTH_DOORS
async def test_a_bundle_has_one_to_ten_items_a_side_each_once_of_one_person(cast: Cast, door: str) -> None:
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol", connected=True)
    eleven, bobs, carols = await shelf(alice, 11), await shelf(bob, 2), await carol.lists()
    own, offered = eleven[:2], "offeredItem"

    async def no(code: str, field: str, **request: object) -> None:
        whole = {"offeredItem": own, "requestedItem": bobs} | request
        await refused(alice.through(door, "trade:request", **whole), code, field)

    await no("INVALID_REQUEST", offered, offeredItem=eleven)
    await no("INVALID_REQUEST", offered, offeredItem=[])
    await no("INVALID_REQUEST", "requestedItem", requestedItem=[])
    await no("INVALID_REQUEST", offered, offeredItem=[own[0], own[1], own[0]])
    await no("INVALID_REQUEST", "requestedItem", requestedItem=[bobs[0], bobs[0]])
    await no("INVALID_REQUEST", "requestedItem", requestedItem=[bobs[0], own[0]])  # the same item on both sides
    await no("INVALID_REQUEST", "requestedItem", requestedItem=[bobs[0], carols])  # of two people
    # What is wrong with one item is wrong with the bundle
    await no("NOT_FOUND", offered, offeredItem=[own[0], str(uuid4())])
    await no("NOT_OWNER", offered, offeredItem=[own[0], bobs[1]], requestedItem=bobs[0])
    await no("NOT_FOUND", "requestedItem", requestedItem=[bobs[0], str(uuid4())])
    await no("SELF_BARTER", "requestedItem", requestedItem=[bobs[0], eleven[5]])
    await bob.through(door, "item:list-for-sale", itemId=bobs[1], price=9)
    await no("ACTIVE_LISTING", "requestedItem")
    assert (await alice.through(door, "trade:mine"))["pagination"]["total"] == 0


@BOTH_DOORS
async def test_a_bundle_is_a_rival_by_any_of_its_items(cast: Cast, door: str) -> None:
    """S1.48"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol", connected=True)
    hers, his, carols = await shelf(alice, 3), await shelf(bob, 3), await shelf(carol, 2)
    big = await trade_between(alice, bob, "interest", offeredItem=hers, requestedItem=his)
    small = await trade_between(carol, bob, "interest", offeredItem=carols[0], requestedItem=his[2])
    aside = await trade_between(carol, alice, "interest", offeredItem=carols[1], requestedItem=hers[0])

    await bob.through(door, "trade:confirm", tradeId=small["id"])
    seen = await alice.through(door, "trade:get", tradeId=big["id"])
    assert (seen["status"], seen["reason"]) == ("rejected", "an item in it went to another deal")
    assert (await alice.through(door, "trade:get", tradeId=aside["id"]))["status"] == "negotiating"
    await refused(
        alice.through(door, "trade:request", offeredItem=hers, requestedItem=his), "ITEM_UNAVAILABLE", "requestedItem"
    )
    again = await trade_between(alice, bob, "interest", offeredItem=hers, requestedItem=his[:2])
    await bob.through(door, "trade:confirm", tradeId=again["id"])
    assert (await alice.through(door, "trade:get", tradeId=aside["id"]))["status"] == "rejected"


@BOTH_DOORS
async def test_a_bundle_that_has_lost_one_item_holds_none(cast: Cast, door: str) -> None:
    """S1.47: all or none"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    hers, his = await shelf(alice, 2), await shelf(bob, 2)
    trade = await trade_between(alice, bob, "interest", offeredItem=hers, requestedItem=his)
    await bob.through(door, "item:list-for-sale", itemId=his[1], price=9)
    await refused(bob.through(door, "trade:confirm", tradeId=trade["id"]), "ACTIVE_LISTING")
    for item in (*hers, *his):
        assert (await bob.through(door, "item:get", itemId=item))["status"] == "available"


@BOTH_DOORS
async def test_the_item_of_a_counter_offer_is_in_the_place_of_all_that_its_maker_was_to_give(cast: Cast, door: str) -> None:
    """C35 to C37, over bundles: both sides', one after the other"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    hers, his = await shelf(alice, 2), await shelf(bob, 3)
    trade = await trade_between(alice, bob, "interest", offeredItem=hers, requestedItem=his[:2])
    named = {"offerId": trade["id"]}
    offer = await bob.through(door, "offer:counter", **named, counterOfferItemId=his[2])
    assert offer["counterOfferItem"]["id"] == his[2]
    assert (set(offer["terms"]["offeredItems"]), offer["terms"]["requestedItems"]) == (set(hers), [his[2]])
    await refused(alice.through(door, "offer:counter", **named, counterOfferItemId=his[0]), "NOT_OWNER", "counterOfferItemId")
    offer = await alice.through(door, "offer:counter", **named, counterOfferItemId=hers[1])
    assert offer["terms"] == {"offeredItems": [hers[1]], "requestedItems": [his[2]]}, "one of a bundle is other terms than it"
    everything = [{*hers, *his[:2]}, {*hers, his[2]}, {hers[1], his[2]}]
    revisions = (await bob.through(door, "offer:get", **named))["revisions"]
    assert [{item["id"] for item in [*one["offeredItems"], *one["requestedItems"]]} for one in revisions] == everything
    same = bob.through(door, "offer:counter", **named, counterOfferItemId=his[2])
    await refused(same, "INVALID_REQUEST", "counterOfferItemId")

    aside = await trade_between(bob, alice, offeredItem=his[0], requestedItem=hers[0])
    await bob.through(door, "offer:accept", **named)
    assert (await bob.through(door, "trade:get", tradeId=aside["id"]))["status"] == "proposed", "what was dropped is free"
    await alice.through(door, "trade:complete", tradeId=trade["id"])
    for item, owner in ((hers[0], alice), (hers[1], bob), (his[0], bob), (his[1], bob), (his[2], alice)):
        assert (await bob.through(door, "item:get", itemId=item))["owner"] == owner.id


@BOTH_DOORS
async def test_a_counter_offer_over_a_bundle_that_is_on_the_table_already_is_a_duplicate(cast: Cast, door: str) -> None:
    """C39"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    camera, his = await alice.lists(), await shelf(bob, 2)
    bundle = await trade_between(alice, bob, offeredItem=camera, requestedItem=his)
    await trade_between(alice, bob, offeredItem=camera, requestedItem=his[0])
    await refused(bob.through(door, "offer:counter", offerId=bundle["id"], counterOfferItemId=his[0]), "DUPLICATE_OFFER")
    offer = await bob.through(door, "offer:counter", offerId=bundle["id"], counterOfferItemId=his[1])
    assert offer["terms"] == {"offeredItems": [camera], "requestedItems": [his[1]]}
