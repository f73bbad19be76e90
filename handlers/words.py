"""The words each door prints for a deal's status (C1, C5, C15, C26). A deal is told in the words of the door that opened it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from matching.deal import Kind, Move, Status
from matching.moves import MOVES
from matching.refusals import InvalidRequest


class Door(StrEnum):
    """Whose words: S1's trades, S2's offers, or S2's barter chains, cycles too. The value is what people call such a deal."""

    TRADES = "trade"
    OFFERS = "offer"
    CHAINS = "chain"


DOOR_OF = {Kind.TRADE: Door.TRADES, Kind.OFFER: Door.OFFERS, Kind.CYCLE: Door.CHAINS, Kind.CHAIN: Door.CHAINS}

# S1 has five words. What it does not know is printed as the nearest one, with the reason.
HIDDEN = {
    Status.COUNTERED: "negotiating",
    Status.CANCELLED: "rejected",
    Status.EXPIRED: "rejected",
    Status.DISPUTED: "confirmed",
}
# S2's words, and those that its own moves need (C26, C31).
WORDS: dict[Door, dict[Status, str]] = {
    Door.TRADES: {status: HIDDEN.get(status, status.value) for status in Status},
    Door.OFFERS: {
        Status.PROPOSED: "PENDING",
        Status.NEGOTIATING: "PENDING",
        Status.COUNTERED: "COUNTER_OFFERED",
        Status.CONFIRMED: "ACCEPTED",
        Status.COMPLETED: "COMPLETED",
        Status.REJECTED: "REJECTED",
        Status.CANCELLED: "CANCELLED",
        Status.EXPIRED: "EXPIRED",
        Status.DISPUTED: "DISPUTED",
    },
    Door.CHAINS: {
        Status.PROPOSED: "PROPOSED",
        Status.NEGOTIATING: "PENDING",
        Status.CONFIRMED: "ACCEPTED",
        Status.COMPLETED: "COMPLETED",
        Status.REJECTED: "REJECTED",
        Status.CANCELLED: "CANCELLED",
        Status.EXPIRED: "EXPIRED",
        Status.DISPUTED: "DISPUTED",
    },
}


def status_said(door: Door, status: Status) -> str:
    return WORDS[door][status]


def statuses_asked(door: Door, said: str | None) -> list[Status] | None:
    """The statuses that the door prints so, in any case; None: all. Raises InvalidRequest (C48)."""
    if said is None:
        return None
    meant = [status for status, word in WORDS[door].items() if word.upper() == said.upper()]
    if not meant:
        raise InvalidRequest("There is no such status.", field="status")
    return meant


def reason_said(door: Door, status: Status, reason: str | None) -> str | None:
    """The reason somebody gave; else, where the door's word hides what happened, the engine's word for it."""
    return reason or (status.value if door is Door.TRADES and status in HIDDEN else None)


def _words(door: Door) -> list[str]:
    """All that is printed for the status of a deal that can be seen through this door."""
    kinds = {kind for kind, opened_by in DOOR_OF.items() if opened_by is door}
    if door is not Door.CHAINS:
        kinds = {Kind.TRADE, Kind.OFFER}  # visible through both (C1)
    reached = {status for (kind, before, _), rule in MOVES.items() if kind in kinds for status in (before, rule.to)}
    return [status_said(door, status) for status in Status if status in reached]


def _one_of(words: Iterable[str]) -> Meta:
    return Meta(extra_json_schema={"enum": list(dict.fromkeys(words))})


# The same words where they are answered, so that the API descriptions list them.
TradeStatus = Annotated[str, _one_of(_words(Door.TRADES))]
OfferStatus = Annotated[str, _one_of(_words(Door.OFFERS))]
ChainStatus = Annotated[str, _one_of(_words(Door.CHAINS))]
DealStatus = Annotated[str, _one_of(word for door in Door for word in _words(door))]
MoveMade = Annotated[str, _one_of(list(Move))]
