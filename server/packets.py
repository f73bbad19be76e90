"""Socket.IO packets as they come over the wire: every event gets an answer, and what is no packet ends the connection.

python-socketio 5.18 leaves an event unanswered when its JSON cannot be read or its name is 'connect', takes one that is named
'disconnect' for a disconnection, waits for as many binary parts, held in memory, as an event announces, keeps a connection open
that never asks for a namespace, and says nothing useful to who asks for another namespace, or for the same one twice.
tests/test_bad_events.py and tests/test_protocol.py watch each of these, since what is overridden is not its public interface.
"""

import asyncio
import re
import time
from collections.abc import Awaitable
from typing import Any

import msgspec
import socketio
import structlog
from socketio import packet

from handlers.dispatch import new_request_id, refusal
from matching.refusals import InvalidRequest
from server.engine import BINARY, SERVICE_RESTART, TEXT, EngineServer, EngineSocket
from server.rooms import Rooms

log = structlog.get_logger()

CONNECT_SECONDS_MAX = 8.0  # from the connection, or from leaving the last namespace, until it is connected
UNDER_WAY_MAX = 100  # events of one connection at once; further ones are not read until one has been answered

# What decoding a packet raises for bytes that somebody made up.
UNREADABLE = (msgspec.DecodeError, ValueError, LookupError, TypeError, AttributeError, RecursionError)

# An event that asks for an acknowledgement: 2<number>…, or with binary parts, 5<how many>-<number>…
ASKS = re.compile(r"(?:2|5\d{1,9}-)(\d{1,15})(?!\d)")
NUMBER_DIGITS_MAX = 15
QUIET_LOOK_SECONDS = 0.01
ROLL_BACK_SECONDS_MAX = 2.0


class Json:
    """What python-socketio encodes with: msgspec, which takes our shapes, ids and times as they are."""

    JSONDecodeError = msgspec.DecodeError

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: Any) -> Any:
        return msgspec.json.decode(text)


