"""An offer as one of its two people sees it, in S2's words. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from client_demo.deals import Move, NameOf, Thing
from client_demo.swaps import COUNTER, Swap
from client_demo.wire import Data
from client_demo.words import one_line

WORDS = {"COUNTER_OFFERED": "counter-offered"}
UNKNOWN = "…"  # a thing that the answer names without describing it; `offer:get` describes them all


@dataclass(frozen=True, kw_only=True)
class Offer(Swap):
    noun: ClassVar[str] = "offer"

    notes: str
    completed_by: tuple[str, ...]
    was_countered: bool

    @classmethod
    def of(cls, offer: Data, me: str) -> "Offer":
        is_mine = offer["initiatorId"] == me
        things = _things(offer)
        offered, requested = (
            tuple(things.get(item) or Thing(item, UNKNOWN, "", None, None) for item in offer["terms"][side])
            for side in ("offeredItems", "requestedItems")
        )
        return cls(
            id=offer["id"],
            conversation_id=offer["conversation"],
            status=WORDS.get(offer["status"], str(offer["status"]).lower()),
            reason=one_line(offer.get("reason"), 120),
            revision=offer["revision"],
            is_mine=is_mine,
            others=(offer["recipientId"] if is_mine else offer["initiatorId"],),
            gives=offered if is_mine else requested,
            gets=requested if is_mine else offered,
            overdue=offer["overdue"],
            me=me,
            updated_at=offer["updatedAt"],
            expires_at=offer.get("expiresAt"),
            complete_by=offer.get("completeBy"),
            names={person["id"]: person["fullName"] for person in (offer["initiator"], offer["recipient"])},
            notes=one_line(offer.get("notes"), 300),
            awaiting=tuple(offer["awaiting"]),
            completed_by=tuple(offer["completedBy"]),
            cancel_asked_by=tuple(offer["cancelAskedBy"]),
            was_countered="counterOfferItem" in offer,
        )

    @property
    def is_known(self) -> bool:
        """Whether every thing in the terms was described."""
        return all(thing.title != UNKNOWN for thing in (*self.gives, *self.gets))

    @property
    def stages(self) -> tuple[str, ...]:
        return ("pending", *(("counter-offered",) if self.was_countered else ()), "accepted", "completed")

    @property
    def stage(self) -> int | None:
        status = "accepted" if self.status == "disputed" else self.status
        return self.stages.index(status) if status in self.stages else None

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "counter-offered")

    @property
    def is_held(self) -> bool:
        return self.status in ("accepted", "disputed")

    def call(self, move: Move, words: str) -> tuple[str, Data]:
        payload: Data = {"offerId": self.id}
        match move.verb:
            case "accept":
                payload["revision"] = self.revision
            case "reject" if words:
                payload["reason"] = words
            case "complete" if words:
                payload["confirmationNotes"] = words
            case "dispute" | "cancel" if self.is_held:
                # S2 has no such moves; an offer is reached by the trade's as well
                return f"trade:{move.verb}", {"tradeId": self.id} | ({"reason": words} if words else {})
        return f"offer:{move.verb}", payload

    def moves(self) -> list[Move]:
        if self.is_open:
            return [*(self._answers() if self.me in self.awaiting else []), *self._taking_back()]
        return [*self._settling(), *self.ways_out()] if self.is_held else []

    def _answers(self) -> list[Move]:
        return [
            self.yes("accept", "Accept"),
            COUNTER,
            Move("reject", "f8", "Reject", "Reject this offer?", "bad", asks_reason=True),
        ]

    def _taking_back(self) -> list[Move]:
        """Each may take back what they have put on the table."""
        if self.me in self.awaiting and not self.was_countered:
            return []
        return [Move("cancel", "f9", "Take back", "Take the offer back? The talk about it ends.", "bad")]

    def _settling(self) -> list[Move]:
        if self.me in self.completed_by:
            return []
        question = (
            f"Have you handed over {self.names_of(self.gives)} and received {self.names_of(self.gets)}? "
            "The items change owners once both have said so."
        )
        hint = "A word about it (optional)"
        return [Move("complete", "f4", "We have swapped", question, "good", asks_reason=True, reason_hint=hint)]

    def hint(self, name: NameOf) -> str:
        other = name(self.others[0])
        match self.status:
            case "pending" | "counter-offered":
                return "accept, counter or reject" if self.me in self.awaiting else f"waiting for {other}"
            case "accepted" | "disputed" if trouble := self.trouble(name):
                return trouble
            case "accepted" if self.me in self.completed_by:
                return f"waiting for {other} to say that it is done"
            case "accepted" if self.completed_by:
                return f"{other} says that it is done: and you?"
            case "accepted":
                return "meet, swap, then both say so"
            case "completed":
                return "it is yours now"
        return self.reason if self.reason not in ("", self.status_word) else "nothing changed hands"


def _things(offer: Data) -> dict[str, Thing]:
    """Every thing that the answer describes, by item id."""
    items = [offer["offeredItem"], offer["requestedItem"], *filter(None, [offer.get("counterOfferItem")])]
    for revision in offer.get("revisions") or []:
        items += [*revision["offeredItems"], *revision["requestedItems"]]
    return {item["id"]: Thing.of_item(item) for item in items}
