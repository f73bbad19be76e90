"""`swaploop sample`: a generated market that keeps every promise of a real one, beside what is there, for people to use."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from server import sampling
from server.sampling import PASSWORD, fill_market
from storage.sampling import AlreadyFilling, bulk_connection
from tests.conftest import OpenMarket, Parts
from tests.people import Cast, Person
from tests.promises import broken_promises

# What a sampled market keeps besides: nothing is due the moment a server starts on it, and nobody has read what is not there.
CALM = {
    "no open deal is past its expiry": """
        SELECT id FROM deals WHERE status IN ('proposed', 'negotiating') AND expires_at <= now()
    """,
    "nobody waits for a reminder": """
        SELECT id FROM deals WHERE status IN ('confirmed', 'disputed') AND complete_by <= now() AND reminded_at IS NULL
    """,
    "a mark is within the log": """
        SELECT deal_id FROM parties JOIN conversations USING (deal_id) WHERE read_seq NOT BETWEEN 0 AND last_seq
    """,
    "a log's times do not go back": """
        SELECT conversation_id FROM (SELECT conversation_id, created_at >= lag(created_at) OVER (
            PARTITION BY conversation_id ORDER BY seq) AS after FROM entries) AS entry WHERE NOT after
    """,
    "a log begins with the request": """
        SELECT conversation_id FROM entries WHERE seq = 1 AND change ->> 'move' IS DISTINCT FROM 'request'
    """,
    "a conversation is as new as its last entry": """
        SELECT id FROM conversations
         WHERE updated_at <> (SELECT max(created_at) FROM entries WHERE conversation_id = conversations.id)
    """,
    "a deal that has ended closes its conversation 30 days later, and no other does (C20)": """
        SELECT deals.id FROM deals JOIN conversations ON deal_id = deals.id
         WHERE closes_at IS DISTINCT FROM closed_at + interval '30 days'
    """,
    "nothing happens before its people and items are there, nor in the future": """
        SELECT deals.id FROM deals JOIN legs ON deal_id = deals.id JOIN items ON items.id = item_id
          JOIN users ON users.id = giver_id
         WHERE deals.created_at < items.created_at OR items.created_at < users.created_at OR deals.updated_at > now()
    """,
}


@asynccontextmanager
async def looking_into(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def what_is_wrong(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    return await broken_promises(connection) + [name for name, sql in CALM.items() if await connection.fetch(sql)]


async def counts(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    tables = ("users", "items", "deals", "conversations")
    found = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608 - our names
    return found | {"messages": await connection.fetchval("SELECT count(*) FROM entries WHERE kind = 'message'")}


async def test_a_sampled_market_keeps_every_promise_and_has_all_that_happens_in_one(parts: Parts) -> None:
    url = await parts.new_database()
    await fill_market(url, 3_000, 4_000)

    async with looking_into(url) as connection:
        assert await what_is_wrong(connection) == []
        found = await counts(connection)
        assert (found["items"], found["messages"], found["users"]) == (3_000, 4_000, 375)
        assert found["deals"] == found["conversations"]
        assert 280 <= found["deals"] <= 300
        statuses = await connection.fetch("SELECT DISTINCT status FROM deals")
        assert len(statuses) == 8
        assert await connection.fetchval("SELECT count(*) FROM item_holds") > 0
        wanted = await connection.fetchval("SELECT count(*) FROM items WHERE wants IS NOT NULL")
        assert 1_500 <= wanted <= 2_100
        assert await connection.fetchval("SELECT count(DISTINCT password_hash) FROM users") == 1
        assert await connection.fetchval("SELECT reltuples FROM pg_class WHERE relname = 'items'") == 3_000


async def test_the_same_size_in_an_empty_database_is_the_same_market(parts: Parts) -> None:
    markets = []
    for _ in range(2):
        url = await parts.new_database()
        await fill_market(url, 300, 200)
        async with looking_into(url) as connection:
            items = await connection.fetch("SELECT id, owner_id, title, status FROM items ORDER BY id")
            said = await connection.fetch("SELECT conversation_id, seq, sender_id, text FROM entries ORDER BY 1, 2")
            markets.append((items, said))
    assert markets[0] == markets[1]


async def test_it_adds_to_what_is_there(parts: Parts) -> None:
    url = await parts.new_database()
    await fill_market(url, 400, 300)
    await fill_market(url, 200, 1_000)
    async with looking_into(url) as connection:
        assert await what_is_wrong(connection) == []
        found = await counts(connection)
        assert (found["users"], found["items"], found["messages"]) == (75, 600, 1_300)


@pytest.mark.parametrize("items", [1, 2, 3])
async def test_a_market_may_be_tiny(parts: Parts, items: int) -> None:
    url = await parts.new_database()
    await fill_market(url, items, 10)
    async with looking_into(url) as connection:
        assert await what_is_wrong(connection) == []
        assert (await counts(connection))["items"] == items


async def test_stopped_halfway_it_leaves_whole_batches_and_can_go_on(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sampling, "BATCH_ITEMS", 100)
    url = await parts.new_database()
    filling = asyncio.create_task(fill_market(url, 20_000, 20_000))
    async with looking_into(url) as connection:
        while not await connection.fetchval("SELECT EXISTS (SELECT FROM items)"):
            assert not filling.done()
            await asyncio.sleep(0.01)
        filling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await filling
        found = await counts(connection)
        assert 0 < found["items"] < 20_000
        assert f"{found['items']:,} items" in capsys.readouterr().err
        assert await what_is_wrong(connection) == []

        await fill_market(url, 100, 100)
        assert (await counts(connection))["items"] == found["items"] + 100
        assert await what_is_wrong(connection) == []


async def test_only_one_fills_at_a_time(parts: Parts) -> None:
    url = await parts.new_database()
    async with bulk_connection(url):
        with pytest.raises(AlreadyFilling):
            async with bulk_connection(url):
                pass


async def test_a_sampled_person_signs_in_and_goes_on_with_a_trade_that_was_sampled(
    parts: Parts, open_market: OpenMarket
) -> None:
    url = await parts.new_database()
    await fill_market(url, 400, 400)
    async with looking_into(url) as connection:
        trade = await connection.fetchrow(
            """
            SELECT deals.id, conversations.id AS conversation, conversations.last_seq, users.email FROM deals
              JOIN conversations ON deal_id = deals.id JOIN parties ON parties.deal_id = deals.id AND position = 1
              JOIN users ON users.id = user_id
             WHERE deals.status = 'negotiating' ORDER BY deals.id LIMIT 1
            """
        )
        assert trade is not None
        async with open_market(DATABASE_URL=url) as market:
            owner = await _signed_in(market.cast, trade["email"])
            talks = await owner.by_rest("conversation:list", limit=100)
            assert str(trade["conversation"]) in [talk["id"] for talk in talks["items"]]
            entries = await owner.by_rest("message:list", conversationId=trade["conversation"], limit=100)
            assert [entry["seq"] for entry in entries][-1] == trade["last_seq"]
            said = await owner.by_rest(
                "message:send", conversationId=str(trade["conversation"]), text="Yes", clientMessageId="1"
            )
            assert said["seq"] == trade["last_seq"] + 1
            done = await owner.by_rest("trade:confirm", tradeId=str(trade["id"]))
            assert done["status"] == "confirmed"
            done = await owner.by_rest("trade:complete", tradeId=str(trade["id"]))
            assert done["status"] == "completed"
        assert await broken_promises(connection) == []


async def test_the_command_says_what_it_added_and_who_can_sign_in_in_lines_where_there_is_no_terminal(parts: Parts) -> None:
    url = await parts.new_database()
    environment = os.environ | {"DATABASE_URL": url, "REDIS_URL": parts.valkey.url}
    command = [sys.executable, "-m", "server.cli", "sample", "120", "--messages", "30"]
    ran = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stderr.splitlines()
    assert first.startswith("Added 15 users, 120 items, ")
    assert first.endswith(" 30 messages.")
    assert "person.1@sample.swaploop.example to person.15@sample.swaploop.example" in second
    assert PASSWORD in second


async def _signed_in(cast: Cast, email: str) -> Person:
    person = Person(cast, "Sampled", email)
    person.token = (await cast.call("POST", "/auth/login", {"email": email, "password": PASSWORD}))["accessToken"]
    return person
