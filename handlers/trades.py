"""Trades (S1.31 to S1.56): request, interest, confirm, complete, and the ways out; S1's words over the deal engine."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from handlers.access import access_swap
from handlers.action import Call, Input, Limit, Output, action
from handlers.deals import make_move
from handlers.proposing import PROPOSING_REFUSES, Swap, propose, say
from handlers.types import EXPIRY_DAYS_MAX, Note, Page, Paging, Reason, checked_expiry, ids, page_of
from handlers.words import Door, TradeStatus, reason_said, status_said
from matching.deal import SWAPS, Deal, Kind, Move
from matching.moves import awaited
from matching.refusals import (
    ActiveListing,
    Forbidden,
    InvalidState,
    ItemUnavailable,
    NotFound,
    OfferExpired,
    StaleRevision,
)
from storage.deal_record import DealRecord
from storage.deals import list_deals

ITEMS_A_SIDE_MAX = 10
Bundle = Annotated[
    UUID | Annotated[list[UUID], Meta(min_length=1, max_length=ITEMS_A_SIDE_MAX)],
    Meta(description="An item's id, or several: a bundle."),
]
Expiry = Annotated[
    datetime | None,
    Meta(description=f"Until when it can be confirmed: at most {EXPIRY_DAYS_MAX} days ahead, else 7."),
]


class RequestTrade(Input):
    offered_item: Bundle
    requested_item: Bundle
    message: Note | None = None
    expires_at: Expiry = None


class OneTrade(Input):
    trade_id: UUID


class MoveTrade(Input):
    trade_id: UUID
    revision: Annotated[int | None, Meta(description="The terms that the person was looking at.")] = None
    reason: Reason | None = None


class TradeLeg(Output):
    """One item on its way, as it was when the terms were set."""

    item: UUID
    title: str
    condition: str
    estimated_value: float | None
    thumbnail_url: str | None
    giver: UUID
    receiver: UUID


class Trade(Output):
    """A trade. `offered_item` and `requested_item` are an id, or several in a bundle."""

    id: UUID
    offered_item: UUID | list[UUID]
    requested_item: UUID | list[UUID]
    requester: UUID
    owner: UUID
    status: TradeStatus
    conversation: UUID
    revision: int
    completed_at: datetime | None
    confirmed_at: datetime | None
    complete_by: Annotated[datetime | None, Meta(description="From then on either side may cancel alone.")]  # C14
    overdue: bool
    awaiting: Annotated[list[UUID], Meta(description="Whose answer, or word that it is done, it waits for.")]
    cancel_asked_by: list[UUID]
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    legs: list[TradeLeg]
    reason: str | UnsetType = UNSET
    # C19
    mismatch: Annotated[bool, Meta(description="The owner looks for credits, and is offered items.")] | UnsetType = UNSET

    @classmethod
    def of(cls, record: DealRecord) -> "Trade":
        deal = record.deal
        requester, owner = deal.parties
        legs = [_leg(deal, record, place) for place in range(len(deal.legs))]
        asked = [leg.item_id for leg in deal.legs if leg.giver == owner]
        offered = [leg.item_id for leg in deal.legs if leg.giver == requester]
        for_credits = any(record.snapshots[item].looking_for == "credits" for item in asked)
        return cls(
            id=deal.id,
            offered_item=_one_or_all(offered),
            requested_item=_one_or_all(asked),
            requester=requester,
            owner=owner,
            status=status_said(Door.TRADES, deal.status),
            reason=reason_said(Door.TRADES, deal.status, record.reason) or UNSET,
            conversation=record.conversation_id,
            revision=deal.revision,
            completed_at=record.completed_at,
            confirmed_at=record.confirmed_at,
            complete_by=record.complete_by,
            overdue=deal.overdue,
            awaiting=list(awaited(deal)),
            cancel_asked_by=[party for party in deal.parties if (party, Move.CANCEL) in deal.answers],
            expires_at=record.expires_at,
            created_at=record.created_at,
            updated_at=record.updated_at,
            legs=legs,
            mismatch=True if for_credits else UNSET,
        )


MOVES_REFUSE = (NotFound, Forbidden, InvalidState, StaleRevision, OfferExpired)


@action(
    "trade:request",
    route="POST /trades/request",
    refuses=PROPOSING_REFUSES,
    limit=Limit.PROPOSE,
    status=201,
    says="Trade requested successfully",
)
async def request_trade(call: Call, ask: RequestTrade) -> Trade:
    """Put a trade on the table: one's own items for another's. Nothing is held. (S1.31, S1.40 to S1.43, C16, C41)

    The trade's conversation opens with it; `message` is its first message.
    """
    record = await propose(
        call,
        Swap(
            kind=Kind.TRADE,
            offered=ids(ask.offered_item),
            requested=ids(ask.requested_item),
            expires_at=checked_expiry(ask.expires_at),
            fields=("offeredItem", "requestedItem"),
        ),
    )
    if ask.message is not None:
        await say(call, record, ask.message)
    return Trade.of(record)


@action("trade:mine", route="GET /trades/myrequests", limit=Limit.READ)
async def my_trades(call: Call, ask: Paging) -> Page[Trade]:
    """The trades that the caller requested, newest first. (S1.32)"""
    return await _page(call, ask, position=0)


@action("trade:incoming", route="GET /trades/requests-for-me", limit=Limit.READ)
async def incoming_trades(call: Call, ask: Paging) -> Page[Trade]:
    """The trades that others requested of the caller, newest first. (S1.33)"""
    return await _page(call, ask, position=1)


@action("trade:get", route="GET /trades/{trade_id}", refuses=(NotFound,), limit=Limit.READ)
async def get_trade(call: Call, ask: OneTrade) -> Trade:
    """One trade, for its two parties. (S1.9, S1.68)"""
    return Trade.of(await access_swap(call, ask.trade_id))


@action(
    "trade:interest",
    route="POST /trades/{trade_id}/interest",
    refuses=MOVES_REFUSE,
    says="Negotiation started",
)
async def show_interest(call: Call, ask: MoveTrade) -> Trade:
    """The owner is interested: the two negotiate. (S1.34, S1.44, S1.45)"""
    return await _move(call, ask, Move.INTEREST)


@action(
    "trade:confirm",
    route="POST /trades/{trade_id}/confirm",
    refuses=(*MOVES_REFUSE, ItemUnavailable, ActiveListing),
    says="Trade confirmed",
)
async def confirm_trade(call: Call, ask: MoveTrade) -> Trade:
    """Say yes once there is interest: every item is held, and every competing deal is rejected. (S1.35, S1.46 to S1.50, C18)

    The owner's to say; after a counter-offer, theirs who did not make it (C5).
    """
    return await _move(call, ask, Move.CONFIRM)


@action(
    "trade:complete",
    route="POST /trades/{trade_id}/complete",
    refuses=MOVES_REFUSE,
    says="Trade completed",
)
async def complete_trade(call: Call, ask: MoveTrade) -> Trade:
    """Either party says that it is done: every item changes owner, at once. (S1.36, S1.51 to S1.55, C2)

    With the second of them where it was opened as an offer.
    """
    return await _move(call, ask, Move.COMPLETE)


@action("trade:reject", route="POST /trades/{trade_id}/reject", refuses=MOVES_REFUSE, says="Trade rejected")
async def reject_trade(call: Call, ask: MoveTrade) -> Trade:
    """The owner says no, any time before they confirm; after a counter-offer, who did not make it. (S1.37, S1.56, C5)"""
    return await _move(call, ask, Move.REJECT)


@action("trade:cancel", route="POST /trades/{trade_id}/cancel", refuses=MOVES_REFUSE, says="Cancellation noted")
async def cancel_trade(call: Call, ask: MoveTrade) -> Trade:
    """The requester takes an open trade back. A confirmed one is called off by both; overdue, by either. (C5, C14)

    After a counter-offer each has terms on the table, and may take them back.
    """
    return await _move(call, ask, Move.CANCEL)


@action("trade:dispute", route="POST /trades/{trade_id}/dispute", refuses=MOVES_REFUSE, says="Problem reported")
async def dispute_trade(call: Call, ask: MoveTrade) -> Trade:
    """A party of a confirmed trade reports a problem; the items stay held until both complete or cancel. (C14)"""
    return await _move(call, ask, Move.DISPUTE)


async def _move(call: Call, ask: MoveTrade, move: Move) -> Trade:
    record = await access_swap(call, ask.trade_id, to_change=True, seen_revision=ask.revision)
    return Trade.of(await make_move(call, record, move, by=call.user_id, reason=ask.reason or None))


async def _page(call: Call, ask: Paging, *, position: int) -> Page[Trade]:
    page = await list_deals(call.tx, call.user_id, position=position, kinds=SWAPS, limit=ask.limit, offset=ask.offset)
    return page_of([Trade.of(DealRecord.of(row)) for row in page.rows], page, ask)


def _leg(deal: Deal, record: DealRecord, place: int) -> TradeLeg:
    leg = deal.legs[place]
    item = record.snapshots[leg.item_id]
    return TradeLeg(
        item=leg.item_id,
        title=item.title,
        condition=item.condition,
        estimated_value=item.estimated_value,
        thumbnail_url=f"/media/{item.image}.thumb.webp" if item.image else None,
        giver=leg.giver,
        receiver=leg.receiver,
    )


def _one_or_all(items: list[UUID]) -> UUID | list[UUID]:
    return items[0] if len(items) == 1 else items
