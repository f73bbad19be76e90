"""A Socket.IO connection that costs little, so that what is measured is the server: frames made once, little parsed."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

CONNECTING_MAX = 50  # at once
CONNECT_SECONDS_MAX = 60.0


class Server(NamedTuple):
    """Where a server listens."""

    port: int
    host: str = "127.0.0.1"
    tls: bool = False

    @classmethod
    def at(cls, url: str) -> "Server":
        """By its address, http://… or https://…. Raises ValueError for what is none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address that begins with http:// or https://")
        tls = parts.scheme == "https"
        return cls(parts.port or (443 if tls else 80), parts.hostname, tls)

    @property
    def authority(self) -> str:
        """As the header Host has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Wire(asyncio.Protocol):
    """One connection, WebSocket only. `heard` is called with each Socket.IO packet; pings are answered."""

    path = "/socket.io/?EIO=4&transport=websocket"

    def __init__(self, server: Server, auth: object, heard: "Callable[[Wire, bytes], None]") -> None:
        self._server = server
        self._auth = auth
        self._heard = heard
        self._buffer = b""
        self._open = False
        self.transport: asyncio.Transport | None = None
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent_at = 0.0
        self.lost: Callable[[Wire], None] | None = None  # called when a connection that was there ends

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {self._server.authority}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._open:
            head, found, rest = buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = buffer
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.connected.set_exception(ConnectionError(head.decode()[:200]))
                return
            self._open, buffer = True, rest
            self._opened()
        place = 0
        while len(buffer) - place >= 2:
            length, start = buffer[place + 1], place + 2
            if length == 126:
                if len(buffer) - place < 4:
                    break
                length, start = struct.unpack_from("!H", buffer, place + 2)[0], place + 4
            elif length == 127:
                if len(buffer) - place < 10:
                    break
                length, start = struct.unpack_from("!Q", buffer, place + 2)[0], place + 10
            if len(buffer) < start + length:
                break
            self._frame(buffer[place] & 15, buffer[start : start + length])
            place = start + length
        self._buffer = buffer[place:]

    def _opened(self) -> None:
        self.write(b"40" + json.dumps(self._auth).encode())

    def _frame(self, opcode: int, data: bytes) -> None:
        if opcode == 8:
            self.close()
        elif data == b"2":
            self.write(b"3")
        elif self.connected.done():
            self._heard(self, data)
        elif data.startswith(b"40"):
            self.connected.set_result(None)
        elif data.startswith(b"44"):
            self.connected.set_exception(ConnectionError(data.decode()))

    def hear(self, heard: "Callable[[Wire, bytes], None]") -> None:
        """Whom to tell from now on."""
        self._heard = heard

    def write(self, packet: bytes) -> None:
        self.write_frames(framed(packet))

    def write_frames(self, frames: bytes) -> None:
        assert self.transport is not None, "it has been connected"
        self.transport.write(frames)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.connected.done():
            self.connected.set_exception(error or ConnectionError("closed"))
        elif self.lost is not None:
            self.lost(self)

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


def framed(packet: bytes) -> bytes:
    """A text frame as a client has to send it: masked, here with zeros, which leave it as it is."""
    length = len(packet)
    head = bytes((0x81, 0x80 | length)) if length < 126 else struct.pack("!BBH", 0x81, 0x80 | 126, length)
    return head + b"\0\0\0\0" + packet


class BareWire(Wire):
    """A WebSocket and nothing else: what Socket.IO is measured against."""

    path = "/"

    def _opened(self) -> None:
        self.connected.set_result(None)

    def _frame(self, opcode: int, data: bytes) -> None:
        if opcode == 8:
            self.close()
        else:
            self._heard(self, data)


async def connect_one(server: Server, auth: object, heard: Callable[[Wire, bytes], None], kind: type[Wire] = Wire) -> Wire:
    """A connection whose CONNECT was answered. Raises ConnectionError where it is refused, and TimeoutError."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_SECONDS_MAX):
        _, wire = await loop.create_connection(
            lambda: kind(server, auth, heard), server.host, server.port, ssl=server.tls or None
        )
        await wire.connected
    return wire


async def connect(
    server: Server | int, auths: list[Any], heard: Callable[[Wire, bytes], None], kind: type[Wire] = Wire
) -> list[Wire]:
    """A connection for each of `auths`. `server`: also a port of this machine. Raises as `connect_one`."""
    places = asyncio.Semaphore(CONNECTING_MAX)
    there = Server(server) if isinstance(server, int) else server

    async def one(auth: object) -> Wire:
        async with places:
            return await connect_one(there, auth, heard, kind)

    return await asyncio.gather(*(one(auth) for auth in auths))


async def round_trips(
    wires: list[Wire],
    event: bytes | Callable[[], bytes],
    seconds: float,
    latencies: list[float],
    answer: bytes = b"43",
    judge: Callable[[bytes], None] | None = None,
) -> int:
    """How often the event was sent and answered, by all connections, one after the other on each.

    `event`: the packet, or what makes the next one; `answer`: what an answer begins with; `judge` is given each one.
    """
    frame = framed(event) if isinstance(event, bytes) else b""
    make = None if isinstance(event, bytes) else event
    count = 0
    until = perf_counter() + seconds
    left = len(wires)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(wire: Wire) -> None:
        sent = frame if make is None else framed(make())
        wire.sent_at = perf_counter()
        wire.write_frames(sent)

    def heard(wire: Wire, data: bytes) -> None:
        nonlocal count, left
        if not data.startswith(answer):
            return
        now = perf_counter()
        count += 1
        latencies.append(now - wire.sent_at)
        if judge is not None:
            judge(data)
        if now < until:
            send(wire)
            return
        left -= 1
        if left == 0:
            done.set_result(None)

    def lost(_: Wire) -> None:
        if not done.done():
            done.set_exception(ConnectionError("a connection broke"))

    for wire in wires:
        wire.hear(heard)
        wire.lost = lost
        send(wire)
    await asyncio.wait_for(done, seconds + 30)
    for wire in wires:
        wire.lost = None
    return count
