"""Read marks: the highest `seq` that each person has read, per conversation (C21).

A sorted set per conversation (person → seq) answers `readBy`, one per person (conversation → seq) answers what is unread;
`ZADD GT` lets neither go back. A third set names what PostgreSQL has not been told of yet; it is emptied within a second,
and so is the person's, which goes with every query of what is unread and must not grow with all they ever read.
Losing Redis costs the marks of that last second.
"""

from collections.abc import Iterable
from typing import cast
from uuid import UUID

from storage.cache import PREFIX, Cache, CacheAway, Client, Pipeline

KEPT_SECONDS = 24 * 3600  # far beyond the second that PostgreSQL is behind
UNWRITTEN = PREFIX + "marks:unwritten"
_OF_PERSON = PREFIX + "marks:of:"

# What was written is taken out only while it is still the latest: a mark that moved on meanwhile stays in.
TAKE_OUT = """
local function take_out(key, member, seq)
    if tonumber(redis.call('ZSCORE', key, member) or -1) == tonumber(seq) then
        redis.call('ZREM', key, member)
    end
end
for i = 2, #ARGV, 3 do
    local conversation, person, seq = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    take_out(KEYS[1], conversation .. ' ' .. person, seq)
    take_out(ARGV[1] .. person, conversation, seq)
end
"""

Mark = tuple[UUID, UUID, int]  # conversation, person, seq


def _by_conversation(conversation_id: UUID) -> str:
    return f"{PREFIX}marks:in:{conversation_id}"


def _by_person(user_id: UUID) -> str:
    return f"{_OF_PERSON}{user_id}"


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
        """Where the person's marks are, by conversation; those that PostgreSQL may not have yet."""
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
        """PostgreSQL has these. Who asks for a person's marks reads PostgreSQL afterwards, and finds them there."""
        arguments = [str(part) for mark in marks for part in mark]
        await self._cache.run(lambda client: client.eval(TAKE_OUT, 1, UNWRITTEN, _OF_PERSON, *arguments))

    async def _scores(self, key: str, last: int) -> list[tuple[bytes, float]]:
        async def ask(client: Client) -> list[tuple[bytes, float]]:
            return cast("list[tuple[bytes, float]]", await client.zrange(key, 0, last, withscores=True))

        return await self._cache.run(ask)
