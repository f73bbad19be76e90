"""The inbox of one person: what they were told of their deals, and how much of it is unread. No user interface."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from client_demo.connection import Person
from client_demo.wire import Data
from client_demo.words import one_line

NOTICES_MAX = 200
PAGE_MAX = 100
READ_AT_ONCE_MAX = 100


class Notice(NamedTuple):
    """One notification."""

    id: str
    kind: str
    title: str  # a sentence
    conversation_id: str | None  # None: it tells of something that has no talk yet
    item_id: str | None  # for a kind that is about one of my things
    opportunity_id: str | None  # of a ring that has been found
    seq: int | None  # of the change in that conversation that it tells of
    reason: str
    is_read: bool
    created_at: str

    @property
    def leads_to_ring(self) -> bool:
        """It tells of a ring that could be proposed in the place of a deal that came to nothing."""
        return self.opportunity_id is not None and self.item_id is not None

    @classmethod
    def of(cls, notice: Data) -> "Notice":
        told = notice["data"]
        return cls(
            notice["id"],
            notice["kind"],
            one_line(notice["title"], 300),
            notice.get("conversation"),
            told.get("itemId"),
            told.get("opportunityId"),
            notice.get("seq"),
            one_line(told.get("reason"), 200),
            notice.get("readAt") is not None,
            notice["createdAt"],
        )


class Inbox:
    """`changed` is called after every change."""

    def __init__(self, person: Person, changed: Callable[[], None]) -> None:
        self.unread = 0  # of all there are, also of those that are not kept here
        self._person = person
        self._changed = changed
        self._notices: dict[str, Notice] = {}

    def newest_first(self) -> list[Notice]:
        return sorted(self._notices.values(), key=lambda notice: notice.created_at, reverse=True)

    def get(self, notice_id: str) -> Notice | None:
        return self._notices.get(notice_id)

    async def load(self) -> None:
        """The newest ones, and the count. Raises Refused or Unreachable."""
        answer = await self._person.does("notification:list", limit=PAGE_MAX)
        for notice in answer["items"]:
            self._keep(Notice.of(notice))
        self.unread = answer["unread"]
        self._changed()

    def take(self, push: Data) -> Notice | None:
        """A `notification:new`; None for one that was pushed before."""
        notice = Notice.of(push)
        if notice.id in self._notices:
            return None
        self._keep(notice)
        self.unread += not notice.is_read
        self._changed()
        return notice

    async def read(self, notices: Iterable[Notice]) -> None:
        """Mark these as read. Raises Refused or Unreachable."""
        ids = [notice.id for notice in notices if not notice.is_read][:READ_AT_ONCE_MAX]
        if ids:
            self._mark(ids, await self._person.does("notification:read", ids=ids))

    async def read_all(self) -> None:
        """Mark everything as read. Raises Refused or Unreachable."""
        self._mark(list(self._notices), await self._person.does("notification:read"))

    async def read_of(self, conversation_id: str) -> None:
        """Mark what tells of this conversation as read: its reader sees it there. Raises Refused or Unreachable."""
        told_there = (notice for notice in self._notices.values() if not notice.leads_to_ring)
        await self.read([notice for notice in told_there if notice.conversation_id == conversation_id])

    def _mark(self, ids: list[str], answer: Data) -> None:
        for notice_id in ids:
            if notice_id in self._notices:  # else it was the oldest, and is not kept any more
                self._notices[notice_id] = self._notices[notice_id]._replace(is_read=True)
        self.unread = answer["unread"]
        self._changed()

    def _keep(self, notice: Notice) -> None:
        self._notices[notice.id] = notice
        while len(self._notices) > NOTICES_MAX:
            del self._notices[min(self._notices, key=lambda kept: self._notices[kept].created_at)]
