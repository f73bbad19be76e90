"""Engine.IO connections, our own in the place of python-engineio's: bounded, closed when they must be, and cheap.

python-engineio 4.15 holds what a slow reader does not read without a bound, keeps a connection open after what is no packet,
tells of its end only at the next ping timeout, takes whole seconds only, and has three tasks per connection. Here a packet is
written at once where the reader keeps up; only where it does not is there a queue, and a task that empties it.
tests/test_engine.py and tests/test_protocol.py watch all of it.
"""

import asyncio
import base64
import binascii
import struct
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any

import engineio
import structlog
from aiohttp import WSMsgType, web
from engineio import exceptions, packet

log = structlog.get_logger()

WAITING_PACKETS_MAX = 1_000
WAITING_BYTES_MAX = 1_000_000
PACKET_BYTES = 100  # what keeping a packet takes besides its own bytes
WRITING_BYTES_MAX = 64 * 1024  # on their way to the system; more waits here
CLOSE_SECONDS_MAX = 2.0  # for the client to read what was sent, and to say that it closes too
UPGRADE_SECONDS_MAX = 10.0
PACKETS_A_POLL_MAX = 10_000  # a body's size is bounded already

TEXT, BINARY, END = int(WSMsgType.TEXT), int(WSMsgType.BINARY), int(WSMsgType.CLOSE)
NORMAL_CLOSURE, SERVICE_RESTART = 1000, 1012  # why a WebSocket is closed (RFC 6455, 7.4.1, and IANA's list)
OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
SEPARATOR = "\x1e"  # of a poll's packets
TOO_MANY_HEADERS = [("Content-Type", "application/json"), ("Retry-After", "10")]
STOPPING = {
    "status": "503 SERVICE UNAVAILABLE",
    "headers": [("Content-Type", "text/plain"), ("Retry-After", "1"), ("Connection", "close")],
    "response": b"This server stops. Connect again.",
}

Heard = Callable[["EngineSocket", str | bytes], Awaitable[None] | None]


class BadPacket(exceptions.EngineIOError):  # type: ignore[misc]  # python-engineio has no types
    """What came is no packet; the connection ends."""


