"""Delivery: what was acknowledged reaches every connected party, in order, whichever server they are on and whatever fails.

contract.md, "Promises": at least once, in `seq` order, within 2 s even when the process that committed it dies right after;
Redis may be lost at any moment.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
import redis.asyncio

from handlers.dispatch import Request, dispatch
from tests.conftest import Market, OpenMarket
from tests.devices import devices_of, entries_heard, first_times
from tests.people import Person
from tests.trading import trade_between
from tests.valkeys import own_valkey
from tests.waiting import until, until_answered

SECRET = "the same secret on both servers, so that a token is good on either"


@dataclass(slots=True)
class Two:
    """Two servers on one database and one Redis: Alice is on the one, Bob is on the other."""

    here: Market
    there: Market
    alice: Person
    bob: Person
    trade_id: str
    conversation: str

    async def outbox_is_empty(self) -> bool:
        async with self.here.sql() as connection:
            return not await connection.fetchval("SELECT count(*) FROM outbox")


@asynccontextmanager
async def two_servers(open_market: OpenMarket, **settings: str) -> AsyncIterator[Two]:
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(open_market(SECRET_KEY=SECRET, **settings))
        shared = {"DATABASE_URL": here.database_url, "REDIS_URL": here.redis_url}
        there = await stack.enter_async_context(open_market(SECRET_KEY=SECRET, **shared))
        alice, bob = await here.cast.people("Alice", "Bob")
        trade = await trade_between(alice, bob)
        await alice.connect()
        (bob_there,) = await stack.enter_async_context(devices_of(bob, there.cast))
        two = Two(here, there, alice, bob_there, trade["id"], trade["conversation"])
        await until_answered(two.outbox_is_empty, what="pushing the request")
        yield two


async def says(person: Person, conversation: str, text: str) -> Any:
    return await person.does("message:send", conversationId=conversation, text=text, clientMessageId=str(uuid4()))


def seqs_from(first: int, person: Person, conversation: str) -> list[int]:
    return [seq for seq in first_times(entries_heard(person, conversation)) if seq >= first]


async def hears_from(first: int, person: Person, conversation: str, count: int) -> None:
    await until(lambda: len(seqs_from(first, person, conversation)) == count, what=f"hearing {count} entries")


@pytest.fixture(scope="module")
async def two(open_market: OpenMarket) -> AsyncIterator[Two]:
    async with two_servers(open_market) as servers:
        yield servers


async def test_what_is_said_on_one_server_is_heard_on_the_other_in_order(two: Two) -> None:
    first = (await says(two.alice, two.conversation, "Shall we?"))["seq"] + 1
    for person in (two.alice, two.bob):
        await person.hears("message:new")

    async def talks(person: Person) -> None:
        for number in range(100):
            await says(person, two.conversation, f"{person.name} {number}")

    await asyncio.gather(*(talks(person) for person in (two.alice, two.bob) for _ in range(2)))
    for person in (two.alice, two.bob):
        await hears_from(first, person, two.conversation, 400)
        assert seqs_from(first, person, two.conversation) == list(range(first, first + 400))
        pushed = [seq for seq in entries_heard(person, two.conversation) if seq >= first]
        assert len(pushed) == 400, "with nothing going wrong, everything is pushed once"
    await until_answered(two.outbox_is_empty, 3.0, what="emptying the outbox")


class Dropping:
    """Stands for a process that dies between the commit and the push."""

    def announce(self, announcements: object) -> None:
        """Nobody is told."""

    def notify(self) -> None:
        """Nor of that."""


async def test_what_a_dead_server_did_not_push_is_pushed_by_another_within_two_seconds(two: Two) -> None:
    """Messages and a move of the trade, committed by either server"""
    asks = [
        (two.here, two.alice, "message:send", {"conversationId": two.conversation, "text": "1", "clientMessageId": "1"}),
        (two.there, two.bob, "trade:interest", {"tradeId": two.trade_id}),
        (two.here, two.alice, "message:send", {"conversationId": two.conversation, "text": "2", "clientMessageId": "2"}),
    ]
    last_seq = (await two.alice.does("conversation:get", conversationId=two.conversation))["lastSeq"]
    committed = time.monotonic()
    for market, person, event, raw in asks:
        app = replace(market.service.app, live=Dropping())  # type: ignore[arg-type]  # it dies before more is asked of it
        answer = await dispatch(app, Request(event, raw, "rest", app.tokens.read(person.token)))
        assert answer.status in (200, 201)
    for person in (two.alice, two.bob):
        await hears_from(last_seq + 1, person, two.conversation, 3)
        assert time.monotonic() - committed < 2.0
        assert seqs_from(last_seq + 1, person, two.conversation) == [last_seq + 1, last_seq + 2, last_seq + 3]
        push = await person.hears("trade:changed", lambda body: body["change"]["move"] == "interest")
        assert push["change"] == {"status": "negotiating", "move": "interest", "by": two.bob.id}
    await until_answered(two.outbox_is_empty, 3.0, what="emptying the outbox")


async def test_what_nobody_can_read_on_the_bus_makes_nobody_deaf(two: Two) -> None:
    """As from a server of another version"""
    async with redis.asyncio.from_url(two.there.redis_url) as client:
        (channel,) = await client.pubsub_channels(f"*:user:{two.bob.id}")
        for unreadable in (b"", b"short", b"from another one: no JSON", b'from another one["of", "another", "shape", 7]'):
            assert await client.publish(channel, unreadable) == 1
    said = await says(two.alice, two.conversation, "Can you hear me?")
    await two.bob.hears("message:new", lambda entry: bool(entry == said), seconds=1.0)


async def test_what_was_said_while_the_listeners_were_cut_off_is_heard_once_they_are_back(two: Two) -> None:
    """Redis answers who publishes, and has dropped who listens: nobody has seen an error, and the outbox is empty."""
    first = (await two.alice.does("conversation:get", conversationId=two.conversation))["lastSeq"] + 1
    async with redis.asyncio.from_url(two.there.redis_url) as client:
        for _ in range(3):
            await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
            for _ in range(10):
                await says(two.alice, two.conversation, "Are you still there?")
    for person in (two.alice, two.bob):
        await hears_from(first, person, two.conversation, 30)


async def test_redis_away_for_three_seconds_loses_nothing(open_market: OpenMarket) -> None:
    """Who is on the writer's server hears at once, who is on another when Redis is back, all of it; nobody restarts."""
    with own_valkey() as valkey:
        async with two_servers(open_market, REDIS_URL=valkey.url) as two:

            async def ready(market: Market) -> bool:
                async with market.cast.session.get(market.url + "/readyz") as response:
                    return response.status == 200

            assert await ready(two.here)
            valkey.stop()
            stopped = time.monotonic()
            said = 0
            while time.monotonic() - stopped < 3.0:
                sending = time.monotonic()
                entry = await says(two.alice, two.conversation, f"Is anybody there? {said}")
                said += 1
                assert time.monotonic() - sending < 1.0, "an acknowledgement does not wait for Redis"
                await two.alice.hears("message:new", lambda body, entry=entry: bool(body == entry), seconds=1.0)  # type: ignore[misc]
                await asyncio.sleep(0.02)
            for market in (two.here, two.there):
                assert not await ready(market)
            assert not await two.outbox_is_empty()

            valkey.start()
            everything = list(range(2, said + 2))
            await hears_from(2, two.bob, two.conversation, said)
            assert seqs_from(2, two.bob, two.conversation) == everything
            assert seqs_from(2, two.alice, two.conversation) == everything
            await until_answered(two.outbox_is_empty, 5.0, what="emptying the outbox")
            for market in (two.here, two.there):
                await until_answered(lambda market=market: ready(market), 5.0, what="being ready again")  # type: ignore[misc]
            after = await says(two.alice, two.conversation, "And on we go")
            heard = time.monotonic()
            await two.bob.hears("message:new", lambda body: body["seq"] == after["seq"], seconds=1.0)
            assert time.monotonic() - heard < 0.5, "it goes by Redis again, not by what is left over"