class PacketServer(socketio.AsyncServer):  # type: ignore[misc]  # python-socketio has no types
    """python-socketio's server, stricter about packets. All events of a namespace go to its handler of '*'.

    `binary_parts_max`: of an event; none are taken where it is 0. `options`: python-socketio's and python-engineio's.
    """

    def __init__(
        self,
        *,
        binary_parts_max: int = 0,
        connect_seconds_max: float = CONNECT_SECONDS_MAX,
        unknown_namespace: object = None,
        pause_seconds: float = 0.0,
        **options: Any,
    ) -> None:
        options |= {"async_mode": "aiohttp", "json": Json, "http_compression": False, "cookie": None}
        super().__init__(client_manager=Rooms(pause_seconds), **options)
        self._binary_parts_max = binary_parts_max
        self._connect_seconds_max = connect_seconds_max
        self._unknown_namespace = unknown_namespace or {"message": "Invalid namespace"}
        self._under_way: set[asyncio.Task[None]] = set()
        self.eio.hear = self.hear

    def _engineio_server_class(self) -> type[EngineServer]:
        return EngineServer

    # From the client

    def hear(self, socket: EngineSocket, data: str | bytes) -> Awaitable[None] | None:
        """Take one packet; what to wait for before the next is read. An event of '/' takes the short way."""
        if self.eio.stopping:
            return None  # it is cut off, unanswered: whoever sent it asks again, with its key, where it connects next
        if isinstance(data, str) and data[:1] == "2":
            begin = data.find("[", 1)
            number = data[1:begin]
            if begin == 1 or (begin > 1 and len(number) <= NUMBER_DIGITS_MAX and number.isascii() and number.isdecimal()):
                try:
                    event = msgspec.json.decode(data[begin:])
                    name = event[0]
                except UNREADABLE:
                    return self._handle_eio_message(socket.sid, data)  # which knows how to refuse it
                if isinstance(name, str):
                    sid = self.manager.sid_from_eio_sid(socket.sid, "/")
                    return self._begin(socket, sid, "/", int(number) if number else None, event)
        return self._handle_eio_message(socket.sid, data)

    def _begin(
        self, socket: EngineSocket, sid: str | None, namespace: str, number: int | None, event: list[Any]
    ) -> Awaitable[None] | None:
        if sid is None or not self.manager.is_connected(sid, namespace):
            return None
        socket.under_way += 1
        self._under_way.add(asyncio.create_task(self._answer(socket, sid, namespace, number, event)))
        if socket.under_way < UNDER_WAY_MAX:
            return None
        socket.held_back = asyncio.get_running_loop().create_future()
        return socket.held_back

    async def _answer(self, socket: EngineSocket, sid: str, namespace: str, number: int | None, event: list[Any]) -> None:
        try:
            answer = await self.handlers[namespace]["*"](event[0], sid, *event[1:])
            if number is not None:
                for data in self._encoded(packet.ACK, namespace, number, answer if isinstance(answer, tuple) else (answer,)):
                    socket.put(*data)
        except Exception:
            log.exception("socket.bug")
        finally:
            socket.under_way -= 1
            if socket.held_back is not None:
                if not socket.held_back.done():
                    socket.held_back.set_result(None)
                socket.held_back = None
            task = asyncio.current_task()
            assert task is not None, "this runs in a task of its own"
            self._under_way.discard(task)

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        try:
            if self._binary_parts_max == 0:
                if isinstance(data, bytes):
                    return  # a part of a binary event, which has been refused
                if data[:1] in ("5", "6"):
                    raise InvalidRequest("An event has no binary part.")
            elif isinstance(data, bytes) and eio_sid not in self._binary_packet:
                raise ValueError("a binary part of nothing")
            await super()._handle_eio_message(eio_sid, data)
            waiting = self._binary_packet.get(eio_sid)
            if waiting is not None and not 0 < waiting.attachment_count <= self._binary_parts_max:
                raise ValueError("too many binary parts, or none")
        except InvalidRequest as no:
            self._refuse(eio_sid, str(data), no)
        except UNREADABLE as error:
            log.info("socket.bad_packet", error=repr(error)[:200])
            self._binary_packet.pop(eio_sid, None)
            if not self._refuse(eio_sid, str(data), InvalidRequest("The event cannot be read.")):
                self.cut_off(eio_sid)

    async def _handle_event(self, eio_sid: str, namespace: str | None, number: int | None, data: Any) -> None:
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            raise ValueError("an event is an array that begins with its name")
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            where = namespace or "/"
            waiting = self._begin(socket, self.manager.sid_from_eio_sid(eio_sid, where), where, number, data)
            if waiting is not None:
                await waiting

    def _refuse(self, eio_sid: str, data: str, no: InvalidRequest) -> bool:
        """Acknowledge an event that could not be read; whether it was one, of somebody signed in, who asked for that."""
        asks = ASKS.match(data)
        if asks is None or self.manager.sid_from_eio_sid(eio_sid, "/") is None:
            return False
        for sent in self._encoded(packet.ACK, "/", int(asks[1]), (refusal(no, new_request_id()).body,)):
            self.put(eio_sid, *sent)
        return True

    # Coming and going

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        # Only the request is kept: all of the environment, for as long as the connection, would be 3 KB more
        await super()._handle_eio_connect(eio_sid, {"aiohttp.request": environ["aiohttp.request"]})
        self._expect_connect(eio_sid)

    def _expect_connect(self, eio_sid: str) -> None:
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            if socket.deadline is not None:
                socket.deadline.cancel()
            loop = asyncio.get_running_loop()
            socket.deadline = loop.call_later(self._connect_seconds_max, self.cut_off, eio_sid)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        where = namespace or "/"
        socket = self.eio.sockets[eio_sid]
        if where not in self.handlers:
            refused = self.packet_class(packet.CONNECT_ERROR, data=self._unknown_namespace, namespace=where)
            await self._send_packet(eio_sid, refused)
        elif self.manager.sid_from_eio_sid(eio_sid, where) is not None:
            self.cut_off(eio_sid)  # it is connected; python-socketio would make it deaf
        else:
            await super()._handle_connect(eio_sid, where, data)
            if socket.closed:  # meanwhile
                await self._handle_disconnect(eio_sid, where, self.reason.TRANSPORT_CLOSE)
            elif socket.deadline is not None and self.manager.sid_from_eio_sid(eio_sid, where) is not None:
                socket.deadline.cancel()  # one that is refused has not connected

    async def _handle_disconnect(self, eio_sid: str, namespace: str | None, reason: str | None = None) -> None:
        connected = bool(self.manager.namespaces_of(eio_sid))
        await super()._handle_disconnect(eio_sid, namespace, reason)
        if connected and not self.manager.namespaces_of(eio_sid):
            self._expect_connect(eio_sid)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._binary_packet.pop(eio_sid, None)
        for namespace in self.manager.namespaces_of(eio_sid):
            await self._handle_disconnect(eio_sid, namespace, reason)
        self.environ.pop(eio_sid, None)

    def kick(self, sid: str, namespace: str = "/") -> None:
        """Disconnect the socket once it has what it was sent, and close its connection, whether or not it does its part."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace)
        if eio_sid is not None:
            for sent in self._encoded(packet.DISCONNECT, namespace, None, None):
                self.put(eio_sid, *sent)
            self.cut_off(eio_sid, self.reason.SERVER_DISCONNECT)

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        self.kick(sid, namespace or "/")

    def cut_off(self, eio_sid: str, reason: str | None = None) -> None:
        """Close the connection, whether or not the client does its part."""
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            socket.end(reason or self.reason.TRANSPORT_ERROR)

    async def finish(self, seconds: float) -> None:
        """Begin nothing more, and close each connection once what it has asked for is answered, with 1012, service restart.

        Never by a Socket.IO DISCONNECT, after which clients would not come back by themselves. What is still under way after
        `seconds` is cancelled, unanswered: its transaction is rolled back.
        """
        self.eio.stopping = True
        late_at = time.monotonic() + seconds
        ending: dict[EngineSocket, None] = {}
        while self._under_way or self.eio.sockets:
            late = time.monotonic() >= late_at
            if late and self._under_way:
                log.warning("socket.cancelled", events=len(self._under_way))
                for task in self._under_way:
                    task.cancel()
                await asyncio.wait(self._under_way, timeout=ROLL_BACK_SECONDS_MAX)
                self._under_way.clear()
            for socket in list(self.eio.sockets.values()):
                if late or socket.quiet():
                    socket.end(self.reason.SERVER_DISCONNECT, code=SERVICE_RESTART)
                    ending[socket] = None
            await asyncio.sleep(QUIET_LOOK_SECONDS)
        await asyncio.gather(*(socket.ended() for socket in ending), return_exceptions=True)

    # To the client

    def put(self, eio_sid: str, data: bytes, opcode: int = TEXT) -> None:
        """Send an Engine.IO packet to this connection, if it is still there."""
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            socket.put(data, opcode)

    def event(self, name: str, data: Any, namespace: str) -> list[tuple[bytes, int]]:
        """The Engine.IO packets, with their opcodes, of an event; a tuple is several arguments."""
        arguments = data if isinstance(data, tuple) else () if data is None else (data,)
        return self._encoded(packet.EVENT, namespace, None, (name, *arguments))

    def _encoded(self, kind: int, namespace: str, number: int | None, data: tuple[Any, ...] | None) -> list[tuple[bytes, int]]:
        if self._binary_parts_max == 0:
            where = "" if namespace == "/" else f"{namespace},"
            head = f"4{kind}{where}{'' if number is None else number}"
            return [(head.encode() + (b"" if data is None else msgspec.json.encode(data)), TEXT)]
        encoded = self.packet_class(kind, None if data is None else list(data), namespace, number).encode()
        text, *parts = encoded if isinstance(encoded, list) else [encoded]
        return [(b"4" + text.encode(), TEXT), *((part, BINARY) for part in parts)]

    async def _send_packet(self, eio_sid: str, sent: packet.Packet) -> None:
        self.put(eio_sid, b"4" + sent.encode().encode())  # CONNECT and the like: never with binary parts
