"""Socket.IO packets as they come over the wire: every event gets an answer, and what is no packet ends the connection.

python-socketio 5.18 leaves an event unanswered when its JSON cannot be read or its name is 'connect', takes one that is named
'disconnect' for a disconnection, waits for as many binary parts, held in memory, as an event announces, and says nothing useful
to who asks for another namespace, or for the same one twice.
tests/test_bad_events.py watches each of these, since what is overridden here is not its public interface.
"""

import contextlib
import re
from typing import Any
from uuid import uuid4

import engineio.payload
import msgspec
import socketio
import structlog
from socketio import packet

from handlers.dispatch import refusal
from matching.refusals import InvalidRequest, NotFound

log = structlog.get_logger()

# What decoding a packet raises for bytes that somebody made up.
UNREADABLE = (msgspec.DecodeError, ValueError, LookupError, TypeError, AttributeError, RecursionError)

# An event that asks for an acknowledgement: 2<number>…, or with binary parts, 5<how many>-<number>…
ASKS = re.compile(r"(?:2|5\d{1,9}-)(\d{1,15})(?!\d)")


# A client that polls sends all that has gathered in one body. Its size is bounded already; python-engineio would drop every
# packet of a body with more than 16, and say that all is well.
PACKETS_A_POLL_MAX = 10_000
engineio.payload.Payload.max_decode_packets = PACKETS_A_POLL_MAX


class PacketServer(socketio.AsyncServer):  # type: ignore[misc]  # python-socketio has no types
    """python-socketio's server, stricter about packets. All events go to the handler of '*'."""

    async def _handle_eio_message(self, eio_sid: str, data: object) -> None:
        if isinstance(data, bytes):
            return  # a part of a binary event, which has been refused
        try:
            if isinstance(data, str) and data[:1] in ("5", "6"):
                raise InvalidRequest("An event has no binary part.")
            await super()._handle_eio_message(eio_sid, data)
        except InvalidRequest as no:
            await self._refuse(eio_sid, str(data), no)
        except UNREADABLE as error:
            log.info("socket.bad_packet", error=repr(error)[:200])
            if not await self._refuse(eio_sid, str(data), InvalidRequest("The event cannot be read.")):
                await self.cut_off(eio_sid)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        if (namespace or "/") != "/":
            no = NotFound("There is one namespace here, '/'.")
            refused = {"message": no.message, "data": {"code": no.code}}
            await self._send_packet(eio_sid, self.packet_class(packet.CONNECT_ERROR, data=refused, namespace=namespace))
        elif self.manager.sid_from_eio_sid(eio_sid, "/") is not None:
            await self.cut_off(eio_sid)  # it is connected; python-socketio would make it deaf
        else:
            await super()._handle_connect(eio_sid, namespace, data)

    async def _handle_event(self, eio_sid: str, namespace: str | None, number: int | None, data: Any) -> None:
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            raise ValueError("an event is an array that begins with its name")
        await super()._handle_event(eio_sid, namespace, number, data)

    async def _handle_event_internal(
        self, server: Any, sid: str, eio_sid: str, data: list[Any], namespace: str, number: int | None
    ) -> None:
        answer = await self.handlers[namespace]["*"](data[0], sid, *data[1:])
        if number is not None:
            await self._send_packet(eio_sid, self.packet_class(packet.ACK, namespace=namespace, id=number, data=[answer]))

    async def _refuse(self, eio_sid: str, data: str, no: InvalidRequest) -> bool:
        """Acknowledge an event that could not be read; whether it was one, of somebody signed in, who asked for that."""
        asks = ASKS.match(data)
        if asks is None or self.manager.sid_from_eio_sid(eio_sid, "/") is None:
            return False
        body = refusal(no, uuid4().hex).body
        await self._send_packet(eio_sid, self.packet_class(packet.ACK, namespace="/", id=int(asks[1]), data=[body]))
        return True

    async def cut_off(self, eio_sid: str) -> None:
        """Close the connection, whether or not the client does its part."""
        request = self.environ.get(eio_sid, {}).get("aiohttp.request")
        with contextlib.suppress(KeyError):  # it has gone by itself
            if self.eio.transport(eio_sid) == "websocket" and request is not None and request.transport is not None:
                request.transport.close()
            else:
                await self.eio.disconnect(eio_sid)
