"""The bus between processes: who is wanted is heard of, whenever that came up."""

import asyncio
import random
from collections.abc import AsyncIterator
from urllib.parse import unquote, urlsplit

import pytest
import redis.asyncio

from storage.bus import Bus
from tests.conftest import Parts
from tests.faults.proxy import Link, to_socket
from tests.waiting import until


@pytest.fixture
async def link(parts: Parts) -> AsyncIterator[Link]:
    link = Link("Redis", to_socket(unquote(urlsplit(parts.valkey.url).path)), random.Random(1))
    await link.open()
    yield link
    await link.close()


async def test_who_comes_and_who_leaves_while_the_listener_subscribes_is_not_forgotten(parts: Parts, link: Link) -> None:
    """Subscribing takes a moment, and longer when Redis is slow: what changes meanwhile must not be lost."""
    heard: list[tuple[str, bytes]] = []
    bus = Bus(f"redis://127.0.0.1:{link.port}/0", lambda channel, body: heard.append((channel, body)), lambda _: None)
    other = Bus(parts.valkey.url, lambda *_: None, lambda _: None)
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
