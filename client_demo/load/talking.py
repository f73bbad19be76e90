"""People who write to each other, two in each conversation: how many messages are acknowledged, and how soon each is heard.

What is said tells when it was said and by whom, so that the other's connection knows how long its push took.
"""

import asyncio
import json
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter

from client_demo.load.wire import Wire, framed

TICK_SECONDS = 0.002
PADDING = "x" * 60  # a sentence
LAST_ONES_SECONDS_MAX = 20.0


@dataclass(slots=True)
class Talk:
    """What came of it. Times in seconds; `unheard`: messages that were acknowledged, and whose push did not come in time."""

    seconds: float = 0.0
    acknowledged: int = 0
    refused: list[str] = field(default_factory=list)
    acknowledgements: list[float] = field(default_factory=list)
    pushes: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.acknowledged / self.seconds

    @property
    def unheard(self) -> int:
        return self.acknowledged - len(self.pushes)


class Talkers:
    """Connections that talk: `wires[2k]` and `wires[2k + 1]` are the two of `conversations[k]`."""

    def __init__(self, wires: list[Wire], conversations: list[str]) -> None:
        assert len(wires) == 2 * len(conversations)
        self._wires = wires
        self._conversations = conversations
        self._numbers = count(1)
        self._place = {wire: place for place, wire in enumerate(wires)}
        self._sent_at: dict[int, float] = {}  # of what is not acknowledged yet
        self._until = 0.0
        self._talk = Talk()
        self._already: set[bytes] = set()  # what has been heard: the outbox may push an entry twice
        for wire in wires:
            wire.hear(self._heard)

    async def closed_loop(self, seconds: float) -> Talk:
        """Each says the next thing as soon as the last one was acknowledged."""
        self._begin(seconds)
        begun = perf_counter()
        for place in range(len(self._wires)):
            self._say(place, perf_counter())
        await self._end(begun)
        return self._talk

    async def open_loop(self, rate: float, seconds: float) -> Talk:
        """`rate` messages a second by all together, whether or not the last ones were acknowledged.

        What is said late because this program is busy counts as said when it was due.
        """
        self._begin(0.0)
        begun = perf_counter()
        said = 0
        while (now := perf_counter()) < begun + seconds:
            while said < (now - begun) * rate:
                self._say(said % len(self._wires), begun + said / rate)
                said += 1
            await asyncio.sleep(TICK_SECONDS)
        await self._end(begun)
        return self._talk

    def _begin(self, seconds: float) -> None:
        self._talk = Talk()
        self._already.clear()
        self._until = perf_counter() + seconds

    async def _end(self, begun: float) -> None:
        """Until everything is acknowledged and heard, or it has taken too long."""
        while self._sent_at or perf_counter() < self._until:
            await asyncio.sleep(0.01)
            assert perf_counter() < self._until + LAST_ONES_SECONDS_MAX + 60, "acknowledgements are missing"
        self._talk.seconds = perf_counter() - begun
        limit = perf_counter() + LAST_ONES_SECONDS_MAX
        while self._talk.unheard and perf_counter() < limit:
            await asyncio.sleep(0.01)

    def _say(self, place: int, due: float) -> None:
        number = next(self._numbers)
        self._sent_at[number] = due
        said = {
            "conversationId": self._conversations[place // 2],
            "text": f"@{place} {due!r} {PADDING}",
            "clientMessageId": f"{place}-{number}",
        }
        self._wires[place].write_frames(framed(f"42{number}{json.dumps(['message:send', said])}".encode()))

    def _heard(self, wire: Wire, data: bytes) -> None:
        now = perf_counter()
        if data.startswith(b"43"):
            number = int(data[2 : data.index(b"[")])
            self._talk.acknowledgements.append(now - self._sent_at.pop(number))
            if b'"success":true' in data:
                self._talk.acknowledged += 1
            else:
                self._talk.refused.append(data.decode())
            if now < self._until:
                self._say(self._place[wire], now)
        elif data.startswith(b'42["message:new"'):
            begin = data.index(b'"@') + 2
            speaker, due, _ = data[begin : begin + 40].split(b" ", 2)
            said = speaker + b" " + due
            if int(speaker) != self._place[wire] and said not in self._already:
                self._already.add(said)
                self._talk.pushes.append(now - float(due))
