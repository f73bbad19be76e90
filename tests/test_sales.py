"""Sale listings: an item that is for sale cannot be bartered, and who tries is told so in S2's words (S2.34, S2.102, C40)."""

from typing import Any

import pytest

from tests.people import Cast
from tests.trading import BOTH_DOORS, refused, trade_between

CLOSE_IT_FIRST = "Cannot barter items that have active sale listings. Please close the listing first."


@BOTH_DOORS
async def test_an_item_is_put_up_for_sale_and_taken_off_again(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    item = await alice.lists("A camera")
    listed = await alice.through(door, "item:list-for-sale", itemId=item, price=1500.5)
    assert (listed["sale"], listed["status"], listed["version"]) == ({"price": 1500.5}, "available", 2)
    assert await bob.through(door, "item:get", itemId=item) == listed
    assert (await alice.through(door, "item:list-for-sale", itemId=item, price=0))["sale"] == {"price": 0}, "a new price"

    assert (await alice.through(door, "item:end-sale", itemId=item))["sale"] is None
    assert (await alice.through(door, "item:end-sale", itemId=item))["sale"] is None, "closing it again is no error"


@BOTH_DOORS
@pytest.mark.parametrize("price", [-1, "100", None, 1e10, True])
async def test_a_price_is_an_amount(cast: Cast, door: str, price: Any) -> None:
    alice = await cast.person("Alice")
    item = await alice.lists("A camera")
    await refused(alice.through(door, "item:list-for-sale", itemId=item, price=price), "INVALID_REQUEST", "price")
    await refused(alice.through(door, "item:list-for-sale", itemId=item), "INVALID_REQUEST", "price")
    assert (await alice.does("item:get", itemId=item))["sale"] is None


@BOTH_DOORS
@pytest.mark.parametrize("side", ["offeredItem", "requestedItem"])
async def test_what_is_for_sale_on_either_side_is_not_bartered(cast: Cast, door: str, side: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    items = {"offeredItem": await alice.lists("A camera"), "requestedItem": await bob.lists("A bicycle")}
    owner = alice if side == "offeredItem" else bob
    await owner.does("item:list-for-sale", itemId=items[side], price=5)

    no = await refused(alice.through(door, "trade:request", **items), "ACTIVE_LISTING", side)
    assert no.message == CLOSE_IT_FIRST
    assert no.status == (400 if door == "rest" else None)
    await owner.does("item:end-sale", itemId=items[side])
    assert (await alice.through(door, "trade:request", **items))["status"] == "proposed"


@BOTH_DOORS
async def test_what_went_up_for_sale_meanwhile_cannot_be_confirmed(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob, "interest")
    await alice.does("item:list-for-sale", itemId=trade["offeredItem"], price=5)
    no = await refused(bob.through(door, "trade:confirm", tradeId=trade["id"]), "ACTIVE_LISTING")
    assert no.message == CLOSE_IT_FIRST
    assert (await bob.does("trade:get", tradeId=trade["id"]))["status"] == "negotiating"
    assert (await bob.does("item:get", itemId=trade["requestedItem"]))["status"] == "available", "neither is held"

    await alice.does("item:end-sale", itemId=trade["offeredItem"])
    assert (await bob.through(door, "trade:confirm", tradeId=trade["id"]))["status"] == "confirmed"


@BOTH_DOORS
async def test_what_has_been_traded_is_not_for_sale_until_it_is_relisted(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob, "interest", "confirm", "complete")
    camera = trade["offeredItem"]
    await refused(bob.through(door, "item:list-for-sale", itemId=camera, price=5), "INVALID_STATE")
    await bob.does("item:update", itemId=camera, status="available")
    assert (await bob.through(door, "item:list-for-sale", itemId=camera, price=5))["sale"] == {"price": 5}


@BOTH_DOORS
async def test_self_barter_is_refused_before_the_sale_is_looked_at(cast: Cast, door: str) -> None:  # C41
    alice = await cast.person("Alice")
    one, other = await alice.lists("A camera"), await alice.lists("A lens")
    await alice.does("item:list-for-sale", itemId=other, price=5)
    await refused(alice.through(door, "trade:request", offeredItem=one, requestedItem=other), "SELF_BARTER", "requestedItem")
