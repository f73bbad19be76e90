"""What people are told of their deals, in the inbox and by push: whoever should know, the actor not, each thing once."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from handlers.dispatch import Request, dispatch
from handlers.notice_words import sentence
from handlers.notices import TOLD, Notice, NoticeData
from handlers.upkeep import expire_deals, remind_overdue, remind_unanswered
from matching.deal import Kind
from matching.moves import MOVES, Quorum
from storage.notifications import INBOX_MAX, forget_read_notifications, trim_inbox
from tests.conftest import Market, OpenMarket
from tests.devices import devices_of
from tests.people import Person
from tests.rings import chain_of, cycle_of
from tests.test_delivery import SECRET, Dropping
from tests.trading import BOTH_DOORS, refused, trade_between
from tests.valkeys import own_valkey
from tests.waiting import until, until_answered

SOON = "UPDATE deals SET updated_at = now() - interval '6 days', expires_at = now() + interval '23 hours' WHERE id = $1"
LATE = "UPDATE deals SET created_at = now() - interval '8 days', expires_at = now() - interval '1 s' WHERE id = $1"
DUE = "UPDATE deals SET complete_by = now() - interval '1 s' WHERE id = $1"


async def inbox(person: Person, deal_id: str, door: str = "rest") -> list[Any]:
    """What they were told of this deal, oldest first."""
    listed = await person.through(door, "notification:list", limit=100)
    return [one for one in reversed(listed["items"]) if one["deal"]["id"] == deal_id]


async def kinds_told(people: Sequence[Person], deal_id: str, door: str = "rest") -> list[list[str]]:
    return [[one["kind"] for one in await inbox(person, deal_id, door)] for person in people]


async def time_passes(market: Market, change: str, deal_id: str) -> None:
    async with market.sql() as connection:
        await connection.execute(change, deal_id)


# Who is told what


def test_for_every_change_that_a_move_can_make_it_is_said_who_is_told_what() -> None:
    changes = {(kind, move, rule.to) for (kind, _, move), rule in MOVES.items()}
    changes |= {
        (kind, move, rule.meanwhile or status) for (kind, status, move), rule in MOVES.items() if rule.needs is not Quorum.ONE
    }
    assert changes <= TOLD.keys()


@BOTH_DOORS
async def test_each_side_of_a_trade_is_told_what_the_other_did(market: Market, door: str) -> None:
    """S1.74"""
    alice, bob = people = await market.cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest", "confirm")
    await alice.through(door, "trade:complete", tradeId=trade["id"])
    assert await kinds_told(people, trade["id"], door) == [["interest", "accepted"], ["offer", "completed"]]

    (offer, completed) = await inbox(bob, trade["id"], door)
    assert offer == {
        "id": offer["id"],
        "kind": "offer",
        "title": "Alice offers you “A camera” for “A bicycle”",
        "deal": {"kind": "trade", "id": trade["id"]},
        "conversation": trade["conversation"],
        "seq": 1,
        "data": {"by": {"id": alice.id, "name": "Alice"}, "gives": ["A bicycle"], "gets": ["A camera"]},
        "readAt": None,
        "createdAt": offer["createdAt"],
    }
    assert completed["title"] == "Completed: the swap of “A bicycle” for “A camera”"


@BOTH_DOORS
async def test_each_side_of_an_offer_is_told_what_the_other_did(market: Market, door: str) -> None:
    """S2.50"""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    camera, bicycle, lamp = await alice.lists("A camera"), await bob.lists("A bicycle"), await bob.lists("A lamp")
    offer = await alice.through(door, "offer:create", offeredItemId=camera, requestedItemId=bicycle)
    of_it = {"offerId": offer["id"]}
    await bob.through(door, "offer:counter", **of_it, counterOfferItemId=lamp)
    await bob.through(door, "item:update", itemId=lamp, title="A better lamp")
    await alice.through(door, "offer:accept", **of_it)
    await bob.through(door, "offer:complete", **of_it)
    await alice.through(door, "offer:complete", **of_it)
    told_alice, told_bob = await inbox(alice, offer["id"], door), await inbox(bob, offer["id"], door)
    assert [(one["kind"], one["title"]) for one in told_alice] == [
        ("counter", "Bob offers you “A lamp” for “A camera” instead"),
        ("terms-changed", "Bob edited an item in the swap of “A camera” for “A better lamp”"),
        ("executed", "Bob has done their part of the swap of “A camera” for “A better lamp”"),
    ]
    assert [one["kind"] for one in told_bob] == ["offer", "accepted", "completed"]


@BOTH_DOORS
async def test_everybody_in_a_ring_is_told_of_it_of_the_last_yes_and_of_its_end(market: Market, door: str) -> None:
    """S2.58, S2.78, C28"""
    alice, bob, carol = people = await market.cast.people("Alice", "Bob", "Carol", connected=True)
    ring = (await cycle_of(alice, bob, carol))["id"]
    await bob.through(door, "chain:respond", chainId=ring, accept=True)
    assert await kinds_told(people, ring, door) == [[], ["ring"], ["ring", "yes-missing"]]
    await carol.through(door, "chain:respond", chainId=ring, accept=True)
    for person in people:
        await person.through(door, "chain:execute", chainId=ring)
    assert await kinds_told(people, ring, door) == [
        ["accepted", "executed", "completed"],
        ["ring", "accepted", "executed", "completed"],
        ["ring", "yes-missing", "executed", "executed"],
    ]
    told = [one["title"] for one in await inbox(bob, ring, door)]
    assert told[:2] == [
        "Alice proposes the ring of 3 that swaps “A bicycle” for “A lamp”",
        "Everybody said yes to the ring of 3 that swaps “A bicycle” for “A lamp”",
    ]


@BOTH_DOORS
async def test_when_someone_says_no_the_others_are_told_and_why(market: Market, door: str) -> None:
    alice, bob, carol = people = await market.cast.people("Alice", "Bob", "Carol", connected=True)
    ring = (await chain_of(alice, bob, carol))["id"]
    await bob.through(door, "chain:respond", chainId=ring, accept=False, message="Not for me")
    last = [(await inbox(person, ring, door))[-1] for person in (alice, carol)]
    assert [(one["kind"], one["data"]["reason"]) for one in last] == [("rejected", "Not for me")] * 2
    assert last[1]["title"].startswith("Bob said no to the chain of 3 that takes “A lamp”"), "Carol would only have given"
    assert await kinds_told([bob], ring, door) == [["ring"]]

    trade = await trade_between(alice, bob)
    await bob.through(door, "trade:reject", tradeId=trade["id"], reason="Sold it")
    assert [one["title"] for one in await inbox(alice, trade["id"], door)] == [
        "Bob said no to the swap of “A camera” for “A bicycle”"
    ]
    assert await kinds_told(people, trade["id"], door) == [["rejected"], ["offer"], []]


@BOTH_DOORS
async def test_of_what_is_called_off_or_disputed_the_other_is_told(market: Market, door: str) -> None:
    """C5, C14"""
    alice, bob = people = await market.cast.people("Alice", "Bob", connected=True)
    taken_back = (await trade_between(alice, bob))["id"]
    await alice.through(door, "trade:cancel", tradeId=taken_back)
    assert await kinds_told(people, taken_back, door) == [[], ["offer", "cancelled"]]

    agreed = (await trade_between(alice, bob, "interest", "confirm"))["id"]
    await alice.through(door, "trade:dispute", tradeId=agreed)
    await bob.through(door, "trade:complete", tradeId=agreed)
    await alice.through(door, "trade:cancel", tradeId=agreed)
    await bob.through(door, "trade:cancel", tradeId=agreed)
    assert await kinds_told(people, agreed, door) == [
        ["interest", "accepted", "executed", "cancelled"],
        ["offer", "disputed", "cancel-asked"],
    ]


@BOTH_DOORS
async def test_both_sides_of_a_competing_deal_are_told_that_it_is_off(market: Market, door: str) -> None:
    """S1.48"""
    alice, bob, carol = people = await market.cast.people("Alice", "Bob", "Carol", connected=True)
    bicycle = await bob.lists("A bicycle")
    won = await trade_between(alice, bob, "interest", offeredItem=await alice.lists(), requestedItem=bicycle)
    lost = await trade_between(carol, bob, offeredItem=await carol.lists("A lamp"), requestedItem=bicycle)
    await bob.through(door, "trade:confirm", tradeId=won["id"])
    assert await kinds_told(people, lost["id"], door) == [[], ["offer", "rejected"], ["rejected"]]
    (off,) = await inbox(carol, lost["id"], door)
    assert off["title"] == "Come to nothing: the swap of “A lamp” for “A bicycle”"
    assert off["data"]["reason"] == "an item in it went to another deal"
    assert "by" not in off["data"]


@BOTH_DOORS
async def test_what_is_refused_rolled_back_or_sent_again_tells_nobody_anything_more(market: Market, door: str) -> None:
    alice, bob = people = await market.cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "interest")
    told = [["interest"], ["offer"]]
    await refused(alice.through(door, "trade:confirm", tradeId=trade["id"]), "FORBIDDEN")
    await alice.through(door, "item:list-for-sale", itemId=trade["offeredItem"], price=5)
    await refused(bob.through(door, "trade:confirm", tradeId=trade["id"]), "ACTIVE_LISTING")  # after its rivals were closed
    assert await kinds_told(people, trade["id"], door) == told

    await alice.through(door, "item:end-sale", itemId=trade["offeredItem"])
    again = {"idempotencyKey" if door == "socket" else "key": str(uuid4()), "tradeId": trade["id"]}
    await asyncio.gather(*(bob.through(door, "trade:confirm", **again) for _ in range(4)))
    assert await kinds_told(people, trade["id"], door) == [["interest", "accepted"], ["offer"]]


# What the clock tells


async def test_who_has_not_answered_is_reminded_once_a_day_before_it_expires(market: Market) -> None:
    alice, bob, carol = people = await market.cast.people("Alice", "Bob", "Carol")
    trade = (await trade_between(alice, bob))["id"]
    agreed = (await trade_between(alice, bob, "interest", "confirm"))["id"]
    fresh = (await trade_between(alice, bob))["id"]
    ring = (await cycle_of(alice, bob, carol))["id"]
    await bob.by_rest("chain:respond", chainId=ring, accept=True)  # Carol's is the last one missing, and she is told so
    for deal in (trade, agreed, ring):
        await time_passes(market, SOON, deal)
    await asyncio.gather(*(remind_unanswered(market.service.app) for _ in range(4)))
    assert await kinds_told(people, trade) == [[], ["offer", "yes-missing"], []]
    assert await kinds_told(people, agreed) == [["interest", "accepted"], ["offer"], []]
    assert await kinds_told(people, fresh) == [[], ["offer"], []]
    assert await kinds_told(people, ring) == [[], ["ring"], ["ring", "yes-missing"]]
    reminder = (await inbox(bob, trade))[-1]
    assert reminder["title"] == "Your answer is missing for the swap of “A bicycle” for “A camera”"
    assert reminder["data"]["expiresAt"] == (await bob.by_rest("trade:get", tradeId=trade))["expiresAt"]


async def test_other_terms_are_worth_another_reminder(market: Market) -> None:
    alice, bob = people = await market.cast.people("Alice", "Bob")
    camera, bicycle, lamp = await alice.lists("A camera"), await bob.lists("A bicycle"), await bob.lists("A lamp")
    offer = (await alice.by_rest("offer:create", offeredItemId=camera, requestedItemId=bicycle))["id"]
    for _ in range(2):
        await time_passes(market, SOON, offer)
        await remind_unanswered(market.service.app)
    await bob.by_rest("offer:counter", offerId=offer, counterOfferItemId=lamp)
    await remind_unanswered(market.service.app)
    assert await kinds_told(people, offer) == [["counter"], ["offer", "yes-missing"]]
    await time_passes(market, SOON, offer)
    await remind_unanswered(market.service.app)
    assert await kinds_told(people, offer) == [["counter", "yes-missing"], ["offer", "yes-missing"]]


async def test_all_are_told_once_of_what_expired_and_of_what_is_overdue(market: Market) -> None:
    """C14, C15, C31, C34"""
    alice, bob = people = await market.cast.people("Alice", "Bob")
    expired = (await trade_between(alice, bob))["id"]
    overdue = (await trade_between(alice, bob, "interest", "confirm"))["id"]
    await time_passes(market, LATE, expired)
    await time_passes(market, DUE, overdue)
    await asyncio.gather(*(clock(market.service.app) for clock in (expire_deals, remind_overdue) for _ in range(3)))
    await until_answered(lambda: is_told(alice, expired, "expired"))
    await until_answered(lambda: is_told(bob, overdue, "overdue"))
    assert await kinds_told(people, expired) == [["expired"], ["offer", "expired"]]
    assert await kinds_told(people, overdue) == [["interest", "accepted", "overdue"], ["offer", "overdue"]]


async def is_told(person: Person, deal_id: str, kind: str) -> bool:
    return kind in [one["kind"] for one in await inbox(person, deal_id)]


# The push


async def test_every_socket_is_pushed_each_notification_once_as_it_is_in_the_inbox(market: Market) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    async with devices_of(bob, market.cast, market.cast) as devices:
        trade = await trade_between(alice, bob)
        await alice.does("trade:cancel", tradeId=trade["id"])
        for device in devices:
            await device.hears("notification:new", lambda body: bool(body["kind"] == "cancelled"))
        listed = await inbox(bob, trade["id"])
        assert [[body for event, body in one.heard if event == "notification:new"] for one in devices] == [listed] * 2
    assert "notification:new" not in [event for event, _ in alice.heard], "what one did oneself is no news"


async def test_what_a_dead_process_did_not_push_and_what_another_did_is_heard_within_two_seconds(
    open_market: OpenMarket,
) -> None:
    async with (
        open_market(SECRET_KEY=SECRET) as here,
        open_market(SECRET_KEY=SECRET, DATABASE_URL=here.database_url, REDIS_URL=here.redis_url) as there,
    ):
        alice, bob = await here.cast.people("Alice", "Bob")
        async with devices_of(bob, there.cast) as (bob_there,):
            trade = await trade_between(alice, bob)
            await bob_there.hears("notification:new", lambda body: bool(body["kind"] == "offer"), seconds=2.0)
            committed = time.monotonic()
            app = replace(here.service.app, live=Dropping())  # type: ignore[arg-type]  # it dies before more is asked of it
            cancel = Request("trade:cancel", {"tradeId": trade["id"]}, "rest", app.tokens.read(alice.token))
            assert (await dispatch(app, cancel)).status == 200
            await bob_there.hears("notification:new", lambda body: bool(body["kind"] == "cancelled"))
            assert time.monotonic() - committed < 2.0
            heard = [body["kind"] for event, body in bob_there.heard if event == "notification:new"]
            assert heard == ["offer", "cancelled"]


async def test_while_redis_is_away_people_here_are_told_once_and_the_others_when_it_is_back(open_market: OpenMarket) -> None:
    with own_valkey() as valkey:
        async with (
            open_market(SECRET_KEY=SECRET, REDIS_URL=valkey.url) as here,
            open_market(SECRET_KEY=SECRET, DATABASE_URL=here.database_url, REDIS_URL=valkey.url) as there,
        ):
            alice, bob = await here.cast.people("Alice", "Bob")
            async with devices_of(bob, here.cast, there.cast) as (bob_here, bob_there):
                valkey.stop()
                trade = await trade_between(alice, bob)
                await until(lambda: offers_heard(bob_here) + offers_heard(bob_there) > 0, 3.0, what="telling those here")
                await asyncio.sleep(1.2)  # it is looked at again
                assert max(offers_heard(bob_here), offers_heard(bob_there)) == 1, trade["id"]
                valkey.start()
                await bob_here.hears("notification:new")
                await bob_there.hears("notification:new")


def offers_heard(person: Person) -> int:
    return [event for event, _ in person.heard].count("notification:new")


# The inbox


@BOTH_DOORS
async def test_the_inbox_has_pages_newest_first_and_knows_what_is_unread(market: Market, door: str) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    trades = [(await trade_between(alice, bob))["id"] for _ in range(3)]
    first = await bob.through(door, "notification:list", limit=2)
    second = await bob.through(door, "notification:list", limit=2, page=2)
    assert [one["deal"]["id"] for one in first["items"] + second["items"]] == trades[::-1]
    assert (first["unread"], first["pagination"]["total"], first["pagination"]["hasMore"]) == (3, 3, True)
    assert (second["unread"], second["pagination"]["hasMore"]) == (3, False)

    one, other, last = (item["id"] for item in first["items"] + second["items"])
    assert await alice.through(door, "notification:read", ids=[one]) == {"unread": 0}, "it is another's"
    assert await bob.through(door, "notification:read", ids=[one, str(uuid4())]) == {"unread": 2}
    marked = {item["id"]: item["readAt"] for item in (await bob.through(door, "notification:list"))["items"]}
    assert marked[one] is not None
    assert (marked[other], marked[last]) == (None, None)
    assert await bob.through(door, "notification:read") == {"unread": 0}
    again = {item["id"]: item["readAt"] for item in (await bob.through(door, "notification:list"))["items"]}
    assert again[one] == marked[one], "what was read before keeps its time"
    assert None not in again.values()
    await refused(bob.through(door, "notification:read", ids=["7"]), "INVALID_REQUEST", "ids[0]")


async def test_an_inbox_keeps_the_thousand_newest_and_what_was_read_for_ninety_days(market: Market) -> None:
    alice, bob = await market.cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob)
    async with market.sql() as connection:
        await connection.execute(
            """
            INSERT INTO notifications (id, user_id, kind, deal_id, data, created_at)
            SELECT gen_random_uuid(), user_id, kind, deal_id, data, created_at - number * interval '1 s'
              FROM notifications, generate_series(1, $2) AS number WHERE user_id = $1
            """,
            bob.id,
            INBOX_MAX + 5,
        )
    newest = (await bob.by_rest("notification:list", limit=100))["items"]
    async with market.service.app.database.transaction() as tx:
        await trim_inbox(tx, UUID(bob.id))
    listed = await bob.by_rest("notification:list", limit=100)
    assert (listed["pagination"]["total"], listed["items"], listed["unread"]) == (INBOX_MAX, newest, INBOX_MAX)
    assert (await inbox(bob, trade["id"]))[-1]["kind"] == "offer"

    await bob.by_rest("notification:read", ids=[one["id"] for one in newest[:50]])
    async with market.service.app.database.transaction() as tx:
        await tx.execute("UPDATE notifications SET read_at = read_at - interval '91 days' WHERE user_id = $1", UUID(bob.id))
        assert [await forget_read_notifications(tx, 40) for _ in range(2)] == [True, False]
    assert (await bob.by_rest("notification:list"))["pagination"]["total"] == INBOX_MAX - 50


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("notice", Notice)
def test_every_notification_has_a_sentence_of_one_line_whatever_people_wrote(notice: Notice, kind: Kind) -> None:
    odd = NoticeData(gives=["A {camera}\r\nBcc: all\u2028", "a second one"], gets=["x" * 200], participants=3, reason="no")
    said = sentence(notice, kind, odd)
    assert len(said.splitlines()) == 1
    assert len(said) < 250
    assert sentence(notice, kind, NoticeData())
