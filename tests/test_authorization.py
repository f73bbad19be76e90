"""Who may do what: without signing in, only what is public; with what is others', only look (S1.9, S1.15, S1.64, D11)."""

from typing import Any
from uuid import uuid4

import pytest

from handlers.action import ACTIONS, Action
from handlers.dispatch import Refused as RefusedBody
from handlers.dispatch import Request, dispatch
from tests.conftest import Market
from tests.people import Cast, Refused
from tests.rings import cycle_of
from tests.trading import BOTH_DOORS, refused, trade_between

PUBLIC = {
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/logout",
    "POST /auth/forgot-password",
    "POST /auth/reset-password",
}
# What an action needs besides ids, to get as far as asking whose they are
FILLED: dict[str, Any] = {"text": "Hello", "clientMessageId": "m-1", "typing": True, "price": 5, "title": "Mine now"}
DEALS = {"tradeId", "offerId", "chainId", "conversationId"}

SIGNED_IN = sorted(name for name, action in ACTIONS.items() if not action.public)
ROUTED = sorted(name for name, action in ACTIONS.items() if action.path is not None and not action.public)
OF_A_RING = [name for name, action in ACTIONS.items() if "chainId" in action.input.__struct_encode_fields__]
OF_A_DEAL = [
    name for name, action in ACTIONS.items() if DEALS & set(action.input.__struct_encode_fields__) and name not in OF_A_RING
]


def by_doors(names: list[str]) -> list[tuple[str, str]]:
    return [("socket", name) for name in names] + [("rest", name) for name in names if ACTIONS[name].path is not None]


def route_of(action: Action, **ids: str) -> str:
    """Its path, with these ids; any others are of nothing."""
    assert action.path is not None
    parts = [part[1:-1] if part.startswith("{") else part for part in action.path.split("/")]
    named = dict.fromkeys(
        ("item_id", "image_id", "trade_id", "conversation_id", "user_id", "offer_id", "chain_id"), str(uuid4())
    )
    return "/".join((named | ids).get(part, part) for part in parts)


def test_only_these_are_public() -> None:
    assert {name for name, action in ACTIONS.items() if action.public} == PUBLIC


@pytest.mark.parametrize("name", ROUTED)
async def test_no_route_works_without_signing_in(cast: Cast, name: str) -> None:
    action = ACTIONS[name]
    for prefix in ("/api", "/api/v1"):
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            body: Any = None if action.method in ("GET", "DELETE") else {}
            status, answer, _ = await cast.answer(action.method or "", route_of(action), body, headers=headers, prefix=prefix)
            assert (status, answer["error"]["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("name", SIGNED_IN)
async def test_no_action_runs_for_nobody(market: Market, name: str) -> None:
    answer = await dispatch(market.service.app, Request(name=name, raw={}, door="rest"))
    assert isinstance(answer.body, RefusedBody)
    assert answer.body.error.code == "UNAUTHENTICATED"


@pytest.mark.parametrize(("door", "name"), by_doors(OF_A_DEAL))
async def test_a_strangers_deal_and_no_deal_look_the_same(cast: Cast, door: str, name: str) -> None:  # S1.64
    action = ACTIONS[name]
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    trade = await trade_between(alice, bob, "interest")
    ids = {"tradeId": trade["id"], "offerId": trade["id"], "conversationId": trade["conversation"]}
    filled = FILLED | {"counterOfferItemId": await carol.lists("A lamp")}
    fields = action.input.__struct_encode_fields__
    refusals = []
    for known in (ids, dict.fromkeys(DEALS, str(uuid4()))):
        payload = {field: value for field, value in (filled | known).items() if field in fields}
        with pytest.raises(Refused) as no:
            await carol.through(door, name, **payload)
        refusals.append((no.value.status, no.value.code, no.value.message, no.value.body["error"]))
    assert refusals[0] == refusals[1]
    assert refusals[0][1] == "NOT_FOUND"
    assert await alice.does("trade:get", tradeId=trade["id"]) == trade
    assert len(await alice.does("message:list", conversationId=trade["conversation"])) == 2


@pytest.mark.parametrize(("door", "name"), by_doors(OF_A_RING))
async def test_a_stranger_to_a_ring_is_told_so_and_nothing_else(cast: Cast, door: str, name: str) -> None:  # S2.104, C51
    alice, bob, carol, dave = await cast.people("Alice", "Bob", "Carol", "Dave")
    ring = await cycle_of(alice, bob, carol)
    filled = {"accept": True} if name == "chain:respond" else {}
    no = await refused(dave.through(door, name, chainId=ring["id"], **filled), "NOT_PARTICIPANT")
    assert no.body == {
        "success": False,
        "message": "You are not a participant in this barter chain",
        "error": {"code": "NOT_PARTICIPANT"},
        "requestId": no.body["requestId"],
    }
    await refused(dave.through(door, name, chainId=str(uuid4()), **filled), "NOT_FOUND")
    assert await alice.does("chain:get", chainId=ring["id"]) == ring


@pytest.mark.parametrize("name", sorted(name for name in ROUTED if "{item_id}" in (ACTIONS[name].path or "")))
async def test_anothers_item_can_be_looked_at_and_nothing_else(cast: Cast, name: str) -> None:  # S1.27
    action = ACTIONS[name]
    alice, bob = await cast.people("Alice", "Bob")
    item = await alice.lists("A camera")
    before = await alice.does("item:get", itemId=item)
    fields = action.input.__struct_encode_fields__
    body = {field: value for field, value in FILLED.items() if field in fields}
    sent = None if action.method in ("GET", "DELETE") else body
    status, answer, _ = await cast.answer(action.method or "", route_of(action, item_id=item), sent, token=bob.token)
    if name in ("item:get", "item:history"):
        assert status == 200
    else:
        assert (status, answer["error"]["code"]) == (403, "NOT_OWNER")
    assert await alice.does("item:get", itemId=item) == before


@BOTH_DOORS
async def test_the_lists_have_ones_own_only(cast: Cast, door: str) -> None:
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    await trade_between(alice, bob)
    for event in ("trade:mine", "trade:incoming", "offer:mine", "chain:mine", "conversation:list", "item:mine"):
        assert (await carol.through(door, event))["items"] == [], event
    assert await carol.through(door, "chain:pending") == []
    assert (await carol.through(door, "sync"))["conversations"] == []
    assert await carol.through(door, "presence:get", userIds=[alice.id] if door == "socket" else alice.id) == {}
