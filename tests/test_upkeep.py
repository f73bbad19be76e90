"""What runs beside the requests keeps up with what grows: answers, sessions, used tokens, read marks."""

from datetime import timedelta
from uuid import UUID, uuid4

from handlers.tokens import digest
from storage.answers import forget_old_answers
from storage.sessions import add_refresh_token, forget_old_sessions, lock_refresh_token, open_session, use_refresh_token
from tests.conftest import Market
from tests.people import Cast
from tests.trading import trade_between
from tests.waiting import until_answered


async def test_old_answers_and_sessions_go_in_batches_until_none_is_left(cast: Cast, market: Market) -> None:
    alice = await cast.person("Alice")
    async with market.sql() as connection:
        await connection.execute(
            """
            INSERT INTO idempotency_keys (user_id, key, request_sha256, status, answer, created_at)
            SELECT $1, 'old ' || number, '', 200, '', now() - interval '25 hours' FROM generate_series(1, 5) AS number
            """,
            alice.id,
        )
        await connection.execute(
            "INSERT INTO sessions (user_id, expires_at) SELECT $1, now() - interval '2 days' FROM generate_series(1, 5)",
            alice.id,
        )
    for forget in (forget_old_answers, forget_old_sessions):
        async with market.service.app.database.transaction() as tx:
            assert [await forget(tx, 2) for _ in range(3)] == [True, True, False]


async def test_a_living_session_does_not_gather_every_token_it_ever_used(cast: Cast, market: Market) -> None:
    """Those of the last week stay: one of them that comes again was stolen (C71)."""
    alice = await cast.person("Alice")
    tokens = [digest(str(uuid4())) for _ in range(4)]
    ancient, recent, last, _ = tokens
    async with market.service.app.database.transaction() as tx:
        session_id = await open_session(tx, UUID(alice.id), timedelta(days=30))
        for token in tokens:
            await add_refresh_token(tx, session_id, token)
        for token, days in ((ancient, 8), (recent, 6)):
            await tx.execute(
                "UPDATE refresh_tokens SET used_at = now() - $2::interval WHERE sha256 = $1", token, timedelta(days)
            )
        await use_refresh_token(tx, last, session_id, timedelta(days=30))
        found = [await lock_refresh_token(tx, token) for token in tokens]
        assert [row and row["used"] for row in found] == [None, True, True, False]


async def test_marks_that_postgresql_has_are_not_kept_per_person(market: Market) -> None:
    alice, bob = await market.cast.people("Alice", "Bob", connected=True)
    conversations = [(await trade_between(alice, bob))["conversation"] for _ in range(2)]
    for conversation in conversations:
        await bob.does("message:read", conversationId=conversation)

    async def none_is_left() -> bool:
        return not await market.service.app.marks.of_person(UUID(bob.id))

    await until_answered(none_is_left, 5.0, what="writing the marks")
    listed = (await bob.does("conversation:list"))["items"]
    assert [(one["lastReadSeq"], one["unread"]) for one in listed] == [(1, 0), (1, 0)]


async def test_a_mark_that_moved_on_while_it_was_written_stays_unwritten(market: Market) -> None:
    marks, person, conversation = market.service.app.marks, uuid4(), uuid4()
    await marks.move(conversation, person, 5)
    await marks.written([(conversation, person, 4)])
    assert await marks.of_person(person) == {conversation: 5}
    await marks.written([(conversation, person, 5)])
    assert await marks.of_person(person) == {}
