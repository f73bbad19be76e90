"""`sync`: all that was missed since the last answer's cursor, and nothing skipped (contract.md, "Promises"; C73)."""

import asyncio
import random
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest

import storage.sync
from storage.entries import Said, send_message
from tests.conftest import Market
from tests.people import NOBODYS_ID, Cast, Person
from tests.trading import BOTH_DOORS, refused, trade_between

Found = dict[str, list[int]]  # the `seq`s of each conversation, in the order answered


async def says(person: Person, conversation: str) -> Any:
    return await person.by_rest("message:send", conversationId=conversation, text="Hm", clientMessageId=str(uuid4()))


class Reader:
    """A device that catches up: it keeps the cursor, and drops a `seq` that it has, as clients do."""

    def __init__(self, person: Person, door: str = "socket") -> None:
        self.person = person
        self.door = door
        self.cursor: str | None = None
        self.has: Found = {}

    async def asks(self) -> dict[str, Any]:
        """One answer, whose cursor is the next one; what is in it is had from now on."""
        answer: dict[str, Any] = await self.person.through(self.door, "sync", since=self.cursor)
        self.cursor = answer["cursor"]
        for one in answer["conversations"]:
            known = self.has.setdefault(one["id"], [])
            known += [entry["seq"] for entry in one["entries"] if entry["seq"] not in known]
        return answer

    async def catches_up(self) -> Found:
        """Ask until there is no more; what was new to this device."""
        before = {conversation: len(seqs) for conversation, seqs in self.has.items()}
        while (await self.asks())["more"]:
            pass
        new = {conversation: seqs[before.get(conversation, 0) :] for conversation, seqs in self.has.items()}
        return {conversation: seqs for conversation, seqs in new.items() if seqs}


