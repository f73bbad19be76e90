"""A trade as one of its two people sees it, in S1's words. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from client_demo.deals import Deal, Move, NameOf, Thing
from client_demo.wire import Data
from client_demo.words import one_line

STAGES = ("proposed", "negotiating", "confirmed", "completed")


@dataclass(frozen=True, kw_only=True)
class Trade(Deal):
    noun: ClassVar[str] = "trade"

    cancel_asked_by: tuple[str, ...]

    @classmethod
    def of(cls, trade: Data, me: str) -> "Trade":
        is_mine = trade["requester"] == me
        return cls(
            id=trade["id"],
            conversation_id=trade["conversation"],
            status=trade["status"],
            reason=one_line(trade.get("reason"), 120),
            revision=trade["revision"],
            is_mine=is_mine,
            others=(trade["owner"] if is_mine else trade["requester"],),
            gives=tuple(Thing.of_leg(leg) for leg in trade["legs"] if leg["giver"] == me),
            gets=tuple(Thing.of_leg(leg) for leg in trade["legs"] if leg["receiver"] == me),
            overdue=bool(trade.get("overdue")),
            cancel_asked_by=tuple(trade.get("cancelAskedBy") or ()),
            me=me,
            updated_at=trade["updatedAt"],
            expires_at=trade.get("expiresAt"),
            complete_by=trade.get("completeBy"),
        )

    @property
    def stages(self) -> tuple[str, ...]:
        return STAGES

    @property
    def stage(self) -> int | None:
        return None if self.status == "rejected" else STAGES.index(self.status)

    @property
    def is_open(self) -> bool:
        return self.status in ("proposed", "negotiating")

    @property
    def is_held(self) -> bool:
        return self.status == "confirmed"

    @property
    def disputed(self) -> bool:
        return self.status == "confirmed" and bool(self.reason)

    @property
    def status_word(self) -> str:
        """With the two ways of ending that the wire prints as `rejected`."""
        if self.disputed:
            return "problem reported"
        if self.status == "rejected":
            return self.reason if self.reason in ("cancelled", "expired") else "declined"
        return self.status

    def call(self, move: Move, words: str) -> tuple[str, Data]:
        """With the revision that was on the screen when the move was chosen."""
        payload: Data = {"tradeId": self.id, "revision": self.revision}
        return f"trade:{move.verb}", payload | ({"reason": words} if words else {})

    def moves(self) -> list[Move]:
        if self.is_open:
            return [self._withdraw()] if self.is_mine else self._answers()
        return self._settling() if self.is_held else []

    def _answers(self) -> list[Move]:
        """The owner's, before anything is held."""
        decline = Move("reject", "f8", "Decline", "Decline this swap?", "bad", asks_reason=True)
        if self.status == "proposed":
            return [Move("interest", "f2", "I'm interested", "", "good"), decline]
        confirm = Move(
            "confirm",
            "f3",
            "Confirm",
            f"Confirm revision {self.revision}: you give {self.names_of(self.gives)}, you get {self.names_of(self.gets)}? "
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
                f"Have you handed over {self.names_of(self.gives)} and received {self.names_of(self.gets)}? "
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

    def hint(self, name: NameOf) -> str:
        other = name(self.others[0])
        match self.status:
            case "proposed":
                return f"waiting for {other}" if self.is_mine else "your answer is awaited"
            case "negotiating":
                return f"{other} can confirm" if self.is_mine else "agree, then confirm"
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
