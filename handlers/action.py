"""An action is said once: its event, route, refusals and story above its function, its shapes in the signature.

Both doors, the one road (`dispatch`) and both API descriptions are read from ACTIONS.
"""

import re
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from handlers.app import Announcement, App, PushBody
from matching.refusals import Refusal
from storage.database import Tx


class Input(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What an action is asked: an event's payload, or REST's path, query and body together."""


class Output(msgspec.Struct, rename="camel"):
    """What an action answers as `data`."""


class Nothing(Input):
    """An action that needs no input."""


class Done(Output):
    """An action that has nothing to tell but that it is done."""


class Work(Enum):
    """What an action runs in."""

    READ = "read"  # one connection, no transaction: for reading, and where all that changes is one statement
    CHANGE = "change"  # one transaction, and the idempotency key's answer in it
    OWN = "own"  # no connection: it opens what it needs, where a wait would hold a connection for nothing


class Limit(StrEnum):
    """Rate-limit classes (C43, C44): requests per window."""

    AUTH = "auth"  # per account and address
    PROPOSE = "propose"  # S1's trades, and counter-offers
    CREATE = "create"  # S2's offers and chains together (S2.108, C43)
    SEARCH = "search"
    READ = "read"
    MUTATE = "mutate"
    MESSAGE = "message"
    UPLOAD = "upload"
    SIGNAL = "signal"  # typing, presence and renewals: many, and cheap


ADDRESS_RATE = (1000, 15 * 60)  # of all that one address asks without signing in
RATES: dict[Limit, tuple[int, int]] = {  # requests, seconds
    Limit.AUTH: (10, 15 * 60),
    Limit.PROPOSE: (60, 3600),
    Limit.CREATE: (10, 3600),
    Limit.SEARCH: (100, 3600),
    Limit.READ: (1000, 3600),
    Limit.MUTATE: (120, 3600),
    Limit.MESSAGE: (60, 60),
    Limit.UPLOAD: (60, 3600),
    Limit.SIGNAL: (120, 60),
}


@dataclass(slots=True)
class Call:
    """One run of one action. `tx` is only there inside it; what is `announced` or told is pushed once it has committed."""

    app: App
    request_id: str
    user: UUID | None
    session_id: UUID | None
    socket_id: str | None
    key: str | None = None  # the caller's idempotency key, for what cannot keep its answer with it
    connection: Tx | None = None
    says: str | None = None  # another than the first of the action's
    refused: Refusal | None = None  # what was done stays done, and the caller is told that it was not what they asked (C32)
    announced: list[Announcement] = field(default_factory=list)
    notified: bool = False  # there are notifications to push
    presence_told: list[tuple[UUID, PushBody]] = field(default_factory=list)  # of whom, for those who watch them
    discarded: list[str] = field(default_factory=list)  # pictures that nothing shows once this has committed

    def begin_again(self) -> None:
        """Forget what a transaction that was rolled back would have told."""
        self.announced.clear()
        self.presence_told.clear()
        self.discarded.clear()
        self.says = self.refused = None
        self.notified = False

    @property
    def tx(self) -> Tx:
        assert self.connection is not None, "an action that opens its own connections does not use the call's"
        return self.connection

    @property
    def user_id(self) -> UUID:
        assert self.user is not None, "only a public action has no caller"
        return self.user

    @property
    def socket(self) -> str:
        assert self.socket_id is not None, "a socket-only action came by a socket"
        return self.socket_id


Run = Callable[[Call, Any], Awaitable[Any]]
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, slots=True)
class Action:
    event: str | None  # None: REST only
    method: str | None  # None: socket only
    path: str | None  # below /api, its places in snake case: /items/{item_id}
    refuses: tuple[type[Refusal], ...]
    limit: Limit
    work: Work
    public: bool
    status: int
    says: tuple[str, ...]  # the first, where the action does not say otherwise
    run: Run
    input: type[Input]
    output: Any
    story: str

    @property
    def name(self) -> str:
        return self.event or f"{self.method} {self.path}"

    @property
    def path_fields(self) -> frozenset[str]:
        """The wire names of the fields that REST has in the path."""
        return frozenset(camel(place) for place in re.findall(r"{(\w+)}", self.path or ""))

    @property
    def list_fields(self) -> frozenset[str]:
        """The wire names of the fields that a query may repeat."""
        return frozenset(f.encode_name for f in msgspec.structs.fields(self.input) if "list[" in str(f.type))


ACTIONS: dict[str, Action] = {}


def camel(snake: str) -> str:
    head, *tail = snake.split("_")
    return head + "".join(word.title() for word in tail)


def action(
    event: str | None,
    *,
    route: str | None,
    refuses: tuple[type[Refusal], ...] = (),
    limit: Limit = Limit.MUTATE,
    work: Work | None = None,
    public: bool = False,
    status: int = 200,
    says: str | tuple[str, ...] = "OK",
) -> Callable[[F], F]:
    """Register the function below as an action. `says` are all messages that its success can have."""
    method, path = route.split(" ") if route else (None, None)

    def register(run: F) -> F:
        hints = typing.get_type_hints(run)
        story = (run.__doc__ or "").strip()
        assert story, f"{run.__name__} has no story"
        made = Action(
            event=event,
            method=method,
            path=path,
            refuses=refuses,
            limit=limit,
            work=work or (Work.READ if method == "GET" else Work.CHANGE),
            public=public,
            status=status,
            says=(says,) if isinstance(says, str) else says,
            run=run,
            input=hints["ask"],
            output=hints["return"],
            story=story,
        )
        assert made.name not in ACTIONS, f"{made.name} is defined twice"
        ACTIONS[made.name] = made
        return run

    return register
