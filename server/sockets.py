"""The Socket.IO door: who is connected, and each event through the one road.

Every event is acknowledged, whatever becomes of it: `dispatch` answers everything, and nothing else runs in the handler.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import structlog
from aiohttp import web
from engineio.async_drivers import aiohttp as driver
from socketio.exceptions import ConnectionRefusedError as Refuse

from handlers.app import App, PushBody
from handlers.dispatch import Request, dispatch, refusal
from handlers.pushes import SessionEnded
from handlers.tokens import Caller
from matching.refusals import Internal, InvalidRequest, Refusal, Unauthenticated
from server.address import client_address
from server.config import Config
from server.packets import PacketServer
from server.rooms import Rooms

log = structlog.get_logger()

EVENT_BYTES_MAX = 64 * 1024
FRAME_BYTES_MAX = EVENT_BYTES_MAX + 512  # with the packet's own few bytes
PING_SECONDS = 20
PING_TIMEOUT_SECONDS = 20
CLOSE_SECONDS_MAX = 2.0


class Json:
    """What python-socketio encodes with: msgspec, which takes our shapes, ids and times as they are."""

    JSONDecodeError = msgspec.DecodeError

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: Any) -> Any:
        return msgspec.json.decode(text)


class PlainWebSocket(driver.WebSocket):  # type: ignore[misc]  # python-engineio has no types
    """A WebSocket without compression: its buffers would be 120 KB a connection."""

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        self._sock = web.WebSocketResponse(max_msg_size=self.server.max_http_buffer_size, compress=False)
        await self._sock.prepare(environ["aiohttp.request"])
        self.environ = environ
        await self.handler(self)
        return self._sock


@dataclass(slots=True)
class LiveSocket:
    """A signed-in socket of this process."""

    id: str
    user_id: UUID
    session_id: UUID
    expires_at: datetime
    address: str
    warned: bool = False
    rooms: set[str] = field(default_factory=set)


class SocketDoor:
    """The sockets of this process. `rooms` are `user:<id>` and, for who watches them, `here:<id>`."""

    def __init__(self, app: App, config: Config) -> None:
        self._app = app
        self._config = config
        self.sockets: dict[str, LiveSocket] = {}
        self.server = PacketServer(
            async_mode="aiohttp",
            transports=list(config.transports),
            cors_allowed_origins=list(config.cors_origins),
            json=Json,
            client_manager=Rooms(),
            max_http_buffer_size=FRAME_BYTES_MAX,
            http_compression=False,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
            cookie=None,
        )
        self.server.eio._async = {**self.server.eio._async, "websocket": PlainWebSocket}
        self.server.on("connect", self._connect)
        self.server.on("disconnect", self._disconnect)
        self.server.on("*", self._event)
        self.arrived: list[Any] = []  # called with (socket) once it is in
        self.left: list[Any] = []

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        try:
            caller = self._authenticate(auth)
        except Refusal as no:
            raise Refuse(no.message, {"code": no.code}) from None
        address = client_address(environ["aiohttp.request"], self._config.trusted_proxies)
        socket = LiveSocket(sid, caller.user_id, caller.session_id, caller.expires_at, address)
        self.sockets[sid] = socket
        try:
            for tell in self.arrived:
                await tell(socket)
        except Exception:
            log.exception("socket.connect_bug")
            self.sockets.pop(sid, None)
            raise Refuse(Internal().message, {"code": Internal.code}) from None
        if sid not in self.sockets:  # it went away while it came in
            for tell in self.left:
                await tell(socket)
            raise Refuse(Unauthenticated().message, {"code": Unauthenticated.code})
        log.info("socket.connected", user=str(socket.user_id), sockets=len(self.sockets))

    def _authenticate(self, auth: object) -> Caller:
        if not isinstance(auth, dict):
            raise Unauthenticated
        caller = self._app.tokens.read(auth.get("token"))
        if caller.session_id in self._app.revoked:
            raise Unauthenticated("This session has ended. Please sign in again.")
        return caller

    async def _disconnect(self, sid: str, reason: str = "") -> None:
        socket = self.sockets.pop(sid, None)
        if socket is not None:
            for tell in self.left:
                await tell(socket)
            log.info("socket.disconnected", user=str(socket.user_id), reason=reason, sockets=len(self.sockets))

    async def _event(self, event: str, sid: str, *arguments: object) -> object:
        request_id = uuid4().hex
        socket = self.sockets.get(sid)
        if socket is None:
            return refusal(Unauthenticated(), request_id).body
        try:
            raw, key = _payload(arguments)
        except InvalidRequest as no:
            return refusal(no, request_id).body
        request = Request(
            name=event,
            raw=raw,
            door="socket",
            caller=Caller(socket.user_id, socket.session_id, socket.expires_at),
            key=key,
            address=socket.address,
            socket_id=sid,
            request_id=request_id,
        )
        return (await dispatch(self._app, request)).body

    async def enter(self, sid: str, rooms: Iterable[str]) -> None:
        socket = self.sockets.get(sid)
        for room in rooms:
            if socket is not None and room not in socket.rooms:
                socket.rooms.add(room)
                await self.server.enter_room(sid, room)

    async def leave(self, sid: str, rooms: Iterable[str]) -> None:
        socket = self.sockets.get(sid)
        for room in rooms:
            if socket is not None and room in socket.rooms:
                socket.rooms.discard(room)
                await self.server.leave_room(sid, room)

    async def tell(self, sid: str, body: PushBody) -> None:
        await self.server.emit(body.event, body, to=sid)

    async def end(self, sid: str, reason: str) -> None:
        """Tell the socket that its session has ended, and end it, whether or not the client does its part."""
        environ = self.server.get_environ(sid) or {}
        await self.tell(sid, SessionEnded(reason=reason))
        await self.server.disconnect(sid)
        await asyncio.sleep(0.2)  # what was queued goes out first
        request = environ.get("aiohttp.request")
        if request is not None and request.transport is not None:
            request.transport.close()

    async def close(self) -> None:
        """Close every connection. Not by a Socket.IO DISCONNECT, after which clients would not come back by themselves."""
        # Not eio.disconnect(): it raises when the last socket, as one that was refused, goes away by itself meanwhile.
        closing = [socket.close() for socket in list(self.server.eio.sockets.values())]
        requests = [environ.get("aiohttp.request") for environ in self.server.environ.values()]
        with contextlib.suppress(TimeoutError):  # who does not read is cut off with the server
            await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), CLOSE_SECONDS_MAX)
        for request in requests:  # a client that has been told may take its time; the server need not wait for it
            if request is not None and request.transport is not None:
                request.transport.close()
        await self.server.shutdown()


def _payload(arguments: tuple[object, ...]) -> tuple[object, str | None]:
    """An event's one object, without its `idempotencyKey`, which is the call's and not the action's."""
    if len(arguments) > 1:
        raise InvalidRequest("An event has one payload, which is one object.")
    raw = arguments[0] if arguments else {}
    if isinstance(raw, (bytes, bytearray)):
        raise InvalidRequest("An event has no binary part.")
    if not isinstance(raw, dict) or "idempotencyKey" not in raw:
        return raw, None
    key = raw["idempotencyKey"]
    if key is not None and not isinstance(key, str):
        raise InvalidRequest("A key is a text.", field="idempotencyKey")
    return {name: value for name, value in raw.items() if name != "idempotencyKey"}, key


def seconds_left(socket: LiveSocket) -> float:
    return (socket.expires_at - datetime.now(UTC)).total_seconds()
