"""Four people who act at the same time, by two servers on one database and through both doors."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.conftest import Market, OpenMarket
from tests.devices import devices_of
from tests.people import Person, Refused

Ask = tuple[Person, str, dict[str, Any]]
Outcomes = set[tuple[str, str]]
SECRET = "the same secret on both servers, so that a token is good on either"


@dataclass(slots=True)
class Crowd:
    """People with a device on each of two servers that share a database."""

    market: Market
    other: Market
    alice: Person
    bob: Person
    carol: Person
    dave: Person
    elsewhere: dict[str, Person]  # the same people on the other server

    async def at_once(self, *asks: Ask) -> list[str]:
        """Ask all of it at the same time, by both servers and both doors; each one's answer: "OK", or why not."""
        servers = itertools.cycle([(False, "rest"), (True, "socket"), (True, "rest"), (False, "socket")])

        async def ask(person: Person, event: str, payload: dict[str, Any], other: bool, door: str) -> str:
            actor = self.elsewhere[person.id] if other else person
            try:
                await actor.through(door, event, **payload)
            except Refused as no:
                return no.code
            return "OK"

        return await asyncio.gather(*(ask(*each, *next(servers)) for each in asks))

    async def two_at_once(self, pairs: list[tuple[Ask, Ask]]) -> Outcomes:
        """Ask all the pairs at the same time, in every second one the other first; what came of them."""
        turned = [pair if number % 2 else pair[::-1] for number, pair in enumerate(pairs)]
        answers = await self.at_once(*itertools.chain(*turned))
        come = zip(answers[::2], answers[1::2], strict=True)
        return {pair if number % 2 else pair[::-1] for number, pair in enumerate(come)}


@asynccontextmanager
async def open_crowd(open_market: OpenMarket) -> AsyncIterator[Crowd]:
    """Two servers and a crowd; at the end, PostgreSQL has counted no deadlock: none was left to a retry."""
    async with AsyncExitStack() as stack:
        market = await stack.enter_async_context(open_market(SECRET_KEY=SECRET))
        shared = {"DATABASE_URL": market.database_url, "REDIS_URL": market.redis_url}
        other = await stack.enter_async_context(open_market(SECRET_KEY=SECRET, **shared))
        people = alice, bob, carol, dave = await market.cast.people("Alice", "Bob", "Carol", "Dave", connected=True)
        elsewhere = {}
        for person in people:
            (elsewhere[person.id],) = await stack.enter_async_context(devices_of(person, other.cast))
        yield Crowd(market, other, alice, bob, carol, dave, elsewhere)
    # PostgreSQL counts a deadlock for good when the connection that had it is closed.
    async with market.sql() as connection:
        assert await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