def numbers(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


@BOTH_DOORS
async def test_from_nothing_it_has_the_latest_of_everything_and_then_only_what_is_new(cast: Cast, door: str) -> None:
    alice, bob, carol = await cast.people("Alice", "Bob", "Carol", connected=True)
    reader = Reader(alice, door)
    nothing = await reader.asks()
    assert (nothing["conversations"], nothing["more"]) == ([], False)

    trade = await trade_between(alice, bob, "interest")
    await trade_between(bob, carol)  # which is no business of Alice's
    conversation = trade["conversation"]
    said = await says(bob, conversation)
    first = await reader.asks()
    assert first["more"] is False
    (one,) = first["conversations"]
    assert (one["id"], one["lastSeq"], one["lastReadSeq"], one["unread"]) == (conversation, 3, 0, 2)
    assert [entry["seq"] for entry in one["entries"]] == [1, 2, 3]
    assert one["entries"] == await alice.through(door, "message:list", conversationId=conversation)
    assert one["entries"][2] == said
    assert (await alice.through(door, "sync"))["conversations"] == [one], "null, or not given: from the start"
    assert (await alice.through(door, "sync", since=None))["conversations"] == [one]

    await reader.catches_up()
    await bob.by_rest("trade:confirm", tradeId=trade["id"])
    assert (await reader.catches_up())[conversation][-1] == 4


async def test_what_commits_late_is_not_skipped(market: Market) -> None:
    """A transaction that began first and commits last, while others come and go and the reader syncs between them"""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    late, early = [UUID((await trade_between(alice, bob))["conversation"]) for _ in range(2)]
    reader = Reader(bob)
    await reader.catches_up()
    async with market.service.app.database.transaction() as tx:
        assert await send_message(tx, Said(late, UUID(alice.id), "I come late", str(uuid4()))) is not None
        await says(alice, str(early))
        assert await reader.catches_up() == {str(early): [2]}
    assert await reader.catches_up() == {str(late): [2]}


async def test_a_lower_transaction_id_on_a_higher_number_is_not_skipped(market: Market) -> None:
    """A transaction takes its id, waits, and then writes into a log that others have written in meanwhile"""
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    conversation = UUID((await trade_between(alice, bob))["conversation"])
    reader = Reader(bob)
    await reader.catches_up()
    async with market.service.app.database.transaction() as tx:
        await tx.fetchval("SELECT pg_current_xact_id()")
        await says(alice, str(conversation))
        assert await reader.catches_up() == {str(conversation): [2]}
        sent = await send_message(tx, Said(conversation, UUID(alice.id), "Number three, with an older id", str(uuid4())))
        assert sent is not None
        assert sent[0].seq == 3
    assert await reader.catches_up() == {str(conversation): [3]}
    await says(alice, str(conversation))
    assert await reader.catches_up() == {str(conversation): [4]}


async def test_nothing_is_skipped_while_many_write_at_their_own_pace(market: Market) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    conversations = [(await trade_between(alice, bob))["conversation"] for _ in range(4)]
    chance = random.Random(3)
    reader = Reader(bob)
    writing = True

    async def writes(lines: int) -> None:
        for _ in range(lines):
            async with market.service.app.database.transaction() as tx:
                if chance.random() < 0.5:
                    await tx.fetchval("SELECT pg_current_xact_id()")
                    await asyncio.sleep(chance.random() * 0.02)
                await send_message(tx, Said(UUID(chance.choice(conversations)), UUID(alice.id), "Hm", str(uuid4())))
                await asyncio.sleep(chance.random() * 0.01)

    async def reads() -> int:
        rounds = 0
        while writing:
            await reader.catches_up()
            rounds += 1
        await reader.catches_up()
        return rounds

    reading = asyncio.create_task(reads())
    await asyncio.gather(*(writes(40) for _ in range(6)))
    writing = False
    assert await reading > 10, "it read between the commits"
    lasts = {one["id"]: one["lastSeq"] for one in (await bob.does("conversation:list"))["items"]}
    assert sum(lasts.values()) == 4 + 6 * 40
    assert reader.has == {conversation: numbers(1, last) for conversation, last in lasts.items()}, "all of it, in order"


@BOTH_DOORS
async def test_a_long_absence_is_answered_in_parts(cast: Cast, door: str) -> None:
    """More entries than an answer has of one conversation, between others with a few"""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    few, most, many = sorted([(await trade_between(alice, bob))["conversation"] for _ in range(3)])
    reader = Reader(bob, door)
    await reader.catches_up()
    for conversation, lines in ((few, 3), (most, 120), (many, 60)):
        for _ in range(lines):
            await says(alice, conversation)

    first = await bob.through(door, "sync", since=reader.cursor)
    assert first["more"] is True
    assert all(len(one["entries"]) <= 50 for one in first["conversations"])
    assert await reader.catches_up() == {few: numbers(2, 4), most: numbers(2, 121), many: numbers(2, 61)}
    assert await reader.catches_up() == {}

    latest = await Reader(bob, door).catches_up()
    assert latest == {few: numbers(1, 4), most: numbers(72, 121), many: numbers(12, 61)}, "from the start: the latest 50"


async def test_what_comes_while_the_parts_are_read_is_not_skipped(cast: Cast) -> None:
    """It is in a later part, or in the next sync."""
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    long, short = sorted([(await trade_between(alice, bob))["conversation"] for _ in range(2)])
    reader = Reader(bob)
    await reader.catches_up()
    for _ in range(70):
        await says(alice, long)
    part = await reader.asks()
    assert (part["more"], len(part["conversations"][0]["entries"])) == (True, 50)
    for conversation in (long, short):
        await says(alice, conversation)
    await reader.catches_up()
    await reader.catches_up()
    assert reader.has == {long: numbers(1, 72), short: [1, 2]}


@BOTH_DOORS
async def test_many_conversations_are_answered_in_parts(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    hers, his = [[await person.lists() for _ in range(11)] for person in (alice, bob)]
    asking = [alice.by_rest("trade:request", offeredItem=one, requestedItem=other) for one, other in product(hers, his)]
    conversations = [trade["conversation"] for trade in await asyncio.gather(*asking)]
    reader = Reader(bob, door)
    assert (await bob.through(door, "sync"))["more"] is True
    assert await reader.catches_up() == {conversation: [1] for conversation in conversations}
    assert await reader.catches_up() == {}


@BOTH_DOORS
async def test_an_answer_of_long_messages_ends_before_it_is_too_large(
    cast: Cast, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on where it stopped: within a conversation, or at the end of one. A single entry may be larger."""
    monkeypatch.setattr(storage.sync, "BYTES_MAX", 40_000)  # instead of a million
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    conversations = sorted([(await trade_between(alice, bob))["conversation"] for _ in range(4)])
    for conversation in conversations:
        for _ in range(7):
            message = {"conversationId": conversation, "text": "\N{SMILING FACE WITH OPEN MOUTH}" * 2_000}
            await alice.by_rest("message:send", clientMessageId=str(uuid4()), **message)

    reader, answers = Reader(bob, door), 0
    while True:
        answer = await reader.asks()
        answers += 1
        texts = [entry.get("text", "") for one in answer["conversations"] for entry in one["entries"]]
        assert 1 <= len([text for text in texts if text]) <= 6, "40 KB, and the one that makes it full"
        if not answer["more"]:
            break
    assert answers == 6, "224 KB: 5 or 6 messages each, since the deal's own entries count too"
    assert reader.has == {conversation: numbers(1, 8) for conversation in conversations}, "nothing skipped"

    monkeypatch.setattr(storage.sync, "BYTES_MAX", 1)
    one_by_one = Reader(bob, door)
    assert await one_by_one.catches_up() == reader.has
    assert await one_by_one.catches_up() == {}


@BOTH_DOORS
@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "yesterday",
        "1",
        "1.",
        "1.2.3",
        "-1.5",
        f"{2**63}.1",
        "1.2.zz.4",
        f"1.2.{NOBODYS_ID}.-1",
        "1.2." + NOBODYS_ID,
        "9" * 121,
    ],
)
async def test_what_sync_has_not_answered_is_no_cursor(cast: Cast, door: str, cursor: str) -> None:
    alice = await cast.person("Alice", connected=True)
    await refused(alice.through(door, "sync", since=cursor), "INVALID_REQUEST", "since")