class EngineSocket:
    """One connection. What python-engineio's server asks of its sockets is here by the same names."""

    __slots__ = (
        "__weakref__", "_code", "_ending", "_flushing", "_ping_timer", "_polling", "_ponged", "_read_out", "_reading",
        "_transport", "_waiting", "_websocket", "address", "closed", "closing", "connected", "deadline", "held_back", "request",
        "server", "sid", "under_way", "upgraded", "upgrading", "waiting_bytes",
    )  # fmt: skip

    def __init__(self, server: "EngineServer", sid: str, request: web.Request, address: str) -> None:
        self.server = server
        self.sid = sid
        self.request: web.Request | None = request
        self.address = address
        self.connected = self.upgrading = self.upgraded = self.closing = self.closed = False
        self.deadline: asyncio.TimerHandle | None = None  # by which something is to happen; cancelled with the socket
        self.under_way = 0  # of this socket's messages, those that are being worked on
        self.held_back: asyncio.Future[None] | None = None  # nothing more is read until it is done
        self._websocket: web.WebSocketResponse | None = None
        self._transport: asyncio.Transport | None = None  # once packets go out by WebSocket
        self._waiting: deque[tuple[bytes, int]] | None = None
        self.waiting_bytes = 0
        self._flushing: asyncio.Task[None] | None = None
        self._polling: asyncio.Future[None] | None = None
        self._ping_timer: asyncio.TimerHandle | None = None
        self._ponged = True
        self._reading = False
        self._read_out: asyncio.Future[None] | None = None  # done once the reader has come to the end
        self._code = NORMAL_CLOSURE
        self._ending: asyncio.Task[None] | None = None

    # To the client

    def put(self, data: bytes, opcode: int = TEXT) -> None:
        """Send an Engine.IO packet, at once or when the reader gets to it. A reader that is too far behind is cut off."""
        transport = self._transport
        if transport is not None and self._flushing is None and transport.get_write_buffer_size() < WRITING_BYTES_MAX:
            if not self.closed and not transport.is_closing():
                transport.write(framed(data, opcode))
            return
        if self.closed:
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((data, opcode))
        self.waiting_bytes += len(data) + PACKET_BYTES
        if len(self._waiting) > WAITING_PACKETS_MAX or self.waiting_bytes > WAITING_BYTES_MAX:
            log.info("socket.too_slow", packets=len(self._waiting), bytes=self.waiting_bytes)
            self.end(self.server.reason.TRANSPORT_ERROR, at_once=True)
        elif transport is not None:
            self._flush()
        elif self._polling is not None and not self._polling.done():
            self._polling.set_result(None)

    async def send(self, sent: packet.Packet) -> None:
        encoded = sent.encode()
        self.put(*((encoded.encode(), TEXT) if isinstance(encoded, str) else (bytes(encoded), BINARY)))

    def _flush(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._empty())

    async def _empty(self) -> None:
        assert self._websocket is not None, "a poll takes what waits by itself"
        try:
            while self._waiting:
                data, opcode = self._waiting.popleft()
                self.waiting_bytes -= len(data) + PACKET_BYTES
                await self._websocket.send_frame(data, WSMsgType(opcode))  # waits where the transport is full
        except ConnectionError:
            pass  # the reader hears of it too
        finally:
            self._flushing = self._waiting = None
            self.waiting_bytes = 0

    def _take_waiting(self) -> list[packet.Packet]:
        """What waits, for a poll."""
        taken = []
        for data, opcode in self._waiting or ():
            one = packet.Packet(packet.MESSAGE)
            one.encode_cache = data.decode() if opcode == TEXT else "b" + base64.b64encode(data).decode()
            taken.append(one)
        self._waiting, self.waiting_bytes = None, 0
        return taken

    # From the client

    async def handle_get_request(self, environ: dict[str, Any]) -> Any:
        """A poll, or the upgrade from polling to a WebSocket."""
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            return await self.serve_websocket(environ["aiohttp.request"])
        if self.upgrading or self.upgraded:
            return [packet.Packet(packet.NOOP)]
        if self._polling is not None:
            self.end(self.server.reason.TRANSPORT_ERROR)
            raise BadPacket("two polls at once")
        return await self.poll()

    async def poll(self) -> Any:
        """The packets that wait, as soon as there is one."""
        if not self._waiting and not self.closed:
            self._polling = asyncio.get_running_loop().create_future()
            try:
                await self._polling
            finally:
                self._polling = None
        if not self._waiting and self._code == SERVICE_RESTART:
            return STOPPING
        return self._take_waiting() if not self.upgrading else [packet.Packet(packet.NOOP)]

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        length = environ.get("CONTENT_LENGTH", "")
        if not length.isdecimal() or int(length) > self.server.max_http_buffer_size:
            raise exceptions.ContentTooLongError
        try:
            packets = (await environ["wsgi.input"].read(int(length))).decode().split(SEPARATOR)
        except UnicodeDecodeError:
            raise BadPacket("not UTF-8") from None
        if len(packets) > PACKETS_A_POLL_MAX:
            raise BadPacket("too many packets")
        for data in packets:
            try:
                read = base64.b64decode(data[1:], validate=True) if data.startswith("b") else data
            except binascii.Error:
                raise BadPacket("not base64") from None
            waiting = self._hear(read)
            if waiting is not None:
                await waiting
            if self.closed:
                return

    async def serve_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Read until the connection ends. No compression: its buffers would be 120 KB a connection."""
        websocket = web.WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size,
            compress=False,
            writer_limit=0,
            timeout=CLOSE_SECONDS_MAX,
            autoclose=False,  # we do that
        )
        await websocket.prepare(request)
        reason = self.server.reason.TRANSPORT_CLOSE
        try:
            if self.connected and not await self._upgrade(websocket):
                return websocket
            if self.closed:  # meanwhile
                await websocket.close(code=self._code)
                return websocket
            self.request, self._websocket, self._transport = request, websocket, request.transport
            self.connected = self.upgraded = self._reading = True
            waiting, self._waiting, self.waiting_bytes = self._waiting, None, 0
            for data, opcode in waiting or ():
                self.put(data, opcode)
            await self._read(websocket)
        except BadPacket as error:
            log.info("socket.bad_packet", error=str(error))
            reason = self.server.reason.TRANSPORT_ERROR
            self.end(reason)
            await self._read(websocket)
        finally:
            if self._websocket is websocket:
                self._reading = False
                if self._read_out is not None and not self._read_out.done():
                    self._read_out.set_result(None)
                self.end(reason)
                await self.ended()
        return websocket

    async def _read(self, websocket: web.WebSocketResponse) -> None:
        """Hear what comes, until the connection ends. Raises BadPacket.

        Once we have closed it, only the client's word that it closes too is waited for: if we hung up with something unread,
        the system would tell the client so at once, and throw away what we had sent.
        """
        async for message in websocket:
            if message.type is not WSMsgType.TEXT and message.type is not WSMsgType.BINARY:
                return
            if not self.closed:
                waiting = self._hear(message.data)
                if waiting is not None:
                    await waiting

    async def _upgrade(self, websocket: web.WebSocketResponse) -> bool:
        """Change over from polling: probe, answer, upgrade. Whether that came to be; else polling goes on."""
        if self.upgrading or self.upgraded:
            return False  # two that came at once
        self.upgrading = True
        try:
            async with asyncio.timeout(UPGRADE_SECONDS_MAX):
                if (await websocket.receive()).data != PING + "probe":
                    return False
                await websocket.send_str(PONG + "probe")
                if self._polling is not None and not self._polling.done():
                    self._polling.set_result(None)
                return (await websocket.receive()).data == UPGRADE and not self.closed
        except TimeoutError:
            return False
        finally:
            self.upgrading = False

    def _hear(self, data: str | bytes) -> Awaitable[None] | None:
        """Take one packet; what to wait for before the next. Raises BadPacket."""
        if isinstance(data, bytes):
            return self.server.hear(self, data)
        kind = data[:1]
        if kind == MESSAGE:
            return self.server.hear(self, data[1:])
        if kind == PONG:
            self._pong()
        elif data == CLOSE:
            self.end(self.server.reason.CLIENT_DISCONNECT)
        elif data not in (UPGRADE, NOOP):
            raise BadPacket(f"no Engine.IO packet of a client: {data[:20]!r}")
        return None

    # Whether it is still there

    def start_pings(self) -> None:
        self._set_timer(self.server.ping_interval, self._ping)

    def _set_timer(self, seconds: float, then: Callable[[], None]) -> None:
        self._ping_timer = asyncio.get_running_loop().call_later(seconds, then)

    def _ping(self) -> None:
        self._ponged = False
        self.put(PING.encode())
        if not self.closed:
            self._set_timer(self.server.ping_timeout, self._unanswered)

    def _pong(self) -> None:
        if not self._ponged and self._ping_timer is not None:
            self._ponged = True
            self._ping_timer.cancel()
            self.start_pings()

    def _unanswered(self) -> None:
        if self.held_back is not None:  # its answer may be among what we have not read
            self._set_timer(self.server.ping_timeout, self._unanswered)
        else:
            self.end(self.server.reason.PING_TIMEOUT)

    # Its end

    def quiet(self) -> bool:
        """Whether nothing of what it asked is being worked on, and it has the answers, or at least is being sent them."""
        return self.under_way == 0 and (self.upgraded or not self._waiting)

    def end(self, reason: str, *, at_once: bool = False, code: int = NORMAL_CLOSURE) -> None:
        """Close the connection whether or not the client does its part; `disconnect` fires now. `code`: of the WebSocket.

        What has been sent goes out first, within CLOSE_SECONDS_MAX; `at_once`: it is dropped.
        """
        if self.closed:
            return
        self.closed = self.closing = True
        self._code = code
        for timer in (self._ping_timer, self.deadline):
            if timer is not None:
                timer.cancel()
        self.server.forget(self)
        if self._polling is not None and not self._polling.done():
            if code != SERVICE_RESTART:  # after a CLOSE, some clients do not come back by themselves
                last = NOOP if reason == self.server.reason.CLIENT_DISCONNECT else CLOSE
                self._waiting = self._waiting or deque()
                self._waiting.append((last.encode(), TEXT))
            self._polling.set_result(None)
        if at_once:
            self._abort()
        self._ending = asyncio.create_task(self._end(reason))

    async def _end(self, reason: str) -> None:
        await asyncio.gather(self._hang_up(), self.server._trigger_event("disconnect", self.sid, reason, run_async=False))

    async def _hang_up(self) -> None:
        if self._websocket is None or self._transport is None:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                if self._flushing is not None:
                    await asyncio.shield(self._flushing)
                if not self._websocket.closed and not self._transport.is_closing():
                    self._transport.write(framed(struct.pack("!H", self._code), END))
                    if self._reading:
                        self._read_out = asyncio.get_running_loop().create_future()
                        await self._read_out
        except (TimeoutError, ConnectionError, RuntimeError):
            pass
        finally:
            self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        if self._flushing is not None:
            self._flushing.cancel()

    async def ended(self) -> None:
        """Return once the connection is gone and all has been told of it."""
        if self._ending is not None:
            await asyncio.shield(self._ending)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        self.end(reason or self.server.reason.SERVER_DISCONNECT, at_once=abort)
        if wait:
            await self.ended()


def framed(data: bytes, opcode: int) -> bytes:
    """A whole and unmasked WebSocket frame (RFC 6455, 5.2)."""
    length = len(data)
    if length < 126:
        return bytes((0x80 | opcode, length)) + data
    if length < 65_536:
        return struct.pack("!BBH", 0x80 | opcode, 126, length) + data
    return struct.pack("!BBQ", 0x80 | opcode, 127, length) + data


class EngineServer(engineio.AsyncServer):  # type: ignore[misc]  # python-engineio has no types
    """python-engineio's server with our sockets. `hear` takes their messages; `refuse` may turn a request away."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "monitor_clients": False})  # every socket has its own timer
        self.hear: Heard = lambda socket, data: None
        self.address_of: Callable[[web.Request], str] = lambda request: request.remote or ""
        self.sockets_per_address_max: int | None = None
        self.too_many: bytes = b"Too many connections"
        self.stopping = False
        self.by_address: Counter[str] = Counter()

    def forget(self, socket: EngineSocket) -> None:
        self.sockets.pop(socket.sid, None)
        self.by_address[socket.address] -= 1
        if self.by_address[socket.address] <= 0:
            del self.by_address[socket.address]

    async def handle_request(self, request: web.Request) -> Any:
        """Any request below our path: polls, posts and WebSockets."""
        if "transport" not in request.query:
            return web.Response(status=400, text="Invalid transport")
        socket = self.sockets.get(request.query.get("sid", ""))
        wants_websocket = request.headers.get("Upgrade", "").lower() == "websocket"
        if socket is not None and wants_websocket and (socket.upgrading or socket.upgraded):
            # A second one for the same session: the protocol has it opened and closed, not refused.
            second = web.WebSocketResponse(compress=False, timeout=CLOSE_SECONDS_MAX)
            await second.prepare(request)
            await second.close()
            return second
        return await super().handle_request(request)

    def _ok(self, packets: list[packet.Packet] | None = None, headers: Any = None, jsonp_index: Any = None) -> dict[str, Any]:
        answer: dict[str, Any] = super()._ok(packets, headers, jsonp_index)
        return answer if packets is not None else answer | {"response": b"ok"}

    async def _handle_connect(self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None) -> Any:
        if self.stopping:
            return STOPPING
        request: web.Request = environ["aiohttp.request"]
        address = self.address_of(request)
        if self.sockets_per_address_max is not None and self.by_address[address] >= self.sockets_per_address_max:
            return {"status": "429 TOO MANY REQUESTS", "headers": TOO_MANY_HEADERS, "response": self.too_many}
        socket = EngineSocket(self, self.generate_id(), request, address)
        self.sockets[socket.sid] = socket
        self.by_address[address] += 1
        opened = {
            "sid": socket.sid,
            "upgrades": self._upgrades(socket.sid, transport),
            "pingTimeout": int(self.ping_timeout * 1000),
            "pingInterval": int((self.ping_interval + self.ping_interval_grace_period) * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        socket.put(packet.Packet(packet.OPEN, opened).encode().encode())
        await self._trigger_event("connect", socket.sid, environ, run_async=False)
        socket.start_pings()
        if transport == "websocket":
            try:
                return await socket.serve_websocket(request)
            finally:  # where it never came to be one
                socket.end(self.reason.TRANSPORT_ERROR, at_once=True)
        socket.connected = True
        return self._ok(await socket.poll())
