"""Trades and offers are one machine under two models: each is seen, and moved on, through both, in the words of each (C1).

Only who completes depends on the model that opened it (C2).
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import Market
from tests.people import Cast, Person
from tests.stage import OfferStage, Stage, TradeStage, set_up
from tests.tables import S1_WORDS, S2_WORDS
from tests.trading import BOTH_DOORS, refused, trade_between


def said_by_trades(status: str) -> str:
    return S1_WORDS.get(status, status)


def said_by_offers(status: str) -> str:
    return S2_WORDS.get(status, status.upper())


@pytest.fixture(scope="module", params=[TradeStage, OfferStage], ids=["trade", "offer"])
async def stage(market: Market, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with set_up(request.param, market) as made:
        yield made


async def statuses(stage: Stage) -> dict[str, str]:
    """The engine's word for each of the stage's deals, by id."""
    return {deal_id: (await stage.everything_about(deal_id))["deal"]["status"] for deal_id in stage.untouched.values()}


@BOTH_DOORS
async def test_each_is_printed_by_both_models_in_the_words_of_each(stage: Stage, door: str) -> None:
    first, second = (stage.people[name] for name in stage.names)
    for deal_id, status in (await statuses(stage)).items():
        trade = await second.through(door, "trade:get", tradeId=deal_id)
        offer = await first.through(door, "offer:get", offerId=deal_id)
        assert (trade["status"], offer["status"]) == (said_by_trades(status), said_by_offers(status))
        assert trade.get("reason") == (status if status in S1_WORDS else None), "S1's word hides it, and the reason tells (C15)"
        assert "reason" not in offer, "nobody gave one"
        assert (trade["requester"], trade["owner"]) == (first.id, second.id) == (offer["initiatorId"], offer["recipientId"])
        terms = offer["terms"]
        assert ([trade["offeredItem"]], [trade["requestedItem"]]) == (terms["offeredItems"], terms["requestedItems"])
        for same in ("revision", "awaiting", "cancelAskedBy", "overdue", "conversation"):
            assert trade[same] == offer[same], same
        for same in ("expiresAt", "confirmedAt", "completeBy", "completedAt", "createdAt", "updatedAt"):
            assert trade[same] == offer[same], same


@BOTH_DOORS
async def test_each_is_listed_by_both_models_and_found_by_the_words_of_offers(stage: Stage, door: str) -> None:
    first, second = (stage.people[name] for name in stage.names)
    expected = await statuses(stage)
    for person, event, listing in (
        (first, "trade:mine", {}),
        (second, "trade:incoming", {}),
        (first, "offer:mine", {"type": "sent"}),
        (second, "offer:mine", {"type": "received"}),
        (second, "offer:mine", {}),
    ):
        assert await ids(person, door, event, **listing) == expected.keys()
    assert await ids(second, door, "trade:mine") == await ids(first, door, "offer:mine", type="received") == set()
    for word in {said_by_offers(status) for status in expected.values()}:
        so = {deal_id for deal_id, status in expected.items() if said_by_offers(status) == word}
        assert await ids(first, door, "offer:mine", status=word.lower()) == so, word


async def ids(person: Person, door: str, event: str, **listing: str) -> set[str]:
    page = await person.through(door, event, limit=100, **listing)
    assert not page["pagination"]["hasMore"]
    return {deal["id"] for deal in page["items"]}


async def offer_between(alice: Person, bob: Person) -> dict[str, Any]:
    items = {"offeredItemId": await alice.lists("A camera"), "requestedItemId": await bob.lists("A bicycle")}
    offer: dict[str, Any] = await alice.by_rest("offer:create", **items)
    return offer


@BOTH_DOORS
async def test_an_offer_is_answered_with_interest_and_confirmed_as_a_trade_is(cast: Cast, door: str) -> None:
    """C1, C4, S1.35: /trades/:id/confirm demands negotiating"""
    alice, bob = await cast.people("Alice", "Bob")
    offer = await offer_between(alice, bob)
    of_it = {"tradeId": offer["id"]}
    await refused(alice.through(door, "trade:interest", **of_it), "FORBIDDEN")
    no = await refused(bob.through(door, "trade:confirm", **of_it), "INVALID_STATE")
    assert no.message == "An offer that is proposed does not allow 'confirm'."
    assert (await bob.through(door, "trade:interest", **of_it))["status"] == "negotiating"
    seen = await alice.through(door, "offer:get", offerId=offer["id"])
    assert (seen["status"], seen["awaiting"]) == ("PENDING", [bob.id]), "S2 has no word for interest"
    await refused(bob.through(door, "trade:interest", **of_it), "INVALID_STATE")
    assert (await bob.through(door, "trade:confirm", **of_it))["status"] == "confirmed"
    seen = await alice.through(door, "offer:get", offerId=offer["id"])
    assert (seen["status"], seen["awaiting"]) == ("ACCEPTED", [alice.id, bob.id])


@BOTH_DOORS
@pytest.mark.parametrize("moves", [(), ("interest",)], ids=["proposed", "negotiating"])
async def test_a_trade_is_accepted_at_once_as_an_offer_is(cast: Cast, door: str, moves: tuple[str, ...]) -> None:
    """C4: /offers/:id/accept goes from PENDING"""
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob, *moves)
    await refused(alice.through(door, "offer:accept", offerId=trade["id"]), "FORBIDDEN")
    await refused(bob.through(door, "offer:accept", offerId=trade["id"], revision=2), "STALE_REVISION")
    assert (await bob.through(door, "offer:accept", offerId=trade["id"], revision=1))["status"] == "ACCEPTED"
    seen = await alice.through(door, "trade:get", tradeId=trade["id"])
    assert (seen["status"], "reason" in seen) == ("confirmed", False)
    for item in (trade["offeredItem"], trade["requestedItem"]):
        assert (await alice.through(door, "item:get", itemId=item))["status"] == "traded", "accept is confirm (C3)"


@BOTH_DOORS
@pytest.mark.parametrize("moves", [(), ("interest",)], ids=["proposed", "negotiating"])
async def test_a_trade_is_countered_as_an_offer_is_and_then_the_roles_flip(
    cast: Cast, door: str, moves: tuple[str, ...]
) -> None:
    """C1, C5, C35, C37: the requester answers, confirming in S1's words what S1 prints as negotiating"""
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob, *moves)
    of_it, camera, bicycle, lamp = (
        {"tradeId": trade["id"]},
        trade["offeredItem"],
        trade["requestedItem"],
        await bob.lists("A lamp"),
    )
    counter = {"offerId": trade["id"], "counterOfferItemId": lamp}
    await refused(alice.through(door, "offer:counter", **counter), "FORBIDDEN")
    offer = await bob.through(door, "offer:counter", **counter, notes="I need my bicycle")
    assert (offer["status"], offer["awaiting"], offer["notes"]) == ("COUNTER_OFFERED", [alice.id], "I need my bicycle")
    assert (offer["offeredItem"]["id"], offer["requestedItem"]["id"]) == (camera, bicycle), "what it began with"
    assert (offer["counterOfferItem"]["id"], offer["terms"]) == (lamp, {"offeredItems": [camera], "requestedItems": [lamp]})

    seen = await alice.through(door, "trade:get", **of_it)
    assert (seen["status"], seen["reason"], seen["revision"]) == ("negotiating", "countered", 2)
    assert seen["awaiting"] == [alice.id], "theirs to confirm now"
    assert (seen["offeredItem"], seen["requestedItem"]) == (camera, lamp), "the terms as they are now"
    assert {leg["item"]: (leg["giver"], leg["receiver"]) for leg in seen["legs"]} == {
        camera: (alice.id, bob.id),
        lamp: (bob.id, alice.id),
    }
    for event, code in (("trade:confirm", "FORBIDDEN"), ("trade:reject", "FORBIDDEN"), ("trade:interest", "INVALID_STATE")):
        await refused(bob.through(door, event, **of_it), code)
    await refused(alice.through(door, "trade:confirm", **of_it, revision=1), "STALE_REVISION")
    assert (await alice.through(door, "trade:confirm", **of_it, revision=2))["status"] == "confirmed"
    done = await alice.through(door, "trade:complete", **of_it)
    assert (done["status"], "reason" in done) == ("completed", False), "it was opened as a trade: either completes (C2)"
    for item, owner in ((camera, bob), (lamp, alice), (bicycle, bob)):
        assert (await alice.through(door, "item:get", itemId=item))["owner"] == owner.id


