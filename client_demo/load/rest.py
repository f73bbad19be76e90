"""A REST connection that costs little: it is kept, and has one request after the other."""

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import msgspec

from client_demo.load.tally import Refused, Tally
from client_demo.load.wire import Server
from client_demo.wire import RestCall

ANSWER_SECONDS_MAX = 60.0
ANSWER_BYTES_MAX = 8 * 1024 * 1024


class RestWire(asyncio.Protocol):
    """One connection. Who asks waits for the answer before the next request."""

    def __init__(self, server: Server) -> None:
        self.limited = False  # whether the server counts what may be asked, as its headers say
        self._server = server
        self._buffer = b""
        self._answered: Callable[[int, bytes], None] | None = None
        self._broke: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(cls, server: Server) -> "RestWire":
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(lambda: cls(server), server.host, server.port, ssl=server.tls or None)
        return wire

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, request: bytes, answered: Callable[[int, bytes], None], broke: Callable[[], None]) -> None:
        """`answered` is called with the status and the body; or `broke`, where the connection ends before."""
        assert self._answered is None, "one after the other"
        assert self._transport is not None, "it has been connected"
        self._answered, self._broke = answered, broke
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        _, _, after = head.lower().partition(b"\r\ncontent-length:")
        length = int(after.split(b"\r\n", 1)[0] or b"0")
        assert length <= ANSWER_BYTES_MAX, "an answer is a page at most"
        if len(body) < length:
            return
        self._buffer = body[length:]
        self.limited = self.limited or b"\r\nratelimit-limit:" in head.lower()
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(int(head[9:12]), body[:length])

    def connection_lost(self, error: Exception | None) -> None:
        if self._answered is not None and self._broke is not None:
            self._answered = None
            self._broke()

    async def ask(self, call: RestCall, token: str | None = None) -> Any:
        """The `data` of the answer. Raises Refused, ConnectionError and TimeoutError."""
        answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self.send(
            request_of(self._server, call, token),
            lambda status, body: answer.set_result((status, body)),
            lambda: answer.set_exception(ConnectionResetError("the connection broke")),
        )
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            status, body = await answer
        try:
            decoded = msgspec.json.decode(body)
        except msgspec.DecodeError:
            raise Refused(f"HTTP {status}") from None
        if status >= 400:
            raise Refused(decoded["error"]["code"])
        return decoded["data"]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def request_of(server: Server, call: RestCall, token: str | None = None) -> bytes:
    """The request as it goes out."""
    query = f"?{urlencode(call.query)}" if call.query else ""
    body = b"" if call.body is None else msgspec.json.encode(call.body)
    lines = [f"{call.method} /api{call.path}{query} HTTP/1.1", f"Host: {server.authority}"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if call.key is not None:
        lines.append(f"Idempotency-Key: {call.key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def in_turn(wires: Sequence[RestWire], next_request: Callable[[int], bytes], name: str, seconds: float) -> Tally:
    """Each connection asks as soon as it was answered. `next_request` makes that of the connection of this place.

    Raises ConnectionError where one breaks.
    """
    tally = Tally()
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = len(wires)
    begun = perf_counter()

    def ask(place: int) -> None:
        asked_at = perf_counter()

        def answered(status: int, _: bytes) -> None:
            nonlocal left
            now = perf_counter()
            if status < 400:
                tally.taken[name].append(now - asked_at)
            else:
                tally.refused[name, f"HTTP {status}"] += 1
            if now < begun + seconds:
                ask(place)
                return
            left -= 1
            if left == 0:
                done.set_result(None)

        wires[place].send(next_request(place), answered, broke)

    def broke() -> None:
        if not done.done():
            done.set_exception(ConnectionResetError("a connection broke"))

    for place in range(len(wires)):
        ask(place)
    await asyncio.wait_for(done, seconds + ANSWER_SECONDS_MAX)
    tally.seconds = perf_counter() - begun
    return tally
