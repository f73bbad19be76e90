"""What moves with an item when its ownership does, and what is the new owner's to say (C60)."""

from tests.people import Cast
from tests.trading import BOTH_DOORS, trade_between


@BOTH_DOORS
async def test_what_the_old_owner_wanted_for_it_is_not_the_new_owners_word(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    wishes = {"openToGive": True, "wants": {"keywords": ["bicycle"]}, "lookingFor": "credits"}
    camera = await alice.lists("A camera", governorate="Cairo", **wishes)
    bicycle = await bob.lists("A bicycle", lookingFor="item_swap")
    trade = await trade_between(alice, bob, "interest", "confirm", offeredItem=camera, requestedItem=bicycle)
    promised = await alice.does("item:get", itemId=camera)
    assert {name: promised[name] for name in wishes} == wishes, "until it has moved they are hers"

    await alice.through(door, "trade:complete", tradeId=trade["id"])
    for person, item in ((bob, camera), (alice, bicycle)):
        moved = await person.does("item:get", itemId=item)
        assert moved["owner"] == person.id
        assert (moved["openToGive"], moved["wants"], moved["lookingFor"]) == (False, None, "flexible")
    assert (await bob.does("item:get", itemId=camera))["governorate"] == "Cairo", "what it is stays what it is"
