"""A Socket.IO connection packet by packet, for what no client library would send."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.people import Cast

CLOSED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


class RawSocket:
    """Engine.IO v4 over WebSocket. Socket.IO packets are Engine.IO messages: they begin with 4."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket
        self._numbers = itertools.count()

    async def packet(self, seconds: float = 5.0) -> str | None:
        """The next packet that is not a ping; None once the connection is closed."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.websocket.receive()
                if message.type in CLOSED:
                    return None
                if message.data != "2":
                    return str(message.data)
                await self.websocket.send_str("3")

    async def rest(self) -> AsyncIterator[str]:
        """Every packet that is still to come, until the connection is closed."""
        while (packet := await self.packet(20.0)) is not None:
            yield packet

    async def send(self, packet: str) -> None:
        await self.websocket.send_str(packet)

    async def connect(self, auth: object) -> str | None:
        """The packet that answers a CONNECT with this `auth`."""
        await self.send("40" + json.dumps(auth))
        return await self.packet()

    async def answer(self, event: str) -> Any:
        """The acknowledgement of `event`, an array as it goes over the wire: ["name", payload]."""
        number = next(self._numbers)
        await self.send(f"42{number}{event}")
        begin = f"43{number}["
        while (packet := await self.packet()) is not None:
            if packet.startswith(begin):
                (body,) = json.loads(packet[len(begin) - 1 :])
                return body
        raise AssertionError(f"the connection was closed instead of answering {event[:80]}")


@asynccontextmanager
async def raw_socket(cast: Cast, token: str | None = None) -> AsyncIterator[RawSocket]:
    """A connection past the Engine.IO handshake; with a token, past the Socket.IO CONNECT too."""
    address = cast.url + "/socket.io/?EIO=4&transport=websocket"
    async with cast.session.ws_connect(address, max_msg_size=0) as websocket:
        raw = RawSocket(websocket)
        opened = await raw.packet()
        assert opened is not None
        assert opened.startswith("0")
        if token is not None:
            connected = await raw.connect({"token": token})
            assert connected is not None
            assert connected.startswith('40{"sid":'), connected
        yield raw
