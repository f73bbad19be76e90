"""What an action finds around it: the stores, and the little of `server` that actions need, as protocols."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Protocol
from uuid import UUID

import msgspec
import structlog

from handlers.group_commit import GroupCommit
from handlers.matchmaker import Matchmaker
from handlers.passwords import Passwords
from handlers.tokens import Tokens
from storage.categories import CategoryTree
from storage.database import Database
from storage.entries import Entry
from storage.limits import Limits
from storage.marks import Marks
from storage.opportunities import ShownOpportunities
from storage.presence import Presence

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Announcement:
    """A committed entry that its conversation's parties have yet to be pushed. The relay loads what is None."""

    conversation_id: UUID
    seq: int
    entry: Entry | None = None
    people: tuple[UUID, ...] | None = None


class PushBody(msgspec.Struct, rename="camel"):
    """What people are told without having asked, by its event. `handlers.pushes.PUSHES` has them all."""

    event: ClassVar[str]


class Live(Protocol):
    """The sockets of people, on this process and through the bus on the others."""

    def announce(self, announcements: Iterable[Announcement]) -> None:
        """Push committed entries, outside the path of the acknowledgement."""

    def notify(self) -> None:
        """There are committed notifications to be pushed."""

    def push(self, body: PushBody, people: Iterable[UUID]) -> None:
        """Push what is not an entry to every socket of `people`; lost where Redis is away."""

    def push_presence(self, user_id: UUID, body: PushBody) -> None:
        """Push presence to the sockets that watch this person."""

    async def watch(self, socket_id: str, user_ids: Iterable[UUID]) -> None:
        """From now on the socket is told of these people's presence, and of no others'."""

    def renew(self, socket_id: str, session_id: UUID, expires_at: datetime) -> None:
        """The socket's sign-in is good until then."""


class Tell(Protocol):
    """Writes the line of an action into the log."""

    def __call__(self, action: str, door: str, code: str, seconds: float, request_id: str, user: str | None) -> None: ...


def tell_by_structlog(action: str, door: str, code: str, seconds: float, request_id: str, user: str | None) -> None:
    """The request's id, action and user are in the context."""
    log.info("action", door=door, code=code, ms=round(seconds * 1000, 1))


@dataclass(slots=True)
class App:
    database: Database
    marks: Marks
    presence: Presence
    limits: Limits
    categories: CategoryTree
    passwords: Passwords
    tokens: Tokens
    matchmaker: Matchmaker
    shown: ShownOpportunities
    live: Live
    discard_pictures: Callable[[Iterable[str]], Awaitable[None]]
    refresh_lifetime: timedelta
    rate_limits: bool = True
    tell: Tell = tell_by_structlog
    group_commit: GroupCommit = field(init=False)
    revoked: set[UUID] = field(default_factory=set)  # sessions whose access tokens still run; kept up by the server

    def __post_init__(self) -> None:
        self.group_commit = GroupCommit(self.database)
