"""The bus between processes: who is wanted is heard of, whenever that came up."""

import asyncio
import inspect
import random
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import pytest
import redis.asyncio

import storage.bus
from storage.bus import SUBSCRIBED_SECONDS_MAX, Bus
from tests.conftest import Market, OpenMarket, Parts
from tests.devices import devices_of
from tests.faults.proxy import CHUNK_BYTES, Connect, Link, Pair, to_socket
from tests.trading import trade_between
from tests.waiting import until, until_answered


@pytest.fixture
async def link(parts: Parts) -> AsyncIterator[Link]:
    link = Link("Redis", to_socket(unquote(urlsplit(parts.valkey.url).path)), random.Random(1))
    await link.open()
    yield link
    await link.close()


async def test_who_comes_and_who_leaves_while_the_listener_subscribes_is_not_forgotten(parts: Parts, link: Link) -> None:
    """Subscribing takes a moment, and longer when Redis is slow: what changes meanwhile must not be lost."""
    heard: list[tuple[str, bytes]] = []
    bus = Bus(
        f"redis://127.0.0.1:{link.port}/0", lambda channel, body: heard.append((channel, body)), lambda _: None, lambda *_: None
    )
    other = Bus(parts.valkey.url, lambda *_: None, lambda _: None, lambda *_: None)
    await bus.want("user:leaves")
    link.delay_seconds = 0.4  # on average half of it, each way
    listening = asyncio.create_task(bus.run())
    try:
        await asyncio.sleep(0.05)
        await bus.want("user:comes")
        await bus.want_no_more("user:leaves")
        await until(lambda: bus.hears)
        link.heal()
        async with redis.asyncio.Redis.from_url(parts.valkey.url) as client:
            assert "user:leaves" not in str(await client.pubsub_channels("*"))
        assert await other.publish([("user:comes", b"hello"), ("user:leaves", b"nobody")])
        await until(lambda: bool(heard))
        assert heard == [("user:comes", b"hello")]
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await bus.close()
        await other.close()


async def test_who_comes_while_redis_takes_its_time_is_told_what_they_missed(parts: Parts, link: Link) -> None:
    """Their client has read the database by then; what is published before Redis has the subscription is in neither."""
    heard: list[tuple[str, bytes]] = []
    late: list[tuple[str, float]] = []
    bus = Bus(
        f"redis://127.0.0.1:{link.port}/0",
        lambda channel, body: heard.append((channel, body)),
        lambda _: None,
        lambda channel, seconds: late.append((channel, seconds)),
    )
    other = Bus(parts.valkey.url, lambda *_: None, lambda _: None, lambda *_: None)
    listening = asyncio.create_task(bus.run())
    try:
        await until(lambda: bus.hears)
        await bus.want("user:early")
        link.stall()
        await asyncio.gather(bus.want("user:comes"), bus.want("user:comes"))
        assert await other.publish([("user:comes", b"nobody hears"), ("user:early", b"hello")])
        assert not heard
        link.heal()
        await until(lambda: bool(late))
        ((channel, seconds),) = late
        assert channel == "user:comes"
        assert seconds >= SUBSCRIBED_SECONDS_MAX, "it began when the subscription was asked for"
        await until(lambda: bool(heard))
        assert await other.publish([("user:comes", b"again")])
        await until(lambda: len(heard) == 2)
        assert heard == [("user:early", b"hello"), ("user:comes", b"again")]
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await bus.close()
        await other.close()


async def test_who_comes_before_the_listener_waits_for_it(parts: Parts) -> None:
    """Right after a start: nobody was deaf, so there is no gap to be told of."""
    heard: list[tuple[str, bytes]] = []
    gaps: list[float] = []
    bus = Bus(parts.valkey.url, lambda channel, body: heard.append((channel, body)), gaps.append, lambda *_: None)
    other = Bus(parts.valkey.url, lambda *_: None, lambda _: None, lambda *_: None)
    wanting = asyncio.gather(*(bus.want(f"user:{number}") for number in range(3)))
    await asyncio.sleep(0.05)
    listening = asyncio.create_task(bus.run())
    try:
        await wanting
        assert await other.publish([("user:1", b"hello")])
        await until(lambda: bool(heard))
        await until(lambda: bus.hears)
        assert (heard, gaps) == ([("user:1", b"hello")], [])
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await bus.close()
        await other.close()


