"""A trade as one of its two people sees it, in S1's words. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from client_demo.deals import Move, NameOf, Thing
from client_demo.swaps import COUNTER, Swap
from client_demo.wire import Data
from client_demo.words import one_line

STAGES = ("proposed", "negotiating", "confirmed", "completed")


@dataclass(frozen=True, kw_only=True)
class Trade(Swap):
    noun: ClassVar[str] = "trade"

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
            overdue=trade["overdue"],
            awaiting=tuple(trade["awaiting"]),
            cancel_asked_by=tuple(trade["cancelAskedBy"]),
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
        """S1 has no word for it, but a reason. One that came with asking to call it off looks the same, but for who asked."""
        told_of_problem = self.reason == "disputed" or not self.cancel_asked_by
        return self.status == "confirmed" and bool(self.reason) and told_of_problem

    @property
    def countered(self) -> bool:
        """S1 has no word for it either."""
        return self.status == "negotiating" and self.reason == "countered"

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
        if move.verb == "accept":  # S1 has no such move; a trade is reached by the offer's as well
            return "offer:accept", {"offerId": self.id, "revision": self.revision}
        payload: Data = {"tradeId": self.id, "revision": self.revision}
        return f"trade:{move.verb}", payload | ({"reason": words} if words else {})

    def moves(self) -> list[Move]:
        if self.is_open:
            return [*(self._answers() if self.me in self.awaiting else []), *self._taking_back()]
        return [*self._settling(), *self.ways_out()] if self.is_held else []

    def _answers(self) -> list[Move]:
        """Of whose answer it waits for: the owner's; after a counter-offer, theirs who did not make it."""
        decline = Move("reject", "f8", "Decline", "Decline this swap?", "bad", asks_reason=True)
        if self.status == "proposed":
            return [Move("interest", "f2", "I'm interested", "", "good"), self.yes("accept", "Accept"), COUNTER, decline]
        return [self.yes("confirm", "Confirm"), COUNTER, decline]

    def _taking_back(self) -> list[Move]:
        """Of each who has put terms on the table."""
        if self.me in self.awaiting and not self.countered:
            return []
        return [Move("cancel", "f9", "Withdraw", "Withdraw from this swap?", "bad", asks_reason=True)]

    def _settling(self) -> list[Move]:
        if self.me not in self.awaiting:
            return []
        question = (
            f"Have you handed over {self.names_of(self.gives)} and received {self.names_of(self.gets)}? "
            f"The items change owners {'once both have said so' if self.disputed else 'now'}."
        )
        return [Move("complete", "f4", "We have swapped", question, "good")]

    def hint(self, name: NameOf) -> str:
        other = name(self.others[0])
        awaits_me = self.me in self.awaiting
        match self.status:
            case "proposed":
                return "your answer is awaited" if awaits_me else f"waiting for {other}"
            case "negotiating" if awaits_me:
                return f"{other} put other terms on the table" if self.countered else "agree, then confirm"
            case "negotiating":
                return f"{other} can confirm"
            case "confirmed" if trouble := self.trouble(name):
                return trouble
            case "confirmed":
                return "meet, swap, then say so"
            case "completed":
                return "it is yours now"
        return self.reason if self.reason not in ("", self.status_word) else "nothing changed hands"
