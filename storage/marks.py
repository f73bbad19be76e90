"""Read marks: the highest `seq` that each person has read, per conversation (C21).

A sorted set per conversation (person → seq) answers `readBy`, one per person (conversation → seq) answers what is unread;
`ZADD GT` lets neither go back. A third set names what PostgreSQL has not been told of yet; it is emptied within a second.
Losing Redis costs the marks of that last second.
"""

from collections.abc import Iterable
from typing import cast
from uuid import UUID

from storage.cache import PREFIX, Cache, CacheAway, Client, Pipeline

KEPT_SECONDS = 24 * 3600  # far beyond the second that PostgreSQL is behind
UNWRITTEN = PREFIX + "marks:unwritten"

# What was written is taken out only while it is still the latest: a mark that moved on meanwhile stays in.
TAKE_OUT = """
for i = 1, #ARGV, 2 do
    if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i])) == tonumber(ARGV[i + 1]) then
        redis.call('ZREM', KEYS[1], ARGV[i])
    end
end
"""

Mark = tuple[UUID, UUID, int]  # conversation, person, seq


def _by_conversation(conversation_id: UUID) -> str:
    return f"{PREFIX}marks:in:{conversation_id}"


def _by_person(user_id: UUID) -> str:
    return f"{PREFIX}marks:of:{user_id}"


class Marks:
    """The marks in Redis. Reading answers nothing, and writing raises CacheAway, while Redis is away."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def move(self, conversation_id: UUID, user_id: UUID, seq: int) -> int:
        """Move the mark to `seq`, unless it is beyond already; where it is now."""

        def fill(pipeline: Pipeline) -> None:
            for key, member in (
                (_by_conversation(conversation_id), str(user_id)),
                (_by_person(user_id), str(conversation_id)),
            ):
                pipeline.zadd(key, {member: seq}, gt=True)
                pipeline.expire(key, KEPT_SECONDS)
            pipeline.zadd(UNWRITTEN, {f"{conversation_id} {user_id}": seq}, gt=True)
            pipeline.zscore(_by_conversation(conversation_id), str(user_id))

        return int((await self._cache.pipe(fill))[-1])

    async def of_person(self, user_id: UUID) -> dict[UUID, int]:
        """Where the person's marks are, by conversation; those that moved in the last day."""
        try:
            rows = await self._scores(_by_person(user_id), -1)
        except CacheAway:
            return {}
        return {UUID(member.decode()): int(score) for member, score in rows}

    async def in_conversations(self, conversation_ids: Iterable[UUID]) -> dict[UUID, dict[UUID, int]]:
        """Where everyone's marks are, by conversation and person."""
        ids = list(dict.fromkeys(conversation_ids))
        if not ids:
            return {}

        def fill(pipeline: Pipeline) -> None:
            for conversation_id in ids:
                pipeline.zrange(_by_conversation(conversation_id), 0, -1, withscores=True)

        try:
            answers = await self._cache.pipe(fill)
        except CacheAway:
            return {}
        return {
            conversation_id: {UUID(member.decode()): int(score) for member, score in rows}
            for conversation_id, rows in zip(ids, answers, strict=True)
        }

    async def unwritten(self, batch: int) -> list[Mark]:
        """Marks that PostgreSQL may not have. They stay here until `written` says that it has."""
        marks = []
        for member, score in await self._scores(UNWRITTEN, batch - 1):
            conversation_id, user_id = member.decode().split(" ")
            marks.append((UUID(conversation_id), UUID(user_id), int(score)))
        return marks

    async def written(self, marks: Iterable[Mark]) -> None:
        arguments = [part for conversation, person, seq in marks for part in (f"{conversation} {person}", str(seq))]
        await self._cache.run(lambda client: client.eval(TAKE_OUT, 1, UNWRITTEN, *arguments))

    async def _scores(self, key: str, last: int) -> list[tuple[bytes, float]]:
        async def ask(client: Client) -> list[tuple[bytes, float]]:
            return cast("list[tuple[bytes, float]]", await client.zrange(key, 0, last, withscores=True))

        return await self._cache.run(ask)
