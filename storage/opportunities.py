"""Opportunities that people have been shown, for as long as they may come back to one of them. A lost Redis costs a search."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from storage.cache import PREFIX, Cache, CacheAway

KEPT_SECONDS = 3600
Steps = list[tuple[UUID, UUID]]  # (person, item): each wants the next one's item


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """A ring as it was found. `kind` is `cycle` or `chain`."""

    id: UUID
    kind: str
    steps: Steps


class ShownOpportunities:
    """What was shown, by id."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def keep(self, shown: Iterable[Shown]) -> None:
        pairs = [(f"{PREFIX}opportunity:{one.id}", msgspec.json.encode(one)) for one in shown]
        try:
            if pairs:
                await self._cache.pipe(lambda pipe: [pipe.set(key, body, ex=KEPT_SECONDS) for key, body in pairs])
        except CacheAway:
            pass  # whoever chooses one has it searched for again

    async def find(self, opportunity_id: UUID) -> Shown | None:
        try:
            body = await self._cache.run(lambda client: client.get(f"{PREFIX}opportunity:{opportunity_id}"))
        except CacheAway:
            return None
        return msgspec.json.decode(body, type=Shown) if body else None
