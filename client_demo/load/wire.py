"""A Socket.IO connection that costs little, so that what is measured is the server: frames made once, little parsed."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import Callable
from time import perf_counter
from typing import Any

CONNECTING_MAX = 50  # at once


class Wire(asyncio.Protocol):
    """One connection, WebSocket only. `heard` is called with each Socket.IO packet; pings are answered."""

    def __init__(self, port: int, auth: object, heard: "Callable[[Wire, bytes], None]") -> None:
        self._port = port
        self._auth = auth
        self._heard = heard
        self._buffer = b""
        self._open = False
        self.transport: asyncio.Transport | None = None
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent_at = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\n"
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
            self.write(b"40" + json.dumps(self._auth).encode())
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

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


def framed(packet: bytes) -> bytes:
    """A text frame as a client has to send it: masked, here with zeros, which leave it as it is."""
    length = len(packet)
    head = bytes((0x81, 0x80 | length)) if length < 126 else struct.pack("!BBH", 0x81, 0x80 | 126, length)
    return head + b"\0\0\0\0" + packet


async def connect(port: int, auths: list[Any], heard: Callable[[Wire, bytes], None]) -> list[Wire]:
    """A connection for each of `auths`, with the CONNECT of each answered."""
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(CONNECTING_MAX)

    async def one(auth: object) -> Wire:
        async with places:
            _, wire = await loop.create_connection(lambda: Wire(port, auth, heard), "127.0.0.1", port)
            await asyncio.wait_for(wire.connected, 60)
            return wire

    return await asyncio.gather(*(one(auth) for auth in auths))


async def round_trips(wires: list[Wire], event: bytes, seconds: float, latencies: list[float]) -> int:
    """How often the event was sent and acknowledged, by all connections, one after the other on each."""
    frame = framed(event)
    count = 0
    until = perf_counter() + seconds
    left = len(wires)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def heard(wire: Wire, data: bytes) -> None:
        nonlocal count, left
        if not data.startswith(b"43"):
            return
        now = perf_counter()
        count += 1
        latencies.append(now - wire.sent_at)
        if now < until:
            wire.sent_at = now
            wire.write_frames(frame)
            return
        left -= 1
        if left == 0:
            done.set_result(None)

    for wire in wires:
        wire.hear(heard)
        wire.sent_at = perf_counter()
        wire.write_frames(frame)
    await asyncio.wait_for(done, seconds + 30)
    return count
