"""The Socket.IO door: who is connected, and each event through the one road.

Every event is acknowledged, whatever becomes of it: `dispatch` answers everything, and nothing else runs in the handler.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from aiohttp import web
from socketio.exceptions import ConnectionRefusedError as Refuse

from handlers.app import App, PushBody
from handlers.dispatch import Request, dispatch, new_request_id, refusal
from handlers.pushes import SessionEnded
from handlers.tokens import Caller
from matching.refusals import Internal, InvalidRequest, NotFound, RateLimited, Refusal, Unauthenticated
from server.address import client_address
from server.config import Config
from server.packets import PacketServer

log = structlog.get_logger()

EVENT_BYTES_MAX = 64 * 1024
FRAME_BYTES_MAX = EVENT_BYTES_MAX + 512  # with the packet's own few bytes
PING_SECONDS = 20
PING_TIMEOUT_SECONDS = 20
# Of one process. A person has a few devices with a few tabs each; behind one address there may be a school.
SOCKETS_PER_PERSON_MAX = 30
SOCKETS_PER_ADDRESS_MAX = 1_000
SUITES_PAUSE_SECONDS = 0.02


@dataclass(slots=True)
class LiveSocket:
    """A signed-in socket of this process."""

    id: str
    caller: Caller
    address: str
    warned: bool = False
    rooms: set[str] = field(default_factory=set)

    @property
    def user_id(self) -> UUID:
        return self.caller.user_id

    @property
    def session_id(self) -> UUID:
        return self.caller.session_id

    @property
    def expires_at(self) -> datetime:
        return self.caller.expires_at


class SocketDoor:
    """The sockets of this process. `rooms` are `user:<id>` and, for who watches them, `here:<id>`."""

    def __init__(self, app: App, config: Config) -> None:
        self._app = app
        self._config = config
        self.sockets: dict[str, LiveSocket] = {}
        self._sockets_of: Counter[UUID] = Counter()
        self.server = PacketServer(
            unknown_namespace={"message": "Invalid namespace", "data": {"code": NotFound.code}},
            transports=list(config.transports),
            cors_allowed_origins=list(config.cors_origins),
            max_http_buffer_size=FRAME_BYTES_MAX,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
        )
        engine = self.server.eio
        engine.address_of = lambda request: client_address(request, config.trusted_proxies)
        engine.too_many = msgspec.json.encode(refusal(RateLimited(), "").body)
        if app.rate_limits:
            engine.sockets_per_address_max = SOCKETS_PER_ADDRESS_MAX
        self.server.on("connect", self._connect)
        self.server.on("disconnect", self._disconnect)
        self.server.on("*", self._event)
        self.arrived: list[Any] = []  # called with (socket) once it is in
        self.left: list[Any] = []

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        try:
            caller = self._authenticate(auth)
            self._count(caller)
        except Refusal as no:
            raise Refuse(no.message, {"code": no.code}) from None
        address = client_address(environ["aiohttp.request"], self._config.trusted_proxies)
        socket = LiveSocket(sid, caller, address)
        self.sockets[sid] = socket
        self._sockets_of[socket.user_id] += 1
        try:
            for tell in self.arrived:
                await tell(socket)
        except Exception:
            log.exception("socket.connect_bug")
            self._forget(sid)
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

    def _count(self, caller: Caller) -> None:
        if self._app.rate_limits and self._sockets_of[caller.user_id] >= SOCKETS_PER_PERSON_MAX:
            raise RateLimited(
                f"You have {SOCKETS_PER_PERSON_MAX} connections, which is the most there can be. Close one first."
            )

    def _forget(self, sid: str) -> LiveSocket | None:
        socket = self.sockets.pop(sid, None)
        if socket is not None:
            self._sockets_of[socket.user_id] -= 1
            if self._sockets_of[socket.user_id] == 0:
                del self._sockets_of[socket.user_id]
        return socket

    async def _disconnect(self, sid: str, reason: str = "") -> None:
        socket = self._forget(sid)
        if socket is not None:
            for tell in self.left:
                await tell(socket)
            log.info("socket.disconnected", user=str(socket.user_id), reason=reason, sockets=len(self.sockets))

    async def _event(self, event: str, sid: str, *arguments: object) -> object:
        request_id = new_request_id()
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
            caller=socket.caller,
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
        await self.tell(sid, SessionEnded(reason=reason))
        self.server.kick(sid)

    async def finish(self, seconds: float) -> None:
        """Answer what is under way, for at most `seconds`, begin nothing more, and close every connection."""
        await self.server.finish(seconds)
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


def bare_server(**options: Any) -> tuple[PacketServer, web.Application]:
    """This server as it is configured for us, but without our handlers and sign-in, for the protocols' own test suites.

    It takes binary parts, since the suites send some. What their application pushes while a socket connects comes a moment
    after the answer: their client loses the second of two messages that come in one go (seen with ws 8.23). Returns it with
    an application that has it at /socket.io/.
    """
    server = PacketServer(**{"binary_parts_max": 10, "pause_seconds": SUITES_PAUSE_SECONDS} | options)
    application = web.Application()
    server.attach(application)
    return server, application
