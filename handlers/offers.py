"""Offers between two (S2.15 to S2.50): create, accept, reject, counter, cancel, complete; S2's words over the deal engine."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from handlers.access import access_swap
from handlers.action import Call, Input, Limit, action
from handlers.deals import make_counter, make_move
from handlers.offer import Offer
from handlers.proposing import PROPOSING_REFUSES, Swap, check_item, propose, say
from handlers.types import AnyCase, Notes, Page, Paging, Reason, checked_expiry, page_of
from handlers.words import Door, statuses_asked
from matching.deal import HOLDING, SWAPS, Kind, Move
from matching.moves import after
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
from storage.deal_record import DealRecord
from storage.deals import list_deals, share_items, terms_of

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
    statuses = statuses_asked(Door.OFFERS, ask.status)
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
