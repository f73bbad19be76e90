"""Somebody on a connection of their own who asks one thing after the other, and waits for each answer."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec

from client_demo.load.tally import Refused, Tally
from client_demo.load.wire import Wire, framed

ANSWER_SECONDS_MAX = 60.0
SUCCESS = b'[{"success":true'

_numbers = count(1)


class Asker:
    """`tally` gets what came of each; `pushed` is called with what is heard without having been asked for."""

    def __init__(self, wire: Wire, tally: Tally) -> None:
        self.tally = tally
        self.pushed: Callable[[bytes], None] | None = None
        self._wire = wire
        self._number = b""
        self._answer: asyncio.Future[bytes] | None = None
        wire.hear(self._heard)
        wire.lost = self._lost

    def _heard(self, _: Wire, data: bytes) -> None:
        if data.startswith(b"43"):
            number, bracket, body = data[2:].partition(b"[")
            if number == self._number and self._answer is not None and not self._answer.done():
                self._answer.set_result(bracket + body)
        elif self.pushed is not None:
            self.pushed(data)

    def _lost(self, _: Wire) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the connection broke"))

    async def ask(self, event: str, payload: dict[str, Any]) -> bytes:
        """The answer as it came, in its list of one. Raises Refused, ConnectionError and TimeoutError; all are tallied."""
        with self.tally.timed(event):
            if not self._wire.is_open:
                raise ConnectionResetError("the connection broke")
            number = b"%d" % next(_numbers)
            self._number, self._answer = number, asyncio.get_running_loop().create_future()
            self._wire.write_frames(framed(b"42" + number + msgspec.json.encode([event, payload])))
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                answer = await self._answer
            if not answer.startswith(SUCCESS):
                raise Refused(msgspec.json.decode(answer)[0]["error"]["code"])
            return answer

    async def data(self, event: str, payload: dict[str, Any]) -> Any:
        """`data` of the answer. Raises as `ask`."""
        return msgspec.json.decode(await self.ask(event, payload))[0]["data"]
