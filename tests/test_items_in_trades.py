"""Items that are in trades: changed or taken away while on the table, promised, and with their new owners (C13, C17, S1.28)."""

from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Market
from tests.people import Cast, Refused
from tests.trading import BOTH_DOORS, trade_between

# Changing what is on the table (C17)


@BOTH_DOORS
async def test_a_change_of_terms_is_a_new_revision_that_the_conversation_tells(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    camera, bicycle = await alice.lists("A camera"), await bob.lists("A bicycle")
    trade = await trade_between(alice, bob, offeredItem=camera, requestedItem=bicycle)
    await bob.through(door, "item:update", itemId=bicycle, title="A rusty bicycle", condition="POOR")

    for person in (alice, bob):
        pushed = await person.hears("trade:changed", lambda push: push["change"]["move"] == "update")
        assert pushed["change"] == {"status": "proposed", "move": "update", "by": bob.id}
        assert (pushed["seq"], pushed["trade"]["revision"]) == (2, 2)
    now = await alice.through(door, "trade:get", tradeId=trade["id"])
    assert (now["revision"], now["status"]) == (2, "proposed")
    leg = next(leg for leg in now["legs"] if leg["item"] == bicycle)
    assert (leg["title"], leg["condition"]) == ("A rusty bicycle", "POOR")

    with pytest.raises(Refused) as no:
        await bob.through(door, "trade:interest", tradeId=trade["id"], revision=1)
    assert (no.value.code, no.value.body["error"]["details"]) == ("STALE_REVISION", {"revision": 2})
    await bob.through(door, "trade:interest", tradeId=trade["id"], revision=2)
    await alice.through(door, "item:update", itemId=camera, description="Without its lens.")
    with pytest.raises(Refused) as no:
        await bob.through(door, "trade:confirm", tradeId=trade["id"], revision=2)
    assert no.value.code == "STALE_REVISION"
    held = await bob.through(door, "trade:confirm", tradeId=trade["id"], revision=3)
    assert held["status"] == "confirmed"


async def test_the_terms_of_earlier_revisions_stay_as_they_were(market: Market, cast: Cast) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    bicycle = await bob.lists("A bicycle")
    trade = await trade_between(alice, bob, offeredItem=await alice.lists("A camera"), requestedItem=bicycle)
    await bob.does("item:update", itemId=bicycle, title="A rusty bicycle")
    async with market.sql() as sql:
        rows = await sql.fetch(
            """
            SELECT revision, snapshot ->> 'title' AS title FROM legs
             WHERE deal_id = $1::text::uuid AND item_id = $2::text::uuid ORDER BY revision
            """,
            trade["id"],
            bicycle,
        )
    assert [tuple(row) for row in rows] == [(1, "A bicycle"), (2, "A rusty bicycle")]


@pytest.mark.parametrize(
    ("field", "value"), [("lookingFor", "credits"), ("governorate", "Giza"), ("wants", None), ("openToGive", True)]
)
async def test_what_nobody_gets_is_no_change_of_terms(cast: Cast, field: str, value: Any) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    bicycle = await bob.lists("A bicycle")
    trade = await trade_between(alice, bob, offeredItem=await alice.lists("A camera"), requestedItem=bicycle)
    await bob.does("item:update", itemId=bicycle, **{field: value})
    assert (await alice.does("trade:get", tradeId=trade["id"]))["revision"] == 1


@BOTH_DOORS
async def test_taking_an_item_away_rejects_the_trades_it_is_in_on_either_side(cast: Cast, door: str) -> None:  # S1.23
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol", connected=True)
    bicycle = await bob.lists("A bicycle")
    wanted = await trade_between(alice, bob, offeredItem=await alice.lists("A camera"), requestedItem=bicycle)
    offered = await trade_between(bob, carol, offeredItem=bicycle, requestedItem=await carol.lists("An oud"))
    untouched = await trade_between(alice, bob)

    assert await bob.through(door, "item:delete", itemId=bicycle) == {}
    for trade, other in ((wanted, alice), (offered, carol)):
        pushed = await other.hears("trade:changed", lambda push: push["change"]["move"] == "reject")
        assert pushed["change"]["status"] == "rejected"
        now = await other.through(door, "trade:get", tradeId=trade["id"])
        assert (now["status"], now["reason"]) == ("rejected", pushed["change"]["reason"])
        assert now["reason"]
    assert (await alice.does("trade:get", tradeId=untouched["id"]))["status"] == "proposed"

    for ask in ("item:get", "item:update", "item:delete"):
        with pytest.raises(Refused) as no:
            await bob.through(door, ask, itemId=bicycle)
        assert no.value.code == "NOT_FOUND"
    assert bicycle not in [item["id"] for item in (await bob.does("item:mine"))["items"]]


@BOTH_DOORS
async def test_a_promised_item_is_neither_changed_nor_taken_away(cast: Cast, door: str) -> None:  # C17
    alice, bob = await cast.people("Alice", "Bob")
    camera, bicycle = await alice.lists("A camera"), await bob.lists("A bicycle")
    trade = await trade_between(alice, bob, "interest", "confirm", offeredItem=camera, requestedItem=bicycle)
    for owner, item in ((alice, camera), (bob, bicycle)):
        before = await owner.does("item:get", itemId=item)
        assert before["status"] == "traded"
        asked: list[tuple[str, dict[str, Any]]] = [
            ("item:update", {"title": "Another"}),
            ("item:update", {"status": "available"}),
            ("item:update", {}),
            ("item:delete", {}),
            ("item:list-for-sale", {"price": 5}),
        ]
        for event, more in asked:
            with pytest.raises(Refused) as no:
                await owner.through(door, event, itemId=item, **more)
            assert no.value.code == "ITEM_LOCKED", event
        assert await owner.does("item:get", itemId=item) == before

    for person in (alice, bob):
        await person.does("trade:cancel", tradeId=trade["id"])
    assert (await alice.through(door, "item:update", itemId=camera, title="Another"))["status"] == "available"


# Relisting, and whose it was (C13, S1.28)


@BOTH_DOORS
async def test_after_a_trade_only_the_new_owner_relists(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    camera, bicycle = await alice.lists("A camera"), await bob.lists("A bicycle")
    trade = await trade_between(alice, bob, "interest", "confirm", offeredItem=camera, requestedItem=bicycle)
    await alice.does("trade:complete", tradeId=trade["id"])
    assert (await bob.does("item:get", itemId=camera))["status"] == "traded"
    assert (await bob.through(door, "item:list", owner=bob.id))["items"] == []

    with pytest.raises(Refused) as no:
        await alice.through(door, "item:update", itemId=camera, status="available")
    assert no.value.code == "NOT_OWNER"
    renamed = await bob.through(door, "item:update", itemId=camera, title="My camera")
    assert renamed["status"] == "traded", "changing it is not relisting it"
    relisted = await bob.through(door, "item:update", itemId=camera, status="available")
    assert (relisted["status"], relisted["owner"]) == ("available", bob.id)
    assert (await bob.through(door, "item:list", owner=bob.id))["items"] == [relisted]
    again = await trade_between(alice, bob, offeredItem=await alice.lists("A lens"), requestedItem=camera)
    assert again["owner"] == bob.id


@BOTH_DOORS
async def test_the_ledger_tells_every_owner_in_order(cast: Cast, door: str) -> None:  # S1.28, C79
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    camera = await alice.lists("A camera")
    yes = ("interest", "confirm")
    first = await trade_between(alice, bob, *yes, offeredItem=camera, requestedItem=await bob.lists("A bicycle"))
    await bob.does("trade:complete", tradeId=first["id"])
    await bob.does("item:update", itemId=camera, status="available")
    second = await trade_between(bob, carol, *yes, offeredItem=camera, requestedItem=await carol.lists("An oud"))
    await bob.does("trade:complete", tradeId=second["id"])

    ledger = await alice.through(door, "item:history", itemId=camera)
    assert [(line["seq"], line["from"], line["to"], line["dealId"]) for line in ledger] == [
        (1, None, alice.id, None),
        (2, alice.id, bob.id, first["id"]),
        (3, bob.id, carol.id, second["id"]),
    ]
    assert [line["at"] for line in ledger] == sorted(line["at"] for line in ledger)
    with pytest.raises(Refused) as no:
        await alice.through(door, "item:history", itemId=str(uuid4()))
    assert no.value.code == "NOT_FOUND"


async def test_the_ledger_of_a_deleted_item_is_only_for_who_has_owned_it(cast: Cast) -> None:
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    camera, bicycle = await alice.lists("A camera"), await bob.lists("A bicycle")
    trade = await trade_between(alice, bob, "interest", "confirm", offeredItem=camera, requestedItem=bicycle)
    await alice.by_rest("trade:complete", tradeId=trade["id"])
    assert len(await carol.by_rest("item:history", itemId=camera)) == 2
    await bob.by_rest("item:update", itemId=camera, status="available")
    await bob.by_rest("item:delete", itemId=camera)
    for owner in (alice, bob):
        assert [line["to"] for line in await owner.by_rest("item:history", itemId=camera)] == [alice.id, bob.id]
    with pytest.raises(Refused) as no:
        await carol.by_rest("item:history", itemId=camera)
    assert no.value.code == "NOT_FOUND"


@BOTH_DOORS
async def test_a_request_s_message_says_something(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    items = {"offeredItem": await alice.lists("A camera"), "requestedItem": await bob.lists("A bicycle")}
    with pytest.raises(Refused) as no:
        await alice.through(door, "trade:request", **items, message=" \n ")
    assert (no.value.code, no.value.field) == ("INVALID_REQUEST", "message")
