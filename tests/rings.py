"""What many tests of rings need: three people whose items are really wanted around, and the ring that one of them proposes."""

from typing import Any

from tests.people import Person

Ring = dict[str, Any]


async def cycle_of(initiator: Person, second: Person, third: Person) -> Ring:
    """A cycle that the first proposes: each wants the next one's item, and the third wants the first's."""
    mine = await initiator.lists("A camera")
    last = await third.lists("A lamp", wants={"items": [mine]})
    middle = await second.lists("A bicycle", wants={"items": [last]})
    await initiator.by_rest("item:update", itemId=mine, wants={"items": [middle]})
    return await proposed_by(initiator, mine)


async def chain_of(initiator: Person, second: Person, third: Person) -> Ring:
    """A chain that its pure receiver proposes: they want the second's item, who wants the third's; the third only gives."""
    given = await third.lists("A lamp", openToGive=True)
    passed_on = await second.lists("A bicycle", wants={"items": [given]})
    kept = await initiator.lists("A camera", wants={"items": [passed_on]})
    return await proposed_by(initiator, kept)


async def proposed_by(initiator: Person, item: str) -> Ring:
    ring: Ring = await initiator.by_rest("chain:create", itemId=item, maxParticipants=3)
    return ring
