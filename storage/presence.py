"""Who is here: per person a sorted set of live socket ids, scored by when they fade unless a heartbeat renews them (C72).

A dead process's sockets fade by themselves. One more set has, per person who counts as here, when to look again: a grace
after their last socket left, so that a reconnect is silent, or when their last socket fades. Whoever looks, and finds nobody,
announces that they went. All times are Redis's own clock, in seconds.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias
from uuid import UUID

from storage.cache import PREFIX, Cache, CacheAway, Pipeline
from storage.together import Together

FADE_SECONDS = 45
HEARTBEAT_SECONDS = 15
GRACE_SECONDS = 5
AT_ONCE_MAX = 200
HERE = PREFIX + "presence:here"

_NOW = "local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000\n"

ARRIVE = (
    _NOW
    + """
local new = redis.call('ZSCORE', KEYS[2], ARGV[1]) == false
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3] * 2)
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
return new and 1 or 0
"""
)

LEAVE = (
    _NOW
    + """
redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) == 0 then
    redis.call('ZADD', KEYS[2], 'XX', now + ARGV[3], ARGV[1])
end
return 0
"""
)

TAKE_GONE = (
    _NOW
    + """
local gone = {}
for _, user in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
    local latest = redis.call('ZRANGEBYSCORE', ARGV[2] .. user, now, '+inf', 'WITHSCORES')
    if #latest == 0 then
        redis.call('ZREM', KEYS[1], user)
        table.insert(gone, user)
    else
        redis.call('ZADD', KEYS[1], latest[#latest], user)
    end
end
return gone
"""
)

_SOCKETS = PREFIX + "presence:sockets:"

Gathered: TypeAlias = Together[tuple[UUID, str], Any]


class Presence:
    """Presence in Redis. Every method but `here` raises CacheAway while Redis is away; `here` then knows nobody."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._arriving: Gathered = Together(lambda sockets: self._each(ARRIVE, FADE_SECONDS, sockets), AT_ONCE_MAX)
        self._leaving: Gathered = Together(lambda sockets: self._each(LEAVE, GRACE_SECONDS, sockets), AT_ONCE_MAX)

    async def arrive(self, user_id: UUID, socket_id: str) -> bool:
        """A socket came, or is still here; whether its person was not here before."""
        return bool(await self._arriving.ask((user_id, socket_id)))

    async def leave(self, user_id: UUID, socket_id: str) -> None:
        await self._leaving.ask((user_id, socket_id))

    async def _each(self, script: str, seconds: int, sockets: list[tuple[UUID, str]]) -> list[Any]:
        def fill(pipeline: Pipeline) -> None:
            for user_id, socket_id in sockets:
                pipeline.eval(script, 2, f"{_SOCKETS}{user_id}", HERE, str(user_id), socket_id, seconds)

        return await self._cache.pipe(fill)

    async def renew(self, sockets: Iterable[tuple[UUID, str]]) -> list[UUID]:
        """The heartbeat of this process's sockets; who was not here before (Redis had been lost)."""
        all_sockets = list(sockets)
        if not all_sockets:
            return []
        new = await self._each(ARRIVE, FADE_SECONDS, all_sockets)
        return list({user_id for (user_id, _), is_new in zip(all_sockets, new, strict=True) if is_new})

    async def take_gone(self, batch: int) -> list[UUID]:
        """People whose grace is over or whose sockets have faded; each is told to one caller only."""
        gone = await self._cache.run(lambda client: client.eval(TAKE_GONE, 1, HERE, batch, _SOCKETS))
        return [UUID(user.decode()) for user in gone]

    async def put_back(self, user_ids: list[UUID]) -> None:
        """People that `take_gone` told of, and who could not be announced: they are due again, unless they came back."""
        past = {str(user): 0 for user in user_ids}
        await self._cache.run(lambda client: client.zadd(HERE, past, nx=True))

    async def here(self, user_ids: list[UUID]) -> set[UUID]:
        """Those of `user_ids` who are here."""
        if not user_ids:
            return set()
        try:
            scores = await self._cache.run(lambda client: client.zmscore(HERE, [str(user) for user in user_ids]))
        except CacheAway:
            return set()
        return {user for user, score in zip(user_ids, scores, strict=True) if score is not None}