async def test_who_wants_a_channel_hears_what_is_published_from_then_on(parts: Parts) -> None:
    heard: list[tuple[str, bytes]] = []
    bus = Bus(parts.valkey.url, lambda channel, body: heard.append((channel, body)), lambda _: None, lambda *_: None)
    other = Bus(parts.valkey.url, lambda *_: None, lambda _: None, lambda *_: None)
    listening = asyncio.create_task(bus.run())
    try:
        await until(lambda: bus.hears)
        for number in range(50):
            channel = f"user:{number}"
            await asyncio.gather(bus.want(channel), bus.want_no_more(channel), bus.want(channel), bus.want(channel))
            assert await other.publish([(channel, b"hello")])
        await until(lambda: len(heard) == 50)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await bus.close()
        await other.close()


class Muffled(Link):
    """While `muffled`, who has subscribed hears nothing more, and no error either; whatever else is asked is answered."""

    def __init__(self, connect: Connect) -> None:
        super().__init__("Redis", connect, random.Random(1))
        self.muffled = False
        self._subscribed: set[Pair] = set()

    async def _pump(self, pair: Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, outward: bool) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                if outward and b"SUBSCRIBE" in data:
                    self._subscribed.add(pair)
                if outward or not (self.muffled and pair in self._subscribed):
                    writer.write(data)
            writer.close()
        except OSError:
            pair.reset()


async def test_who_listens_and_hears_nothing_is_not_ready_and_heals_by_itself(
    open_market: OpenMarket, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has failed, Redis answers: only its own ping tells (python-socketio issue 1581)"""
    monkeypatch.setattr(storage.bus, "PING_SECONDS", 0.2)
    monkeypatch.setattr(storage.bus, "DEAF_SECONDS", 1.0)
    url = urlsplit(parts.valkey.url)
    link = Muffled(to_socket(unquote(url.path)))
    await link.open()
    secret = "the same secret on both servers, so that a token is good on either"
    async with open_market(SECRET_KEY=secret) as here:
        stores = {
            "DATABASE_URL": here.database_url,
            "REDIS_URL": f"redis://127.0.0.1:{link.port}/{parse_qs(urlsplit(here.redis_url).query)['db'][0]}",
        }
        async with open_market(SECRET_KEY=secret, **stores) as there:
            alice, bob = await here.cast.people("Alice", "Bob")
            trade = await trade_between(alice, bob)
            async with devices_of(bob, there.cast) as (bob_there,):
                assert await readiness(there) == (200, {"listener": True, "redis": True})
                link.muffled = True
                await until_answered(lambda: is_red(there), what="noticing")
                assert await readiness(here) == (200, {"listener": True, "redis": True})
                said = {"conversationId": trade["conversation"], "text": "Can you hear me?", "clientMessageId": str(uuid4())}
                entry = await alice.by_rest("message:send", **said)
                await asyncio.sleep(0.2)
                assert ("message:new", entry) not in bob_there.heard

                link.muffled = False
                await bob_there.hears("message:new", lambda body: bool(body == entry))
                await until_answered(lambda: is_green(there), what="being ready again")
    await link.close()


async def readiness(market: Market) -> tuple[int, dict[str, bool]]:
    async with market.cast.session.get(market.url + "/readyz") as answer:
        body = await answer.json()
        return answer.status, {name: body[name] for name in ("listener", "redis")}


async def is_red(market: Market) -> bool:
    return await readiness(market) == (503, {"listener": False, "redis": True})


async def is_green(market: Market) -> bool:
    return (await readiness(market))[0] == 200


async def test_of_all_listeners_that_were_lost_no_pings_are_left(parts: Parts) -> None:
    """A cancellation can be swallowed while a connection is made; pings that nobody waits for took all there may be."""
    bus = Bus(parts.valkey.url, lambda *_: None, lambda _: None, lambda *_: None)
    listening = asyncio.create_task(bus.run())
    try:
        await until(lambda: bus.hears)
        first = pings_of(bus)
        async with redis.asyncio.Redis.from_url(parts.valkey.url) as client:
            for _ in range(10):
                await client.client_kill_filter(_type="pubsub")
                await asyncio.sleep(0.12)
        deaf = bus._ping(object())  # one of a listener that is gone, and which nobody has cancelled
        await asyncio.wait_for(deaf, 5)
        await until(lambda: len(pings_of(bus)) == 1 and pings_of(bus) != first)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await bus.close()


def pings_of(bus: Bus) -> set[asyncio.Task[Any]]:
    coroutines = {task: task.get_coro() for task in asyncio.all_tasks()}
    return {
        task
        for task, coroutine in coroutines.items()
        if inspect.iscoroutine(coroutine)
        and coroutine.cr_code is Bus._ping.__code__
        and inspect.getcoroutinelocals(coroutine).get("self") is bus
    }
