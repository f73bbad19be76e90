"""Rate limits: a sliding window per class and caller, exact, shared by both doors and all processes (C42, C45).

Each request that was allowed leaves its time, as long as it counts: at most as many as the limit, about 11 bytes each. What
is refused is not counted.
"""

import contextlib
import time
from collections import OrderedDict
from typing import NamedTuple

from storage.cache import PREFIX, Cache, CacheAway

LOCAL_KEYS_MAX = 10_000

# Whole milliseconds: Redis stores small integers in few bytes.
TAKE = """
local t = redis.call('TIME')
local now, limit, window = t[1] * 1000 + math.floor(t[2] / 1000), tonumber(ARGV[1]), ARGV[2] * 1000
local oldest = tonumber(redis.call('LINDEX', KEYS[1], -1))
while oldest and now - oldest >= window do
    redis.call('RPOP', KEYS[1])
    oldest = tonumber(redis.call('LINDEX', KEYS[1], -1))
end
local used = redis.call('LLEN', KEYS[1])
local reset = math.ceil(((oldest or now) + window - now) / 1000)
if used >= limit then
    return {0, 0, reset}
end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], window)
return {1, limit - used - 1, reset}
"""


class Taken(NamedTuple):
    """The answer to one request. `remaining` requests are left now; one more is in `reset_seconds`."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


class Limits:
    """Counts requests in Redis; or, for what must be limited even without it, in this process."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._local: OrderedDict[str, list[float]] = OrderedDict()

    async def take(self, key: str, limit: int, window_seconds: int, *, needed: bool = False) -> Taken:
        """Count one request of `key`. With Redis away, allowed; or, where `needed`, counted here."""
        try:
            allowed, remaining, reset = await self._cache.run(
                lambda client: client.eval(TAKE, 1, f"{PREFIX}limit:{key}", limit, window_seconds)
            )
        except CacheAway:
            return self._take_here(key, limit, window_seconds) if needed else Taken(True, limit, limit, window_seconds)
        return Taken(bool(allowed), limit, int(remaining), int(reset))

    async def give_back(self, key: str) -> None:
        """Do not count a request that was taken a moment ago: it asked for nothing new."""
        with contextlib.suppress(CacheAway):
            await self._cache.run(lambda client: client.lpop(f"{PREFIX}limit:{key}"))

    def _take_here(self, key: str, limit: int, window_seconds: int) -> Taken:
        now = time.monotonic()
        times = [at for at in self._local.pop(key, []) if at > now - window_seconds]
        allowed = len(times) < limit
        if allowed:
            times.append(now)
        self._local[key] = times
        while len(self._local) > LOCAL_KEYS_MAX:
            self._local.popitem(last=False)
        return Taken(allowed, limit, limit - len(times), int(times[0] + window_seconds - now) + 1)
