"""A mail server that takes every letter and notes it; it can be told to be away."""

import asyncio
import contextlib
from dataclasses import dataclass
from email import message_from_bytes

from tests.faults.clock import Clock


@dataclass(frozen=True, slots=True)
class Letter:
    message_id: str
    to: str
    at: float


class Mailbox:
    def __init__(self, clock: Clock) -> None:
        self.letters: list[Letter] = []
        self.port = 0
        self.away = False
        self.turned_away = 0
        self._clock = clock
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if self.away:
                self.turned_away += 1
                writer.write(b"421 away\r\n")
            else:
                await self._take(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            word = line.strip().upper()
            if word.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                body = await reader.readuntil(b"\r\n.\r\n")
                letter = message_from_bytes(body)
                if self.away:
                    writer.write(b"451 not now\r\n")
                    continue
                self.letters.append(Letter(str(letter["Message-ID"]).strip(), str(letter["To"]), self._clock.now()))
                writer.write(b"250 taken\r\n")
            elif word.startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 yes\r\n")
