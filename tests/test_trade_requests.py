"""Putting a trade on the table: what may be asked, what is refused and in which order (S1.31, S1.40 to S1.43, C16, C41)."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Market, OpenMarket
from tests.people import Cast, Person, Refused
from tests.trading import BOTH_DOORS, refused

NOBODYS = str(uuid4())  # no item has this id


def z(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@BOTH_DOORS
async def test_a_request_is_a_proposed_trade_with_a_conversation_and_holds_nothing(market: Market, door: str) -> None:
    """S1.31, S1.42, S1.43, S1.62, S1.68, S2.31"""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    camera = await alice.lists("A camera", condition="LIKE_NEW", estimatedValue=900)
    bicycle = await bob.lists("A bicycle")
    trade = await alice.through(door, "trade:request", offeredItem=camera, requestedItem=bicycle)

    assert trade["status"] == "proposed"
    assert (trade["offeredItem"], trade["requestedItem"]) == (camera, bicycle)
    assert (trade["requester"], trade["owner"]) == (alice.id, bob.id)
    assert (trade["revision"], trade["completedAt"], trade["confirmedAt"], trade["overdue"]) == (1, None, None, False)
    assert "reason" not in trade
    lasts = datetime.fromisoformat(trade["expiresAt"]) - datetime.fromisoformat(trade["createdAt"])
    assert lasts == timedelta(days=7), "S2.31, C15: seven days where nothing else is said"
    legs = {leg["item"]: leg for leg in trade["legs"]}
    assert (legs[camera]["giver"], legs[camera]["receiver"]) == (alice.id, bob.id)
    assert (legs[bicycle]["giver"], legs[bicycle]["receiver"]) == (bob.id, alice.id)
    assert (legs[camera]["title"], legs[camera]["condition"], legs[camera]["estimatedValue"]) == ("A camera", "LIKE_NEW", 900)

    conversation = await bob.through(door, "conversation:get", conversationId=trade["conversation"])
    assert [person["id"] for person in conversation["participants"]] == [alice.id, bob.id]
    assert conversation["deal"] == {"kind": "trade", "id": trade["id"], "status": "proposed"}
    for item in (camera, bicycle):
        assert (await bob.through(door, "item:get", itemId=item))["status"] == "available"
    async with market.sql() as connection:
        held = await connection.fetchval("SELECT count(*) FROM item_holds WHERE deal_id = $1", trade["id"])
    assert held == 0


@BOTH_DOORS
async def test_both_find_the_trade_in_their_own_list_and_nobody_else_does(cast: Cast, door: str) -> None:
    """S1.32, S1.33, S1.9"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    trades = []
    for _ in range(3):
        items = {"offeredItem": await alice.lists(), "requestedItem": await bob.lists()}
        trades.append(await alice.through(door, "trade:request", **items))
    newest_first = [trade["id"] for trade in reversed(trades)]

    mine = await alice.through(door, "trade:mine", limit=2)
    assert [trade["id"] for trade in mine["items"]] == newest_first[:2]
    assert mine["pagination"] == {"page": 1, "limit": 2, "total": 3, "totalPages": 2, "hasMore": True}
    rest = await alice.through(door, "trade:mine", limit=2, page=2)
    assert [trade["id"] for trade in rest["items"]] == newest_first[2:]
    incoming = await bob.through(door, "trade:incoming")
    assert [trade["id"] for trade in incoming["items"]] == newest_first
    assert incoming["items"][0] == await bob.through(door, "trade:get", tradeId=newest_first[0])

    assert (await alice.through(door, "trade:incoming"))["items"] == []
    assert (await bob.through(door, "trade:mine"))["items"] == []
    for event in ("trade:mine", "trade:incoming"):
        assert (await carol.through(door, event))["pagination"]["total"] == 0
    await refused(carol.through(door, "trade:get", tradeId=newest_first[0]), "NOT_FOUND")
    await refused(carol.through(door, "trade:get", tradeId=NOBODYS), "NOT_FOUND")


