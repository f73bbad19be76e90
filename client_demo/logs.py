"""Conversation logs: every entry once, in `seq` order, without a gap, whatever order the pushes came in."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from client_demo.wire import Data, NoAnswer, Refused, Unreachable

ENTRIES_KEPT_MAX = 1_000  # per conversation; older ones are asked for again when someone scrolls up
EARLY_MAX = 500  # entries beyond a gap that wait for it to be filled; what falls off comes with the filling
LOGS_MAX = 1_000  # conversations; the one that was quiet longest is forgotten
PAGE_MAX = 100
FILLS_AT_ONCE_MAX = 4
FILL_TRIES_MAX = 10
FIRST_LOOK_BACK = 50  # how far back an unknown conversation is read, as `sync` does


@dataclass(frozen=True, slots=True)
class Entry:
    """One numbered thing that happened in a conversation: a message, or a change of the deal."""

    conversation_id: str
    seq: int
    kind: str  # "message" or "deal"
    sender: str | None
    created_at: str
    text: str = ""
    client_message_id: str | None = None
    change: Data | None = None  # {status, move, by, reason?}
    read_by: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Data) -> "Entry":
        return cls(
            conversation_id=data["conversationId"],
            seq=data["seq"],
            kind=data["kind"],
            sender=data.get("sender"),
            created_at=data["createdAt"],
            text=data.get("text") or "",
            client_message_id=data.get("clientMessageId"),
            change=data.get("change"),
            read_by=tuple(data.get("readBy") or ()),
        )

    @classmethod
    def of_change(cls, push: Data, deal: Data) -> "Entry":
        """From a `trade:changed` push, which carries the entry's number and change beside the deal itself."""
        change = push["change"]
        return cls(
            conversation_id=push["conversationId"],
            seq=push["seq"],
            kind="deal",
            sender=change.get("by"),
            created_at=push.get("createdAt") or deal.get("updatedAt") or "",
            change=change,
        )


@dataclass(slots=True)
class Log:
    """What one conversation is known to hold. `entries` has no gap and ends at `seen_to`."""

    conversation_id: str
    seen_to: int | None = None  # None: nothing is known yet, not even where to begin
    last_seq: int = 0  # the highest number heard of
    entries: list[Entry] = field(default_factory=list)
    early: dict[int, Entry] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)  # user id → highest seq read
    filling: bool = False

    @property
    def has_gap(self) -> bool:
        return self.last_seq > (self.seen_to or 0)

    def read_to_by(self, people: Sequence[str]) -> int:
        """How far all of these people have read."""
        return min((self.marks.get(person, 0) for person in people), default=0)

    def unread(self, me: str) -> int:
        """How many entries after my mark others made, among those that are kept."""
        mine = self.marks.get(me, 0)
        count = 0
        for entry in reversed(self.entries):
            if entry.seq <= mine:
                break
            count += entry.sender != me
        return count


EntryHandler = Callable[[Log, Entry], None]


