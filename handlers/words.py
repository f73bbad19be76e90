"""The words each door prints for a deal's status (C1, C5, C15). A deal is told in the words of the door that opened it."""

from matching.deal import Kind, Status

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