@BOTH_DOORS
@pytest.mark.parametrize("countered", [False, True])
async def test_who_may_reject_and_who_take_back_is_the_same_by_both_models(cast: Cast, door: str, countered: bool) -> None:
    """C5"""
    alice, bob = await cast.people("Alice", "Bob")
    trade, offer = await trade_between(alice, bob, "interest"), await offer_between(alice, bob)
    asked, proposer = bob, alice
    if countered:
        asked, proposer = alice, bob
        for deal in (trade, offer):
            await bob.through(door, "offer:counter", offerId=deal["id"], counterOfferItemId=await bob.lists())
    for event, deal in (("offer:reject", trade), ("trade:reject", offer)):
        named = {"offerId" if event == "offer:reject" else "tradeId": deal["id"]}
        await refused(proposer.through(door, event, **named), "FORBIDDEN")
        await asked.through(door, event, **named, reason="It is promised.")
        seen = await proposer.through(door, "trade:get", tradeId=deal["id"])
        assert (seen["status"], seen["reason"]) == ("rejected", "It is promised.")
        seen = await proposer.through(door, "offer:get", offerId=deal["id"])
        assert (seen["status"], seen["reason"]) == ("REJECTED", "It is promised.")


@BOTH_DOORS
async def test_what_is_accepted_is_not_cancelled_but_called_off_by_both(cast: Cast, door: str) -> None:
    """S2.41, C14: whichever model opened it"""
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob, "interest", "confirm")
    offer = await offer_between(alice, bob)
    await bob.through(door, "offer:accept", offerId=offer["id"])
    for deal in (trade, offer):
        for person in (alice, bob):
            await refused(person.through(door, "offer:cancel", offerId=deal["id"]), "INVALID_STATE")
        assert (await alice.through(door, "trade:cancel", tradeId=deal["id"]))["status"] == "confirmed"
        off = await bob.through(door, "trade:cancel", tradeId=deal["id"])
        assert (off["status"], off["reason"]) == ("rejected", "cancelled")
        assert (await alice.through(door, "offer:get", offerId=deal["id"]))["status"] == "CANCELLED"