class Logs:
    """Every conversation of one person. Feed it pushes, acknowledgements and `sync` answers; it fetches what lacks.

    `does` is the person's own way to call an action; `on_entry` is told of each entry once, in order.
    """

    def __init__(self, does: Callable[..., Awaitable[Any]], on_entry: EntryHandler, me: Callable[[], str]) -> None:
        self._does = does
        self._on_entry = on_entry
        self._me = me
        self._logs: OrderedDict[str, Log] = OrderedDict()
        self._fills: set[asyncio.Task[None]] = set()
        self._fill_slots = asyncio.Semaphore(FILLS_AT_ONCE_MAX)

    def __getitem__(self, conversation_id: str) -> Log:
        """The log of a conversation, begun when there is none yet."""
        log = self._logs.get(conversation_id)
        if log is None:
            log = self._logs[conversation_id] = Log(conversation_id)
            if len(self._logs) > LOGS_MAX:
                self._logs.popitem(last=False)
        self._logs.move_to_end(conversation_id)
        return log

    def __len__(self) -> int:
        return len(self._logs)

    def unread(self, conversation_id: str) -> int:
        """Entries by others after my mark; 0 for a conversation not heard of. Does not begin a log."""
        log = self._logs.get(conversation_id)
        return 0 if log is None else log.unread(self._me())

    def unread_total(self) -> int:
        return sum(log.unread(self._me()) for log in self._logs.values())

    def take(self, entry: Entry) -> None:
        """An entry from anywhere: kept once and told of in its turn; a gap before it is filled first."""
        log = self[entry.conversation_id]
        log.last_seq = max(log.last_seq, entry.seq)
        for reader in entry.read_by:
            self.mark(entry.conversation_id, reader, entry.seq)
        if log.seen_to is None:
            log.seen_to = max(0, entry.seq - 1 - FIRST_LOOK_BACK)
        if entry.seq <= log.seen_to or entry.seq in log.early:
            return
        log.early[entry.seq] = entry
        if len(log.early) > EARLY_MAX:
            del log.early[max(log.early)]
        self._advance(log)
        self._fill_if_needed(log)

    def take_synced(self, answer: Data) -> None:
        """One answer of `sync`: {conversations: [{id, lastSeq, lastReadSeq, entries}]}."""
        for conversation in answer["conversations"]:
            entries = sorted((Entry.of(data) for data in conversation["entries"]), key=lambda entry: entry.seq)
            log = self[conversation["id"]]
            self.mark(log.conversation_id, self._me(), conversation["lastReadSeq"])
            if log.seen_to is None:
                # The first answer begins where the server chose to: its latest entries, not the whole history.
                log.seen_to = entries[0].seq - 1 if entries else conversation["lastSeq"]
            for entry in entries:
                self.take(entry)
            log.last_seq = max(log.last_seq, conversation["lastSeq"])
            self._fill_if_needed(log)

    def mark(self, conversation_id: str, user_id: str, seq: int) -> bool:
        """Someone has read up to `seq`. Marks only move forward; whether this one did is returned."""
        log = self[conversation_id]
        if seq <= log.marks.get(user_id, 0):
            return False
        log.marks[user_id] = seq
        return True

    async def settled(self) -> None:
        """Wait until no gap is being filled."""
        while self._fills:
            await asyncio.wait(set(self._fills))

    async def close(self) -> None:
        fills = list(self._fills)
        for fill in fills:
            fill.cancel()
        await asyncio.gather(*fills, return_exceptions=True)

    def _advance(self, log: Log) -> None:
        """Move what has become contiguous from `early` to `entries`, telling of each."""
        assert log.seen_to is not None
        while (entry := log.early.pop(log.seen_to + 1, None)) is not None:
            log.seen_to = entry.seq
            log.entries.append(entry)
            if len(log.entries) > ENTRIES_KEPT_MAX:
                del log.entries[: ENTRIES_KEPT_MAX // 4]
            self._on_entry(log, entry)

    def _fill_if_needed(self, log: Log) -> None:
        if log.has_gap and not log.filling:
            log.filling = True
            fill = asyncio.create_task(self._fill(log))
            self._fills.add(fill)
            fill.add_done_callback(self._fills.discard)

    async def _fill(self, log: Log) -> None:
        """Fetch from the end of what is there until the gap is closed; again where no server answers, for a good while.

        After that it is left to the next push or sync.
        """
        try:
            for _ in range(FILL_TRIES_MAX):
                with contextlib.suppress(NoAnswer, Unreachable):  # their patience has waited between its attempts
                    async with self._fill_slots:
                        await self._fill_from_pages(log)
                    return
        except Refused:
            return
        finally:
            log.filling = False

    async def _fill_from_pages(self, log: Log) -> None:
        while log.has_gap:
            before = log.seen_to or 0
            page = await self._does("message:list", conversationId=log.conversation_id, afterSeq=before, limit=PAGE_MAX)
            for data in page:
                self.take(Entry.of(data))
            if (log.seen_to or 0) <= before:
                return  # the server has nothing there (yet): do not ask in a circle
