"""The relay: from what has been committed to the sockets of its people, outside the path of the acknowledgement.

Local sockets are told directly, other processes through the bus. An entry's outbox row goes when both have happened; a row
that is left over, because a process died or Redis was away, is pushed again by whichever process finds it.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from prometheus_client import Counter

from handlers.app import Announcement, PushBody
from handlers.pushes import render_entry
from matching.refusals import Unavailable
from server.sequencer import Sequencer
from server.sockets import LiveSocket, SocketDoor
from storage.bus import Bus
from storage.database import Database
from storage.deals import load_deals
from storage.entries import Entry, entry_of
from storage.outbox import left_over, load_for_push, mark_pushed

log = structlog.get_logger()

PUSHED = Counter("swaploop_pushes_total", "Pushes by event and cause", ["event", "cause"])

WAITING_MAX = 20_000  # more is left to the outbox
BATCH = 200
LEFT_OVER_SECONDS = 1.0
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Push:
    """What is to be said to some rooms. Entries have a place in their conversation's order."""

    event: str
    body: msgspec.Raw
    rooms: tuple[str, ...]
    place: tuple[UUID, int] | None = None


class Wire(msgspec.Struct, array_like=True, frozen=True):
    """A push on the bus."""

    event: str
    body: msgspec.Raw
    place: tuple[UUID, int] | None


