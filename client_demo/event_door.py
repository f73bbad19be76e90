"""The event door: one live Socket.IO connection. It never reconnects; a new one is opened instead (`connection`)."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import socketio

from client_demo.wire import Data, NoAnswer, Refused

ASKS_PENDING_MAX = 256
CLOSE_SECONDS_MAX = 2.0

# python-socketio would write its errors to stderr, in the middle of a terminal app's screen.
_log = logging.getLogger("client_demo.event_door")
_log.addHandler(logging.NullHandler())

PushHandler = Callable[[str, Data], None]


class EventDoor:
    """Asks with acknowledgement, and hears pushes. Once `closed` is done, every ask raises NoAnswer."""

    def __init__(self, url: str, on_push: PushHandler, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._on_push = on_push
        self._asks: set[asyncio.Future[object]] = set()
        self._refusal: object = None
        # A client per connection: what an old connection left behind (ack ids, queues) cannot meet the new one.
        self._client = socketio.AsyncClient(
            reconnection=False,
            handle_sigint=False,
            http_session=http,
            logger=_log,
            engineio_logger=_log,
            request_timeout=CLOSE_SECONDS_MAX,
        )
        # Plain functions, not coroutines: that is what keeps pushes in the order in which they came.
        self._client.on("*", self._heard)
        self._client.on("disconnect", self._dropped)
        self._client.on("connect_error", self._refused)

    @classmethod
    async def open(
        cls, url: str, token: str, on_push: PushHandler, http: aiohttp.ClientSession, timeout_seconds: float
    ) -> "EventDoor":
        """Connect by WebSocket with the token in the CONNECT payload. Raises Refused or NoAnswer."""
        door = cls(url, on_push, http)
        try:
            async with asyncio.timeout(timeout_seconds):
                await door._client.connect(url, auth={"token": token}, transports=["websocket"], wait_timeout=timeout_seconds)
        except (socketio.exceptions.ConnectionError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as broken:
            await door.close()
            if isinstance(door._refusal, dict):
                inner = door._refusal.get("data")
                code = inner.get("code", "UNAUTHENTICATED") if isinstance(inner, dict) else "UNAUTHENTICATED"
                raise Refused(str(code), str(door._refusal.get("message", ""))) from broken
            raise NoAnswer(str(broken) or type(broken).__name__) from broken
        except asyncio.CancelledError:
            await door.close()
            raise
        return door

    async def ask(self, event: str, payload: Data, timeout_seconds: float) -> object:
        """Send the event and return its acknowledgement, an envelope not yet opened. Raises NoAnswer."""
        if self.closed.done():
            raise NoAnswer("the connection is closed")
        if len(self._asks) >= ASKS_PENDING_MAX:
            raise NoAnswer(f"{ASKS_PENDING_MAX} events are waiting for their acknowledgement")
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._asks.add(answer)

        def acknowledged(*arguments: object) -> None:
            if not answer.done():
                answer.set_result(arguments[0] if arguments else None)

        try:
            async with asyncio.timeout(timeout_seconds):
                await self._client.emit(event, payload, callback=acknowledged)
                body = await answer
        except TimeoutError as late:
            raise NoAnswer(f"no acknowledgement of {event} within {timeout_seconds:.1f} s") from late
        except socketio.exceptions.SocketIOError as broken:
            raise NoAnswer(str(broken)) from broken
        finally:
            self._asks.discard(answer)
        if isinstance(body, NoAnswer):
            raise body
        return body

    async def close(self, reason: str = "closed by this side") -> None:
        """Hang up, and let everyone who waits know. Bounded, also when the other side has stopped answering."""
        self._dropped(reason)
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self._client.disconnect()
        except (TimeoutError, aiohttp.ClientError, OSError, socketio.exceptions.SocketIOError):
            _log.debug("the connection did not close in order")

    def _heard(self, event: str, data: Any = None, *_more: object) -> None:
        if not isinstance(data, dict) or self.closed.done():
            return
        try:
            self._on_push(event, data)
        except (KeyError, TypeError, ValueError):
            _log.warning("a push of %s is not in the contract's shape", event, exc_info=True)

    def _dropped(self, reason: str = "") -> None:
        if not self.closed.done():
            self.closed.set_result(str(reason))
        for answer in self._asks:
            if not answer.done():
                # A result, not an exception: nobody may be left to take it, and asyncio would print it.
                answer.set_result(NoAnswer("the connection dropped before the acknowledgement came"))

    def _refused(self, data: object = None) -> None:
        self._refusal = data
