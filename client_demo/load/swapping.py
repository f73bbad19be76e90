"""Two people of a load who swap the same two things back and forth, a step at a time."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any
from uuid import uuid4

from client_demo.load.asking import Asker
from client_demo.load.tally import Refused

GETTING_READY_AT_ONCE = 20
THING = {"description": "Made for a load.", "category": "electronics", "condition": "GOOD", "lookingFor": "item_swap"}


class Swap:
    """The first requests, the other is interested and confirms, the first completes, both list what they got; and back."""

    STEPS = (
        ("trade:request", 0),
        ("trade:interest", 1),
        ("trade:confirm", 1),
        ("trade:complete", 0),
        ("item:update", 0),
        ("item:update", 1),
    )

    def __init__(self, people: Sequence[Asker]) -> None:
        self.conversation = ""
        self.people = people
        self._items: list[str] = []  # what each of the two has
        self._trade = ""
        self._step = 0
        self._under_way = False

    async def begin(self) -> None:
        """Both list something, and the first trade is on the table. Raises as `Asker.ask`."""
        for place, asker in enumerate(self.people):
            item = await asker.data("item:create", THING | {"title": f"Thing {place} of a load", "idempotencyKey": _key()})
            self._items.append(item["id"])
        await self.step(self.people[0])

    def is_next(self, who: Asker) -> bool:
        return not self._under_way and self.people[self.STEPS[self._step][1]] is who

    async def step(self, who: Asker) -> None:
        """Take the next step, which is `who`'s. Raises as `Asker.ask`; one that fails is to be taken again."""
        event, place = self.STEPS[self._step]
        assert self.is_next(who), "one step at a time, each by whose turn it is"
        self._under_way = True
        try:
            answer = await who.data(event, self._payload(event, place) | {"idempotencyKey": _key()})
        finally:
            self._under_way = False
        if event == "trade:request":
            self._trade, self.conversation = answer["id"], answer["conversation"]
        elif event == "trade:complete":
            self._items.reverse()
        self._step = (self._step + 1) % len(self.STEPS)

    def _payload(self, event: str, place: int) -> dict[str, Any]:
        if event == "trade:request":
            return {"offeredItem": self._items[0], "requestedItem": self._items[1], "message": "For yours?"}
        if event == "item:update":
            return {"itemId": self._items[place], "status": "available"}
        return {"tradeId": self._trade}

    async def go_on(self, until: float) -> None:
        """Step after step, each as soon as the last was answered, until then or until one fails; that is tallied."""
        try:
            while perf_counter() < until:
                await self.step(self.people[self.STEPS[self._step][1]])
        except (Refused, OSError, TimeoutError):
            return

    async def end(self) -> None:
        """Take the two things off the market; what is on the table is rejected. One that is held stays."""
        for asker, item in zip(self.people, self._items, strict=False):
            try:
                await asker.ask("item:delete", {"itemId": item, "idempotencyKey": _key()})
            except (Refused, OSError, TimeoutError):
                continue


async def paired(askers: Sequence[Asker]) -> list[Swap]:
    """Two and two, each with things of their own and a trade on the table. Raises as `Asker.ask`."""
    assert len(askers) % 2 == 0, "they trade two by two"
    swaps = [Swap(pair) for pair in zip(askers[::2], askers[1::2], strict=True)]
    waiting = iter(swaps)

    async def one_after_the_other() -> None:
        for swap in waiting:
            await swap.begin()

    await asyncio.gather(*(one_after_the_other() for _ in range(GETTING_READY_AT_ONCE)))
    return swaps


def _key() -> str:
    return str(uuid4())
