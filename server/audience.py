"""Who is here to be told: this process's sockets by room, and what each room is told, in order.

A room has a channel on the bus while it has members, and puts the entries of each conversation in order of `seq`.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import msgspec
import structlog

from server.sequencer import Sequencer
from server.sockets import LiveSocket, SocketDoor
from storage.bus import Bus

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Push:
    """What is to be said to some rooms. Entries have a place in their conversation's order."""

    event: str
    body: msgspec.Raw
    rooms: tuple[str, ...]
    place: tuple[UUID, int] | None = None


@dataclass(slots=True)
class Room:
    members: set[str] = field(default_factory=set)  # socket ids
    sequencer: Sequencer = field(default_factory=Sequencer)


class Audience:
    def __init__(self, door: SocketDoor, bus: Bus) -> None:
        self._door = door
        self._bus = bus
        self._rooms: dict[str, Room] = {}
        self._due: deque[tuple[str, Push]] = deque()
        self._wake = asyncio.Event()
        door.arrived.append(self._arrived)
        door.left.append(self._left)

    def people(self) -> list[UUID]:
        """Everyone who has a socket here."""
        return [UUID(name.removeprefix("user:")) for name in self._rooms if name.startswith("user:")]

    async def watch(self, socket_id: str, user_ids: Iterable[UUID]) -> None:
        """From now on the socket is told of these people's presence, and of no others'."""
        socket = self._door.sockets.get(socket_id)
        if socket is not None:
            wanted = {f"here:{user_id}" for user_id in user_ids}
            watched = {room for room in socket.rooms if room.startswith("here:")}
            await self._leave(socket, watched - wanted)
            await self._enter(socket, wanted - watched)

    def deliver(self, push: Push) -> None:
        """Tell those rooms of the push that have members here; an entry when it is its turn in the room."""
        for name in push.rooms:
            room = self._rooms.get(name)
            if room is not None and push.place is None:
                self._emit(name, push)
            elif room is not None and push.place is not None:
                room.sequencer.take(*push.place, partial(self._emit, name, push))

    def _emit(self, room: str, push: Push) -> None:
        self._due.append((room, push))
        self._wake.set()

    async def run(self) -> None:
        """Emit one push after the other, so that they stay in order, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                room, push = self._due.popleft()
                if room in self._rooms:
                    try:
                        await self._door.server.emit(push.event, push.body, room=room)
                    except Exception:
                        log.exception("audience.bug", push=push.event)

    async def _arrived(self, socket: LiveSocket) -> None:
        await self._enter(socket, [f"user:{socket.user_id}"])

    async def _left(self, socket: LiveSocket) -> None:
        for room in socket.rooms:
            await self._forget(room, socket.id)

    async def _enter(self, socket: LiveSocket, rooms: Iterable[str]) -> None:
        names = list(rooms)
        for name in names:
            self._rooms.setdefault(name, Room()).members.add(socket.id)
        # At once: one after the other, a Redis that is slow would be waited for as many times.
        try:
            await asyncio.gather(*(self._bus.want(name) for name in names))
        except BaseException:
            for name in names:
                await self._forget(name, socket.id)
            raise
        for name in names:
            await self._door.enter(socket.id, [name])
            if socket.id not in self._door.sockets:  # it went away meanwhile, and `_left` did not know of this room
                await self._forget(name, socket.id)

    async def _leave(self, socket: LiveSocket, rooms: Iterable[str]) -> None:
        for name in rooms:
            await self._door.leave(socket.id, [name])
            await self._forget(name, socket.id)

    async def _forget(self, name: str, socket_id: str) -> None:
        room = self._rooms.get(name)
        if room is not None:
            room.members.discard(socket_id)
            if not room.members:
                del self._rooms[name]
                await self._bus.want_no_more(name)
