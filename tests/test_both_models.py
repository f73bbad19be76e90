"""Trades and offers are one table under two models: each is seen, and moved on, through both, in the words of each (C1).

What a deal asks of whom stays its own, whichever model it is moved by: C2, C4, C5.
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
        assert trade["conversation"] == offer["conversation"]
        for same in ("revision", "expiresAt", "confirmedAt", "completeBy", "completedAt", "overdue", "createdAt", "updatedAt"):
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
async def test_an_offer_is_answered_by_accepting_whichever_model_it_is_seen_by(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    offer = await offer_between(alice, bob)
    for move in ("interest", "confirm"):  # S1's way to a yes is not an offer's (C4)
        for person in (alice, bob):
            await refused(person.through(door, f"trade:{move}", tradeId=offer["id"]), "INVALID_STATE")
    await refused(alice.through(door, "trade:reject", tradeId=offer["id"]), "FORBIDDEN")  # theirs to cancel (C5)
    trade = await bob.through(door, "trade:reject", tradeId=offer["id"], reason="It is promised.")
    assert (trade["status"], trade["reason"]) == ("rejected", "It is promised.")
    offer = await alice.through(door, "offer:get", offerId=offer["id"])
    assert (offer["status"], offer["reason"]) == ("REJECTED", "It is promised.")


@BOTH_DOORS
@pytest.mark.parametrize("moves", [(), ("interest",)], ids=["proposed", "negotiating"])
async def test_a_trade_is_not_accepted_or_countered_as_an_offer_is(cast: Cast, door: str, moves: tuple[str, ...]) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob, *moves)
    await refused(bob.through(door, "offer:accept", offerId=trade["id"]), "INVALID_STATE")
    other = await bob.lists("A lamp")
    await refused(bob.through(door, "offer:counter", offerId=trade["id"], counterOfferItemId=other), "INVALID_STATE")
    await refused(bob.through(door, "offer:cancel", offerId=trade["id"]), "FORBIDDEN")  # theirs to reject (C5)
    offer = await alice.through(door, "offer:cancel", offerId=trade["id"])
    assert offer["status"] == "CANCELLED"
    assert (await bob.through(door, "trade:get", tradeId=trade["id"]))["reason"] == "cancelled"


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
