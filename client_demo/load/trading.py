"""Trades by the load client: each from proposal to completion, or only its last two steps; many people at once."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import Any
from uuid import uuid4

from client_demo.load.wire import Wire

ANSWER_SECONDS_MAX = 60.0


@dataclass(slots=True)
class Traded:
    """What came of it. `latencies`: of each event, seconds; `refusals`: how often each code was answered."""

    completed: int = 0
    seconds: float = 0.0
    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter[str] = field(default_factory=Counter)


class Refused(Exception):
    """Its argument is the code."""


class Trading:
    """Asks by people's connections and waits for each answer; to be handed to `connect` as `heard`."""

    def __init__(self) -> None:
        self.pushed: Counter[str] = Counter()  # how often each event was heard without having been asked for
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}

    def __call__(self, _: Wire, packet: bytes) -> None:
        if packet.startswith(b"43"):
            number, bracket, body = packet[2:].partition(b"[")
            self._waiting.pop(int(number)).set_result(bracket + body)
        elif packet.startswith(b'42["'):
            self.pushed[packet[4 : packet.index(b'"', 4)].decode()] += 1

    async def ask(self, wire: Wire, event: str, payload: dict[str, Any]) -> bytes:
        """The answer as it came, in its list of one. Raises Refused, and TimeoutError."""
        number = next(self._numbers)
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        wire.write(f"42{number}{json.dumps([event, payload])}".encode())
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            answer: bytes = await answered
        if not answer.startswith(b'[{"success":true'):
            raise Refused(json.loads(answer)[0]["error"]["code"])
        return answer

    async def move(self, traded: Traded, wire: Wire, event: str, payload: dict[str, Any]) -> bytes:
        """A change, with a key of its own as every client should have; how long it took is noted."""
        begun = perf_counter()
        answer = await self.ask(wire, event, payload | {"idempotencyKey": str(uuid4())})
        traded.latencies[event].append(perf_counter() - begun)
        return answer

    async def confirm_and_complete(self, owners: Sequence[Wire], trades: Sequence[Sequence[str]]) -> Traded:
        """Each row of `trades` (ids of trades that are being negotiated) is confirmed and completed, one after the other, by
        its owner.
        """

        async def one(traded: Traded, place: int, trade_id: str) -> None:
            await self._finish(traded, owners[place], trade_id)

        return await _at_once(trades, one)

    async def request_to_completion(
        self, pairs: Sequence[tuple[Wire, Wire]], swaps: Sequence[Sequence[tuple[str, str]]]
    ) -> Traded:
        """For each row of `swaps` (ids of an item of the first of the pair, and of one of the second), one after the other: the
        first requests a trade; the second is interested, confirms and completes it.
        """

        async def one(traded: Traded, place: int, swap: tuple[str, str]) -> None:
            requester, owner = pairs[place]
            offered, requested = swap
            answer = await self.move(traded, requester, "trade:request", {"offeredItem": offered, "requestedItem": requested})
            trade_id = json.loads(answer)[0]["data"]["id"]
            await self.move(traded, owner, "trade:interest", {"tradeId": trade_id})
            await self._finish(traded, owner, trade_id)

        return await _at_once(swaps, one)

    async def _finish(self, traded: Traded, owner: Wire, trade_id: str) -> None:
        await self.move(traded, owner, "trade:confirm", {"tradeId": trade_id})
        answer = await self.move(traded, owner, "trade:complete", {"tradeId": trade_id})
        traded.completed += b'"status":"completed"' in answer


async def _at_once(work: Sequence[Sequence[Any]], one: Callable[[Traded, int, Any], Awaitable[None]]) -> Traded:
    """Each row of `work` one after the other, the rows at once."""
    traded = Traded()

    async def row(place: int) -> None:
        for each in work[place]:
            try:
                await one(traded, place, each)
            except Refused as no:
                traded.refusals[str(no)] += 1

    begun = perf_counter()
    await asyncio.gather(*(row(place) for place in range(len(work))))
    traded.seconds = perf_counter() - begun
    return traded
