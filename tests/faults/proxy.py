"""A link: a proxy on a port of its own, between two parts, whose connections can be made to fail."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

CHUNK_BYTES = 64 * 1024
CONNECT_SECONDS_MAX = 5.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


def to_port(port: int) -> Connect:
    return lambda: asyncio.open_connection("127.0.0.1", port)


def to_socket(path: str) -> Connect:
    return lambda: asyncio.open_unix_connection(path)


@dataclass(eq=False, slots=True)
class Pair:
    """One connection through the link."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    cut_at_reply: bool = False  # the far side has been told; the near side will not hear what came of it
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def reset(self) -> None:
        for writer in (self.near, self.far):
            _reset(writer)


class Link:
    """Forwards both ways. While `delay_seconds` is set, all comes late; while `stall`ed, nothing comes at all."""

    def __init__(self, name: str, connect: Connect, chance: random.Random) -> None:
        self.name = name
        self.port = 0
        self.delay_seconds = 0.0
        self.refusing = False
        self.holds_ends = False  # who hangs up on one side is not heard to on the other
        self.cut_after: bytes | None = None  # what is sent with this in it is answered by a reset, once the answer is there
        self.cut_share = 1.0  # of those
        self.cuts = 0
        self._connect = connect
        self._chance = chance
        self._flows = asyncio.Event()
        self._flows.set()
        self._pairs: set[Pair] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=CHUNK_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self.heal()
        if self._server is not None:
            self._server.close()
        tasks = [task for pair in self._pairs for task in pair.tasks]
        self.reset()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stall(self) -> None:
        """From now on nothing passes and nothing is told: a black hole."""
        self._flows.clear()

    def reset(self) -> None:
        """Break every connection there is."""
        for pair in list(self._pairs):
            pair.reset()

    def heal(self) -> None:
        self.delay_seconds = 0.0
        self.refusing = False
        self.holds_ends = False
        self.cut_after = None
        self._flows.set()

    def __len__(self) -> int:
        return len(self._pairs)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.wait_for(self._connect(), CONNECT_SECONDS_MAX)
        except (OSError, TimeoutError):
            _reset(writer)
            return
        pair = Pair(writer, far_writer)
        self._pairs.add(pair)
        pair.tasks = [
            asyncio.create_task(self._pump(pair, reader, far_writer, outward=True)),
            asyncio.create_task(self._pump(pair, far_reader, writer, outward=False)),
        ]
        await asyncio.wait(pair.tasks)
        self._pairs.discard(pair)

    async def _pump(self, pair: Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, outward: bool) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds * self._chance.random())
                if not self._flows.is_set():
                    await self._flows.wait()
                if outward and self.cut_after is not None and self.cut_after in data:
                    pair.cut_at_reply = self._chance.random() < self.cut_share
                elif not outward and pair.cut_at_reply:
                    self.cuts += 1
                    pair.reset()
                    return
                writer.write(data)
                await writer.drain()
            if not self.holds_ends:
                writer.close()
        except (OSError, RuntimeError):
            pair.reset()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side gets a reset, not an orderly end."""
    with contextlib.suppress(OSError, AttributeError, ValueError):  # it may be closed already
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
