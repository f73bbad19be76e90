"""Presence: who is here, for whom they deal with, across tabs and servers; silent about a reconnect (C72, D9)."""

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest
import redis.asyncio

import server.upkeep
import storage.presence
from matching.refusals import Unavailable
from tests.conftest import Market, OpenMarket
from tests.devices import devices_of
from tests.people import Cast, Person
from tests.trading import BOTH_DOORS, refused, trade_between
from tests.valkeys import own_valkey
from tests.waiting import until, until_answered

GRACE_SECONDS = 0.3  # instead of five
SWEEP_SECONDS = 1.2  # whose grace is over is looked for every second
SECRET = "the same secret on both servers, so that a token is good on either"


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.presence, "GRACE_SECONDS", GRACE_SECONDS)


def changes_heard(person: Person, of: Person) -> list[bool]:
    return [body["online"] for event, body in person.heard if event == "presence:changed" and body["userId"] == of.id]


async def hears_that(person: Person, other: Person, online: bool) -> Any:
    return await person.hears(
        "presence:changed", lambda body: body["userId"] == other.id and body["online"] is online, seconds=5.0
    )


async def no_socket_of(person: Person, market: Market) -> bool:
    async with redis.asyncio.from_url(market.redis_url) as client:
        return not [key async for key in client.scan_iter(f"*presence:sockets:{person.id}")]


@BOTH_DOORS
async def test_one_sees_who_is_here_among_those_one_deals_with(cast: Cast, door: str) -> None:
    alice, bob, carol, eve = await cast.people("Alice", "Bob", "Carol", "Eve")
    await trade_between(alice, bob)
    await trade_between(carol, alice)
    await asyncio.gather(alice.connect(), bob.connect(), eve.connect())
    asked = [bob.id, carol.id, eve.id]

    async def seen() -> Any:
        if door == "rest":
            return await alice.asks("GET", "/presence", query={"userIds": ",".join(asked)})
        return await alice.does("presence:watch", userIds=asked)

    assert await seen() == {
        bob.id: {"online": True, "lastSeenAt": None},
        carol.id: {"online": False, "lastSeenAt": None},
    }, "a stranger is not in the answer, here or not"
    assert await alice.does("presence:get", userIds=asked) == await seen()
    await refused(alice.does("presence:get", userIds=["somebody"]), "INVALID_REQUEST", "userIds[0]")
    await refused(alice.does("presence:watch", userIds=asked * 34), "INVALID_REQUEST", "userIds")


async def test_who_watches_hears_of_the_first_socket_and_of_the_last_and_of_no_reconnect(market: Market) -> None:
    """Two tabs are one person (D9): the second is no news, nor is the end of either while the other is there."""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    await trade_between(alice, bob)
    await alice.does("presence:watch", userIds=[bob.id])
    await bob.leaves()
    gone = await hears_that(alice, bob, online=False)
    assert gone["lastSeenAt"] is not None
    seen = {bob.id: {"online": False, "lastSeenAt": gone["lastSeenAt"]}}
    assert await alice.does("presence:get", userIds=[bob.id]) == seen

    alice.heard.clear()
    first = await bob.connect()
    assert (await hears_that(alice, bob, online=True))["lastSeenAt"] is None
    second = await bob.connect()
    await first.disconnect()
    await second.disconnect()
    await until_answered(lambda: no_socket_of(bob, market), what="noticing that the last tab is gone")
    assert UUID(bob.id) not in await market.service.app.presence.take_gone(100), "he may be changing trains"
    await bob.connect()
    await asyncio.sleep(GRACE_SECONDS + SWEEP_SECONDS)
    assert changes_heard(alice, bob) == [True], "a tab more, a tab less and a reconnect are no news"
    assert (await alice.does("presence:get", userIds=[bob.id]))[bob.id]["online"] is True
    await bob.leaves()
    await hears_that(alice, bob, online=False)
    assert changes_heard(alice, bob) == [True, False]


async def test_a_later_watch_replaces_an_earlier_one_and_is_the_sockets_own(cast: Cast) -> None:
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol")
    await trade_between(alice, bob)
    await trade_between(alice, carol)
    await alice.connect()
    async with devices_of(alice, cast) as (telephone,):
        await alice.does("presence:watch", userIds=[bob.id])
        await telephone.does("presence:watch", userIds=[bob.id])
        await telephone.does("presence:watch", userIds=[carol.id])
        await bob.connect()
        await carol.connect()
        await hears_that(alice, bob, online=True)
        await hears_that(telephone, carol, online=True)
        assert (changes_heard(alice, carol), changes_heard(telephone, bob)) == ([], [])


