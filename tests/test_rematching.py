"""When a ring comes to nothing its items are matched again at once, and their owners told of what there is instead."""

from typing import Any

from tests.conftest import Market
from tests.people import Person
from tests.rings import cycle_of
from tests.trading import BOTH_DOORS


async def hears_of_ring(person: Person) -> Any:
    return await person.hears("notification:new", lambda push: push["kind"] == "ring-found")


@BOTH_DOORS
async def test_who_is_left_by_a_no_is_told_of_another_ring(market: Market, door: str) -> None:
    alice, bob, carol, dave = await market.cast.people("Alice", "Bob", "Carol", "Dave", connected=True)
    ring = await cycle_of(alice, bob, carol)
    camera, bicycle = (place["givingItem"]["id"] for place in ring["participants"][:2])
    lamp = await dave.lists("Another lamp", wants={"items": [camera]})
    await bob.by_rest("item:update", itemId=bicycle, wants={"items": [lamp]})

    await carol.through(door, "chain:respond", chainId=ring["id"], accept=False, message="Too far")
    for person, item in ((alice, camera), (bob, bicycle)):
        told = await hears_of_ring(person)
        assert (told["deal"]["id"], told["data"]["itemId"], told["data"]["participants"]) == (ring["id"], item, 3)
        found = await person.through(door, "barter:opportunities", itemId=item)
        assert told["data"]["opportunityId"] in [cycle["id"] for cycle in found["opportunities"]["cycles"]]
    assert not any(event == "notification:new" and body["kind"] == "ring-found" for event, body in carol.heard)

    again = await alice.through(door, "chain:create", itemId=camera, opportunityId=told["data"]["opportunityId"])
    assert {place["user"]["id"] for place in again["participants"]} == {alice.id, bob.id, dave.id}


@BOTH_DOORS
async def test_the_ring_that_failed_is_not_offered_instead_of_itself(market: Market, door: str) -> None:
    alice, bob, carol = await market.cast.people("Alice", "Bob", "Carol", connected=True)
    ring = await cycle_of(alice, bob, carol)
    await bob.through(door, "chain:respond", chainId=ring["id"], accept=False)
    async with market.sql() as connection:
        for person in (alice, bob, carol):
            await person.hears("chain:changed", lambda push: push["change"]["move"] == "reject")
        while await connection.fetchval("SELECT count(*) FROM rematches WHERE deal_id = $1", ring["id"]):
            pass
        told = await connection.fetchval(
            "SELECT count(*) FROM notifications WHERE kind = 'ring-found' AND deal_id = $1", ring["id"]
        )
    assert told == 0
