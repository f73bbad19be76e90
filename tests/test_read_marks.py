"""Read marks: how far each person has read; they only move forward, and outlive Redis (S1.61, S1.63, C21)."""

import asyncio
import random
from typing import Any
from uuid import UUID, uuid4

import redis.asyncio

from storage.conversations import write_marks
from tests.conftest import Market, OpenMarket
from tests.devices import devices_of
from tests.people import Cast, Person
from tests.trading import BOTH_DOORS, refused, trade_between
from tests.valkeys import own_valkey
from tests.waiting import until_answered


async def talk(alice: Person, bob: Person, lines: int) -> str:
    """A conversation of Alice and Bob with `lines` entries after the first, one by one in turns; its id."""
    conversation = str((await trade_between(alice, bob))["conversation"])
    for number in range(lines):
        await says((bob, alice)[number % 2], conversation)
    return conversation


async def says(person: Person, conversation: str) -> Any:
    return await person.by_rest("message:send", conversationId=conversation, text="Hm", clientMessageId=str(uuid4()))


async def mark_in_postgresql(market: Market, conversation: str, person: Person) -> int:
    async with market.sql() as connection:
        seq: int = await connection.fetchval(
            "SELECT read_seq FROM parties JOIN conversations USING (deal_id) WHERE conversations.id = $1 AND user_id = $2",
            conversation,
            person.id,
        )
    return seq


@BOTH_DOORS
async def test_a_mark_moves_forward_and_never_back(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    conversation = await talk(alice, bob, 9)  # Bob writes 2, 4, 6, 8, 10; Alice 1, 3, 5, 7, 9

    async def reads(**asked: int) -> tuple[int, int]:
        mark = await alice.through(door, "message:read", conversationId=conversation, **asked)
        seen = await alice.through(door, "conversation:get", conversationId=conversation)
        assert (seen["lastReadSeq"], seen["unread"]) == (mark["lastReadSeq"], mark["unread"])
        return mark["lastReadSeq"], mark["unread"]

    assert await reads(seq=0) == (0, 5)
    assert await reads(seq=4) == (4, 3)
    assert await reads(seq=2) == (4, 3), "not back"
    assert await reads(seq=5) == (5, 3), "one's own entries are not unread"
    assert await reads(seq=99) == (10, 0), "nobody has read what is not there yet"
    await says(bob, conversation)
    assert await reads(seq=99) == (11, 0)
    await says(bob, conversation)
    assert await reads() == (12, 0), "the last, where nothing is said"
    for wrong in (-1, "all", 2**31):
        asking = alice.through(door, "message:read", conversationId=conversation, seq=wrong)
        await refused(asking, "INVALID_REQUEST", "seq")


async def test_of_many_marks_at_once_the_furthest_stays(market: Market) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    conversation = await talk(alice, bob, 29)
    seqs = random.Random(5).sample(range(1, 29), 20)
    marks = await asyncio.gather(*(alice.does("message:read", conversationId=conversation, seq=seq) for seq in seqs))
    assert max(mark["lastReadSeq"] for mark in marks) == max(seqs)
    assert all(mark["lastReadSeq"] >= seq for mark, seq in zip(marks, seqs, strict=True))
    seen = await alice.does("conversation:get", conversationId=conversation)
    assert seen["lastReadSeq"] == max(seqs)

    async def written() -> bool:
        return await mark_in_postgresql(market, conversation, alice) == max(seqs)

    await until_answered(written, 5.0, what="writing the furthest mark")


@BOTH_DOORS
async def test_everybody_hears_of_a_mark_and_sees_at_once_who_has_read_what(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    async with devices_of(bob, cast) as (telephone,):
        conversation = await talk(alice, bob, 2)
        await bob.through(door, "message:read", conversationId=conversation, seq=2)
        for device in (alice, bob, telephone):
            assert await device.hears("message:read") == {"conversationId": conversation, "userId": bob.id, "seq": 2}

    await alice.through(door, "message:read", conversationId=conversation, seq=1)
    for person in (alice, bob):
        log = await person.through(door, "message:list", conversationId=conversation)
        assert [set(entry["readBy"]) for entry in log] == [{alice.id, bob.id}, {bob.id}, set()]
        listed = (await person.through(door, "conversation:list"))["items"][0]
        assert listed["lastMessage"]["readBy"] == []
        (missed,) = (await person.through(door, "sync"))["conversations"]
        assert [set(entry["readBy"]) for entry in missed["entries"]] == [{alice.id, bob.id}, {bob.id}, set()]
        assert missed["lastReadSeq"] == (1 if person is alice else 2)


async def test_what_is_unread_is_what_a_recount_says_whatever_happens(cast: Cast) -> None:
    """Writing, moving the trade on and reading in any order"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob)
    conversation = trade["conversation"]
    chance = random.Random(11)
    moves = iter(["interest", "confirm", "complete"])
    for step in range(60):
        person = chance.choice([alice, bob])
        if step % 20 == 10:
            await bob.does(f"trade:{next(moves)}", tradeId=trade["id"])
        elif chance.random() < 0.6:
            await says(person, conversation)
        else:
            await person.does("message:read", conversationId=conversation, seq=chance.randint(0, step))
        for reader in (alice, bob):
            seen = await reader.does("conversation:get", conversationId=conversation)
            log = await reader.does("message:list", conversationId=conversation, limit=100)
            unread = [entry for entry in log if entry["seq"] > seen["lastReadSeq"] and entry["sender"] != reader.id]
            assert seen["unread"] == len(unread)
            assert seen["lastSeq"] == len(log)
            assert [entry["seq"] for entry in log if reader.id in entry["readBy"]] == list(range(1, seen["lastReadSeq"] + 1))


async def test_a_mark_that_is_written_behind_late_does_not_go_back(market: Market) -> None:
    """Two servers may write in either order."""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    conversation = await talk(alice, bob, 5)
    for seq in (4, 2):
        async with market.service.app.database.connection() as tx:
            await write_marks(tx, [(UUID(conversation), UUID(alice.id), seq)])
        assert await mark_in_postgresql(market, conversation, alice) == 4


async def test_marks_outlive_redis_and_pause_while_it_is_away(open_market: OpenMarket) -> None:
    """contract.md: Redis may be lost whole at any moment; the marks of the last second may fall back, nothing else."""
    with own_valkey() as valkey:
        async with open_market(REDIS_URL=valkey.url) as market, redis.asyncio.from_url(valkey.url) as client:
            alice, bob = await market.cast.people("Alice", "Bob", connected=True)
            conversation = await talk(alice, bob, 5)
            await alice.does("message:read", conversationId=conversation, seq=4)

            async def written() -> bool:
                return await mark_in_postgresql(market, conversation, alice) == 4

            await until_answered(written, 3.0, what="writing the mark behind")
            await client.flushall()
            seen = await alice.does("conversation:get", conversationId=conversation)
            assert (seen["lastReadSeq"], seen["unread"]) == (4, 1)
            log = await bob.does("message:list", conversationId=conversation)
            assert [entry["seq"] for entry in log if alice.id in entry["readBy"]] == [1, 2, 3, 4]
            back = await alice.does("message:read", conversationId=conversation, seq=2)
            assert back == {"lastReadSeq": 4, "unread": 1}, "an emptied Redis does not let it go back either"

            valkey.stop()
            assert await alice.does("message:read", conversationId=conversation, seq=5) == {"lastReadSeq": 5, "unread": 1}
            assert await mark_in_postgresql(market, conversation, alice) == 5, "without Redis it is written at once"
            assert (await alice.does("conversation:get", conversationId=conversation))["lastReadSeq"] == 5
