"""A person at the wire: signed in, connected, reconnecting by itself; does actions and hears pushes. No user interface.

async with Person("http://localhost:8000") as person:
    await person.sign_in("amina@example.org", "her password")
    await person.connect()
    trade = await person.does("trade:confirm", tradeId=…, revision=3)  # its data, or Refused
    async for push in person.pushes(): ...
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any

import aiohttp

from client_demo.attempts import Attempt, Door, noting
from client_demo.event_door import EventDoor
from client_demo.hearing import Hearing, added
from client_demo.logs import Entry
from client_demo.patience import Patience
from client_demo.rest_door import RestDoor
from client_demo.servers import Servers
from client_demo.session import SESSION_OVER, Session
from client_demo.wire import ROUTES, Data, NoAnswer, Refused, Unreachable, as_rest, data_of, new_key, with_key

log = logging.getLogger("client_demo.connection")

WATCHED_MAX = 100
SYNC_ROUNDS_MAX = 1_000
PICTURE_BYTES_MAX = 4 * 1024 * 1024


class State(StrEnum):
    OFFLINE = "offline"  # not connected and not trying to be
    CONNECTING = "connecting"  # the first connection is being made
    ONLINE = "online"  # connected, and everything missed has been fetched
    RECONNECTING = "reconnecting"  # the connection dropped; trying again with back-off
    ENDED = "ended"  # the server ended the session: sign in again


class Person(Hearing):
    """One user of one server, or of several that stand for one another: give all their URLs, and whichever answers will do.

    Every wait is bounded by `patience`, every buffer by a constant.

    Many people in one process share `http`; its connector must then allow one connection per person (limit=0).
    """

    def __init__(
        self, url: str | Sequence[str], *, http: aiohttp.ClientSession | None = None, patience: Patience | None = None
    ) -> None:
        super().__init__(self.does, lambda: self.id)
        self.servers = Servers(url)
        self.url = self.servers.urls[0]
        self.patience = patience or Patience()
        self.state = State.OFFLINE
        self.ended_because = ""
        self._rest = RestDoor(self.servers, http)
        self._session = Session(self._rest, self.patience, self._tell_token)
        self._door: EventDoor | None = None
        self._door_opened = asyncio.Event()
        self._renew_soon = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._cursor: str | None = None
        self._watched: dict[str, None] = {}
        self._on_state: list[Callable[[State], None]] = []

    async def __aenter__(self) -> "Person":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    @property
    def user(self) -> Data:
        """My own profile, as the last sign-in told it."""
        return self._session.user

    @property
    def id(self) -> str:
        """My user id; empty before signing in."""
        return str(self.user.get("id", ""))

    @property
    def server(self) -> str | None:
        """The server of the live connection; None while there is none."""
        return None if self._live_door is None else self._live_door.url

    # ── being there ─────────────────────────────────────────────────────────────────────────────

    async def server_is_there(self) -> bool:
        """Whether a server answers at the URL; told within seconds."""
        return await self._rest.is_there()

    async def register(self, name: str, email: str, password: str) -> Data:
        """Create the account; does not sign in. Raises Refused or Unreachable."""
        return await self._session.register(name, email, password)

    async def sign_in(self, email: str, password: str) -> Data:
        """Begin a session and return my profile; does not connect. Raises Refused or Unreachable."""
        await self._session.sign_in(email, password)
        return self.user

    async def connect(self, within_seconds: float | None = None) -> None:
        """Stay connected from now on, and wait until online. Raises Refused when the session is over.

        Raises Unreachable when it takes too long; it is then still being tried in the background.
        """
        if self._keeper is None or self._keeper.done():
            self._set_state(State.CONNECTING)
            self._keeper = asyncio.create_task(self._stay_connected())
            self._keeper.add_done_callback(self._keeper_ended)
        settled = (State.ONLINE, State.ENDED)
        await self.until(lambda: self.state in settled, within_seconds or self.patience.call_seconds_max)
        if self.state is State.ENDED:
            raise Refused("UNAUTHENTICATED", self.ended_because or "Your session has ended.")

    async def sign_out(self) -> None:
        """Hang up, and end the session at the server."""
        await self._hang_up()
        await self._session.sign_out()

    async def close(self) -> None:
        """Hang up and stop everything. The session stays valid at the server until it expires."""
        await self._hang_up()
        await self.logs.close()
        await self._rest.close()

    def on_state(self, listener: Callable[[State], None]) -> Callable[[], None]:
        """Call `listener` when the connection's state changes; returns how to stop."""
        return added(self._on_state, listener)

    # ── doing ───────────────────────────────────────────────────────────────────────────────────

    async def does(
        self,
        event: str,
        *,
        via: Door | None = None,
        within_seconds: float | None = None,
        attempts: list[Attempt] | None = None,
        **payload: Any,
    ) -> Any:
        """Do an action and return its `data`: by event while connected, else by REST; or only by the door `via`.

        Repeated with the same key, by REST of the next server, until an answer comes, or until `within_seconds` (default:
        patience) are over; each time is noted in `attempts`.
        Raises Refused for a refusal, Unreachable when no answer came: whether it took effect is then unknown.
        """
        payload = with_key(event, payload)
        noted = [] if attempts is None else attempts

        async def attempt(attempt_seconds: float) -> Any:
            token = self._session.access_token
            try:
                return await self._once(event, payload, via, attempt_seconds, noted)
            except Refused as no:
                if no.code != "TOKEN_EXPIRED" or token is None:
                    raise
                await self._session.renew(failed_token=token)
                return await self._once(event, payload, via, attempt_seconds, noted)

        answer = await self.patience.until_answered(attempt, within_seconds)
        if event == "message:send":
            self.logs.take(Entry.of(answer))  # known at once, not only when its push comes
        return answer

    async def uploads(self, item_id: str, images: Sequence[bytes]) -> list[Data]:
        """Add pictures to my item; returns [{id, url, thumbnailUrl, width, height}]. Raises Refused or Unreachable."""
        key = new_key()
        answer = await self.patience.until_answered(
            lambda _seconds: self._rest.upload(
                f"/items/{item_id}/images", images, self._session.token(), key, self.patience.call_seconds_max
            )
        )
        return list(answer["images"])

    async def picture(self, path: str) -> bytes:
        """The bytes of a picture, by the path its item names (`url`, `thumbnailUrl`). Raises Unreachable."""
        return await self.patience.until_answered(
            lambda attempt_seconds: self._rest.fetch(path, PICTURE_BYTES_MAX, attempt_seconds)
        )

    async def watch(self, user_ids: Iterable[str]) -> None:
        """Be told of these people's presence, also after reconnecting. Only people I share a conversation with."""
        for user_id in user_ids:
            if user_id != self.id:
                self._watched.pop(user_id, None)
                self._watched[user_id] = None
                if len(self._watched) > WATCHED_MAX:
                    del self._watched[next(iter(self._watched))]
        if self._watched and self._live_door is not None:
            self.know_presence(await self.does("presence:watch", userIds=list(self._watched)))

    # ── inside ──────────────────────────────────────────────────────────────────────────────────

    @property
    def _live_door(self) -> EventDoor | None:
        return None if self._door is None or self._door.closed.done() else self._door

    async def _once(self, event: str, payload: Data, via: Door | None, attempt_seconds: float, noted: list[Attempt]) -> Any:
        """One attempt by one door. Raises Refused or NoAnswer."""
        route = ROUTES.get(event)
        if via is Door.REST or (via is None and self._live_door is None and route is not None):
            if route is None:
                raise Refused("INVALID_REQUEST", f"{event} exists only as an event.")
            server = self.servers.next()
            with noting(noted, Door.REST, server):
                return await self._rest.ask(as_rest(route, payload), self._session.access_token, attempt_seconds, server)
        try:
            async with asyncio.timeout(attempt_seconds):
                while (door := self._live_door) is None:
                    self._door_opened.clear()
                    await self._door_opened.wait()
        except TimeoutError as late:
            raise NoAnswer("not connected") from late
        with noting(noted, Door.EVENT, door.url):
            return await self._ask_by_event(door, event, payload, attempt_seconds)

    async def _ask_by_event(self, door: EventDoor, event: str, payload: Data, attempt_seconds: float) -> Any:
        try:
            return data_of(await door.ask(event, payload, attempt_seconds))
        except NoAnswer:
            # An overdue acknowledgement condemns the connection: engine.io itself would notice a dead one only
            # after its ping interval and timeout.
            await door.close("an acknowledgement is overdue")
            raise

    async def _stay_connected(self) -> None:
        """Connect, catch up, stay until the connection drops, and again; until cancelled or the session is over."""
        loop = asyncio.get_running_loop()
        failures = 0
        trying = State.CONNECTING
        server: str | None = None
        while True:
            try:
                server = self.servers.other_than(server)
                door = await self._open_door(server)
                opened_at = loop.time()
                try:
                    self._door = door
                    self._door_opened.set()
                    await self._catch_up(door)
                    self._set_state(State.ONLINE)
                    trying = State.RECONNECTING
                    await self._keep_renewed(door)
                finally:
                    self._door = None
                    await door.close()
                if loop.time() - opened_at > self.patience.backoff_max_seconds:
                    failures = 0
            except Refused as no:
                if no.code in SESSION_OVER:
                    self.ended_because = self.ended_because or no.message
                    self._set_state(State.ENDED)
                    return
            except (NoAnswer, Unreachable):
                self.pulse()  # the server is away: that is what the pause below is for
            self._set_state(trying)
            await asyncio.sleep(self.patience.backoff_seconds(failures))
            failures += 1

    async def _open_door(self, server: str) -> EventDoor:
        """A new connection with a token that is not about to expire. Raises Refused (only when the session is over),
        NoAnswer or Unreachable."""
        if self._session.renew_is_due():
            await self._session.renew()
        token = self._session.token()
        try:
            return await EventDoor.open(server, token, self._heard, self._rest.http, self.patience.connect_seconds)
        except Refused as no:
            if no.code in SESSION_OVER:
                await self._session.renew(failed_token=token)
            raise NoAnswer(no.message) from no

    async def _catch_up(self, door: EventDoor) -> None:
        """Everything missed since the last `sync`; then presence, whose watching ended with the old connection."""
        for _round in range(SYNC_ROUNDS_MAX):
            answer = data_of(await door.ask("sync", {"since": self._cursor}, self.patience.answer_seconds))
            self.logs.take_synced(answer)
            self._cursor = answer["cursor"]
            if not answer["more"]:
                break
        if self._watched:
            with contextlib.suppress(Refused):  # someone watched may have left; that must not keep me offline
                ask = {"userIds": list(self._watched)}
                self.know_presence(data_of(await door.ask("presence:watch", ask, self.patience.answer_seconds)))

    async def _keep_renewed(self, door: EventDoor) -> None:
        """Stay while the connection lives, renewing the access token before it expires."""
        while not door.closed.done():
            soon: asyncio.Future[Any] = asyncio.ensure_future(self._renew_soon.wait())
            closed: asyncio.Future[Any] = door.closed
            left_seconds = self._session.renew_due_at - asyncio.get_running_loop().time()
            try:
                await asyncio.wait({soon, closed}, timeout=max(0.0, left_seconds), return_when=asyncio.FIRST_COMPLETED)
            finally:
                soon.cancel()
            if closed.done() or not (self._renew_soon.is_set() or self._session.renew_is_due()):
                continue
            self._renew_soon.clear()
            try:
                await self._session.renew()
            except Unreachable:
                self._session.postpone_renewal()
            except Refused as no:
                if no.code in SESSION_OVER:
                    raise
                self._session.postpone_renewal()

    async def _tell_token(self, token: str) -> None:
        """Carry a renewed token over to the live socket, which would be ended with the old one otherwise."""
        if (door := self._live_door) is not None:
            try:
                data_of(await door.ask("session:renew", {"token": token}, self.patience.answer_seconds))
            except (NoAnswer, Refused):
                await door.close("the socket did not take the new token")  # the next one connects with it

    async def _hang_up(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        self._set_state(State.OFFLINE)

    def _keeper_ended(self, keeper: asyncio.Task[None]) -> None:
        """A bug, here or in an answer's shape, must not leave someone looking online who is not."""
        if not keeper.cancelled() and (error := keeper.exception()) is not None:
            log.error("staying connected broke", exc_info=error)
            self._set_state(State.OFFLINE)

    def _heard(self, event: str, data: Data) -> None:
        if event == "session:expiring":
            self._renew_soon.set()
        elif event == "session:ended":
            self.ended_because = str(data.get("reason") or "")
        self.hear(event, data)

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.pulse()
            for listener in list(self._on_state):
                listener(state)
