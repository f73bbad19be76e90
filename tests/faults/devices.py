"""A device: somebody's client, what it asks and what it hears, with the time of each."""

import asyncio
import json
import random
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp

from client_demo.attempts import Attempt, Door
from client_demo.connection import Person, State
from client_demo.logs import Entry, Log
from client_demo.patience import Patience
from client_demo.wire import Refused, Unreachable
from tests.faults.clock import Clock
from tests.faults.history import Call, History
from tests.faults.world import World

PATIENCE = Patience(connect_seconds=3.0, answer_seconds=3.0, call_seconds_max=12.0, backoff_max_seconds=1.0)
# Not an answer for good: the same key may be answered otherwise a moment later.
PASSING = {
    "RATE_LIMITED",
    "UNAVAILABLE",
    "INTERNAL",
    "UNAUTHENTICATED",
    "TOKEN_EXPIRED",
    "INVALID_REQUEST",  # of an expiry that has passed meanwhile
}


@dataclass(slots=True)
class Connection:
    """A time during which the device was online by one connection: everything missed before it was fetched."""

    server: str
    began_at: float
    ended_at: float = float("inf")


@dataclass(frozen=True, slots=True)
class HeardEntry:
    conversation: str
    seq: int
    at: float


@dataclass(frozen=True, slots=True)
class SeenMark:
    """Somebody's read mark as this device was told it: it was so at some moment between the two times."""

    conversation: str
    user: str
    seq: int
    from_at: float
    to_at: float


@dataclass(frozen=True, slots=True)
class ToldEntry:
    """What a log told of. `content` is a digest: a long run has many."""

    seq: int
    content: int


def content_of(kind: str, sender: str | None, text: str, client_message_id: str | None, change: object) -> int:
    """Whether two entries say the same. Only within this process."""
    return hash((kind, sender, text, client_message_id, json.dumps(change, sort_keys=True)))


class Device:
    def __init__(
        self, name: str, urls: list[str], http: aiohttp.ClientSession, clock: Clock, history: History, world: World, seed: str
    ) -> None:
        self.name = name
        self.person = Person(urls, http=http, patience=PATIENCE)
        self.chance = random.Random(seed)
        self.connections: list[Connection] = []
        self.heard: list[HeardEntry] = []  # pushes as they came, before the logs put them in order
        self.marks: list[SeenMark] = []
        self.entries: dict[str, list[ToldEntry]] = {}  # what the logs told of, as they told it, by conversation
        self._clock = clock
        self._history = history
        self._world = world
        self.person.on_state(self._state_changed)
        self.person.on_push(lambda push: self._heard(push.event, push.data))
        self.person.on_entry(self._told)

    @property
    def user(self) -> str:
        return self.person.id

    async def act(
        self,
        event: str,
        *,
        door: Door | None = None,
        key: str | None = None,
        again: str = "",
        within_seconds: float | None = None,
        **payload: Any,
    ) -> Call:
        """Make the call until it is answered or patience ends; it stands in the history from its beginning."""
        sent = dict(payload)
        if key is not None:
            sent["clientMessageId" if event == "message:send" else "idempotencyKey"] = key
        call = self._history.begin(
            user=self.user, device=self.name, event=event, payload=payload, key=key, sent_at=self._clock.now(), again=again
        )
        attempts: list[Attempt] = []
        try:
            call.answer = await self.person.does(event, via=door, attempts=attempts, within_seconds=within_seconds, **sent)
            call.outcome = "ok"
            self._world.learn(event, call.answer)
        except Refused as no:
            call.outcome, call.code, call.message = "refused", no.code, no.message
        except Unreachable as broken:
            call.message = str(broken)
        finally:
            call.ended_at = self._clock.now()
            call.attempts = attempts
            self._history.end(call)
        if event == "message:read" and call.is_ok:
            seen = SeenMark(payload["conversationId"], self.user, call.answer["lastReadSeq"], call.sent_at, call.ended_at)
            self.marks.append(seen)
        return call

    async def make(self, event: str, **payload: Any) -> Call:
        """A change, by either door; now and then made twice at once with one key, or again once answered, or not waited for."""
        key = str(UUID(int=self.chance.getrandbits(128), version=4))
        fate = self.chance.random()
        if 0.88 < fate <= 0.94:  # asks once, and is gone before the answer when that takes its time
            return await self.act(event, door=Door.REST, key=key, within_seconds=self.chance.uniform(0.05, 1.0), **payload)
        if fate < 0.08:
            first, _second = await asyncio.gather(
                self.act(event, door=Door.EVENT, key=key, **payload),
                self.act(event, door=Door.REST, key=key, again="at once", **payload),
            )
            return first
        call = await self.act(event, door=self.any_door(), key=key, **payload)
        if fate > 0.94 and call.outcome != "unknown" and call.code not in PASSING:
            await self.act(event, door=self.any_door(), key=key, again="later", **payload)
        return call

    async def ask_presence(self, server_url: str, people: list[str]) -> dict[str, Any]:
        """What this server says of these people, or nothing where it does not answer."""
        headers = {"Authorization": f"Bearer {self.person._session.token()}"}
        try:
            async with self.person._rest.http.get(
                f"{server_url}/api/presence", params={"userIds": ",".join(people)}, headers=headers
            ) as answer:
                said: dict[str, Any] = (await answer.json()).get("data") or {}
                return said
        except aiohttp.ClientError:
            return {}

    def any_door(self) -> Door | None:
        return Door.REST if self.chance.random() < 0.45 else None

    def _state_changed(self, state: State) -> None:
        now = self._clock.now()
        if state is State.ONLINE:
            self.connections.append(Connection(self.person.server or "", now))
        elif self.connections and self.connections[-1].ended_at == float("inf"):
            self.connections[-1].ended_at = now

    def _heard(self, event: str, push: dict[str, Any]) -> None:
        now = self._clock.now()
        self._world.hear(event, push)
        if event == "message:read":
            self.marks.append(SeenMark(push["conversationId"], push["userId"], push["seq"], now, now))
        elif "seq" in push and "conversationId" in push:
            self.heard.append(HeardEntry(push["conversationId"], push["seq"], now))

    def _told(self, log: Log, entry: Entry) -> None:
        content = content_of(entry.kind, entry.sender, entry.text, entry.client_message_id, entry.change)
        self.entries.setdefault(entry.conversation_id, []).append(ToldEntry(entry.seq, content))
        self._world.last_seqs[entry.conversation_id] = max(entry.seq, self._world.last_seqs.get(entry.conversation_id, 0))
