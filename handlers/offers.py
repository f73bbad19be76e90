"""Offers between two (S2.15 to S2.50): create, accept, reject, counter, cancel, complete; S2's words over the deal engine."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from handlers.access import access_swap
from handlers.action import Call, Input, Limit, Output, action
from handlers.barter_types import BarterUser, OfferedItem
from handlers.deals import make_counter, make_move
from handlers.proposing import PROPOSING_REFUSES, Swap, check_item, propose, say
from handlers.types import AnyCase, Notes, Page, Paging, Reason, checked_expiry, page_of
from handlers.words import Door, OfferStatus, reason_said, status_said, statuses_meant
from matching.deal import HOLDING, SWAPS, Kind, Move
from matching.moves import after, awaited
from matching.refusals import (
    ActiveListing,
    DuplicateOffer,
    Forbidden,
    InvalidRequest,
    InvalidState,
    ItemUnavailable,
    NotFound,
    NotOwner,
    OfferExpired,
    StaleRevision,
)
from storage.deals import DealRecord, Terms, TermsLeg, list_deals, share_items, terms_of

Expiry = Annotated[datetime | None, Meta(description="Until when it can be accepted: at most 90 days ahead, else 7.")]


class Sides(AnyCase):
    SENT = "sent"
    RECEIVED = "received"
    ALL = "all"


POSITIONS = {Sides.SENT: 0, Sides.RECEIVED: 1, Sides.ALL: None}


class CreateOffer(Input):
    offered_item_id: UUID
    requested_item_id: UUID
    notes: Notes | None = None
    expires_at: Expiry = None


class OneOffer(Input):
    offer_id: UUID


class AcceptOffer(Input):
    offer_id: UUID
    revision: Annotated[int | None, Meta(description="The terms that the person was looking at.")] = None


class RejectOffer(Input):
    offer_id: UUID
    reason: Reason | None = None


class CounterOffer(Input):
    offer_id: UUID
    counter_offer_item_id: UUID
    notes: Notes | None = None
    expires_at: Expiry = None


class CompleteOffer(Input):
    offer_id: UUID
    confirmation_notes: Reason | None = None


class MyOffers(Paging):
    type: Sides = Sides.ALL
    status: Annotated[str, Meta(max_length=20)] | None = None


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


MOVES_REFUSE = (NotFound, Forbidden, InvalidState, OfferExpired)


@action(
    "offer:create",
    route="POST /barter/offers",
    refuses=PROPOSING_REFUSES,
    limit=Limit.CREATE,
    status=201,
    says="Barter offer created successfully",
)
async def create_offer(call: Call, ask: CreateOffer) -> Offer:
    """Offer one's own item for another's. Nothing is held. (S2.30 to S2.36, C39 to C41, C46)"""
    record = await propose(
        call,
        Swap(
            kind=Kind.OFFER,
            offered=[ask.offered_item_id],
            requested=[ask.requested_item_id],
            expires_at=checked_expiry(ask.expires_at),
            fields=("offeredItemId", "requestedItemId"),
            notes=ask.notes,
        ),
    )
    return Offer.of(record)


@action("offer:mine", route="GET /barter/offers/my", limit=Limit.READ, says="Barter offers retrieved successfully")
async def my_offers(call: Call, ask: MyOffers) -> Page[Offer]:
    """The offers that the caller sent, received, or both, newest first; trades too, in the words of offers. (S2.42, C1, C48)"""
    statuses = None if ask.status is None else statuses_meant(Door.OFFERS, ask.status)
    if statuses == []:
        raise InvalidRequest("There is no such status.", field="status")
    page = await list_deals(
        call.tx,
        call.user_id,
        kinds=SWAPS,
        position=POSITIONS[ask.type],
        statuses=statuses,
        limit=ask.limit,
        offset=ask.offset,
    )
    return page_of([Offer.of(DealRecord.of(row)) for row in page.rows], page, ask)


@action("offer:get", route="GET /barter/offers/{offer_id}", refuses=(NotFound,), limit=Limit.READ)
async def get_offer(call: Call, ask: OneOffer) -> Offer:
    """One offer with all its revisions, for its two parties. (S2.23, C35, C51)"""
    record = await access_swap(call, ask.offer_id)
    return Offer.of(record, await terms_of(call.tx, record.deal.id))


@action(
    "offer:accept",
    route="POST /barter/offers/{offer_id}/accept",
    refuses=(*MOVES_REFUSE, StaleRevision, ItemUnavailable, ActiveListing),
    says="Barter offer accepted successfully",
)
async def accept_offer(call: Call, ask: AcceptOffer) -> Offer:
    """Say yes to the latest terms: every item is held, and every competing deal is rejected. (S2.37, S2.48, C3, C4, C37)"""
    record = await access_swap(call, ask.offer_id, to_change=True, seen_revision=ask.revision)
    return Offer.of(await make_move(call, record, Move.ACCEPT, by=call.user_id))


@action(
    "offer:reject",
    route="POST /barter/offers/{offer_id}/reject",
    refuses=MOVES_REFUSE,
    says="Barter offer rejected successfully",
)
async def reject_offer(call: Call, ask: RejectOffer) -> Offer:
    """Say no to the latest terms. (S2.38, S2.48, C5)"""
    record = await access_swap(call, ask.offer_id, to_change=True)
    return Offer.of(await make_move(call, record, Move.REJECT, by=call.user_id, reason=ask.reason or None))


@action(
    "offer:counter",
    route="POST /barter/offers/{offer_id}/counter",
    refuses=(*MOVES_REFUSE, NotOwner, ActiveListing, ItemUnavailable, DuplicateOffer),
    says="Counter offer created successfully",
    limit=Limit.PROPOSE,
)
async def counter_offer(call: Call, ask: CounterOffer) -> Offer:
    """Put another of one's items in the place of all one was to give; the other side answers. (S2.39, S2.40, C35 to C37)"""
    expires_at = checked_expiry(ask.expires_at)
    record = await access_swap(call, ask.offer_id, to_change=True, besides=ask.counter_offer_item_id)
    after(record.deal, Move.COUNTER, call.user_id)  # whether it is theirs to answer comes before what they answer with
    await _check_counter(call, record, ask.counter_offer_item_id)
    countered = await make_counter(
        call, record, ask.counter_offer_item_id, by=call.user_id, notes=ask.notes, expires_at=expires_at
    )
    return Offer.of(countered)


