"""Fan-out between processes: a Redis channel per person, subscribed to only while one of their sockets is here.

Pub/sub alone loses; what must arrive is in the outbox too. The listener can also go deaf without an error
(python-socketio issue 1581), so it pings itself: `hears` is what readiness asks.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from storage.cache import AWAY, PREFIX
from storage.together import Together

log = structlog.get_logger()

PING_SECONDS = 1.0
DEAF_SECONDS = 4.0
BACKOFF_SECONDS_MAX = 2.0
PUBLISH_SECONDS_MAX = 2.0
SUBSCRIBED_SECONDS_MAX = 1.0  # that who wants a channel waits for it to be heard
TOLD_AT_ONCE_MAX = 500

Handler = Callable[[str, bytes], None]


class Asked:
    """A channel whose subscription Redis has not confirmed yet."""

    def __init__(self) -> None:
        self.at = time.monotonic()
        self.times = 0  # as it was wanted, and not, and wanted
        self.confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_late = False  # somebody would not wait for it any longer


class Bus:
    """Publishes to channels, and hands what others published on the channels wanted here to `on_message(channel, body)`."""

    def __init__(
        self, url: str, on_message: Handler, on_gap: Callable[[float], None], on_late: Callable[[str, float], None]
    ) -> None:
        self._url = url
        self._on_message = on_message
        self._on_gap = on_gap  # called with the seconds, once the listener hears again: what was published was not heard
        self._on_late = on_late  # the same of one channel, whose subscription took longer than was waited for
        self._client = redis.asyncio.Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0, max_connections=4)
        database = self._client.connection_pool.connection_kwargs.get("db", 0)
        self._prefix = f"{PREFIX}{database}:".encode()  # channels are not per database, as keys are
        self._origin = uuid4().bytes
        self._ping_channel = b"ping:" + self._origin.hex().encode()
        self._wanted: set[bytes] = {self._ping_channel}
        self._told = Together(self._tell, TOLD_AT_ONCE_MAX)
        self._untold: set[bytes] = set()  # wanted, and Redis is yet to be asked for them
        self._asked: dict[bytes, Asked] = {}
        self._pubsub: Any = None
        self._heard_at = 0.0
        self._deaf_since: float | None = None

    @property
    def hears(self) -> bool:
        """Whether the listener has lately heard its own ping."""
        return time.monotonic() - self._heard_at < DEAF_SECONDS

    async def publish(self, messages: list[tuple[str, bytes]]) -> bool:
        """Publish (channel, body)s in order. Whether that is known to have happened."""
        try:
            async with asyncio.timeout(PUBLISH_SECONDS_MAX), self._client.pipeline(transaction=False) as pipeline:
                for channel, body in messages:
                    pipeline.publish(self._prefix + channel.encode(), self._origin + body)
                await pipeline.execute()
        except AWAY as error:
            log.warning("bus.publish_failed", error=str(error), messages=len(messages))
            return False
        return True

    async def want(self, channel: str) -> None:
        """Hear this channel from now on: whoever reads the database after this misses nothing that is published.

        It is not waited for long. Where Redis takes its time, what was published until then was not heard: `on_late` is told.
        """
        name = channel.encode()
        if name not in self._wanted:
            self._wanted.add(name)
            self._untold.add(name)
        if name in self._untold:
            await self._told.ask(name)
        if (asked := self._asked.get(name)) is not None:
            try:
                async with asyncio.timeout(SUBSCRIBED_SECONDS_MAX):
                    await asyncio.shield(asked.confirmed)
            except TimeoutError:
                asked.is_late = True

    async def want_no_more(self, channel: str) -> None:
        name = channel.encode()
        if name in self._wanted:
            self._wanted.discard(name)
            self._untold.discard(name)
            await self._told.ask(name)

    async def _tell(self, changed: list[bytes]) -> list[None]:
        """Subscribe to those of them that are wanted now, and to the others no more."""
        names = set(changed)
        self._untold -= names
        if self._pubsub is None and not self._heard_at:
            self._ask(names & self._wanted)  # the listener is yet to begin, and has nothing to be deaf of
        for command, some in (("subscribe", names & self._wanted), ("unsubscribe", names - self._wanted)):
            if self._pubsub is not None and some:
                if command == "subscribe":
                    self._ask(some)
                try:
                    await getattr(self._pubsub, command)(*(self._prefix + name for name in some))
                except (*AWAY, AttributeError):
                    # The listener is about to notice, and subscribes to all that is wanted when it is back. AttributeError:
                    # what redis-py says where the listener has let go of the connection while it was being written to.
                    log.warning("bus.command_failed", command=command)
        return [None] * len(changed)

    def _ask(self, names: set[bytes]) -> None:
        for name in names:
            self._asked.setdefault(name, Asked()).times += 1

    def _ask_anew(self, subscribed: set[bytes]) -> None:
        """All that are wanted are subscribed to in one go."""
        for name, asked in list(self._asked.items()):
            asked.times = 1
            if name not in subscribed:
                del self._asked[name]
                asked.confirmed.set_result(None)

    def _confirm(self, name: bytes) -> None:
        asked = self._asked.get(name)
        if asked is None:
            return  # one of all those that the listener began with
        asked.times -= 1
        if asked.times == 0:
            del self._asked[name]
            asked.confirmed.set_result(None)
            if asked.is_late:
                self._on_late(name.decode(), time.monotonic() - asked.at)

    async def run(self) -> None:
        """Listen until cancelled."""
        wait = 0.05
        while True:
            try:
                await self._listen()
            except AWAY as error:
                log.warning("bus.listener_lost", error=str(error), again_in_seconds=wait)
            except Exception:
                log.exception("bus.bug")  # whatever it is, a server that hears nothing more is worse
            if self.hears:
                wait = 0.05
            await asyncio.sleep(wait)
            wait = min(wait * 2, BACKOFF_SECONDS_MAX)

    async def _listen(self) -> None:
        # Its own client: a pub/sub connection waits for messages, without the time limit that commands have.
        # It must not come back by itself, without our knowing of the gap.
        client = redis.asyncio.Redis.from_url(self._url, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0))
        pubsub: Any = client.pubsub()
        pinging: asyncio.Task[None] | None = None
        try:
            subscribed = set(self._wanted)
            self._ask_anew(subscribed)
            await pubsub.subscribe(*(self._prefix + name for name in subscribed))
            self._pubsub = pubsub
            # Who came or left while that took its time has told nobody: there was no pubsub yet.
            for command, names in (("subscribe", self._wanted - subscribed), ("unsubscribe", subscribed - self._wanted)):
                if names:
                    await getattr(pubsub, command)(*(self._prefix + name for name in names))
            self._deaf_since = self._heard_at or None
            started_at = time.monotonic()
            pinging = asyncio.create_task(self._ping(pubsub))
            while True:
                message = await pubsub.get_message(timeout=PING_SECONDS)
                if message is not None and message["type"] == "message":
                    self._receive(message["channel"], message["data"])
                elif message is not None and message["type"] == "subscribe":
                    self._confirm(message["channel"].removeprefix(self._prefix))
                elif time.monotonic() - max(self._heard_at, started_at) > DEAF_SECONDS:
                    raise TimeoutError("the listener does not hear its own ping")
        finally:
            self._pubsub = None
            if self._heard_at:  # all are subscribed to anew, and all of them have a gap
                for asked in self._asked.values():
                    asked.confirmed.set_result(None)
                self._asked.clear()
            if pinging is not None:
                pinging.cancel()
            await pubsub.aclose()
            await client.aclose()

    def _receive(self, channel: bytes, data: bytes) -> None:
        name = channel.removeprefix(self._prefix)
        if name == self._ping_channel:
            self._heard_at = time.monotonic()
            if self._deaf_since is not None:  # its own ping has come through, so all is subscribed to again
                deaf_seconds, self._deaf_since = self._heard_at - self._deaf_since, None
                self._on_gap(deaf_seconds)
        elif data[:16] != self._origin:  # this process's sockets have it already
            try:
                self._on_message(name.decode(), data[16:])
            except ValueError as error:  # as from a server of another version: no reason to stop listening to the others
                log.warning("bus.unreadable", error=str(error))

    async def _ping(self, pubsub: Any) -> None:
        # As long as that one listens, whether or not the cancellation arrives: it can be swallowed while a connection is made,
        # and pings that nobody waits for would take all connections there may be.
        while self._pubsub is pubsub:
            await self.publish([(self._ping_channel.decode(), b"")])
            await asyncio.sleep(PING_SECONDS)

    async def close(self) -> None:
        await self._client.aclose()
