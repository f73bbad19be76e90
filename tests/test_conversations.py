"""Conversations: one numbered log per deal, for its parties only (S1.57 to S1.65, S1.69, S1.70, C20, C73)."""

import asyncio
import itertools
from typing import Any
from uuid import uuid4

from tests.conftest import Market
from tests.devices import devices_of, entries_heard, hears_all
from tests.people import Cast, Person
from tests.trading import BOTH_DOORS, hears_of, refused, trade_between


async def says(person: Person, conversation: str, text: str, door: str = "socket", key: str | None = None) -> Any:
    said = {"conversationId": conversation, "text": text, "clientMessageId": key or str(uuid4())}
    return await person.through(door, "message:send", **said)


async def test_every_device_of_everybody_hears_every_entry_in_order(market: Market) -> None:
    """Twenty who write at once by two doors and six sockets, while the trade itself moves on: one log without a gap."""
    cast = market.cast
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    async with devices_of(alice, cast, cast) as alices, devices_of(bob, cast, cast) as bobs:
        devices = [alice, *alices, bob, *bobs]
        trade = await trade_between(alice, bob)
        conversation = trade["conversation"]

        async def writes(number: int) -> None:
            for line in range(5):
                await says(devices[number % 6], conversation, f"{number}, {line}", "rest" if number % 4 == 0 else "socket")

        async def goes_on() -> None:
            for move in ("interest", "confirm", "complete"):
                await bob.does(f"trade:{move}", tradeId=trade["id"])

        await asyncio.gather(goes_on(), *(writes(number) for number in range(20)))
        last_seq = 1 + 3 + 20 * 5
        for device in devices:
            assert await hears_all(device, conversation, last_seq) == list(range(1, last_seq + 1))

        log = [
            entry
            for after in (0, 100)
            for entry in await bob.does("message:list", conversationId=conversation, afterSeq=after, limit=100)
        ]
        assert [entry["seq"] for entry in log] == list(range(1, last_seq + 1))
        pushed = {body["seq"]: body for event, body in alices[0].heard if event == "message:new"}
        assert all(pushed[entry["seq"]] == entry for entry in log if entry["kind"] == "message")
        changes = [entry["change"]["status"] for entry in log if entry["kind"] == "deal"]
        assert changes == ["proposed", "negotiating", "confirmed", "completed"]
        texts = {entry["text"] for entry in log if entry["kind"] == "message"}
        assert texts == {f"{number}, {line}" for number, line in itertools.product(range(20), range(5))}


@BOTH_DOORS
async def test_an_entry_says_who_said_what_when(cast: Cast, door: str) -> None:
    """S1.59, S1.60, S1.70; a message can be written before there is interest (C20)"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    conversation = (await trade_between(alice, bob))["conversation"]
    said = await says(bob, conversation, "Does it come with a lens? 📷", door, key="b-1")
    assert said == {
        "conversationId": conversation,
        "seq": 2,
        "id": said["id"],
        "kind": "message",
        "sender": bob.id,
        "text": "Does it come with a lens? 📷",
        "clientMessageId": "b-1",
        "createdAt": said["createdAt"],
        "readBy": [],
    }
    first, second = await alice.through(door, "message:list", conversationId=conversation)
    assert second == said
    assert first == {
        "conversationId": conversation,
        "seq": 1,
        "id": first["id"],
        "kind": "deal",
        "sender": alice.id,
        "change": {"status": "proposed", "move": "request", "by": alice.id},
        "createdAt": first["createdAt"],
        "readBy": [],
    }


@BOTH_DOORS
async def test_a_log_is_read_in_either_direction_from_anywhere(cast: Cast, door: str) -> None:
    """S1.60, C73"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    conversation = (await trade_between(alice, bob))["conversation"]
    for number in range(2, 61):
        await says(alice, conversation, f"Line {number}")

    async def seqs(**asked: int) -> list[int]:
        return [entry["seq"] for entry in await bob.through(door, "message:list", conversationId=conversation, **asked)]

    assert await seqs() == list(range(11, 61)), "the latest fifty, where nothing is said"
    assert await seqs(limit=3) == [58, 59, 60]
    assert await seqs(beforeSeq=58, limit=3) == [55, 56, 57]
    assert await seqs(beforeSeq=3) == [1, 2]
    assert await seqs(beforeSeq=1) == []
    assert await seqs(afterSeq=0, limit=3) == [1, 2, 3]
    assert await seqs(afterSeq=3, limit=3) == [4, 5, 6]
    assert await seqs(afterSeq=58) == [59, 60]
    assert await seqs(afterSeq=60) == []
    assert await seqs(afterSeq=5, beforeSeq=9) == [6, 7, 8]
    assert await seqs(afterSeq=0, limit=100) == list(range(1, 61))
    for wrong in ({"limit": 101}, {"limit": 0}, {"afterSeq": -1}, {"beforeSeq": 2**31}):
        (field,) = wrong
        await refused(bob.through(door, "message:list", conversationId=conversation, **wrong), "INVALID_REQUEST", field)


