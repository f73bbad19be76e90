"""Rate limits: a sliding window of two counters per class and caller, shared by both doors and all processes (C42, C45).

The window before counts for the part of it that the sliding window still covers; what is refused is not counted.
"""

import contextlib
import time
from collections import OrderedDict
from typing import NamedTuple

from storage.cache import PREFIX, Cache, CacheAway

LOCAL_KEYS_MAX = 10_000

TAKE = """
local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local index = math.floor(now / window)
local passed = now - index * window
local this, last = KEYS[1] .. ':' .. index, KEYS[1] .. ':' .. (index - 1)
local used = tonumber(redis.call('GET', this) or '0')
local before = tonumber(redis.call('GET', last) or '0')
local function wait(used) -- until one more is allowed, of which `used` fall in this window
    local spent = used + before * (1 - passed / window)
    if spent + 1 <= limit then return window - passed end
    if used + 1 <= limit then return math.min(window - passed, (spent + 1 - limit) * window / before) end
    if used == 0 then return window - passed end
    -- full by itself: it goes on counting, less and less, once the next window has begun
    return window - passed + (used + 1 - limit) * window / used
end
local spent = used + before * (1 - passed / window)
if spent + 1 > limit then
    return {0, 0, math.ceil(wait(used))}
end
redis.call('INCR', this)
redis.call('EXPIRE', this, math.ceil(window * 2))
return {1, math.floor(limit - spent - 1), math.ceil(wait(used + 1))}
"""
GIVE_BACK = """
local t = redis.call('TIME')
local this = KEYS[1] .. ':' .. math.floor((t[1] + t[2] / 1000000) / tonumber(ARGV[1]))
if tonumber(redis.call('GET', this) or '0') > 0 then redis.call('DECR', this) end
"""


class Taken(NamedTuple):
    """The answer to one request. `remaining` requests are left now; `reset_seconds`: until more are, or one is again."""

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

    async def give_back(self, key: str, window_seconds: int) -> None:
        """Do not count a request that was taken a moment ago: it asked for nothing new."""
        with contextlib.suppress(CacheAway):
            await self._cache.run(lambda client: client.eval(GIVE_BACK, 1, f"{PREFIX}limit:{key}", window_seconds))

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
