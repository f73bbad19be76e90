"""The words each door prints for a deal's status (C1, C5, C15). A deal is told in the words of the door that opened it."""

from typing import Annotated

from msgspec import Meta

from matching.deal import MOVES, Kind, Move, Status

# S1 has five words. What it does not know is printed as the nearest one, with the reason.
WORDS: dict[Kind, dict[Status, str]] = {
    Kind.TRADE: {
        Status.CANCELLED: "rejected",
        Status.EXPIRED: "rejected",
        Status.DISPUTED: "confirmed",
    },
}


def status_said(kind: Kind, status: Status) -> str:
    return WORDS[kind].get(status, status.value)


def reason_said(kind: Kind, status: Status, reason: str | None) -> str | None:
    """The reason somebody gave; else, where the door's word hides what happened, the engine's word for it."""
    return reason or (status.value if status in WORDS[kind] else None)


def _words(kind: Kind) -> list[str]:
    """All that is printed for the status of such a deal."""
    reached = {status for (one, before, _), rule in MOVES.items() if one.value == kind.value for status in (before, rule.to)}
    return [status_said(kind, status) for status in Status if status in reached]


def _one_of(words: list[str]) -> Meta:
    return Meta(extra_json_schema={"enum": list(dict.fromkeys(words))})


# The same words where they are answered, so that the API descriptions list them.
TradeStatus = Annotated[str, _one_of(_words(Kind.TRADE))]
DealStatus = Annotated[str, _one_of([word for kind in Kind for word in _words(kind)])]
MoveMade = Annotated[str, _one_of(list(Move))]