# What can be wrong with the items of a request, and what it is answered. In C41's order: the earliest one is what is said.
WRONGS = [
    ("same item", "INVALID_REQUEST", "requestedItem"),
    ("offered is not there", "NOT_FOUND", "offeredItem"),
    ("offered is another's", "NOT_OWNER", "offeredItem"),
    ("requested is not there", "NOT_FOUND", "requestedItem"),
    ("requested is one's own", "SELF_BARTER", "requestedItem"),
    ("offered is for sale", "ACTIVE_LISTING", "offeredItem"),
    ("requested is for sale", "ACTIVE_LISTING", "requestedItem"),
    ("offered is taken", "ITEM_UNAVAILABLE", "offeredItem"),
    ("requested is taken", "ITEM_UNAVAILABLE", "requestedItem"),
]


@pytest.fixture(scope="module")
async def shelves(market: Market) -> tuple[Person, dict[str, str], dict[str, str]]:
    """Alice, and what she could offer and request, by what is wrong with it."""
    alice, bob, carol = await market.cast.people("Alice", "Bob", "Carol", connected=True)
    theirs, hers, bobs = await carol.lists(), await alice.lists(), await bob.lists()
    taken = (await alice.lists(), await bob.lists())
    trade = await alice.does("trade:request", offeredItem=taken[0], requestedItem=taken[1])
    await bob.does("trade:interest", tradeId=trade["id"])
    await bob.does("trade:confirm", tradeId=trade["id"])
    for_sale = (await alice.lists(), await bob.lists())
    await alice.does("item:list-for-sale", itemId=for_sale[0], price=100)
    await bob.does("item:list-for-sale", itemId=for_sale[1], price=100)
    gone = await bob.lists()
    await bob.does("item:delete", itemId=gone)
    offered = {
        "fine": hers,
        "offered is not there": NOBODYS,
        "offered is another's": theirs,
        "offered is for sale": for_sale[0],
        "offered is taken": taken[0],
    }
    requested = {
        "fine": bobs,
        "requested is not there": gone,
        "requested is one's own": await alice.lists(),
        "requested is for sale": for_sale[1],
        "requested is taken": taken[1],
    }
    return alice, offered, requested


@BOTH_DOORS
async def test_of_two_wrongs_the_earlier_check_answers(
    shelves: tuple[Person, dict[str, str], dict[str, str]], door: str
) -> None:
    """C41: same item, offered exists, offered owner, requested exists, self, listing, availability; every two of them."""
    alice, offered, requested = shelves
    for (left, offered_id), (right, requested_id) in product(offered.items(), requested.items()):
        if left == right:
            continue  # nothing is wrong
        first = next(wrong for wrong in WRONGS if wrong[0] in (left, right))
        await refused(alice.through(door, "trade:request", offeredItem=offered_id, requestedItem=requested_id), *first[1:])
    for item in offered.values():
        no = await refused(
            alice.through(door, "trade:request", offeredItem=item, requestedItem=item), "INVALID_REQUEST", "requestedItem"
        )
        assert no.message == "You cannot offer and request the same item"
    assert (await alice.through(door, "trade:mine"))["pagination"]["total"] == 1, "none of these has made a trade"


@BOTH_DOORS
async def test_the_shape_comes_before_what_it_names_and_who_asks_before_both(
    market: Market, shelves: tuple[Person, dict[str, str], dict[str, str]], door: str
) -> None:
    """C41: 401, then the shape, then all else"""
    alice, offered, requested = shelves
    items = {"offeredItem": offered["offered is another's"], "requestedItem": requested["requested is one's own"]}
    shapes: list[tuple[dict[str, Any], str]] = [
        ({"offeredItem": "camera"}, "offeredItem"),
        ({"requestedItem": 7}, "requestedItem"),
        ({"requestedItem": None}, "requestedItem"),
        ({"message": ""}, "message"),
        ({"message": "m" * 1001}, "message"),
        ({"expiresAt": "soon"}, "expiresAt"),
        ({"cash": 100}, "cash"),
    ]
    for wrong, field in shapes:
        await refused(alice.through(door, "trade:request", **(items | wrong)), "INVALID_REQUEST", field)
    for missing in items:
        named = {name: item for name, item in items.items() if name != missing}
        await refused(alice.through(door, "trade:request", **named), "INVALID_REQUEST", missing)

    # By socket, who has not signed in has no connection to ask by: tests/stage.py.
    await refused(market.cast.call("POST", "/trades/request", items | {"cash": 100}), "UNAUTHENTICATED")


