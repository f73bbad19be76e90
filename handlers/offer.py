"""An offer as people see it (S2.15, S2.16, S2.23, C35, C37): S2's words and names over a deal between two."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from handlers.action import Output
from handlers.barter_types import BarterUser, OfferedItem
from handlers.words import Door, OfferStatus, reason_said, status_said
from matching.deal import Move
from matching.moves import awaited
from storage.deal_record import DealRecord, Terms, TermsLeg


class OfferTerms(Output):
    """What accepting would swap: the latest revision (C37). Lists, since a bundle is seen here too."""

    offered_items: list[UUID]
    requested_items: list[UUID]


class Revision(Output):
    """One revision of an offer's terms; it never changes (C35). `by` made it, with `move`."""

    revision: int
    by: UUID
    move: Literal["request", "counter", "update"]
    notes: str | None
    offered_items: list[OfferedItem]
    requested_items: list[OfferedItem]
    created_at: datetime


class Offer(Output):
    """An offer. `offered_item` and `requested_item` are what it began with, of a bundle the first; `terms` are what is on the
    table now, all of it.
    """

    id: UUID
    initiator_id: UUID
    recipient_id: UUID
    initiator: BarterUser
    recipient: BarterUser
    offered_item: OfferedItem
    requested_item: OfferedItem
    terms: OfferTerms
    status: OfferStatus
    revision: int
    awaiting: Annotated[list[UUID], Meta(description="Whose answer, or confirmation, it waits for.")]
    completed_by: list[UUID]
    cancel_asked_by: list[UUID]
    notes: str | None
    conversation: UUID
    expires_at: datetime
    confirmed_at: datetime | None
    complete_by: Annotated[datetime | None, Meta(description="From then on either side may cancel alone.")]  # C14
    overdue: bool
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    counter_offer_item: Annotated[OfferedItem, Meta(description="The latest counter-offer's.")] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    revisions: (
        Annotated[list[Revision], Meta(description="All of them, oldest first, where one offer is asked for.")] | UnsetType
    ) = UNSET

    @classmethod
    def of(cls, record: DealRecord, terms: list[Terms] | None = None) -> "Offer":
        deal = record.deal
        initiator, recipient = deal.parties
        now = [TermsLeg(leg.item_id, leg.giver, leg.receiver, record.snapshots[leg.item_id]) for leg in deal.legs]
        offered, requested = _sides(record, record.opening or now)
        given, asked = _sides(record, now)
        counter = (given if deal.proposer == initiator else asked)[0] if deal.rounds else UNSET
        return cls(
            id=deal.id,
            initiator_id=initiator,
            recipient_id=recipient,
            initiator=BarterUser.of(record.parties[initiator]),
            recipient=BarterUser.of(record.parties[recipient]),
            offered_item=offered[0],
            requested_item=requested[0],
            terms=OfferTerms(offered_items=[item.id for item in given], requested_items=[item.id for item in asked]),
            counter_offer_item=counter,
            status=status_said(Door.OFFERS, deal.status),
            revision=deal.revision,
            awaiting=list(awaited(deal)),
            completed_by=[party for party in deal.parties if party in deal.has_said(Move.COMPLETE)],
            cancel_asked_by=[party for party in deal.parties if party in deal.has_said(Move.CANCEL)],
            notes=record.notes,
            reason=reason_said(Door.OFFERS, deal.status, record.reason) or UNSET,
            conversation=record.conversation_id,
            expires_at=record.expires_at,
            confirmed_at=record.confirmed_at,
            complete_by=record.complete_by,
            overdue=deal.overdue,
            completed_at=record.completed_at,
            created_at=record.created_at,
            updated_at=record.updated_at,
            revisions=UNSET if terms is None else [_revision(record, one) for one in terms],
        )


def _sides(record: DealRecord, legs: list[TermsLeg]) -> tuple[list[OfferedItem], list[OfferedItem]]:
    """What the initiator gives, and what the recipient does."""
    initiator, recipient = record.deal.parties
    given, asked = (
        [OfferedItem.given_by(record, leg.giver, leg.item, leg.snapshot) for leg in legs if leg.giver == giver]
        for giver in (initiator, recipient)
    )
    return given, asked


def _revision(record: DealRecord, terms: Terms) -> Revision:
    offered, requested = _sides(record, terms.legs)
    return Revision(
        revision=terms.revision,
        by=terms.made_by,
        move=terms.move,
        notes=terms.notes,
        offered_items=offered,
        requested_items=requested,
        created_at=terms.created_at,
    )
