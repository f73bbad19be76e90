"""What runs beside the requests: presence, read marks, sessions, expiry. Each loop may run in any number of processes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from uuid import UUID

import structlog

from handlers.app import App
from handlers.pushes import PresenceChanged, SessionExpiring
from handlers.rematching import rematch_one
from handlers.upkeep import expire_deals, remind_overdue, remind_unanswered
from matching.refusals import Unavailable
from server.sockets import LiveSocket, SocketDoor, seconds_left
from storage.answers import forget_old_answers
from storage.cache import CacheAway
from storage.conversations import last_seen, write_marks
from storage.notifications import forget_read_notifications
from storage.people import note_seen
from storage.presence import HEARTBEAT_SECONDS
from storage.sessions import forget_old_sessions, revoked_lately
from storage.together import Together

log = structlog.get_logger()

MARKS_BATCH = 500
GONE_BATCH = 100
SHOWN_AT_ONCE_MAX = 200
WARNING_SECONDS = 60.0  # before a socket's session ends; a third of its life where that is shorter
FORGET_ROUNDS_MAX = 100  # of a batch each: the rest waits a minute, and the other tables get their turn
REVOKED_LATELY = timedelta(seconds=15)


async def every(seconds: float, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do `work` again and again, until cancelled. What is away comes back; anything else is a logged bug."""
    away = False
    while True:
        try:
            await work()
            away = False
        except (CacheAway, Unavailable) as error:
            if not away:
                log.warning("upkeep.put_off", work=name, error=type(error).__name__)
            away = True
        except Exception:
            log.exception("upkeep.bug", work=name)
        await asyncio.sleep(seconds)


class Upkeep:
    def __init__(self, app: App, door: SocketDoor) -> None:
        self._app = app
        self._door = door
        self._endings: set[asyncio.Task[None]] = set()
        self._shown = Together(self._which_are_shown, SHOWN_AT_ONCE_MAX)
        door.arrived.append(self._arrived)
        door.left.append(self._left)

    def loops(self) -> list[Awaitable[None]]:
        return [
            every(HEARTBEAT_SECONDS, "heartbeat", self._heartbeat),
            every(1.0, "gone", self._announce_gone),
            every(0.5, "marks", self._write_marks),
            every(1.0, "sessions", self._watch_sessions),
            every(30.0, "revoked", self.load_revoked),
            every(1.0, "expiry", self._expire),
            every(10.0, "overdue", self._remind_overdue),
            every(60.0, "unanswered", self._remind_unanswered),
            every(0.5, "rematching", self._rematch),
            every(60.0, "forget", self._forget),
        ]

    # Presence

    async def _arrived(self, socket: LiveSocket) -> None:
        with contextlib.suppress(CacheAway, Unavailable):  # presence pauses; the heartbeat makes up for it
            if await self._app.presence.arrive(socket.user_id, socket.id):
                await self._tell_here(socket.user_id)

    async def _left(self, socket: LiveSocket) -> None:
        with contextlib.suppress(CacheAway):  # the socket fades by itself
            await self._app.presence.leave(socket.user_id, socket.id)

    async def _heartbeat(self) -> None:
        sockets = list(self._door.sockets.values())
        new = await self._app.presence.renew((socket.user_id, socket.id) for socket in sockets)
        await asyncio.gather(*(self._tell_here(user_id) for user_id in new))

    async def _tell_here(self, user_id: UUID) -> None:
        """Tell who watches them that they are here, if they let themselves be seen."""
        if await self._shown.ask(user_id):
            self._app.live.push_presence(user_id, PresenceChanged(user_id=user_id, online=True, last_seen_at=None))

    async def _which_are_shown(self, user_ids: list[UUID]) -> list[bool]:
        async with self._app.database.connection() as tx:
            shown = {row["id"] for row in await last_seen(tx, user_ids)}
        return [user_id in shown for user_id in user_ids]

    async def _announce_gone(self) -> None:
        gone = await self._app.presence.take_gone(GONE_BATCH)
        if gone:
            try:
                async with self._app.database.connection() as tx:
                    await note_seen(tx, gone)
                    shown = await last_seen(tx, gone)
            except Unavailable:
                await self._app.presence.put_back(gone)
                raise
            for row in shown:
                now = PresenceChanged(user_id=row["id"], online=False, last_seen_at=row["last_seen_at"])
                self._app.live.push_presence(row["id"], now)

    # Read marks

    async def _write_marks(self) -> None:
        while marks := await self._app.marks.unwritten(MARKS_BATCH):
            async with self._app.database.connection() as tx:
                await write_marks(tx, marks)
            await self._app.marks.written(marks)

    # Sessions

    async def load_revoked(self) -> None:
        """Every session whose access tokens may still be about. With it, no request asks the database for its session."""
        window = self._app.tokens.access_lifetime + timedelta(minutes=1)
        before = set(self._app.revoked)
        async with self._app.database.connection() as tx:
            known = set(await revoked_lately(tx, window))
        # What was added while the query ran is kept; what is older than the window is dropped.
        self._app.revoked = known | (self._app.revoked - before)

    async def _watch_sessions(self) -> None:
        """End the sockets of sessions that were revoked or have run out; warn those that are about to (C71)."""
        async with self._app.database.connection() as tx:
            reasons = await revoked_lately(tx, REVOKED_LATELY)
        self._app.revoked.update(reasons)
        for socket in list(self._door.sockets.values()):
            left = seconds_left(socket)
            if socket.session_id in self._app.revoked:
                self._end(socket, reasons.get(socket.session_id, "revoked"))
            elif left <= 0:
                self._end(socket, "expired")
            elif not socket.warned and left <= min(WARNING_SECONDS, self._app.tokens.access_lifetime.total_seconds() / 3):
                socket.warned = True
                await self._door.tell(socket.id, SessionExpiring(expires_at=socket.expires_at.astimezone(UTC)))

    def _end(self, socket: LiveSocket, reason: str) -> None:
        ending = asyncio.create_task(self._door.end(socket.id, reason))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    # Deals whose time is over: batch after batch, since many may be due at once

    async def _expire(self) -> None:
        while await expire_deals(self._app):
            pass

    async def _remind_overdue(self) -> None:
        while await remind_overdue(self._app):
            pass

    async def _remind_unanswered(self) -> None:
        while await remind_unanswered(self._app):
            pass

    # Rings that came to nothing

    async def _rematch(self) -> None:
        while await rematch_one(self._app):
            pass

    # What nobody needs any more

    async def _forget(self) -> None:
        for forget in (forget_old_answers, forget_old_sessions, forget_read_notifications):
            for _ in range(FORGET_ROUNDS_MAX):
                async with self._app.database.connection() as tx:
                    if not await forget(tx):
                        break