@BOTH_DOORS
async def test_the_texts_of_self_barter_and_of_a_sale_are_the_documents(
    shelves: tuple[Person, dict[str, str], dict[str, str]], door: str
) -> None:
    """S2.101, S2.102"""
    alice, offered, requested = shelves
    own = {"offeredItem": offered["fine"], "requestedItem": requested["requested is one's own"]}
    no = await refused(alice.through(door, "trade:request", **own), "SELF_BARTER", "requestedItem")
    assert no.message == "You cannot barter with yourself"
    sold = {"offeredItem": offered["fine"], "requestedItem": requested["requested is for sale"]}
    no = await refused(alice.through(door, "trade:request", **sold), "ACTIVE_LISTING", "requestedItem")
    assert no.message == "Cannot barter items that have active sale listings. Please close the listing first."


@BOTH_DOORS
async def test_the_same_swap_is_on_the_table_once_whoever_proposed_it(cast: Cast, door: str) -> None:
    """C16, C39; availability comes before it"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    camera, bicycle = await alice.lists(), await bob.lists()
    there = {"offeredItem": camera, "requestedItem": bicycle}
    back = {"offeredItem": bicycle, "requestedItem": camera}
    trade = await alice.through(door, "trade:request", **there)
    await refused(alice.through(door, "trade:request", **there), "DUPLICATE_OFFER")
    await refused(bob.through(door, "trade:request", **back), "DUPLICATE_OFFER")

    await bob.through(door, "trade:reject", tradeId=trade["id"])
    again = await bob.through(door, "trade:request", **back)
    assert again["status"] == "proposed", "what was rejected may be proposed once more"
    await alice.through(door, "trade:interest", tradeId=again["id"])
    await alice.through(door, "trade:confirm", tradeId=again["id"])
    await refused(alice.through(door, "trade:request", **there), "ITEM_UNAVAILABLE", "offeredItem")


async def test_of_many_who_propose_the_same_swap_at_once_one_does(market: Market) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    camera, bicycle = await alice.lists(), await bob.lists()
    there = {"offeredItem": camera, "requestedItem": bicycle}
    back = {"offeredItem": bicycle, "requestedItem": camera}
    asking = [alice.by_rest("trade:request", **there) for _ in range(10)] + [
        bob.does("trade:request", **back) for _ in range(10)
    ]
    answers = await asyncio.gather(*asking, return_exceptions=True)
    refusals = [answer.code for answer in answers if isinstance(answer, Refused)]
    assert refusals == ["DUPLICATE_OFFER"] * 19


@BOTH_DOORS
async def test_an_expiry_lies_in_the_next_ninety_days(cast: Cast, door: str) -> None:
    """C46"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    items = {"offeredItem": await alice.lists(), "requestedItem": await bob.lists()}
    now = datetime.now(UTC)
    for wrong in (now - timedelta(seconds=1), now - timedelta(days=400), now + timedelta(days=90, minutes=1)):
        await refused(alice.through(door, "trade:request", expiresAt=z(wrong), **items), "INVALID_REQUEST", "expiresAt")
    naive = now.replace(tzinfo=None) + timedelta(days=1)
    await refused(alice.through(door, "trade:request", expiresAt=naive.isoformat(), **items), "INVALID_REQUEST", "expiresAt")

    asked = z((now + timedelta(days=90, minutes=-1)).replace(microsecond=0))
    assert (await alice.through(door, "trade:request", expiresAt=asked, **items))["expiresAt"] == asked


async def test_the_rate_comes_before_all_else(open_market: OpenMarket) -> None:
    """C41, C43: 60 proposals an hour, then 429, whatever else is wrong"""
    async with open_market(RATE_LIMITS="on") as market:
        alice = await market.cast.person("Alice", connected=True)
        for _ in range(60):
            await refused(alice.does("trade:request", cash=100), "INVALID_REQUEST", "cash")
        no = await refused(alice.does("trade:request", cash=100), "RATE_LIMITED")
        assert 0 < no.body["error"]["details"]["retryAfter"] < 2 * 3600
        no = await refused(alice.by_rest("trade:request", cash=100), "RATE_LIMITED")
        assert no.status == 429
