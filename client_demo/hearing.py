"""What one person hears: pushes put into the keepers (logs, presence, typing) and handed to whoever listens."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from client_demo.logs import Entry, Log, Logs
from client_demo.wire import Data, Unreachable

LISTENERS_MAX = 100
PUSHES_WAITING_MAX = 1_000
PRESENCE_MAX = 1_000
TYPING_SECONDS_MAX = 6.0  # a typist who falls silent without saying so stops being shown

Listener = TypeVar("Listener")


class Push(NamedTuple):
    event: str
    data: Data


class Hearing:
    """The ears of a person. `does` is how the logs fetch what they miss; `me` tells the person's user id."""

    def __init__(self, does: Callable[..., Awaitable[Any]], me: Callable[[], str]) -> None:
        self.logs = Logs(does, self._tell_entry, me)
        self.presence: dict[str, Data] = {}  # user id → {online, lastSeenAt}, of those watched
        self._me = me
        self._typing_until: dict[tuple[str, str], float] = {}
        self._on_push: list[Callable[[Push], None]] = []
        self._on_entry: list[Callable[[Log, Entry], None]] = []
        self._pulse = asyncio.Event()

    def on_push(self, listener: Callable[[Push], None]) -> Callable[[], None]:
        """Call `listener` for each push as it comes; returns how to stop. Entries in order: `on_entry`."""
        return added(self._on_push, listener)

    def on_entry(self, listener: Callable[[Log, Entry], None]) -> Callable[[], None]:
        """Call `listener` for each new entry of any conversation: once each, in `seq` order."""
        return added(self._on_entry, listener)

    async def pushes(self) -> AsyncIterator[Push]:
        """Each push as it comes, until the iterator is closed. A reader too slow for the buffer loses the oldest ones;
        the logs lose nothing, for they are fed before any buffer."""
        waiting: deque[Push] = deque(maxlen=PUSHES_WAITING_MAX)
        arrived = asyncio.Event()

        def keep(push: Push) -> None:
            waiting.append(push)
            arrived.set()

        stop = self.on_push(keep)
        try:
            while True:
                while waiting:
                    yield waiting.popleft()
                arrived.clear()
                await arrived.wait()
        finally:
            stop()

    async def until(self, condition: Callable[[], bool], within_seconds: float = 5.0) -> None:
        """Wait until something heard has made `condition` true. Raises Unreachable when that takes too long."""
        try:
            async with asyncio.timeout(within_seconds):
                while not condition():
                    self._pulse.clear()
                    await self._pulse.wait()
        except TimeoutError as late:
            raise Unreachable(f"what was waited for did not happen within {within_seconds:.1f} s") from late

    def typists(self, conversation_id: str) -> list[str]:
        """The ids of those who are typing there now, me not among them."""
        now = asyncio.get_running_loop().time()
        self._typing_until = {who: until for who, until in self._typing_until.items() if until > now}
        return [user for conversation, user in self._typing_until if conversation == conversation_id]

    def is_online(self, user_id: str) -> bool | None:
        """Whether a watched person is there; None when that is not known."""
        known = self.presence.get(user_id)
        return None if known is None else bool(known["online"])

    def hear(self, event: str, data: Data) -> None:
        """A push has come: the keepers first, then whoever listens."""
        if event == "message:new":
            self.logs.take(Entry.of(data))
        elif event.endswith(":changed") and "seq" in data:
            self.logs.take(Entry.of_change(data, data.get(event.removesuffix(":changed")) or {}))
        elif event == "message:read":
            self.logs.mark(data["conversationId"], data["userId"], data["seq"])
        elif event == "presence:changed":
            self.know_presence({data["userId"]: {"online": data["online"], "lastSeenAt": data.get("lastSeenAt")}})
        elif event == "typing" and data["userId"] != self._me():
            until = asyncio.get_running_loop().time() + (TYPING_SECONDS_MAX if data["typing"] else -1)
            self._typing_until[data["conversationId"], data["userId"]] = until
        self.pulse()
        for listener in list(self._on_push):
            listener(Push(event, data))

    def know_presence(self, presence: dict[str, Data]) -> None:
        self.presence |= presence
        while len(self.presence) > PRESENCE_MAX:
            del self.presence[next(iter(self.presence))]
        self.pulse()

    def pulse(self) -> None:
        """Let every `until` look again."""
        self._pulse.set()

    def _tell_entry(self, log: Log, entry: Entry) -> None:
        # Whoever has spoken has stopped typing; waiting for the push that says so would show both for a moment. Not so who has
        # made a move: its entry may well come after the push that says that they type.
        if entry.kind == "message":
            self._typing_until.pop((entry.conversation_id, entry.sender or ""), None)
        self.pulse()
        for listener in list(self._on_entry):
            listener(log, entry)


def added(listeners: list[Listener], listener: Listener) -> Callable[[], None]:
    """Add to a bounded list; returns how to take it out again."""
    assert len(listeners) < LISTENERS_MAX, "listeners are added without being removed"
    listeners.append(listener)

    def remove() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return remove