@BOTH_DOORS
async def test_either_completes_a_trade_and_both_an_offer_whichever_model_they_do_it_by(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob, "interest", "confirm")
    done = await alice.through(door, "offer:complete", offerId=trade["id"])
    assert done["status"] == "COMPLETED", "either is enough for a trade (C2)"

    offer = await offer_between(alice, bob)
    await bob.through(door, "offer:accept", offerId=offer["id"])
    half = await alice.through(door, "trade:complete", tradeId=offer["id"])
    assert half["status"] == "confirmed", "an offer waits for the other (C2)"
    assert (await bob.through(door, "offer:get", offerId=offer["id"]))["completedBy"] == [alice.id]
    assert (await bob.through(door, "trade:complete", tradeId=offer["id"]))["status"] == "completed"
    assert (await alice.through(door, "offer:get", offerId=offer["id"]))["status"] == "COMPLETED"


@BOTH_DOORS
async def test_people_are_told_in_the_words_of_the_model_that_opened_it(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob)
    await alice.through(door, "offer:cancel", offerId=trade["id"])
    offer = await offer_between(alice, bob)
    await alice.through(door, "trade:cancel", tradeId=offer["id"])
    for person in (alice, bob):
        told = await person.hears("trade:changed", lambda push: push["change"]["move"] == "cancel")
        assert (told["trade"]["id"], told["change"]["status"], told["change"]["by"]) == (trade["id"], "rejected", alice.id)
        told = await person.hears("offer:changed", lambda push: push["change"]["move"] == "cancel")
        assert (told["offer"]["id"], told["change"]["status"], told["change"]["by"]) == (offer["id"], "CANCELLED", alice.id)
        assert told["offer"]["status"] == "CANCELLED"


@BOTH_DOORS
async def test_people_are_notified_of_the_moves_of_either_model(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob)
    await bob.through(door, "offer:counter", offerId=trade["id"], counterOfferItemId=await bob.lists("A lamp"))
    push = await alice.hears("trade:changed", lambda push: push["change"]["move"] == "counter")
    assert (push["change"]["status"], push["trade"]["status"], push["trade"]["revision"]) == ("negotiating", "negotiating", 2)
    await alice.through(door, "trade:confirm", tradeId=trade["id"])
    offer = await offer_between(alice, bob)
    await bob.through(door, "trade:interest", tradeId=offer["id"])
    push = await alice.hears("offer:changed", lambda push: push["change"]["move"] == "interest")
    assert (push["change"]["status"], push["offer"]["status"]) == ("PENDING", "PENDING")

    assert await sentences(alice, door, trade) == ["Bob offers you “A lamp” for “A camera” instead"]
    assert await sentences(bob, door, trade) == [
        "Alice offers you “A camera” for “A bicycle”",
        "Alice said yes to the swap of “A lamp” for “A camera”",
    ]
    assert await sentences(alice, door, offer) == ["Bob is interested in the swap of “A camera” for “A bicycle”"]


async def sentences(person: Person, door: str, deal: Any) -> list[str]:
    """What the person was told of the deal while they were away, oldest first."""
    page = await person.through(door, "notification:list", limit=100)
    return [told["title"] for told in reversed(page["items"]) if told["deal"]["id"] == deal["id"]]