async def test_who_would_rather_not_say_is_not_told_of(cast: Cast) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    await trade_between(alice, bob)
    await bob.does("user:update", showPresence=False)
    unsaid = {bob.id: {"online": False, "lastSeenAt": None}}
    assert await alice.does("presence:watch", userIds=[bob.id]) == unsaid
    await bob.leaves()
    await asyncio.sleep(GRACE_SECONDS + SWEEP_SECONDS)
    await bob.connect()
    assert await alice.does("presence:get", userIds=[bob.id]) == unsaid
    assert changes_heard(alice, bob) == []
    await bob.does("user:update", showPresence=True)
    assert (await alice.does("presence:get", userIds=[bob.id]))[bob.id]["online"] is True


@BOTH_DOORS
async def test_who_watches_hears_at_once_that_somebody_hides_and_shows_again(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    await trade_between(alice, bob)
    await alice.does("presence:watch", userIds=[bob.id])
    await bob.through(door, "user:update", name="Bobby")
    await bob.through(door, "user:update", showPresence=False)
    hidden = await hears_that(alice, bob, online=False)
    assert hidden == {"userId": bob.id, "online": False, "lastSeenAt": None}
    await bob.through(door, "user:update", showPresence=True)
    assert (await hears_that(alice, bob, online=True))["lastSeenAt"] is None
    assert changes_heard(alice, bob) == [False, True], "a new name is no news of it"


async def test_a_person_on_two_servers_is_one_person(open_market: OpenMarket) -> None:
    """D9: whichever server either of them is on"""
    async with open_market(SECRET_KEY=SECRET) as here:
        shared = {"DATABASE_URL": here.database_url, "REDIS_URL": here.redis_url}
        async with open_market(SECRET_KEY=SECRET, **shared) as there:
            alice, bob = await here.cast.people("Alice", "Bob", connected=True)
            await trade_between(alice, bob)
            async with devices_of(alice, there.cast) as (other_alice,):
                for device in (alice, other_alice):
                    seen = await device.does("presence:watch", userIds=[bob.id])
                    assert seen[bob.id]["online"] is True
                async with devices_of(bob, there.cast):
                    await bob.leaves()
                    await asyncio.sleep(GRACE_SECONDS + SWEEP_SECONDS)
                    for device in (alice, other_alice):
                        assert changes_heard(device, bob) == []
                for device in (alice, other_alice):
                    await hears_that(device, bob, online=False)


async def test_the_sockets_of_a_server_that_died_fade(market: Market) -> None:
    """They are renewed by nobody. Their time is cut short here; it is 45 seconds."""
    alice, bob = await market.cast.people("Alice", "Bob")
    await trade_between(alice, bob)
    await alice.connect()
    assert await market.service.app.presence.arrive(UUID(bob.id), "a-socket-of-a-server-that-has-died")
    assert (await alice.does("presence:watch", userIds=[bob.id]))[bob.id]["online"] is True
    async with redis.asyncio.from_url(market.redis_url) as client:
        (sockets,) = [key async for key in client.scan_iter(f"*presence:sockets:{bob.id}")]
        past = time.time() - 1
        await client.zadd(sockets, {"a-socket-of-a-server-that-has-died": past})
        await client.zadd(storage.presence.HERE, {bob.id: past})
    assert (await hears_that(alice, bob, online=False))["lastSeenAt"] is not None


async def test_who_leaves_while_postgresql_is_away_is_announced_when_it_is_back(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    await trade_between(alice, bob)
    await alice.does("presence:watch", userIds=[bob.id])
    told: list[UUID] = []

    async def away(_: Any, gone: list[UUID]) -> int:
        told.extend(gone)
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(server.upkeep, "note_seen", away)
        await bob.leaves()
        await until(lambda: UUID(bob.id) in told, 5.0, what="noticing that Bob has gone")
        assert changes_heard(alice, bob) == []
    assert (await hears_that(alice, bob, online=False))["lastSeenAt"] is not None
    assert changes_heard(alice, bob) == [False]


async def test_an_emptied_redis_is_filled_again_by_the_heartbeat(
    open_market: OpenMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.upkeep, "HEARTBEAT_SECONDS", 0.3)  # instead of fifteen
    with own_valkey() as valkey:
        async with open_market(REDIS_URL=valkey.url) as market, redis.asyncio.from_url(valkey.url) as client:
            alice, bob = await market.cast.people("Alice", "Bob", connected=True)
            await trade_between(alice, bob)
            await alice.does("presence:watch", userIds=[bob.id])
            await client.flushall()
            await hears_that(alice, bob, online=True)
            assert (await alice.does("presence:get", userIds=[bob.id]))[bob.id]["online"] is True
