"""The way to PostgreSQL: what a lost connection answers, and times of a database with another zone."""

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from handlers.action import ACTIONS, Call, Done, Nothing, Work, action
from matching.refusals import Unavailable
from storage.database import Database
from tests.conftest import Market, OpenMarket, Parts
from tests.faults.proxy import Link, to_socket
from tests.faults.servers import database_socket
from tests.trading import BOTH_DOORS, refused, trade_between


@pytest.fixture(scope="module")
async def losing(open_market: OpenMarket) -> AsyncIterator[Market]:
    """A server with two more actions, which lose their connection between two statements."""

    async def lose_connection(call: Call) -> Done:
        await call.tx.execute("UPDATE users SET name = 'Changed' WHERE id = $1", call.user_id)
        process = await call.tx.fetchval("SELECT pg_backend_pid()")
        async with call.app.database.connection() as other:
            assert await other.fetchval("SELECT pg_terminate_backend($1, 5000)", process)
        await call.tx.execute("SELECT 1")
        raise AssertionError("a statement on a lost connection has succeeded")

    @action("test:lose", route="POST /test/lose")
    async def in_a_transaction(call: Call, ask: Nothing) -> Done:
        """Lose the connection in a transaction."""
        return await lose_connection(call)

    @action("test:lose-reading", route="GET /test/lose", work=Work.READ)
    async def without_one(call: Call, ask: Nothing) -> Done:
        """Lose the connection of a reader."""
        return await lose_connection(call)

    try:
        async with open_market() as market:
            yield market
    finally:
        del ACTIONS["test:lose"], ACTIONS["test:lose-reading"]


@BOTH_DOORS
@pytest.mark.parametrize("event", ["test:lose", "test:lose-reading"])
async def test_a_connection_lost_between_two_statements_is_unavailable(losing: Market, door: str, event: str) -> None:
    alice = await losing.cast.person("Alice", connected=True)
    for _ in range(3):
        no = await refused(alice.through(door, event), "UNAVAILABLE")
        assert no.status in (503, None)
    me = await alice.does("user:me")
    if event == "test:lose":
        assert me["name"] == "Alice", "rolled back"


async def test_a_connection_whose_end_was_announced_and_not_heard_is_unavailable_once(parts: Parts) -> None:
    """PostgreSQL says that it ends a connection, and then hangs up. In between, the pool takes it for a good one."""
    link = Link("half open", to_socket(database_socket(parts.postgres.url)), random.Random(1))
    await link.open()
    database = await Database.connect(f"postgresql://postgres@127.0.0.1:{link.port}/postgres?sslmode=disable", pool_size=1)
    try:
        async with database.connection() as tx:
            process = await tx.fetchval("SELECT pg_backend_pid()")
        link.holds_ends = True
        other = await asyncpg.connect(parts.postgres.url)
        assert await other.fetchval("SELECT pg_terminate_backend($1, 5000)", process)
        await other.close()
        await asyncio.sleep(0.1)  # the announcement is on its way
        with pytest.raises(Unavailable):
            async with database.transaction() as tx:
                await tx.fetchval("SELECT 1")
        async with database.transaction() as tx:
            assert await tx.fetchval("SELECT pg_backend_pid()") != process
    finally:
        await database.close()
        await link.close()


async def test_what_comes_while_the_server_says_farewell_is_unavailable_and_no_bug(parts: Parts) -> None:
    """An action that takes longer than a stopping server waits for it: its key is as good on another one."""
    database = await Database.connect(parts.postgres.url, pool_size=1)
    async with database.connection():
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            async with database.transaction():
                pass
    await closing
    with pytest.raises(Unavailable):
        async with database.transaction():
            pass


async def test_a_database_of_another_zone_still_answers_in_utc(parts: Parts, open_market: OpenMarket) -> None:
    """Entries that PostgreSQL writes as JSON have their times in the session's zone; the contract says Z."""
    database_url = await parts.new_database()
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET timezone = 'Africa/Cairo'")
    await connection.close()
    async with open_market(DATABASE_URL=database_url) as market:
        alice, bob = await market.cast.people("Alice", "Bob", connected=True)
        conversation = (await trade_between(alice, bob))["conversation"]
        message = {"conversationId": conversation, "text": "Hm", "clientMessageId": "one"}
        sent = await alice.does("message:send", **message)
        assert sent["createdAt"].endswith("Z")
        assert await alice.does("message:send", **message) == sent, "asked again, it is read as JSON"
        (one,) = (await bob.does("sync"))["conversations"]
        assert all(entry["createdAt"].endswith("Z") for entry in one["entries"])
        (listed,) = (await bob.does("conversation:list"))["items"]
        assert listed["lastMessage"] == sent