@BOTH_DOORS
async def test_what_is_sent_twice_is_said_once(cast: Cast, door: str) -> None:
    """C73: the same `clientMessageId` is the same message, by whichever door and however often at once"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    conversation = (await trade_between(alice, bob))["conversation"]
    other = (await trade_between(alice, bob))["conversation"]
    said = await says(alice, conversation, "Hello", door, key="one")
    assert await says(alice, conversation, "Hello", door, key="one") == said
    other_door = "rest" if door == "socket" else "socket"
    assert await says(alice, conversation, "Hello", other_door, key="one") == said

    await refused(says(alice, conversation, "Good-bye", door, key="one"), "IDEMPOTENCY_MISMATCH", "clientMessageId")
    await refused(says(alice, other, "Hello", door, key="one"), "IDEMPOTENCY_MISMATCH", "clientMessageId")
    assert (await says(bob, conversation, "Hello", door, key="one"))["seq"] == 3, "another's ids are another's"

    doors = itertools.cycle(["socket", "rest"])
    at_once = await asyncio.gather(*(says(alice, conversation, "At once", next(doors), key="two") for _ in range(20)))
    assert all(answer == at_once[0] for answer in at_once)
    log = await bob.through(door, "message:list", conversationId=conversation)
    assert [entry.get("text") for entry in log] == [None, "Hello", "Hello", "At once"]
    await hears_all(bob, conversation, 4)
    assert entries_heard(bob, conversation).count(4) == 1, "nor is it pushed twice"


@BOTH_DOORS
async def test_a_stranger_finds_no_conversation(cast: Cast, door: str) -> None:
    """S1.64: one that is not there and one that is not theirs look the same"""
    alice, bob, eve = await cast.people("Alice", "Bob", "Eve", connected=True)
    conversation = (await trade_between(alice, bob))["conversation"]
    for there in (conversation, str(uuid4())):
        one = {"conversationId": there}
        await refused(eve.through(door, "conversation:get", **one), "NOT_FOUND")
        await refused(eve.through(door, "message:list", **one), "NOT_FOUND")
        await refused(eve.through(door, "message:read", **one), "NOT_FOUND")
        await refused(says(eve, there, "Let me in", door), "NOT_FOUND")
        await refused(eve.does("typing", typing=True, **one), "NOT_FOUND")
    assert (await eve.through(door, "conversation:list"))["items"] == []
    await says(alice, conversation, "Just us")
    await bob.hears("message:new")
    assert [event for event, _ in eve.heard] == []


@BOTH_DOORS
async def test_the_list_has_the_latest_first_with_its_last_message_and_what_is_unread(cast: Cast, door: str) -> None:
    """S1.57, S1.58, S1.65, S1.69"""
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol", connected=True)
    with_bob, with_carol = await trade_between(alice, bob), await trade_between(carol, alice)
    said = await says(bob, with_bob["conversation"], "Is it still there?")

    listed = (await alice.through(door, "conversation:list"))["items"]
    assert [one["id"] for one in listed] == [with_bob["conversation"], with_carol["conversation"]]
    first, second = listed
    assert first["lastMessage"] == said
    assert second["lastMessage"] is None
    assert (first["lastSeq"], first["lastReadSeq"], first["unread"]) == (2, 0, 1), "one's own entries are not unread"
    assert (second["lastSeq"], second["lastReadSeq"], second["unread"]) == (1, 0, 1)
    assert first["deal"] == {"kind": "trade", "id": with_bob["id"], "status": "proposed"}
    assert [(person["id"], person["name"]) for person in first["participants"]] == [(alice.id, "Alice"), (bob.id, "Bob")]
    assert first == await alice.through(door, "conversation:get", conversationId=first["id"])

    await carol.by_rest("trade:cancel", tradeId=with_carol["id"])
    page = await alice.through(door, "conversation:list", limit=1)
    assert page["items"][0]["id"] == with_carol["conversation"], "a deal's change is activity too"
    assert page["items"][0]["deal"]["status"] == "rejected"
    assert page["pagination"] == {"page": 1, "limit": 1, "total": 2, "totalPages": 2, "hasMore": True}


@BOTH_DOORS
async def test_one_can_write_for_thirty_days_after_the_end_and_read_for_ever(market: Market, door: str) -> None:
    """C20"""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob, "reject")
    conversation = trade["conversation"]
    before = await says(alice, conversation, "What a pity", door, key="pity")
    async with market.sql() as connection:
        days = await connection.fetchval(
            "SELECT extract(epoch FROM closes_at - updated_at) / 86400 FROM conversations WHERE id = $1", conversation
        )
        assert 29.9 < days < 30.1
        await connection.execute("UPDATE conversations SET closes_at = now() WHERE id = $1", conversation)

    no = await refused(says(bob, conversation, "Too late", door), "CONVERSATION_CLOSED")
    assert no.status in (None, 403)
    assert await says(alice, conversation, "What a pity", door, key="pity") == before, "what was sent stays sent"
    log = await bob.through(door, "message:list", conversationId=conversation)
    assert [entry["seq"] for entry in log] == [1, 2, 3]
    assert (await bob.through(door, "message:read", conversationId=conversation))["unread"] == 0


@BOTH_DOORS
async def test_a_message_has_a_text_of_up_to_4000_characters(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    conversation = (await trade_between(alice, bob))["conversation"]
    for wrong in ("", "  \n", "x" * 4001):
        await refused(says(alice, conversation, wrong, door), "INVALID_REQUEST", "text")
    await refused(says(alice, conversation, "Hello", door, key="k" * 65), "INVALID_REQUEST", "clientMessageId")
    one = {"conversationId": conversation, "text": "Hello"}
    await refused(alice.through(door, "message:send", **one), "INVALID_REQUEST", "clientMessageId")
    long = "🚲" * 4000
    assert (await says(alice, conversation, long, door))["text"] == long


async def test_typing_is_told_to_every_device_and_kept_nowhere(cast: Cast) -> None:
    """S1.71"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    async with devices_of(bob, cast) as (telephone,):
        trade = await trade_between(alice, bob)
        note = {"conversationId": trade["conversation"], "userId": alice.id}
        for typing in (True, False):
            assert await alice.does("typing", conversationId=trade["conversation"], typing=typing) == {}
        for device in (alice, bob, telephone):
            await device.hears("typing", lambda heard: heard["typing"] is False)
            told = [body for event, body in device.heard if event == "typing"]
            assert told == [note | {"typing": True}, note | {"typing": False}]
        await refused(alice.does("typing", conversationId=trade["conversation"], typing="yes"), "INVALID_REQUEST", "typing")
        await hears_of(bob, trade, "request")
        log = await bob.does("message:list", conversationId=trade["conversation"])
    assert [entry["seq"] for entry in log] == [1]
