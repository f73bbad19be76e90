"""The relay: from what has been committed to the sockets of its people, outside the path of the acknowledgement.

Local sockets are told directly, other processes through the bus. An entry's outbox row goes when both have happened; a row
that is left over, because a process died or Redis was away, is pushed again by whichever process finds it. A process that was
deaf for a while, which the publisher cannot know, reads what its people missed from the entries themselves.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
import structlog
from prometheus_client import Counter

from handlers.app import Announcement, PushBody
from handlers.pushes import NotificationNew, render_entry
from handlers.tokens import Caller
from matching.refusals import Unavailable
from server.audience import Audience, Push
from server.sockets import SocketDoor
from server.stopping import until_done
from storage.bus import Bus
from storage.database import Database
from storage.deal_record import DealRecord
from storage.deals import load_deals
from storage.entries import Entry, entry_of
from storage.notifications import notifications_since
from storage.outbox import entries_since, left_over, load_for_push, mark_pushed

log = structlog.get_logger()

PUSHED = Counter("swaploop_pushes_total", "Pushes by event and cause", ["event", "cause"])

WAITING_MAX = 20_000  # more is left to the outbox
BATCH = 200
LOOK_SECONDS = 0.25  # what is left over is due after a second: entries after it wait so long (server.sequencer)
GATHER_SECONDS = 0.01  # what is pushed in this time is published in one go; sockets here do not wait for that
# An entry is as old as its transaction, which may have begun well before it committed.
GAP_MARGIN_SECONDS = 20.0


class Wire(msgspec.Struct, array_like=True, frozen=True):
    """A push on the bus."""

    event: str
    body: msgspec.Raw
    place: tuple[UUID, int] | None


class Relay:
    """Implements `handlers.app.Live` over this process's sockets and the bus."""

    def __init__(self, database: Database, bus_url: str) -> None:
        self._database = database
        self.bus = Bus(bus_url, self._heard, self._gap, self._late)
        self._door: SocketDoor | None = None
        self._audience: Audience | None = None
        self._announced: deque[Announcement] = deque()
        self._to_publish: deque[Push] = deque()
        self._pushed: deque[tuple[UUID, int]] = deque()
        self._gap_seconds = 0.0
        self._gap_of: set[UUID] | None = set()  # the people whom nothing was heard for; None: everybody
        self._at_work = 0  # loops that have taken something from their queue
        self._wake = asyncio.Event()
        self._wake_publisher = asyncio.Event()
        self._wake_marker = asyncio.Event()
        self._wake_gap = asyncio.Event()
        self.notified = asyncio.Event()  # the notifier waits for it

    def attach(self, door: SocketDoor) -> None:
        self._door = door
        self._audience = Audience(door, self.bus)

    @property
    def audience(self) -> Audience:
        assert self._audience is not None, "attached when the server is put together"
        return self._audience

    # What actions ask for (handlers.app.Live)

    def announce(self, announcements: Iterable[Announcement]) -> None:
        if len(self._announced) < WAITING_MAX:
            self._announced.extend(announcements)
            self._wake.set()

    def notify(self) -> None:
        self.notified.set()

    def push(self, body: PushBody, people: Iterable[UUID]) -> None:
        self._push(push_of(body, people))

    def push_presence(self, user_id: UUID, body: PushBody) -> None:
        self._push(Push(body.event, _raw(body), (f"here:{user_id}",)))

    async def watch(self, socket_id: str, user_ids: Iterable[UUID]) -> None:
        await self.audience.watch(socket_id, user_ids)

    def renew(self, socket_id: str, session_id: UUID, expires_at: datetime) -> None:
        assert self._door is not None, "attached when the server is put together"
        socket = self._door.sockets.get(socket_id)
        if socket is not None:
            socket.caller, socket.warned = Caller(socket.user_id, session_id, expires_at), False

    async def settle(self, seconds: float) -> None:
        """Wait until what was announced has been published and marked, for at most `seconds`; the rest is in the outbox."""
        await until_done(
            lambda: not (self._announced or self._to_publish or self._pushed or self._at_work),
            seconds,
        )

    @contextmanager
    def _working(self) -> Iterator[None]:
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1

    # From the queues to the sockets, the bus, and out of the outbox

    def _push(self, push: Push) -> None:
        self.audience.deliver(push)
        if len(self._to_publish) < WAITING_MAX:
            self._to_publish.append(push)
            self._wake_publisher.set()

    async def run(self) -> None:
        """Push what is announced, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._announced:
                try:
                    with self._working():
                        await self._push_entries(_take(self._announced, BATCH), "announced")
                except Unavailable:
                    log.warning("relay.put_off")  # the outbox has the entries
                except Exception:
                    log.exception("relay.bug")

    async def run_publisher(self) -> None:
        """Publish in order, until cancelled. Sockets here do not wait for a Redis that hangs."""
        while True:
            await self._wake_publisher.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._wake_publisher.clear()
            while self._to_publish:
                pushes = _take(self._to_publish, BATCH)
                try:
                    with self._working():
                        if await self.publish(pushes):
                            self._pushed.extend(push.place for push in pushes if push.place is not None)
                            self._wake_marker.set()
                except Exception:
                    log.exception("relay.bug")  # the outbox has the entries; a publisher that ended would tell nobody anything

    async def publish(self, pushes: Iterable[Push]) -> bool:
        """Tell the other processes, in order. Whether that is known to have happened."""
        messages = []
        for push in pushes:
            body = msgspec.json.encode(Wire(push.event, push.body, push.place))
            messages += [(room, body) for room in push.rooms]
        return await self.bus.publish(messages)

    async def run_marker(self) -> None:
        """Take what has been pushed out of the outbox, in batches, until cancelled."""
        while True:
            await self._wake_marker.wait()
            self._wake_marker.clear()
            await asyncio.sleep(0.02)
            while self._pushed:
                batch = _take(self._pushed, 1000)
                try:
                    with self._working():
                        async with self._database.connection() as tx:
                            await mark_pushed(tx, batch)
                except Unavailable:
                    log.warning("relay.not_marked", entries=len(batch))  # they are pushed once more, which is allowed
                except Exception:
                    log.exception("relay.bug")

    async def run_left_over(self) -> None:
        """Push again what nobody has said to have pushed, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.bus.hears:
                continue  # nobody else would hear it; it is not lost
            try:
                async with self._database.connection() as tx:
                    found = await left_over(tx, BATCH)
                if found:
                    log.info("relay.left_over", entries=len(found))
                    await self._push_entries([Announcement(*place) for place in found], "left over")
            except Unavailable:
                log.warning("relay.left_over_put_off")
            except Exception:
                log.exception("relay.bug")

    async def run_gap(self) -> None:
        """Tell the people here what was published while the listener was deaf, until cancelled."""
        while True:
            await self._wake_gap.wait()
            self._wake_gap.clear()
            seconds, of = self._gap_seconds, self._gap_of
            self._gap_seconds, self._gap_of = 0.0, set()
            try:
                waiting = iter(self.audience.people() if of is None else of)
                while people := list(islice(waiting, BATCH)):
                    async for places in self._missed(people, seconds + GAP_MARGIN_SECONDS):
                        for push in await self._render([Announcement(*place) for place in places]):
                            PUSHED.labels(push.event, "missed").inc()
                            self.audience.deliver(push)
                    async with self._database.connection() as tx:
                        told = await notifications_since(tx, people, seconds + GAP_MARGIN_SECONDS)
                    for row in told:
                        self.audience.deliver(push_of(NotificationNew.of(row), [row["user_id"]]))
            except Unavailable:
                log.warning("relay.gap_put_off")
                await asyncio.sleep(LOOK_SECONDS)
                self._note_gap(seconds + LOOK_SECONDS, of)
            except Exception:
                log.exception("relay.bug")

    async def _missed(self, people: list[UUID], seconds: float) -> AsyncIterator[list[tuple[UUID, int]]]:
        place = (UUID(int=0), 0)
        while True:
            async with self._database.connection() as tx:
                places = await entries_since(tx, people, seconds, after=place, batch=BATCH)
            if not places:
                return
            yield places
            place = places[-1]

    async def _push_entries(self, announced: list[Announcement], cause: str) -> None:
        for push in await self._render(announced):
            PUSHED.labels(push.event, cause).inc()
            self._push(push)

    async def _render(self, announced: list[Announcement]) -> list[Push]:
        """The pushes of entries, in the order announced; what an announcement does not bring is loaded, in one go.

        An entry that cannot be shown is a bug, told in the log; it is taken out of the outbox, so that it is not met again.
        """
        known: dict[tuple[UUID, int], tuple[Entry, tuple[UUID, ...]]] = {}
        deals: dict[tuple[UUID, int], DealRecord | None] = {}
        unknown = []
        for each in announced:
            place = (each.conversation_id, each.seq)
            if each.entry is not None and each.people is not None:
                known[place], deals[place] = (each.entry, each.people), each.record
            else:
                unknown.append(place)
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
            try:
                entry, people = known[place]
                pushes.append(push_of(render_entry(entry, deals.get(place)), people, place))
            except Exception:
                log.exception("relay.entry_cannot_be_shown", conversation=str(each.conversation_id), seq=each.seq)
                self._pushed.append(place)
                self._wake_marker.set()
        return pushes

    # From the bus

    def _heard(self, channel: str, body: bytes) -> None:
        """From another process, for one room here."""
        wire = msgspec.json.decode(body, type=Wire)
        self.audience.deliver(Push(wire.event, wire.body, (channel,), wire.place))

    def _gap(self, seconds: float) -> None:
        """The listener hears again, after `seconds`."""
        log.info("bus.hears_again", deaf_seconds=round(seconds, 1))
        self._note_gap(seconds, None)

    def _late(self, channel: str, seconds: float) -> None:
        """One room's subscription took so long; what was published for it meanwhile is missed."""
        log.info("bus.subscribed_late", seconds=round(seconds, 1))
        kind, _, person = channel.partition(":")
        if kind == "user":
            self._note_gap(seconds, {UUID(person)})

    def _note_gap(self, seconds: float, people: set[UUID] | None) -> None:
        self._gap_seconds = max(seconds, self._gap_seconds)
        self._gap_of = None if people is None or self._gap_of is None else self._gap_of | people
        self._wake_gap.set()


def push_of(body: PushBody, people: Iterable[UUID], place: tuple[UUID, int] | None = None) -> Push:
    return Push(body.event, _raw(body), tuple(f"user:{person}" for person in people), place)


def _raw(body: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(body))


def _take(queue: "deque[Any]", most: int) -> list[Any]:
    return [queue.popleft() for _ in range(min(len(queue), most))]
