"""The relay: every device in order, also with both people on both servers; one bad row holds nothing up."""

import asyncio
from uuid import UUID, uuid4

from tests.conftest import Market, OpenMarket
from tests.devices import devices_of, entries_heard, first_times, hears_all
from tests.people import Cast, Person
from tests.trading import trade_between
from tests.waiting import until_answered

SECRET = "the same secret on both servers, so that a token is good on either"


async def test_every_device_on_either_server_hears_a_conversation_in_order(open_market: OpenMarket) -> None:
    async with (
        open_market(SECRET_KEY=SECRET) as here,
        open_market(SECRET_KEY=SECRET, DATABASE_URL=here.database_url, REDIS_URL=here.redis_url) as there,
    ):
        alice, bob = await here.cast.people("Alice", "Bob")
        trade = await trade_between(alice, bob)
        conversation = trade["conversation"]

        async def talk(person: Person, server: Cast) -> None:
            for _ in range(25):
                body = {"text": "On and on", "clientMessageId": uuid4().hex}
                await server.call("POST", f"/conversations/{conversation}/messages", body, token=person.token)

        async with devices_of(alice, here.cast, there.cast) as hers, devices_of(bob, here.cast, there.cast) as his:
            before = (await alice.by_rest("conversation:get", conversationId=conversation))["lastSeq"]
            await asyncio.gather(
                *(talk(person, server) for person in (alice, bob) for server in (here.cast, there.cast) for _ in range(2))
            )
            for device in (*hers, *his):
                await until_heard(device, conversation, before + 200)
                heard = [seq for seq in first_times(entries_heard(device, conversation)) if seq > before + 1]
                assert heard == sorted(heard)


async def until_heard(device: Person, conversation: str, last_seq: int) -> None:
    await device.hears("message:new", lambda entry: bool(entry["seq"] == last_seq))


async def test_a_row_that_names_nothing_does_not_hold_up_the_others(open_market: OpenMarket) -> None:
    async with open_market() as market:
        alice, bob = await market.cast.people("Alice", "Bob", connected=True)
        trade = await trade_between(alice, bob)
        await hears_all(bob, trade["conversation"], 1)
        await until_answered(lambda: outbox_is_empty(market), 5.0, what="emptying the outbox")
        async with market.sql() as connection:
            await connection.execute(
                "INSERT INTO outbox (conversation_id, seq, due_at) VALUES ($1, 7, now() - interval '1 hour')", UUID(int=7)
            )
            await connection.execute("INSERT INTO outbox (conversation_id, seq) VALUES ($1, 1)", UUID(trade["conversation"]))
        await until_answered(lambda: outbox_is_empty(market), 5.0, what="emptying the outbox")
        assert entries_heard(bob, trade["conversation"]) == [1, 1]


async def outbox_is_empty(market: Market) -> bool:
    async with market.sql() as connection:
        return not await connection.fetchval("SELECT count(*) FROM outbox")
