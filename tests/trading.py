"""What many tests of trades need: a trade that has come so far, a refusal looked at, and both doors."""

from collections.abc import Awaitable
from typing import Any

import pytest

from tests.people import Person, Refused

BOTH_DOORS = pytest.mark.parametrize("door", ["socket", "rest"])
Trade = dict[str, Any]


async def trade_between(alice: Person, bob: Person, *moves: str, **request: Any) -> Trade:
    """What Alice requested of Bob, a camera for a bicycle if nothing else is said, after Bob's `moves`."""
    if not request.keys() & {"offeredItem", "requestedItem"}:
        request |= {"offeredItem": await alice.lists("A camera"), "requestedItem": await bob.lists("A bicycle")}
    trade: Trade = await alice.by_rest("trade:request", **request)
    for move in moves:
        trade = await bob.by_rest(f"trade:{move}", tradeId=trade["id"])
    return trade


async def refused(asking: Awaitable[Any], code: str, field: str | None = None) -> Refused:
    """The refusal that `asking` gets, which has this code and names this field."""
    with pytest.raises(Refused) as no:
        await asking
    assert (no.value.code, no.value.field) == (code, field), str(no.value)
    return no.value


async def hears_of(person: Person, trade: Trade, move: str) -> Any:
    """The push that tells this person of the move."""
    return await person.hears(
        "trade:changed", lambda push: push["trade"]["id"] == trade["id"] and push["change"]["move"] == move
    )


async def once_by(person: Person, door: str, key: str, event: str, /, **payload: Any) -> Any:
    """`data` of the action with an idempotency key, by either door."""
    if door == "rest":
        return await person.by_rest(event, key=key, **payload)
    return await person.does(event, idempotencyKey=key, **payload)
