"""The life of a trade: what each move brings about, the ways out, and what is printed (S1.34 to S1.56, C3, C5, C13 to C19)."""

import pytest

from tests.people import Cast
from tests.trading import BOTH_DOORS, hears_of, refused, trade_between


@BOTH_DOORS
async def test_confirming_takes_both_items_off_the_market_and_rejects_every_rival(cast: Cast, door: str) -> None:
    """S1.35, S1.47, S1.48, C3, D2: every rival that names either item on either side, and nothing else"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol", connected=True)
    trade = await trade_between(alice, bob, "interest")
    camera, bicycle = trade["offeredItem"], trade["requestedItem"]
    lamp, rug, chair = await carol.lists("A lamp"), await carol.lists("A rug"), await bob.lists("A chair")
    rivals = [
        await trade_between(alice, carol, "interest", offeredItem=camera, requestedItem=lamp),
        await trade_between(carol, bob, offeredItem=lamp, requestedItem=bicycle),
        await trade_between(carol, alice, offeredItem=rug, requestedItem=camera),
        await trade_between(bob, carol, offeredItem=[chair, bicycle], requestedItem=[lamp, rug]),
    ]
    unrelated = await trade_between(carol, bob, offeredItem=lamp, requestedItem=chair)

    confirmed = await bob.through(door, "trade:confirm", tradeId=trade["id"])
    assert confirmed["status"] == "confirmed"
    assert confirmed["confirmedAt"] is not None
    for item in (camera, bicycle):
        assert (await carol.through(door, "item:get", itemId=item))["status"] == "traded"
    listed = await carol.through(door, "item:list", owner=bob.id)
    assert [item["id"] for item in listed["items"]] == [chair], "what is promised is not listed (S1.19)"

    for rival in rivals:
        push = await hears_of(carol, rival, "reject")
        reason = "an item in it went to another deal"
        assert push["change"] == {"status": "rejected", "move": "reject", "by": None, "reason": reason}
        seen = await carol.through(door, "trade:get", tradeId=rival["id"])
        assert (seen["status"], seen["reason"]) == ("rejected", reason)
    assert (await carol.through(door, "trade:get", tradeId=unrelated["id"]))["status"] == "proposed"


@BOTH_DOORS
@pytest.mark.parametrize("last", ["requester", "owner"])
async def test_completing_swaps_the_owners_and_the_items_stay_traded_until_relisted(cast: Cast, door: str, last: str) -> None:
    """S1.36, S1.51, S1.52, S1.54, S1.55, C13"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest", "confirm")
    camera, bicycle = trade["offeredItem"], trade["requestedItem"]
    for locked in ({"title": "Mine"}, {"status": "available"}):
        await refused(alice.through(door, "item:update", itemId=camera, **locked), "ITEM_LOCKED")
    await refused(alice.through(door, "item:delete", itemId=camera), "ITEM_LOCKED")
    await refused(alice.through(door, "item:list-for-sale", itemId=camera, price=5), "ITEM_LOCKED")

    completes = alice if last == "requester" else bob
    done = await completes.through(door, "trade:complete", tradeId=trade["id"])
    assert (done["status"], done["requester"], done["owner"]) == ("completed", alice.id, bob.id)
    assert done["completedAt"] is not None

    for item, owner in ((camera, bob), (bicycle, alice)):
        seen = await owner.through(door, "item:get", itemId=item)
        assert (seen["owner"], seen["status"]) == (owner.id, "traded")
        assert item in {mine["id"] for mine in (await owner.through(door, "item:mine"))["items"]}
    ledger = await bob.through(door, "item:history", itemId=camera)
    assert [(line["seq"], line["from"], line["to"], line["dealId"]) for line in ledger] == [
        (1, None, alice.id, None),
        (2, alice.id, bob.id, trade["id"]),
    ]
    await refused(alice.through(door, "item:update", itemId=camera, status="available"), "NOT_OWNER")
    relisted = await bob.through(door, "item:update", itemId=camera, status="available")
    assert relisted["status"] == "available"
    back = await trade_between(alice, bob, "interest", "confirm", offeredItem=await alice.lists(), requestedItem=camera)
    assert back["status"] == "confirmed", "the new owner can trade it again"


