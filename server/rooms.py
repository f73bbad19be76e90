"""Who is in which room, found per socket: who leaves costs the same with a hundred and with ten thousand others.

python-socketio 5.18 looks through all rooms when a socket leaves, keeps two dictionaries for each socket's own room, and makes
a task for each recipient of a push and waits for them all: while many people talk, pushes then fall seconds behind.
tests/test_rooms.py watches each of these, since what is overridden here is not its public interface.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import socketio

EARLY_MAX = 1_000


class Member:
    """A Socket.IO socket: one connection in one namespace."""

    __slots__ = ("connected", "early", "eio_sid", "leaving", "namespace", "rooms", "sid")

    def __init__(self, sid: str, eio_sid: str, namespace: str) -> None:
        self.sid = sid
        self.eio_sid = eio_sid
        self.namespace = namespace
        self.rooms: tuple[str, ...] = ()
        self.early: list[tuple[bytes, int]] | None = []  # pushed before its CONNECT was answered; None: it has them all
        self.connected = self.leaving = False


class Rooms(socketio.AsyncManager):  # type: ignore[misc]  # python-socketio has no types
    """A socket is in its rooms before it is told that it is connected, so that it misses nothing; meanwhile its pushes wait.

    Every socket is in a room of its own, by its id, and in the room None of its namespace. `pause_seconds`: between the
    answer to its CONNECT and what waited for that.
    """

    def __init__(self, pause_seconds: float = 0.0) -> None:
        super().__init__()
        self._pause_seconds = pause_seconds
        self._members: dict[str, Member] = {}  # by Socket.IO id, which no two namespaces share
        self._sids: dict[str, dict[str, str]] = {}  # by namespace and Engine.IO id
        self._rooms: dict[tuple[str, str], set[str]] = {}  # by namespace and name

    # Coming and going

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        sids = self._sids.setdefault(namespace, {})
        if eio_sid in sids:
            return None
        sid = str(self.server.eio.generate_id())
        self._members[sid] = Member(sid, eio_sid, namespace)
        sids[eio_sid] = sid
        return sid

    async def connect(self, sid: str, namespace: str) -> str:
        member = self._members[sid]
        member.connected = True
        if member.early and self._pause_seconds:
            asyncio.get_running_loop().call_later(self._pause_seconds, self._catch_up, member)
        else:
            self._catch_up(member)
        return sid

    def _catch_up(self, member: Member) -> None:
        early, member.early = member.early, None
        for sent in early or ():
            self.server.put(member.eio_sid, *sent)

    def pre_disconnect(self, sid: str, namespace: str) -> str:
        member = self._members[sid]
        member.leaving = True
        return member.eio_sid

    async def disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        member = self._members.pop(sid, None)
        if member is None:
            return
        for room in member.rooms:
            self._take_out(sid, namespace, room)
        sids = self._sids[namespace]
        sids.pop(member.eio_sid, None)
        if not sids:
            del self._sids[namespace]
        self.callbacks.pop(sid, None)

    # Who is who

    def get_namespaces(self) -> Iterable[str]:
        return self._sids.keys()

    def namespaces_of(self, eio_sid: str) -> list[str]:
        return [namespace for namespace, sids in self._sids.items() if eio_sid in sids]

    def is_connected(self, sid: str, namespace: str) -> bool:
        member = self._members.get(sid)
        return member is not None and member.connected and not member.leaving and member.namespace == namespace

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        return self.is_connected(sid, namespace)

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        member = self._members.get(sid)
        return member is not None and not member.connected

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        return self._sids.get(namespace, {}).get(eio_sid)

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        member = self._members.get(sid)
        return member.eio_sid if member is not None else None

    # Rooms

    async def enter_room(self, sid: str, namespace: str, room: str, eio_sid: str | None = None) -> None:
        member = self._members.get(sid)
        if member is None:
            raise ValueError("sid is not connected to requested namespace")
        if room not in member.rooms:
            member.rooms += (room,)
            self._rooms.setdefault((namespace, room), set()).add(sid)

    async def leave_room(self, sid: str, namespace: str, room: str) -> None:
        member = self._members.get(sid)
        if member is not None and room in member.rooms:
            member.rooms = tuple(other for other in member.rooms if other != room)
            self._take_out(sid, namespace, room)

    def _take_out(self, sid: str, namespace: str, room: str) -> None:
        inside = self._rooms[namespace, room]
        inside.discard(sid)
        if not inside:
            del self._rooms[namespace, room]

    async def close_room(self, room: str, namespace: str) -> None:
        for sid in list(self._rooms.get((namespace, room), ())):
            await self.leave_room(sid, namespace, room)

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        member = self._members.get(sid)
        return [sid, *member.rooms] if member is not None else []

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """(sid, eio_sid) of everyone in the room, or in any of several rooms, once."""
        for member in self._in(namespace, room):
            yield member.sid, member.eio_sid

    def _in(self, namespace: str, room: Any) -> list[Member]:
        if room is None:
            return [self._members[sid] for sid in self._sids.get(namespace, {}).values()]
        sids: dict[str, None] = {}
        for name in (room,) if isinstance(room, str) else room:
            sids.update(dict.fromkeys(self._rooms.get((namespace, name), ())))
            if name in self._members:
                sids[name] = None
        return [self._members[sid] for sid in sids]

    # Pushes

    async def emit(self, event: str, data: Any, namespace: str, room: Any = None, skip_sid: Any = None, **more: Any) -> None:
        """Send the push to every socket in `room` (or rooms), which takes no waiting. A tuple is several arguments."""
        assert not more.get("callback"), "nobody is asked to acknowledge a push"
        members = self._in(namespace, more.get("to") or room)
        if not members:
            return
        skipped = skip_sid if isinstance(skip_sid, list) else [skip_sid]
        packets = self.server.event(event, data, namespace)
        for member in members:
            if member.sid in skipped:
                continue
            if member.early is None:
                for sent in packets:
                    self.server.put(member.eio_sid, *sent)
            elif len(member.early) < EARLY_MAX:
                member.early += packets
            else:
                self.server.cut_off(member.eio_sid)
