"""A trade as one of its two people sees it: what I give and get, and which moves are open to me now. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from client_demo.wire import Data
from client_demo.words import condition, one_line

PIPELINE = ("proposed", "negotiating", "confirmed", "completed")
OPEN = ("proposed", "negotiating")


class Move(NamedTuple):
    """A move open to me, as a button and a key."""

    verb: str  # the action is `trade:{verb}`
    key: str
    label: str
    question: str  # asked before it is made; empty: made at once
    tone: str  # "good", "bad" or "plain"
    asks_reason: bool = False


class Thing(NamedTuple):
    """An item in a deal, as it was when the terms were set."""

    item_id: str
    title: str
    condition: str
    value: float | None
    thumbnail_url: str | None

    @classmethod
    def of(cls, leg: Data) -> "Thing":
        return cls(
            leg["item"],
            one_line(leg["title"], 80),
            condition(leg["condition"]),
            leg.get("estimatedValue"),
            leg.get("thumbnailUrl"),
        )


@dataclass(frozen=True)
class Deal:
    """One trade from one side."""

    id: str
    conversation_id: str
    status: str
    reason: str
    revision: int
    is_mine: bool  # I proposed it
    other: str  # user id
    gives: tuple[Thing, ...]
    gets: tuple[Thing, ...]
    overdue: bool
    cancel_asked_by: tuple[str, ...]
    me: str
    updated_at: str
    expires_at: str | None
    complete_by: str | None

    @classmethod
    def of(cls, trade: Data, me: str) -> "Deal":
        is_mine = trade["requester"] == me
        return cls(
            id=trade["id"],
            conversation_id=trade["conversation"],
            status=trade["status"],
            reason=one_line(trade.get("reason"), 120),
            revision=trade["revision"],
            is_mine=is_mine,
            other=trade["owner"] if is_mine else trade["requester"],
            gives=tuple(Thing.of(leg) for leg in trade["legs"] if leg["giver"] == me),
            gets=tuple(Thing.of(leg) for leg in trade["legs"] if leg["receiver"] == me),
            overdue=bool(trade.get("overdue")),
            cancel_asked_by=tuple(trade.get("cancelAskedBy") or ()),
            me=me,
            updated_at=trade["updatedAt"],
            expires_at=trade.get("expiresAt"),
            complete_by=trade.get("completeBy"),
        )

    @property
    def title(self) -> str:
        return f"{self.names(self.gives)} ⇄ {self.names(self.gets)}"

    @staticmethod
    def names(things: tuple[Thing, ...]) -> str:
        if not things:
            return "—"
        return things[0].title + (f" +{len(things) - 1}" if len(things) > 1 else "")

    @property
    def disputed(self) -> bool:
        return self.status == "confirmed" and bool(self.reason)

    @property
    def status_word(self) -> str:
        """The status as people say it, with the two ways of ending that the wire prints as `rejected`."""
        if self.disputed:
            return "problem reported"
        if self.status == "rejected":
            return self.reason if self.reason in ("cancelled", "expired") else "declined"
        return self.status

    @property
    def closed(self) -> bool:
        return self.status in ("completed", "rejected")

    def moves(self) -> list[Move]:
        """What I may do now. The server decides; this only keeps the buttons honest."""
        if self.status in OPEN:
            return [self._withdraw()] if self.is_mine else self._answers()
        return self._settling() if self.status == "confirmed" else []

    def _answers(self) -> list[Move]:
        """The owner's, before anything is held."""
        decline = Move("reject", "f8", "Decline", "Decline this swap?", "bad", asks_reason=True)
        if self.status == "proposed":
            return [Move("interest", "f2", "I'm interested", "", "good"), decline]
        confirm = Move(
            "confirm",
            "f3",
            "Confirm",
            f"Confirm revision {self.revision}: you give {self.names(self.gives)}, you get {self.names(self.gets)}? "
            "Both are then held for this swap, and every other proposal for them is declined.",
            "good",
        )
        return [confirm, decline]

    def _withdraw(self) -> Move:
        return Move("cancel", "f9", "Withdraw", "Withdraw your proposal?", "bad", asks_reason=True)

    def _settling(self) -> list[Move]:
        """Either side's, once the items are held."""
        moves = [
            Move(
                "complete",
                "f4",
                "We have swapped",
                f"Have you handed over {self.names(self.gives)} and received {self.names(self.gets)}? "
                "The items change owners now.",
                "good",
            )
        ]
        if self.me not in self.cancel_asked_by or self.overdue:
            label = "Agree to call off" if self.cancel_asked_by else "Ask to call off"
            question = "Call the swap off? The items become free again."
            if not self.cancel_asked_by and not self.overdue:
                question = "Ask to call the swap off? It is off once the other side asks too."
            label = "Call off" if self.overdue else label
            moves.append(Move("cancel", "f9", label, question, "bad", asks_reason=True))
        if not self.disputed:
            moves.append(Move("dispute", "f10", "Problem", "Report a problem with this swap?", "plain", asks_reason=True))
        return moves

    def hint(self, other_name: str) -> str:
        """What happens next, and on whom it waits."""
        match self.status:
            case "proposed":
                return f"waiting for {other_name}" if self.is_mine else "your answer is awaited"
            case "negotiating":
                return f"{other_name} can confirm" if self.is_mine else "agree, then confirm"
            case "confirmed" if self.disputed:
                return f"problem: {self.reason}"
            case "confirmed" if self.cancel_asked_by:
                return "you asked to call it off" if self.me in self.cancel_asked_by else "they ask to call it off"
            case "confirmed" if self.overdue:
                return "overdue: settle it"
            case "confirmed":
                return "meet, swap, then say so"
            case "completed":
                return "it is yours now"
        return self.reason if self.reason not in ("", self.status_word) else "nothing changed hands"
