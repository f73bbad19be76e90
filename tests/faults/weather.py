"""When what fails: faults two at a time, calm between them, all by the run's seed."""

import asyncio
import random
from collections.abc import Set
from dataclasses import dataclass

from tests.faults.faults import Fault, Felt, all_faults
from tests.faults.history import History
from tests.faults.site import Site

CALM_SECONDS = (1.0, 3.0)
LASTS_SECONDS_MIN = 0.8
HEALTHY_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Failed:
    """A fault that was, and when it began and ended."""

    fault: Fault
    began_at: float
    ended_at: float
    felt_times: int  # what it hit


class Weather:
    """Goes through all the faults before any comes again, each with another one at the same time."""

    def __init__(self, site: Site, history: History, chance: random.Random) -> None:
        self._site = site
        self._history = history
        self._chance = chance
        self._deck: list[Fault] = []
        self.failed: list[Failed] = []
        self.recoveries: list[float | None] = []  # seconds from the end of what failed until all were ready; None: too long

    async def rage(self, done: asyncio.Event) -> None:
        await self._calm(done)
        while not done.is_set():
            first = self._draw(None)
            second = self._draw(first)
            await asyncio.gather(self._happen(first, done), self._happen(second, done))
            self.recoveries.append(await self._site.healthy_within(HEALTHY_SECONDS_MAX))
            await self._calm(done)

    def silent(self, from_at: float, to_at: float, servers: Set[int], *, by_redis: bool = True) -> bool:
        """Whether a push by way of these servers may have been late between these times, because of a fault.

        `by_redis`: what does not go by way of Redis is not late because of it.
        """
        return any(
            was.fault.silences
            and (by_redis or "Redis" not in was.fault.name)
            and was.began_at <= to_at
            and was.ended_at >= from_at
            and (was.fault.server is None or was.fault.server in servers)
            for was in self.failed
        )

    def spans(self, after_seconds: float, after_others_seconds: float) -> list[tuple[float, float]]:
        """When something was in the way of somebody's push, or shortly before: without overlap, in order.

        `after_seconds`: where the fault silences; `after_others_seconds`: where it does not.
        """
        merged: list[tuple[float, float]] = []
        for was in sorted(self.failed, key=lambda one: one.began_at):
            ended_at = was.ended_at + (after_seconds if was.fault.silences else after_others_seconds)
            if merged and was.began_at <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], ended_at))
            else:
                merged.append((was.began_at, ended_at))
        return merged

    def killed_between(self, from_at: float, to_at: float, server: int) -> bool:
        """Whether this server was killed between these times."""
        return any(
            was.fault.kills and was.fault.server == server and was.felt_times and from_at <= was.began_at <= to_at
            for was in self.failed
        )

    def any_between(self, from_at: float, to_at: float) -> bool:
        """Whether anything failed between these times."""
        return any(was.began_at <= to_at and was.ended_at >= from_at for was in self.failed)

    def together(self) -> int:
        """How many faults there were at the same time as another."""
        return sum(
            any(one is not other and one.began_at < other.ended_at and other.began_at < one.ended_at for other in self.failed)
            for one in self.failed
        )

    def kinds(self) -> list[str]:
        """The names of all faults that there are."""
        return sorted({fault.name for fault in all_faults(self._site, random.Random(1))})

    def _draw(self, besides: Fault | None) -> Fault:
        if not self._deck:
            self._deck = self._shuffled()
        for place, fault in enumerate(self._deck):
            if besides is None or not _same_place(fault, besides):
                return self._deck.pop(place)
        self._deck = []
        return self._draw(besides)

    def _shuffled(self) -> list[Fault]:
        """The hardest first, each with another: a short run may not come to the end of them all.

        The first with one that is in no push's way: whether what the dead had not told is told in time is seen only there.
        """
        faults = all_faults(self._site, self._chance)
        self._chance.shuffle(faults)
        deck = sorted((fault for fault in faults if not fault.kills), key=lambda fault: fault.target != "mail")
        for place, fault in enumerate(fault for fault in faults if fault.kills):
            deck.insert(2 * place, fault)
        return deck

    async def _happen(self, fault: Fault, done: asyncio.Event) -> None:
        await _until(done, self._chance.random() * 0.8)
        if done.is_set():
            return
        seconds = self._chance.uniform(LASTS_SECONDS_MIN, fault.seconds_max) if fault.seconds_max > 1 else fault.seconds_max
        began_at = self._site.clock.now()
        felt = Felt()
        async with fault.fail(felt):
            await _until(done, seconds)
        ended_at = self._site.clock.now()
        self.failed.append(Failed(fault, began_at, ended_at, felt.times))
        self._history.note(fault=fault.name, target=fault.target, began_at=began_at, ended_at=ended_at, felt_times=felt.times)

    async def _calm(self, done: asyncio.Event) -> None:
        await _until(done, self._chance.uniform(*CALM_SECONDS))


def _same_place(one: Fault, other: Fault) -> bool:
    return one.target == other.target


async def _until(done: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(done.wait(), seconds)
    except TimeoutError:
        return
