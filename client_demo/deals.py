"""A deal as one of its people sees it: what I give and get, and which moves are open to me now. Pure."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from client_demo.wire import Data
from client_demo.words import condition, one_line

NameOf = Callable[[str | None], str]


class Move(NamedTuple):
    """A move open to me, as a button and a key."""

    verb: str
    key: str
    label: str
    question: str  # asked before it is made; empty: made at once
    tone: str  # "good", "bad" or "plain"
    asks_reason: bool = False
    reason_hint: str = "Why? (optional)"


class Thing(NamedTuple):
    """An item in a deal, as it was when the terms were set."""

    item_id: str
    title: str
    condition: str
    value: float | None
    picture: str | None  # its path below the server

    @classmethod
    def of_leg(cls, leg: Data) -> "Thing":
        """From a trade's leg."""
        return cls(
            leg["item"],
            one_line(leg["title"], 80),
            condition(leg["condition"]),
            leg.get("estimatedValue"),
            leg.get("thumbnailUrl"),
        )

    @classmethod
    def of_item(cls, item: Data) -> "Thing":
        """From an item of an offer, a ring or an opportunity."""
        images = item.get("images") or [None]
        title = one_line(item["title"], 80)
        return cls(item["id"], title, condition(item["condition"]), item.get("estimatedValue"), images[0])


@dataclass(frozen=True, kw_only=True)
class Deal:
    """One deal from one side. `status` is the door's word for it, in small letters."""

    noun: ClassVar[str]  # its actions are `{noun}:…`
    sign: ClassVar[str] = "⇄"

    id: str
    conversation_id: str
    status: str
    reason: str
    revision: int
    is_mine: bool  # I proposed it
    others: tuple[str, ...]  # user ids
    gives: tuple[Thing, ...]
    gets: tuple[Thing, ...]
    overdue: bool
    me: str
    updated_at: str
    expires_at: str | None
    complete_by: str | None
    names: dict[str, str] = field(default_factory=dict)  # those of its people that came with it, by user id

    @property
    @abstractmethod
    def stages(self) -> tuple[str, ...]:
        """The way to the end, as it is shown."""

    @property
    @abstractmethod
    def stage(self) -> int | None:
        """How far along `stages` it has come; None: it came to nothing."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Nothing is held yet."""

    @property
    @abstractmethod
    def is_held(self) -> bool:
        """Everyone has said yes: the items are held for it."""

    @abstractmethod
    def moves(self) -> list[Move]:
        """What I may do now. The server decides; this only keeps the buttons honest."""

    @abstractmethod
    def call(self, move: Move, words: str) -> tuple[str, Data]:
        """The action that makes the move, and its payload. `words`: the reason or message that was asked for."""

    @abstractmethod
    def hint(self, name: NameOf) -> str:
        """What happens next, and on whom it waits."""

    @property
    def title(self) -> str:
        return f"{self.names_of(self.gives)} {self.sign} {self.names_of(self.gets)}"

    @property
    def status_word(self) -> str:
        """The status as people say it."""
        return "problem reported" if self.status == "disputed" else self.status

    @property
    def closed(self) -> bool:
        return not (self.is_open or self.is_held)

    @property
    def asked(self) -> tuple[str, Data]:
        """The action that reads it, and its payload."""
        return f"{self.noun}:get", {f"{self.noun}Id": self.id}

    def with_whom(self, name: NameOf) -> str:
        return ", ".join(name(other) for other in self.others)

    @staticmethod
    def names_of(things: tuple[Thing, ...]) -> str:
        if not things:
            return "nothing"
        return things[0].title + (f" +{len(things) - 1}" if len(things) > 1 else "")
