"""What one person has before them: their deals of every kind in the newest known state, the names of people, the categories.

Fed by the person's pushes; tells `changed` what kind of thing is different now. No user interface.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from client_demo.connection import Person, State
from client_demo.deals import Deal
from client_demo.hearing import Push
from client_demo.inbox import Inbox, Notice
from client_demo.logs import Entry, Log
from client_demo.offers import Offer
from client_demo.rings import Ring
from client_demo.trades import Trade
from client_demo.wire import Data, Refused, Unreachable
from client_demo.words import one_line

DEALS_MAX = 400
NAMES_MAX = 2_000
PAGE_MAX = 100
KINDS: dict[str, type[Trade] | type[Offer] | type[Ring]] = {kind.noun: kind for kind in (Trade, Offer, Ring)}
SETTLE_SECONDS = 0.1  # a burst of entries asks for each deal once


class Topic(StrEnum):
    DEALS = "deals"  # a deal is new or has moved, or how much is unread
    ENTRY = "entry"  # a log has a new entry
    MARKS = "marks"  # someone has read further
    TYPING = "typing"
    PRESENCE = "presence"
    INBOX = "inbox"
    STATE = "state"  # of the connection


class Change(NamedTuple):
    topic: Topic
    conversation_id: str = ""
    entry: Entry | None = None
    notice: Notice | None = None  # that has just come


class Desk:
    """`changed` is called, on the event loop, after every change."""

    def __init__(self, person: Person, changed: Callable[[Change], None]) -> None:
        self.person = person
        self.deals: dict[str, Deal] = {}  # by conversation id
        self.categories: list[Data] = []
        self.inbox = Inbox(person, lambda: changed(Change(Topic.INBOX)))
        self._changed = changed
        self._names: dict[str, str] = {}
        self._applied: dict[str, int] = {}  # conversation id → the seq of the newest deal state taken from a push
        self._stale: set[str] = set()  # conversations whose deal moved without telling how
        self._strangers: set[str] = set()  # people in deals whose names are not known yet
        self._inbox_is_stale = False
        self._refreshing: asyncio.Task[None] | None = None
        self._reading: set[str] = set()
        self._stops = [
            person.on_push(self._pushed),
            person.on_entry(self._entered),
            person.on_state(self._moved),
        ]

    async def load(self) -> None:
        """Categories, deals, names, presence, inbox. Raises Refused or Unreachable."""
        self.categories = await self.person.does("category:list")
        await self.load_deals()
        await self.inbox.load()

    async def load_deals(self) -> None:
        """My newest deals of every kind, and who is in them. Raises Refused or Unreachable."""
        conversations = await self.person.does("conversation:list", limit=PAGE_MAX)
        offers = set()
        for conversation in conversations["items"]:
            for participant in conversation["participants"]:
                self.know_name(participant["id"], participant["name"])
            if conversation["deal"]["kind"] == "offer":
                offers.add(conversation["id"])
        # The lists of trades have offers in them as well, in a trade's words, and the other way round.
        for event in ("trade:mine", "trade:incoming", "offer:mine", "chain:mine"):
            noun = event.split(":")[0]
            for data in (await self.person.does(event, limit=PAGE_MAX))["items"]:
                if noun == "chain" or (noun == "offer") == (data["conversation"] in offers):
                    self.keep(data, noun)
        await self.person.watch({other for deal in self.deals.values() if not deal.closed for other in deal.others})
        self._changed(Change(Topic.DEALS))

    def keep(self, data: Data, noun: str = "trade") -> Deal:
        """Take a deal's newest state, from an answer. `noun`: whose words it is in, "trade", "offer" or "chain"."""
        deal: Deal = KINDS[noun].of(data, self.person.id)
        if isinstance(deal, Offer) and not deal.is_known and "revisions" not in data:
            self._stale.add(deal.conversation_id)  # what it lacks is in `offer:get`
            self._refresh_soon()
        for user_id, name in deal.names.items():
            self.know_name(user_id, name)
        self.deals[deal.conversation_id] = deal
        while len(self.deals) > DEALS_MAX:
            del self.deals[min(self.deals, key=lambda known: self.deals[known].updated_at)]
        strangers = [other for other in deal.others if other not in self._names]
        if strangers:
            self._strangers.update(strangers)
            self._refresh_soon()
        self._changed(Change(Topic.DEALS, deal.conversation_id))
        return deal

    async def look_up(self, deal: Deal) -> None:
        """Ask for the deal's newest state. Raises Refused or Unreachable."""
        event, payload = deal.asked
        self.keep(await self.person.does(event, **payload), deal.noun)

    def newest_first(self) -> list[Deal]:
        """Open deals before closed ones, the most recently moved first."""
        by_time = sorted(self.deals.values(), key=lambda deal: deal.updated_at, reverse=True)
        return sorted(by_time, key=lambda deal: deal.closed)

    def unread(self, deal: Deal) -> int:
        return self.person.logs.unread(deal.conversation_id)

    def unread_total(self) -> int:
        return sum(self.unread(deal) for deal in self.deals.values())

    def know_name(self, user_id: str, name: str) -> None:
        self._names[user_id] = one_line(name, 40)
        while len(self._names) > NAMES_MAX:
            del self._names[next(iter(self._names))]

    def knows(self, user_id: str | None) -> bool:
        """Whether `name` has a name to tell; nobody needs none."""
        return user_id is None or user_id == self.person.id or user_id in self._names

    def name(self, user_id: str | None) -> str:
        """A person's name; "You" for me, "someone" until it is known."""
        if user_id == self.person.id:
            return "You"
        return self._names.get(user_id or "", "someone")

    def category_names(self) -> dict[str, str]:
        """Slug and id → English name."""
        return {category[by]: category["nameEn"] for category in self.categories for by in ("slug", "id")}

    def category_choices(self) -> list[tuple[str, str]]:
        """(label, slug) of every category, children indented below their parents."""
        choices = []
        for root in self.categories:
            if root["parentId"] is None:
                choices.append((root["nameEn"], root["slug"]))
                children = (category for category in self.categories if category["parentId"] == root["id"])
                choices += [(f"  {child['nameEn']}", child["slug"]) for child in children]
        return choices

    async def learn_name(self, user_id: str) -> None:
        """Ask for a name not known yet. Raises Refused or Unreachable."""
        if user_id not in self._names and user_id != self.person.id:
            self.know_name(user_id, (await self.person.does("user:get", userId=user_id))["name"])

    async def open_log(self, deal: Deal) -> Log:
        """The conversation's log, read from the server when nothing of it is known. Raises Refused or Unreachable."""
        log = self.person.logs[deal.conversation_id]
        if not log.entries:
            for data in await self.person.does("message:list", conversationId=deal.conversation_id):
                self.person.logs.take(Entry.of(data))
        return log

    async def read(self, conversation_id: str) -> None:
        """Mark everything known as read. One call at a time; what arrives meanwhile is marked by the next round."""
        if conversation_id in self._reading:
            return
        log = self.person.logs[conversation_id]
        self._reading.add(conversation_id)
        try:
            while log.entries and log.entries[-1].seq > log.marks.get(self.person.id, 0):
                seq = log.entries[-1].seq
                await self.person.does("message:read", conversationId=conversation_id, seq=seq)
                self.person.logs.mark(conversation_id, self.person.id, seq)
                self._changed(Change(Topic.DEALS, conversation_id))
        finally:
            self._reading.discard(conversation_id)

    def close(self) -> None:
        for stop in self._stops:
            stop()
        if self._refreshing is not None:
            self._refreshing.cancel()

    def _entered(self, log: Log, entry: Entry) -> None:
        if entry.kind == "deal" and entry.seq > self._applied.get(log.conversation_id, 0):
            # From `sync` or a filled gap there is no trade beside it; a push of it will clear this again.
            self._stale.add(log.conversation_id)
            self._refresh_soon()
        self._changed(Change(Topic.ENTRY, log.conversation_id, entry))
        self._changed(Change(Topic.DEALS, log.conversation_id))

    def _pushed(self, push: Push) -> None:
        data = push.data
        match push.event:
            case "trade:changed" | "offer:changed" | "chain:changed":
                conversation_id, seq = data["conversationId"], data["seq"]
                if seq >= self._applied.get(conversation_id, 0):  # an older one may come late or again
                    self._applied[conversation_id] = seq
                    if len(self._applied) > DEALS_MAX:
                        del self._applied[next(iter(self._applied))]
                    self._stale.discard(conversation_id)
                    noun = push.event.split(":")[0]
                    self.keep(data[noun], noun)
            case "notification:new":
                if (notice := self.inbox.take(data)) is not None:
                    self._changed(Change(Topic.INBOX, notice.conversation_id or "", notice=notice))
            case "message:read":
                self._changed(Change(Topic.MARKS, data["conversationId"]))
            case "typing":
                self._changed(Change(Topic.TYPING, data["conversationId"]))
            case "presence:changed":
                self._changed(Change(Topic.PRESENCE))

    def _moved(self, state: State) -> None:
        """The connection is up, or down. Notifications that came while it was down are only in the inbox."""
        self._changed(Change(Topic.STATE))
        if state is State.ONLINE:
            self._inbox_is_stale = True
            self._refresh_soon()

    def _refresh_soon(self) -> None:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        """Ask for the deals that moved out of hearing, who the new people in them are, and what the inbox has."""
        try:
            while self._stale or self._strangers or self._inbox_is_stale:
                await asyncio.sleep(SETTLE_SECONDS)
                if self._inbox_is_stale:
                    self._inbox_is_stale = False
                    await self.inbox.load()
                stale, self._stale = self._stale, set()
                strangers, self._strangers = self._strangers, set()
                known = [self.deals[conversation_id] for conversation_id in stale if conversation_id in self.deals]
                for deal in known:
                    await self.look_up(deal)
                if len(known) < len(stale):
                    await self.load_deals()
                for user_id in strangers:
                    await self.learn_name(user_id)
                await self.person.watch(strangers)
                self._changed(Change(Topic.DEALS))
        except (Refused, Unreachable):
            return  # the next entry, or opening the deal, asks again