@BOTH_DOORS
@pytest.mark.parametrize("moves", [(), ("interest",)])
async def test_the_owner_rejects_and_the_requester_cancels_before_confirmation(
    cast: Cast, door: str, moves: tuple[str, ...]
) -> None:
    """S1.37, S1.56, C5; the reason given is printed, to both, in the log too"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    no = await trade_between(alice, bob, *moves)
    rejected = await bob.through(door, "trade:reject", tradeId=no["id"], reason="I like my bicycle")
    assert (rejected["status"], rejected["reason"]) == ("rejected", "I like my bicycle")
    change = {"status": "rejected", "move": "reject", "by": bob.id, "reason": "I like my bicycle"}
    assert (await hears_of(alice, no, "reject"))["change"] == change

    silent = await trade_between(alice, bob, *moves)
    assert "reason" not in await bob.through(door, "trade:reject", tradeId=silent["id"])
    assert "reason" not in (await hears_of(alice, silent, "reject"))["change"]

    back = await trade_between(alice, bob, *moves)
    cancelled = await alice.through(door, "trade:cancel", tradeId=back["id"])
    assert (cancelled["status"], cancelled["reason"]) == ("rejected", "cancelled"), "S1's five words hold, and say what it was"
    change = {"status": "rejected", "move": "cancel", "by": alice.id, "reason": "cancelled"}
    assert (await hears_of(bob, back, "cancel"))["change"] == change

    told = await trade_between(alice, bob, *moves)
    cancelled = await alice.through(door, "trade:cancel", tradeId=told["id"], reason="Sold it")
    assert (cancelled["status"], cancelled["reason"]) == ("rejected", "Sold it")


@BOTH_DOORS
@pytest.mark.parametrize("first", ["requester", "owner"])
async def test_both_call_a_confirmed_trade_off_and_the_items_are_free_again(cast: Cast, door: str, first: str) -> None:
    """C14"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest", "confirm")
    one, other = (alice, bob) if first == "requester" else (bob, alice)

    asked = await one.through(door, "trade:cancel", tradeId=trade["id"], reason="I moved away")
    assert (asked["status"], asked["cancelAskedBy"], asked["reason"]) == ("confirmed", [one.id], "I moved away")
    change = {"status": "confirmed", "move": "cancel", "by": one.id, "reason": "I moved away"}
    assert (await hears_of(other, trade, "cancel"))["change"] == change
    for item in (trade["offeredItem"], trade["requestedItem"]):
        assert (await one.through(door, "item:get", itemId=item))["status"] == "traded", "still held"

    done = await other.through(door, "trade:cancel", tradeId=trade["id"])
    assert (done["status"], done["reason"]) == ("rejected", "cancelled")
    for item, owner in ((trade["offeredItem"], alice), (trade["requestedItem"], bob)):
        seen = await one.through(door, "item:get", itemId=item)
        assert (seen["status"], seen["owner"]) == ("available", owner.id)
        assert len(await one.through(door, "item:history", itemId=item)) == 1
    again = {"offeredItem": trade["offeredItem"], "requestedItem": trade["requestedItem"]}
    assert (await trade_between(alice, bob, "interest", "confirm", **again))["status"] == "confirmed"


