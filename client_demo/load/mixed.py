"""People as they are: they browse, look, read, write, type, and now and then trade, and think in between."""

import asyncio
import random
from collections.abc import Sequence
from time import perf_counter
from typing import Any
from uuid import uuid4

from client_demo.load.asking import Asker
from client_demo.load.catalogue import Catalogue
from client_demo.load.connecting import ignore
from client_demo.load.swapping import Swap, paired
from client_demo.load.tally import Refused, Tally
from client_demo.load.wire import Server, Wire, connect, framed

# What people do, in a hundred times.
HABITS = {
    "browse": 29,
    "look": 15,
    "conversations": 8,
    "read": 12,
    "say": 12,
    "mark": 10,
    "type": 8,
    "trade": 6,
}
LAST_PUSHES_SECONDS_MAX = 5.0


class Visitor:
    """Somebody who does one thing after the other. `swap`: what they and their neighbour have going on.

    `said`: their messages that were acknowledged, and `heard`: those that were pushed to them, by `clientMessageId`.
    """

    def __init__(self, asker: Asker, swap: Swap, catalogue: Catalogue, chance: random.Random) -> None:
        self.asker, self._swap, self._catalogue, self._chance = asker, swap, catalogue, chance
        self.said: set[bytes] = set()
        self.heard: set[bytes] = set()
        asker.pushed = self._hear

    def _hear(self, push: bytes) -> None:
        if push.startswith(b'42["message:new"'):
            self.heard.add(push.partition(b'"clientMessageId":"')[2].partition(b'"')[0])

    async def live(self, think_seconds: float, until: float) -> None:
        """Act and think, in turns. What is refused or breaks is tallied, and they go on."""
        habits, weights = list(HABITS), list(HABITS.values())
        while True:
            thinking = self._chance.expovariate(1 / think_seconds)
            if perf_counter() + thinking > until:
                return
            await asyncio.sleep(thinking)
            try:
                await self._do(self._chance.choices(habits, weights)[0])
            except (Refused, OSError, TimeoutError):
                continue

    async def _do(self, habit: str) -> None:
        here = {"conversationId": self._swap.conversation}
        match habit:
            case "look" if self._catalogue.items:
                await self._ask("item:get", {"itemId": self._chance.choice(self._catalogue.items)})
            case "conversations":
                await self._ask("conversation:list", {})
            case "read":
                await self._ask("message:list", here | {"limit": 30})
            case "say":
                named = str(uuid4())
                await self._ask("message:send", here | {"text": "Is Saturday good for you?", "clientMessageId": named})
                self.said.add(named.encode())
            case "mark":
                await self._ask("message:read", here)
            case "type":
                await self._ask("typing", here | {"typing": True})
            case "trade" if self._swap.is_next(self.asker):
                await self._swap.step(self.asker)
            case _:
                await self._ask("item:list", self._catalogue.page(self._chance))

    async def _ask(self, event: str, payload: dict[str, Any]) -> None:
        await self.asker.ask(event, payload)


class Crowd:
    """Visitors in pairs, on connections of their own, ready to live."""

    def __init__(self, wires: Sequence[Wire], swaps: Sequence[Swap], catalogue: Catalogue, tally: Tally, seed: int) -> None:
        self.wires, self.tally = wires, tally
        self._swaps = swaps
        chance = random.Random(seed)
        self._visitors = [
            Visitor(asker, swap, catalogue, random.Random(chance.random())) for swap in swaps for asker in swap.people
        ]

    @classmethod
    async def gather(cls, server: Server, auths: Sequence[object], seed: int = 1) -> "Crowd":
        """Everybody connects, lists a thing, and each second one asks their neighbour for theirs. Raises as `Asker.ask`."""
        wires = await connect(server, list(auths), ignore)
        tally = Tally()
        askers = [Asker(wire, tally) for wire in wires]
        swaps = await paired(askers)
        return cls(wires, swaps, await Catalogue.of(askers[0]), tally, seed)

    async def live(self, seconds: float, think_seconds: float) -> None:
        """Everybody lives for so long; what they did, from the beginning of that on, is in the tally."""
        self.tally.begin_again()
        begun = perf_counter()
        await asyncio.gather(*(visitor.live(think_seconds, begun + seconds) for visitor in self._visitors))
        self.tally.seconds = perf_counter() - begun

    async def unheard(self) -> int:
        """How many pushes of messages did not come, to the two of each conversation, in a few seconds."""
        limit = perf_counter() + LAST_PUSHES_SECONDS_MAX
        while (missing := self._missing()) > 0 and perf_counter() < limit:
            await asyncio.sleep(0.05)
        return missing

    def _missing(self) -> int:
        pairs = zip(self._visitors[::2], self._visitors[1::2], strict=True)
        return sum(len((one.said | other.said) - hearer.heard) for one, other in pairs for hearer in (one, other))

    async def leave(self) -> None:
        """They take what they listed off the market, and go; that is not in the tally."""
        for visitor in self._visitors:
            visitor.asker.tally = Tally()
        await asyncio.gather(*(swap.end() for swap in self._swaps))
        for wire in self.wires:
            wire.close()


async def thoughtful_round_trips(
    wires: Sequence[Wire], event: bytes, seconds: float, think_seconds: float, answer: bytes = b"43"
) -> "list[float]":
    """How long each took that all connections sent, with thinking in between: what is left of a load with nothing to do."""
    frame, taken, chance = framed(event), list[float](), random.Random(1)
    loop = asyncio.get_running_loop()
    until = perf_counter() + seconds

    def heard(wire: Wire, data: bytes) -> None:
        if data.startswith(answer):
            taken.append(perf_counter() - wire.sent_at)
            think(wire)

    def think(wire: Wire) -> None:
        thinking = chance.expovariate(1 / think_seconds)
        if perf_counter() + thinking < until:
            loop.call_later(thinking, send, wire)

    def send(wire: Wire) -> None:
        wire.sent_at = perf_counter()
        wire.write_frames(frame)

    for wire in wires:
        wire.hear(heard)
        think(wire)
    await asyncio.sleep(seconds + 0.5)
    return taken
