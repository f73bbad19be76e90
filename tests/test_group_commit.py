"""Messages that arrive while a commit is under way share the next one; what each is answered is its own all the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from handlers.group_commit import SLOW_SECONDS, TOGETHER_MAX, GroupCommit
from matching.refusals import Unavailable
from storage.database import Database, Tx
from storage.entries import Said, Sent
from tests.conftest import Market
from tests.people import Person, Refused
from tests.trading import trade_between


class Watched(Database):
    """Counts the connections that were taken; `stuck` keeps them from coming back."""

    taken = 0
    stuck: asyncio.Event | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        self.taken += 1
        if self.stuck is not None:
            await self.stuck.wait()
        async with super().connection() as connection:
            yield connection


@pytest.fixture
async def database(market: Market) -> AsyncIterator[Watched]:
    database = await Watched.connect(market.database_url)
    assert isinstance(database, Watched)
    yield database
    await database.close()


def says(person: Person, conversation: str, text: str, message_id: str | None = None) -> Said:
    return Said(UUID(conversation), UUID(person.id), text, message_id or uuid4().hex)


def seq_of(sent: Sent | None) -> int | None:
    return sent[0].seq if sent else None


async def test_what_comes_meanwhile_is_committed_together_and_in_order(market: Market, database: Watched) -> None:
    alice, bob = await market.cast.people("Alice", "Bob")
    talk = (await trade_between(alice, bob))["conversation"]
    messages = GroupCommit(database)
    sent = await asyncio.gather(*(messages.send(says(alice, talk, f"Number {n}")) for n in range(2 * TOGETHER_MAX)))
    assert database.taken <= 3
    assert [(each[0].seq, each[0].text) for each in sent if each] == [(n + 2, f"Number {n}") for n in range(2 * TOGETHER_MAX)]
    assert {tuple(each[1]) for each in sent if each} == {(UUID(alice.id), UUID(bob.id))}
    log = await alice.by_rest("message:list", conversationId=talk, afterSeq=1, limit=100)
    assert [entry["text"] for entry in log] == [f"Number {n}" for n in range(100)]


async def test_one_that_cannot_be_sent_is_left_out_and_the_others_are_numbered_without_it(
    market: Market, database: Watched
) -> None:
    alice, bob, eve = await market.cast.people("Alice", "Bob", "Eve")
    talk = (await trade_between(alice, bob))["conversation"]
    closed = (await trade_between(alice, bob))["conversation"]
    async with market.sql() as sql:
        await sql.execute("UPDATE conversations SET closes_at = now() WHERE id = $1", UUID(closed))
    messages = GroupCommit(database)
    assert seq_of(await messages.send(says(alice, talk, "Earlier", "once"))) == 2
    sent = await asyncio.gather(
        messages.send(says(alice, talk, "Hello")),
        messages.send(says(eve, talk, "A stranger")),
        messages.send(says(alice, closed, "Too late")),
        messages.send(says(alice, talk, "Earlier", "once")),
        messages.send(says(alice, str(uuid4()), "Nowhere")),
        messages.send(says(bob, talk, "Hello yourself", "twice")),
        messages.send(says(bob, talk, "Hello yourself", "twice")),
        messages.send(says(alice, talk, "Bye")),
    )
    assert [seq_of(each) for each in sent] == [3, None, None, None, None, 4, None, 5]


async def test_one_that_breaks_the_statement_does_not_take_the_others_with_it(market: Market, database: Watched) -> None:
    """The checks before would not let it come so far."""
    alice, bob = await market.cast.people("Alice", "Bob")
    talk = (await trade_between(alice, bob))["conversation"]
    messages = GroupCommit(database)
    sent = await asyncio.gather(messages.send(says(alice, talk, "")), messages.send(says(bob, talk, "Fine")))
    assert list(sent) == [None, None], "each has to go by itself"


async def test_a_conversation_that_is_locked_holds_up_nobody_elses(market: Market, database: Watched) -> None:
    alice, bob = await market.cast.people("Alice", "Bob")
    locked = (await trade_between(alice, bob))["conversation"]
    other = (await trade_between(alice, bob))["conversation"]
    messages = GroupCommit(database)
    async with market.sql() as sql, sql.transaction():
        await sql.execute("SELECT FROM conversations WHERE id = $1 FOR UPDATE", UUID(locked))
        sent = await asyncio.gather(messages.send(says(alice, locked, "Wait")), messages.send(says(alice, other, "Go")))
    assert [seq_of(each) for each in sent] == [None, 2]


async def test_the_same_messages_by_two_processes_at_once_are_there_once(market: Market, database: Watched) -> None:
    alice, bob = await market.cast.people("Alice", "Bob")
    talk = (await trade_between(alice, bob))["conversation"]
    both = [GroupCommit(database), GroupCommit(database)]
    for _ in range(10):
        said = [says(alice, talk, f"Number {n}") for n in range(20)]
        await asyncio.gather(*(messages.send(each) for messages in both for each in said))
    async with market.sql() as sql:
        rows = await sql.fetch("SELECT seq, client_message_id FROM entries WHERE conversation_id = $1 ORDER BY seq", UUID(talk))
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert len({row["client_message_id"] for row in rows}) == len(rows)


async def test_a_commit_that_is_stuck_does_not_hold_up_the_next(market: Market, database: Watched) -> None:
    alice, bob = await market.cast.people("Alice", "Bob")
    talk = (await trade_between(alice, bob))["conversation"]
    messages = GroupCommit(database)
    stuck = database.stuck = asyncio.Event()
    first = asyncio.create_task(messages.send(says(alice, talk, "First")))
    await asyncio.sleep(2 * SLOW_SECONDS)
    database.stuck = None
    assert seq_of(await messages.send(says(bob, talk, "Second"))) == 2
    assert not first.done()
    stuck.set()
    assert seq_of(await first) == 3


async def test_a_connection_that_is_lost_fails_what_was_on_it_and_nothing_waits_for_ever(
    market: Market, database: Watched
) -> None:
    alice, bob = await market.cast.people("Alice", "Bob")
    talk = (await trade_between(alice, bob))["conversation"]
    messages = GroupCommit(database)
    async with market.sql() as sql, sql.transaction():
        await sql.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        sent = [asyncio.create_task(messages.send(says(alice, talk, f"Number {n}"))) for n in range(5)]
        while not await sql.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
        gone = sent.pop(2)
        gone.cancel()  # who has gone away does not disturb the others
        await sql.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
    assert [type(error) for error in outcomes] == [Unavailable] * 4


async def test_what_waits_is_bounded(market: Market, database: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.group_commit.WAITING_MAX", 10)
    alice, bob = await market.cast.people("Alice", "Bob")
    talk = (await trade_between(alice, bob))["conversation"]
    messages = GroupCommit(database)
    database.stuck = asyncio.Event()
    waiting = [asyncio.create_task(messages.send(says(alice, talk, f"Number {n}"))) for n in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await messages.send(says(alice, talk, "One too many"))
    database.stuck.set()
    assert [seq_of(each) for each in await asyncio.gather(*waiting)] == list(range(2, 12))


async def test_through_the_doors_each_gets_an_answer_of_its_own(market: Market) -> None:
    alice, bob, eve = await market.cast.people("Alice", "Bob", "Eve", connected=True)
    talk = (await trade_between(alice, bob))["conversation"]

    async def outcome(person: Person, door: str, text: str, message_id: str) -> str:
        try:
            said = {"conversationId": talk, "text": text, "clientMessageId": message_id}
            return f"{(await person.through(door, 'message:send', **said))['text']}"
        except Refused as no:
            return no.code

    assert await outcome(alice, "socket", "The first", "a") == "The first"
    for door in ("socket", "rest"):
        outcomes = await asyncio.gather(
            *(outcome(alice, door, f"{n}", f"{door} {n}") for n in range(20)),
            outcome(eve, door, "A stranger", "b"),
            outcome(alice, door, "The first", "a"),
            outcome(alice, door, "Another with its id", "a"),
            outcome(bob, door, " ", "c"),
        )
        assert outcomes == [
            *(f"{n}" for n in range(20)),
            "NOT_FOUND",
            "The first",
            "IDEMPOTENCY_MISMATCH",
            "INVALID_REQUEST",
        ]
