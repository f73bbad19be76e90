"""The thinnest way through smart barter: an offer with a counter, and a ring of three, by real clients."""

from tests.conftest import Market
from tests.trading import BOTH_DOORS


@BOTH_DOORS
async def test_an_offer_is_countered_accepted_and_completed_by_both(market: Market, door: str) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    camera, lamp, bicycle = await alice.lists("A camera"), await bob.lists("A lamp"), await bob.lists("A bicycle")
    offer = await alice.through(door, "offer:create", offeredItemId=camera, requestedItemId=bicycle, notes="With its bag")
    assert (offer["status"], offer["initiatorId"], offer["recipientId"]) == ("PENDING", alice.id, bob.id)
    assert (offer["offeredItem"]["id"], offer["requestedItem"]["id"], offer["notes"]) == (camera, bicycle, "With its bag")

    counter = await bob.through(door, "offer:counter", offerId=offer["id"], counterOfferItemId=lamp, notes="Rather this")
    assert (counter["status"], counter["counterOfferItem"]["id"]) == ("COUNTER_OFFERED", lamp)
    assert counter["terms"] == {"offeredItems": [camera], "requestedItems": [lamp]}
    accepted = await alice.through(door, "offer:accept", offerId=offer["id"])
    assert accepted["status"] == "ACCEPTED"

    first = await alice.through(door, "offer:complete", offerId=offer["id"])
    assert (first["status"], first["completedBy"]) == ("ACCEPTED", [alice.id])
    assert (await bob.through(door, "offer:complete", offerId=offer["id"]))["status"] == "COMPLETED"
    assert (await bob.through(door, "item:get", itemId=camera))["owner"] == bob.id
    assert (await bob.through(door, "item:get", itemId=lamp))["owner"] == alice.id
    assert (await bob.through(door, "item:get", itemId=bicycle))["status"] == "available"


@BOTH_DOORS
async def test_a_ring_of_three_is_found_agreed_to_and_executed(market: Market, door: str) -> None:
    people = alice, bob, carol = await market.cast.people("Alice", "Bob", "Carol", connected=True)
    guitar = await carol.lists("A guitar", category="guitars")
    bicycle = await bob.lists("A bicycle", category="bicycles", wants={"items": [guitar]})
    camera = await alice.lists("A camera", category="cameras", wants={"items": [bicycle]})
    await carol.through(door, "item:update", itemId=guitar, wants={"items": [camera]})

    found = await alice.through(door, "barter:opportunities", itemId=camera)
    (cycle,) = found["opportunities"]["cycles"]
    assert [(place["userId"], place["givingItemId"], place["receivingItemId"]) for place in cycle["preview"]] == [
        (alice.id, camera, bicycle),
        (bob.id, bicycle, guitar),
        (carol.id, guitar, camera),
    ]
    chain = await alice.through(door, "chain:create", itemId=camera, opportunityId=cycle["id"])
    assert (chain["status"], chain["chainType"], chain["participantCount"]) == ("PROPOSED", "CYCLE", 3)

    assert (await bob.through(door, "chain:respond", chainId=chain["id"], accept=True))["status"] == "PENDING"
    assert (await carol.through(door, "chain:respond", chainId=chain["id"], accept=True))["status"] == "ACCEPTED"
    for person, status in zip(people, ("ACCEPTED", "ACCEPTED", "COMPLETED"), strict=True):
        assert (await person.through(door, "chain:execute", chainId=chain["id"]))["status"] == status
    for item, owner in ((camera, carol), (bicycle, alice), (guitar, bob)):
        assert (await alice.through(door, "item:get", itemId=item))["owner"] == owner.id
