"""Who is in which room, and one push to all of them. python-socketio makes a task for each recipient, and waits for them all:
while many people talk, one push after the other then takes so long that pushes fall seconds behind.
"""

from typing import Any

import socketio
from engineio import packet as engine
from socketio import packet


class Rooms(socketio.AsyncManager):  # type: ignore[misc]  # python-socketio has no types
    async def emit(self, event: str, data: Any, namespace: str, room: Any = None, **more: Any) -> None:
        """Put the push on the queue of every socket in `room` (or rooms), which takes no waiting."""
        if namespace not in self.rooms:
            return
        assert not more.get("callback"), "nobody is asked to acknowledge a push"
        encoded = self.server.packet_class(packet.EVENT, namespace=namespace, data=[event, data]).encode()
        for _, eio_sid in self.get_participants(namespace, more.get("to") or room):
            await self.server._send_eio_packet(eio_sid, engine.Packet(engine.MESSAGE, encoded))