@BOTH_DOORS
async def test_a_disputed_trade_is_printed_as_confirmed_and_both_end_it(cast: Cast, door: str) -> None:
    """C14: one reports a problem; the items stay held until both say how it ends"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest", "confirm")
    disputed = await alice.through(door, "trade:dispute", tradeId=trade["id"])
    assert (disputed["status"], disputed["reason"]) == ("confirmed", "disputed")
    change = {"status": "confirmed", "move": "dispute", "by": alice.id, "reason": "disputed"}
    assert (await hears_of(bob, trade, "dispute"))["change"] == change

    received = await bob.through(door, "trade:complete", tradeId=trade["id"])
    assert (received["status"], received["completedAt"]) == ("confirmed", None)
    assert (await alice.through(door, "trade:complete", tradeId=trade["id"]))["status"] == "completed"
    assert (await alice.through(door, "item:get", itemId=trade["offeredItem"]))["owner"] == bob.id

    other = await trade_between(alice, bob, "interest", "confirm")
    disputed = await bob.through(door, "trade:dispute", tradeId=other["id"], reason="The lens is cracked")
    assert (disputed["status"], disputed["reason"]) == ("confirmed", "The lens is cracked")
    await alice.through(door, "trade:cancel", tradeId=other["id"])
    ended = await bob.through(door, "trade:cancel", tradeId=other["id"])
    assert (ended["status"], ended["reason"]) == ("rejected", "cancelled")


@BOTH_DOORS
async def test_an_edit_makes_new_terms_and_nobody_confirms_the_old_ones_unawares(cast: Cast, door: str) -> None:
    """C17: the snapshot is what was agreed to; an edit is told, and a confirm that names the old revision is refused"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest")
    assert trade["revision"] == 1
    await alice.through(door, "item:update", itemId=trade["offeredItem"], title="A camera without a lens", condition="POOR")
    push = await hears_of(bob, trade, "update")
    assert push["change"] == {"status": "negotiating", "move": "update", "by": alice.id}
    assert push["trade"]["revision"] == 2

    no = await refused(bob.through(door, "trade:confirm", tradeId=trade["id"], revision=1), "STALE_REVISION")
    assert no.body["error"]["details"] == {"revision": 2}
    seen = await bob.through(door, "trade:get", tradeId=trade["id"])
    leg = next(leg for leg in seen["legs"] if leg["item"] == trade["offeredItem"])
    assert (leg["title"], leg["condition"]) == ("A camera without a lens", "POOR")
    confirmed = await bob.through(door, "trade:confirm", tradeId=trade["id"], revision=2)
    assert confirmed["status"] == "confirmed"
    await alice.through(door, "trade:complete", tradeId=trade["id"], revision=2)
    await bob.through(door, "item:update", itemId=trade["offeredItem"], title="My camera now")
    kept = await bob.through(door, "trade:get", tradeId=trade["id"])
    assert "A camera without a lens" in {leg["title"] for leg in kept["legs"]}, "what was agreed to stays as it was"


@BOTH_DOORS
async def test_deleting_an_item_rejects_the_open_trades_that_name_it(cast: Cast, door: str) -> None:
    """C17"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest")
    await alice.through(door, "item:delete", itemId=trade["offeredItem"])
    seen = await bob.through(door, "trade:get", tradeId=trade["id"])
    assert (seen["status"], seen["reason"]) == ("rejected", "the item was taken off the market")
    assert (await hears_of(bob, trade, "reject"))["change"]["by"] is None
    await refused(bob.through(door, "trade:confirm", tradeId=trade["id"]), "INVALID_STATE")


@BOTH_DOORS
async def test_what_is_for_sale_by_now_cannot_be_confirmed(cast: Cast, door: str) -> None:
    """C18, C40: confirming looks at the items again, under the lock, and holds all of them or none"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest")
    await alice.through(door, "item:list-for-sale", itemId=trade["offeredItem"], price=100)
    await refused(bob.through(door, "trade:confirm", tradeId=trade["id"]), "ACTIVE_LISTING")
    assert (await bob.through(door, "trade:get", tradeId=trade["id"]))["status"] == "negotiating"
    assert (await bob.through(door, "item:get", itemId=trade["requestedItem"]))["status"] == "available"
    await alice.through(door, "item:end-sale", itemId=trade["offeredItem"])
    assert (await bob.through(door, "trade:confirm", tradeId=trade["id"]))["status"] == "confirmed"


@BOTH_DOORS
async def test_items_for_an_item_that_looks_for_credits_is_allowed_and_flagged(cast: Cast, door: str) -> None:
    """C19"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    for looking_for, flagged in (("credits", True), ("item_swap", False), ("flexible", False)):
        items = {"offeredItem": await alice.lists(), "requestedItem": await bob.lists(lookingFor=looking_for)}
        trade = await alice.through(door, "trade:request", **items)
        assert trade.get("mismatch", False) is flagged


@BOTH_DOORS
async def test_what_a_move_takes_is_checked_before_the_trade_is_looked_for(cast: Cast, door: str) -> None:
    """C41, C47, C49: the shape first; a malformed id in a path names nothing"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob)
    one = {"tradeId": trade["id"]}
    await refused(bob.through(door, "trade:interest", **one, reason="r" * 501), "INVALID_REQUEST", "reason")
    await refused(bob.through(door, "trade:interest", **one, revision="first"), "INVALID_REQUEST", "revision")
    await refused(bob.through(door, "trade:interest", **one, please=True), "INVALID_REQUEST", "please")
    for move in ("interest", "confirm", "complete", "reject", "cancel", "dispute", "get"):
        await refused(bob.through(door, f"trade:{move}", tradeId="the-first"), "NOT_FOUND")
    assert (await bob.through(door, "trade:get", **one))["status"] == "proposed"
