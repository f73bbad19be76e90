"""Visits: somebody signs in once more, is connected to several servers at once, and signs out by any of them.

A session that has ended ends everywhere: its sockets on every server, and what its access token opens (C71).
"""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp

from client_demo.event_door import EventDoor
from client_demo.rest_door import RestDoor
from client_demo.servers import Servers
from client_demo.wire import NoAnswer, Refused, RestCall, Unreachable, new_key
from tests.faults.clock import Clock
from tests.faults.devices import PATIENCE
from tests.faults.history import History

PAUSE_SECONDS = 2.0
STAY_SECONDS = (0.2, 2.0)
ENDING_SECONDS_MAX = 45.0  # is waited for the end of a socket
AGAIN_SECONDS = (5.5, 9.0)  # after signing out, the token is tried on every server


@dataclass(slots=True)
class VisitSocket:
    """A socket of the visit's session: on which server, and when it ended. It was open when the session was to end."""

    server: str
    ended_at: float = float("inf")


@dataclass(slots=True)
class Tried:
    """An answered attempt to come in by the token again."""

    server: str
    at: float
    came_in: bool = False


@dataclass(slots=True)
class Visit:
    """`ended_at`: when the server acknowledged that the session has ended."""

    user: str
    signed_out_by: str
    asked_at: float
    ended_at: float
    sockets: list[VisitSocket] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)


class Visitor:
    def __init__(
        self,
        emails: Sequence[str],
        password: str,
        urls: Sequence[str],
        http: aiohttp.ClientSession,
        clock: Clock,
        history: History,
        seed: str,
    ) -> None:
        self.visits: list[Visit] = []
        self._emails = emails
        self._password = password
        self._urls = list(urls)
        self._http = http
        self._rest = RestDoor(Servers(urls), http)
        self._clock = clock
        self._history = history
        self._chance = random.Random(seed)
        self._following: set[asyncio.Task[None]] = set()

    async def visit_until(self, done: asyncio.Event) -> None:
        """One visit after the other; and then until each of them is known to be over."""
        try:
            while not done.is_set():
                with contextlib.suppress(Refused, NoAnswer, Unreachable):  # it was no visit then
                    await self._visit()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(done.wait(), self._chance.uniform(0.5, 1.5) * PAUSE_SECONDS)
        finally:
            await asyncio.gather(*self._following)

    async def _visit(self) -> None:
        session = await self._ask("/auth/login", {"email": self._chance.choice(self._emails), "password": self._password})
        token = session["accessToken"]
        doors = await asyncio.gather(*(self._open(url, token) for url in self._urls), return_exceptions=True)
        opened = [door for door in doors if isinstance(door, EventDoor)]
        try:
            await asyncio.sleep(self._chance.uniform(*STAY_SECONDS))
            here = [door for door in opened if not door.closed.done()]
            server = self._chance.choice(self._urls)
            asked_at = self._clock.now()
            call = RestCall("POST", "/auth/logout", {}, {"refreshToken": session["refreshToken"]}, new_key())
            await self._rest.ask(call, None, PATIENCE.answer_seconds, server)
        except (Refused, NoAnswer):
            await _hang_up(opened)
            raise
        visit = Visit(session["user"]["id"], server, asked_at, self._clock.now(), [VisitSocket(door.url) for door in here])
        self.visits.append(visit)
        following = asyncio.create_task(self._follow(visit, here, token))
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    async def _follow(self, visit: Visit, doors: list[EventDoor], token: str) -> None:
        """See its sockets end, and nobody come in again."""
        ends = [self._note_end(door, socket) for door, socket in zip(doors, visit.sockets, strict=True)]
        await asyncio.gather(*ends, *(self._try_again(visit, url, token) for url in self._urls))
        await _hang_up(doors)
        self._history.note(visit=asdict(visit))

    async def _ask(self, path: str, body: dict[str, str]) -> Any:
        call = RestCall("POST", path, {}, body, new_key())
        return await PATIENCE.until_answered(lambda attempt_seconds: self._rest.ask(call, None, attempt_seconds))

    async def _open(self, url: str, token: str) -> EventDoor:
        return await EventDoor.open(url, token, lambda event, data: None, self._http, PATIENCE.connect_seconds)

    async def _note_end(self, door: EventDoor, socket: VisitSocket) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING_SECONDS_MAX):
                await asyncio.shield(door.closed)
                socket.ended_at = self._clock.now()

    async def _try_again(self, visit: Visit, url: str, token: str) -> None:
        await asyncio.sleep(self._chance.uniform(*AGAIN_SECONDS))
        tried = Tried(url, self._clock.now())
        try:
            door = await self._open(url, token)
        except Refused:
            visit.tried.append(tried)
        except NoAnswer:
            return
        else:
            tried.came_in = True
            visit.tried.append(tried)
            await door.close()


async def _hang_up(doors: list[EventDoor]) -> None:
    await asyncio.gather(*(door.close() for door in doors))
