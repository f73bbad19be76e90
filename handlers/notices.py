"""What people are told of their deals when they are away: one table says which change tells whom what (S2.50, S2.58, S2.78).

Each is written in the transaction that brings it about, so it exists exactly once, or not at all where that is rolled back.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from handlers.action import Call, Output
from matching.deal import RINGS, SWAPS, Deal, Kind, Move, Status
from matching.moves import awaited
from storage.database import Tx
from storage.deal_record import DealRecord
from storage.notifications import NewNotification, add_notifications


class Notice(StrEnum):
    """The kinds of notification."""

    OFFER = "offer"  # somebody proposes a swap
    INTEREST = "interest"  # the owner is interested, and has not confirmed yet
    COUNTER = "counter"  # other terms are on the table
    RING = "ring"  # one is in a ring that somebody proposes
    YES_MISSING = "yes-missing"  # all the others of a ring have said yes; or the deal is about to expire unanswered
    ACCEPTED = "accepted"  # everybody needed said yes
    EXECUTED = "executed"  # somebody did their part, others have not yet
    COMPLETED = "completed"  # the items have changed hands
    REJECTED = "rejected"  # somebody said no, or an item went elsewhere
    CANCELLED = "cancelled"
    CANCEL_ASKED = "cancel-asked"  # somebody would call off what was agreed, which takes everybody
    DISPUTED = "disputed"
    TERMS_CHANGED = "terms-changed"  # an item in it was edited
    EXPIRED = "expired"
    OVERDUE = "overdue"  # agreed, and not completed in time (C14)
    RING_FOUND = "ring-found"  # another ring, in the place of one that came to nothing


class Whom(Enum):
    OTHERS = "others"  # all parties but who made the move; all, where the clock or another deal made it
    LAST = "last"  # who alone has not said yes; nobody, while several have not


class Told(NamedTuple):
    notice: Notice
    whom: Whom = Whom.OTHERS


ALWAYS_TOLD = {
    **{(Move.UPDATE, status): Told(Notice.TERMS_CHANGED) for status in (Status.PROPOSED, Status.NEGOTIATING, Status.COUNTERED)},
    (Move.REJECT, Status.REJECTED): Told(Notice.REJECTED),
    (Move.CANCEL, Status.CANCELLED): Told(Notice.CANCELLED),
    (Move.CANCEL, Status.CONFIRMED): Told(Notice.CANCEL_ASKED),
    (Move.CANCEL, Status.DISPUTED): Told(Notice.CANCEL_ASKED),
    (Move.DISPUTE, Status.DISPUTED): Told(Notice.DISPUTED),
    (Move.EXPIRE, Status.EXPIRED): Told(Notice.EXPIRED),
}
SWAP_TOLD = ALWAYS_TOLD | {
    (Move.REQUEST, Status.PROPOSED): Told(Notice.OFFER),
    (Move.INTEREST, Status.NEGOTIATING): Told(Notice.INTEREST),
    (Move.COUNTER, Status.COUNTERED): Told(Notice.COUNTER),
    (Move.CONFIRM, Status.CONFIRMED): Told(Notice.ACCEPTED),
    (Move.ACCEPT, Status.CONFIRMED): Told(Notice.ACCEPTED),
    (Move.COMPLETE, Status.CONFIRMED): Told(Notice.EXECUTED),
    (Move.COMPLETE, Status.DISPUTED): Told(Notice.EXECUTED),
    (Move.COMPLETE, Status.COMPLETED): Told(Notice.COMPLETED),
}
RING_TOLD = ALWAYS_TOLD | {
    (Move.REQUEST, Status.PROPOSED): Told(Notice.RING),
    (Move.ACCEPT, Status.NEGOTIATING): Told(Notice.YES_MISSING, Whom.LAST),
    (Move.ACCEPT, Status.CONFIRMED): Told(Notice.ACCEPTED),
    (Move.EXECUTE, Status.CONFIRMED): Told(Notice.EXECUTED),
    (Move.EXECUTE, Status.DISPUTED): Told(Notice.EXECUTED),
    (Move.EXECUTE, Status.COMPLETED): Told(Notice.COMPLETED),
    (Move.WITHDRAW, Status.CANCELLED): Told(Notice.CANCELLED),
    (Move.WITHDRAW, Status.DISPUTED): Told(Notice.CANCEL_ASKED),
}
TOLD: dict[tuple[Kind, Move, Status], Told] = {
    (kind, *change): told
    for kinds, table in [(SWAPS, SWAP_TOLD), (RINGS, RING_TOLD)]
    for kind in kinds
    for change, told in table.items()
}


class Actor(Output):
    id: UUID
    name: str


class NoticeData(Output):
    """What a notification's sentence is made of, from its reader's side: who did it, what they give and get."""

    by: Actor | UnsetType = UNSET
    gives: list[str] | UnsetType = UNSET
    gets: list[str] | UnsetType = UNSET
    participants: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    expires_at: datetime | UnsetType = UNSET
    opportunity_id: UUID | UnsetType = UNSET
    item_id: UUID | UnsetType = UNSET
    item_title: str | UnsetType = UNSET
    match_score: float | UnsetType = UNSET


def notices(
    record: DealRecord, move: Move, *, by: UUID | None, status: Status | None, reason: str | None
) -> list[NewNotification]:
    """What those whom the table names are told of the move, with its entry in the log. `status`: as in `announce`."""
    deal = record.deal
    notice, whom = TOLD[deal.kind, move, status or deal.status]
    # A reminder is once per terms, whether the last yes but one or the clock brings it about.
    reminds = notice is Notice.YES_MISSING
    cause = deal.revision if reminds else None
    return [
        NewNotification(person, notice, deal.id, cause, _data(record, person, by=by, reason=reason, expires=reminds))
        for person in _people(deal, whom, by)
    ]


async def notify_reminder(call: Call, record: DealRecord, notice: Notice, people: Iterable[UUID]) -> None:
    """Remind people of a deal, once per terms."""
    deal = record.deal
    expires = notice is Notice.YES_MISSING
    told = [
        NewNotification(person, notice, deal.id, deal.revision, _data(record, person, by=None, reason=None, expires=expires))
        for person in people
    ]
    await add_notifications(call.tx, told, record.conversation_id)
    call.notified = True


async def notify(tx: Tx, people: Iterable[UUID], notice: Notice, deal_id: UUID, data: Mapping[str, Any]) -> None:
    """Tell people of what is no move of the deal, once each; `data` as the wire has NoticeData.

    The caller wakes the relay (`live.notify`) once it has committed.
    """
    told = msgspec.convert(data, NoticeData)
    await add_notifications(tx, [NewNotification(person, notice, deal_id, 0, told) for person in people])


def _people(deal: Deal, whom: Whom, by: UUID | None) -> list[UUID]:
    match whom:
        case Whom.OTHERS:
            return [person for person in deal.parties if person != by]
        case Whom.LAST:
            missing = awaited(deal)
            return list(missing) if len(missing) == 1 else []


def _data(record: DealRecord, person: UUID, *, by: UUID | None, reason: str | None, expires: bool) -> NoticeData:
    legs = record.deal.legs
    return NoticeData(
        by=Actor(id=by, name=record.parties[by].name) if by else UNSET,
        gives=[record.snapshots[leg.item_id].title for leg in legs if leg.giver == person],
        gets=[record.snapshots[leg.item_id].title for leg in legs if leg.receiver == person],
        participants=len(record.deal.parties) if record.deal.is_ring else UNSET,
        reason=reason or UNSET,
        expires_at=record.expires_at if expires else UNSET,
    )
