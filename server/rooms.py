"""Who is in which room, and one push to all of them. python-socketio makes a task for each recipient, and waits for them all:
while many people talk, one push after the other then takes so long that pushes fall seconds behind.
"""

from typing import Any

import socketio
from engineio import packet as engine
from socketio import packet

EARLY_MAX = 1_000


class Rooms(socketio.AsyncManager):  # type: ignore[misc]  # python-socketio has no types
    """A socket is in its rooms before it is told that it is connected, so that it misses nothing; meanwhile its pushes wait."""

    def __init__(self) -> None:
        super().__init__()
        self._early: dict[str, list[engine.Packet]] = {}  # by Engine.IO socket, until its CONNECT has been answered

    async def pre_connect(self, eio_sid: str, namespace: str) -> str:
        self._early[eio_sid] = []
        return str(await super().pre_connect(eio_sid, namespace))

    async def connect(self, sid: str, namespace: str) -> None:
        await super().connect(sid, namespace)
        eio_sid = self.eio_sid_from_sid(sid, namespace)
        for early in self._early.pop(eio_sid, ()):
            await self.server._send_eio_packet(eio_sid, early)

    async def disconnect(self, sid: str, namespace: str, **more: Any) -> None:
        self._early.pop(self.eio_sid_from_sid(sid, namespace), None)
        await super().disconnect(sid, namespace, **more)

    async def emit(self, event: str, data: Any, namespace: str, room: Any = None, **more: Any) -> None:
        """Put the push on the queue of every socket in `room` (or rooms), which takes no waiting."""
        if namespace not in self.rooms:
            return
        assert not more.get("callback"), "nobody is asked to acknowledge a push"
        encoded = self.server.packet_class(packet.EVENT, namespace=namespace, data=[event, data]).encode()
        push = engine.Packet(engine.MESSAGE, encoded)
        for _, eio_sid in list(self.get_participants(namespace, more.get("to") or room)):
            early = self._early.get(eio_sid)
            if early is None:
                await self.server._send_eio_packet(eio_sid, push)
            elif len(early) < EARLY_MAX:
                early.append(push)
            else:
                await self.server.cut_off(eio_sid)