@action(
    "offer:cancel",
    route="POST /barter/offers/{offer_id}/cancel",
    refuses=MOVES_REFUSE,
    says="Barter offer cancelled successfully",
)
async def cancel_offer(call: Call, ask: OneOffer) -> Offer:
    """Take an offer back that is not accepted yet; once accepted and overdue, either side may. (S2.41, C5, C14)

    An accepted one is called off by both, or disputed, at `trade:cancel` and `trade:dispute` (C1, C14).
    """
    record = await access_swap(call, ask.offer_id, to_change=True)
    if record.deal.status in HOLDING and not record.deal.overdue:
        raise InvalidState(
            "An accepted offer cannot be cancelled any more.", details={"status": record.deal.status, "move": Move.CANCEL}
        )
    return Offer.of(await make_move(call, record, Move.CANCEL, by=call.user_id))


@action(
    "offer:complete",
    route="POST /barter/offers/{offer_id}/complete",
    refuses=MOVES_REFUSE,
    says="Barter offer completion confirmed",
)
async def complete_offer(call: Call, ask: CompleteOffer) -> Offer:
    """Say that it is done; with the second of the two, every item changes owner, at once. (S2.46, S2.47, C2)

    With the first of them where it was opened as a trade.
    """
    record = await access_swap(call, ask.offer_id, to_change=True)
    completed = await make_move(call, record, Move.COMPLETE, by=call.user_id)
    if ask.confirmation_notes and completed is not record:
        await say(call, completed, ask.confirmation_notes)
    return Offer.of(completed)


async def _check_counter(call: Call, record: DealRecord, item_id: UUID) -> None:
    """Raises NotFound, NotOwner, InvalidRequest, ActiveListing or ItemUnavailable (C36, in C41's order)."""
    field = "counterOfferItemId"
    item = (await share_items(call.tx, [item_id])).get(item_id)
    if item is None:
        raise NotFound("The counter-offered item does not exist.", field=field)
    if [leg.item_id for leg in record.deal.legs if leg.giver == call.user_id] == [item_id]:  # of a bundle, one is other terms
        raise InvalidRequest("That item is what the terms have already. Offer another one.", field=field)
    if item["owner_id"] != call.user_id:
        raise NotOwner(field=field)
    check_item(item, field)


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