class Relay:
    """Implements `handlers.app.Live` over this process's sockets and the bus."""

    def __init__(self, database: Database, bus_url: str) -> None:
        self._database = database
        self.bus = Bus(bus_url, self._heard, self._gap)
        self._door: SocketDoor | None = None
        self._sequencer = Sequencer()
        self._announced: deque[Announcement] = deque()
        self._pushes: deque[Push] = deque()
        self._pushed: deque[tuple[UUID, int]] = deque()
        self._local: deque[Push] = deque()
        self._wake = asyncio.Event()
        self._wake_local = asyncio.Event()
        self._wake_marker = asyncio.Event()
        self._members: dict[str, set[str]] = {}  # room → socket ids; a room's channel is wanted while it has members

    def attach(self, door: SocketDoor) -> None:
        self._door = door
        door.arrived.append(self._arrived)
        door.left.append(self._left)

    @property
    def door(self) -> SocketDoor:
        assert self._door is not None, "attached when the server is put together"
        return self._door

    # What actions ask for (handlers.app.Live)

    def announce(self, announcements: Iterable[Announcement]) -> None:
        if len(self._announced) < WAITING_MAX:
            self._announced.extend(announcements)
            self._wake.set()

    def push(self, body: PushBody, people: Iterable[UUID]) -> None:
        self._enqueue(Push(body.event, _raw(body), tuple(f"user:{person}" for person in people)))

    def push_presence(self, user_id: UUID, body: PushBody) -> None:
        self._enqueue(Push(body.event, _raw(body), (f"here:{user_id}",)))

    async def watch(self, socket_id: str, user_ids: Iterable[UUID]) -> None:
        socket = self.door.sockets.get(socket_id)
        if socket is not None:
            wanted = {f"here:{user_id}" for user_id in user_ids}
            watched = {room for room in socket.rooms if room.startswith("here:")}
            await self._leave(socket, watched - wanted)
            await self._enter(socket, wanted - watched)

    def renew(self, socket_id: str, session_id: UUID, expires_at: datetime) -> None:
        socket = self.door.sockets.get(socket_id)
        if socket is not None:
            socket.session_id, socket.expires_at, socket.warned = session_id, expires_at, False

    # Rooms, and the channels that fill them from other processes

    async def _arrived(self, socket: LiveSocket) -> None:
        await self._enter(socket, [f"user:{socket.user_id}"])

    async def _left(self, socket: LiveSocket) -> None:
        for room in socket.rooms:
            await self._forget(room, socket.id)

    async def _enter(self, socket: LiveSocket, rooms: Iterable[str]) -> None:
        for room in rooms:
            members = self._members.setdefault(room, set())
            members.add(socket.id)
            if len(members) == 1:
                await self.bus.want(room)
            await self.door.enter(socket.id, [room])

    async def _leave(self, socket: LiveSocket, rooms: Iterable[str]) -> None:
        for room in rooms:
            await self.door.leave(socket.id, [room])
            await self._forget(room, socket.id)

    async def _forget(self, room: str, socket_id: str) -> None:
        members = self._members.get(room, set())
        members.discard(socket_id)
        if not members and self._members.pop(room, None) is not None:
            await self.bus.want_no_more(room)

    # From the queues to the sockets and the bus

    async def run(self) -> None:
        """Push what is announced, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._announced or self._pushes:
                try:
                    await self._push_some()
                except Unavailable:
                    log.warning("relay.put_off")  # the outbox has the entries
                except Exception:
                    log.exception("relay.bug")

    async def run_marker(self) -> None:
        """Take what has been pushed out of the outbox, in batches, until cancelled."""
        while True:
            await self._wake_marker.wait()
            self._wake_marker.clear()
            await asyncio.sleep(0.02)
            while self._pushed:
                batch = [self._pushed.popleft() for _ in range(min(len(self._pushed), 1000))]
                try:
                    async with self._database.connection() as tx:
                        await mark_pushed(tx, batch)
                except Unavailable:
                    log.warning("relay.not_marked", entries=len(batch))  # they are pushed once more, which is allowed
                except Exception:
                    log.exception("relay.bug")  # with this loop ended, all that is left over would be pushed for ever

    async def run_local(self) -> None:
        """Emit to this process's sockets one push after the other, so that they stay in order, until cancelled."""
        while True:
            await self._wake_local.wait()
            self._wake_local.clear()
            while self._local:
                push = self._local.popleft()
                rooms = [room for room in push.rooms if room in self._members]
                if rooms:
                    try:
                        await self.door.server.emit(push.event, push.body, room=rooms)
                    except Exception:
                        log.exception("relay.emit_bug", push=push.event)

    async def run_left_over(self) -> None:
        """Push again what nobody has said to have pushed, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.bus.hears:
                continue  # nobody else would hear it; it is not lost
            try:
                async with self._database.connection() as tx:
                    found = await left_over(tx, LEFT_OVER_SECONDS, BATCH)
                if found:
                    log.info("relay.left_over", entries=len(found))
                    await self._push_entries([Announcement(*place) for place in found], "left over")
            except Unavailable:
                log.warning("relay.left_over_put_off")
            except Exception:
                log.exception("relay.bug")

    async def _push_some(self) -> None:
        pushes = [self._pushes.popleft() for _ in range(min(len(self._pushes), BATCH))]
        for push in pushes:
            self._deliver(push)
        await self._publish(pushes)
        announced = [self._announced.popleft() for _ in range(min(len(self._announced), BATCH))]
        if announced:
            await self._push_entries(announced, "announced")

    async def _push_entries(self, announced: list[Announcement], cause: str) -> None:
        pushes = await self._render(announced)
        for push in pushes:
            PUSHED.labels(push.event, cause).inc()
            self._deliver(push)
        if await self._publish(pushes):
            self._pushed.extend(push.place for push in pushes if push.place is not None)
            self._wake_marker.set()

    async def _render(self, announced: list[Announcement]) -> list[Push]:
        """The pushes of entries, in the order announced; what an announcement does not bring is loaded, in one go."""
        known: dict[tuple[UUID, int], tuple[Entry, tuple[UUID, ...]]] = {}
        unknown = []
        for each in announced:
            if each.entry is not None and each.people is not None:
                known[each.conversation_id, each.seq] = (each.entry, each.people)
            else:
                unknown.append((each.conversation_id, each.seq))
        deals: dict[tuple[UUID, int], Any] = {}
        if unknown:
            async with self._database.connection() as tx:
                rows = await load_for_push(tx, unknown)
                records = await load_deals(tx, {row["deal_id"] for row in rows if row["kind"] == "deal"})
            for row in rows:
                place = (row["conversation_id"], row["seq"])
                known[place] = (entry_of(row), tuple(row["people"]))
                deals[place] = records.get(row["deal_id"])
        pushes = []
        for each in announced:
            place = (each.conversation_id, each.seq)
            entry, people = known[place]
            body = render_entry(entry, deals.get(place))
            rooms = tuple(f"user:{person}" for person in people)
            pushes.append(Push(body.event, _raw(body), rooms, place))
        return pushes

    async def _publish(self, pushes: list[Push]) -> bool:
        """To the other processes. Whether it is known to have gone out."""
        messages = []
        for push in pushes:
            body = msgspec.json.encode(Wire(push.event, push.body, push.place))
            messages += [(room, body) for room in push.rooms]
        return not messages or await self.bus.publish(messages)

    def _heard(self, channel: str, body: bytes) -> None:
        """From another process, for one room here."""
        wire = msgspec.json.decode(body, type=Wire)
        self._deliver(Push(wire.event, wire.body, (channel,), wire.place))

    def _gap(self) -> None:
        """The bus was deaf for a while: what was published then is still in the outbox, or was not an entry."""
        log.info("bus.listening")

    def _enqueue(self, push: Push) -> None:
        if len(self._pushes) < WAITING_MAX:
            self._pushes.append(push)
            self._wake.set()

    def _deliver(self, push: Push) -> None:
        if push.place is None:
            self._emit(push)
        elif any(room in self._members for room in push.rooms):
            self._sequencer.take(*push.place, lambda: self._emit(push))
        else:
            self._sequencer.forget(push.place[0])

    def _emit(self, push: Push) -> None:
        self._local.append(push)
        self._wake_local.set()


def _raw(body: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(body))
