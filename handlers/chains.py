"""Cycles and chains (S2.17 to S2.25, S2.55 to S2.78): propose, respond, execute, and the ways out; S2 calls both chains."""

from typing import Annotated
from uuid import UUID, uuid4

from msgspec import Meta

from handlers.access import access_ring
from handlers.action import Call, Input, Limit, Nothing, Output, action
from handlers.chain import Chain
from handlers.deals import announce, make_move, reject_for_lost_items, stored_deal
from handlers.opportunities import Opportunity, PartiesMax, one_opportunity, own_item
from handlers.proposing import say
from handlers.types import Page, Paging, Reason, page_of
from handlers.words import Door, status_said, statuses_asked
from matching.deal import RINGS, Deal, Move, Status, ring
from matching.refusals import (
    ActiveListing,
    AlreadyResponded,
    ChainExpired,
    ChainInExecution,
    DuplicateOffer,
    Forbidden,
    InvalidState,
    ItemUnavailable,
    NoMatches,
    NotFound,
    NotOwner,
    NotParticipant,
    OpportunityChanged,
)
from storage.deal_record import DealRecord
from storage.deals import add_deal, count_rings, list_deals, pending_rings

PENDING_MAX = 100
COUNTED = ("proposed", "pending", "accepted", "completed", "rejected", "expired", "cancelled", "disputed")


class CreateChain(Input):
    item_id: UUID
    max_participants: PartiesMax = 5
    prefer_cycles: bool = True
    opportunity_id: UUID | None = None


class OneChain(Input):
    chain_id: UUID


class Respond(Input):
    chain_id: UUID
    accept: bool
    message: Reason | None = None


class LeaveChain(Input):
    chain_id: UUID
    reason: Reason | None = None


class MyChains(Paging):
    status: Annotated[str, Meta(max_length=20)] | None = None


class ChainStats(Output):
    """How many of one's chains have come to which end. `success_rate`: of 100, with one decimal (S2.76)."""

    total: int
    proposed: int
    pending: int
    accepted: int
    completed: int
    rejected: int
    expired: int
    cancelled: int
    disputed: int
    success_rate: str


RING_REFUSES = (NotFound, NotParticipant, Forbidden, InvalidState)


@action(
    "chain:create",
    route="POST /barter/chains",
    refuses=(NotFound, NotOwner, ActiveListing, ItemUnavailable, NoMatches, OpportunityChanged, DuplicateOffer),
    limit=Limit.CREATE,
    status=201,
    says="Smart barter proposal created successfully",
)
async def create_chain(call: Call, ask: CreateChain) -> Chain:
    """Propose a ring through one's own item: the best there is, or the opportunity named. (S2.55 to S2.62, C63 to C67)

    Nothing is held yet. Everyone in it has 7 days to say yes; who proposes it has said so.
    """
    await own_item(call, ask.item_id)
    found = await one_opportunity(
        call, ask.item_id, parties_max=ask.max_participants, prefer_cycles=ask.prefer_cycles, opportunity_id=ask.opportunity_id
    )
    deal = _deal_of(found, opener=call.user_id)
    await add_deal(call.tx, deal, None, match_score=found.score)
    record = await stored_deal(call, deal.id)
    await announce(call, [record], Move.REQUEST, by=call.user_id)
    return Chain.of(record)


@action("chain:mine", route="GET /barter/chains/my", limit=Limit.READ)
async def my_chains(call: Call, ask: MyChains) -> Page[Chain]:
    """The chains that the caller is in, newest first. (S2.73, C48)"""
    statuses = statuses_asked(Door.CHAINS, ask.status)
    page = await list_deals(call.tx, call.user_id, kinds=RINGS, statuses=statuses, limit=ask.limit, offset=ask.offset)
    return page_of([Chain.of(DealRecord.of(row)) for row in page.rows], page, ask)


@action("chain:pending", route="GET /barter/chains/pending", limit=Limit.READ)
async def pending_chains(call: Call, ask: Nothing) -> list[Chain]:
    """The proposals that wait for the caller's answer, the first to expire first; at most 100. (S2.74)"""
    return [Chain.of(record) for record in await pending_rings(call.tx, call.user_id, PENDING_MAX)]


@action("chain:stats", route="GET /barter/chains/stats", limit=Limit.READ)
async def chain_stats(call: Call, ask: Nothing) -> ChainStats:
    """How the caller's chains have ended. (S2.75, S2.76, C29)"""
    counted = await count_rings(call.tx, call.user_id)
    by_word = {status_said(Door.CHAINS, status).lower(): rings for status, rings in counted.items()}
    total = sum(by_word.values())
    rate = 100 * by_word.get("completed", 0) / total if total else 0.0
    return ChainStats(total=total, success_rate=f"{rate:.1f}", **{word: by_word.get(word, 0) for word in COUNTED})


@action("chain:get", route="GET /barter/chains/{chain_id}", refuses=(NotFound, NotParticipant), limit=Limit.READ)
async def get_chain(call: Call, ask: OneChain) -> Chain:
    """One chain, for those who are in it; nobody's e-mail address or number is in it. (S2.63, C51, C69)"""
    return Chain.of(await access_ring(call, ask.chain_id))


@action(
    "chain:respond",
    route="POST /barter/chains/{chain_id}/respond",
    refuses=(*RING_REFUSES, ChainExpired, AlreadyResponded, ItemUnavailable),
    says=("Proposal accepted successfully", "Proposal rejected"),
)
async def respond(call: Call, ask: Respond) -> Chain:
    """Say yes or no. With the last yes every item is held; with one no it fails. (S2.64 to S2.67, C27, C28, C31, C32)

    Where an item has gone meanwhile, the last yes is answered ItemUnavailable, and the chain is rejected for everyone.
    """
    record = await access_ring(call, ask.chain_id, to_change=True)
    if not ask.accept:
        call.says = "Proposal rejected"
        return Chain.of(await make_move(call, record, Move.REJECT, by=call.user_id, reason=ask.message or None))
    try:
        async with call.tx.transaction():  # to be able to reject the chain where its items cannot be held
            accepted = await make_move(call, record, Move.ACCEPT, by=call.user_id)
    except (ItemUnavailable, ActiveListing) as gone:
        call.refused = ItemUnavailable(details=gone.details)
        return Chain.of(await reject_for_lost_items(call, record))
    if ask.message and accepted is not record:
        await say(call, accepted, ask.message)
    return Chain.of(accepted)


@action(
    "chain:execute",
    route="POST /barter/chains/{chain_id}/execute",
    refuses=(*RING_REFUSES, ChainExpired),
    says="Barter chain execution confirmed",
)
async def execute(call: Call, ask: OneChain) -> Chain:
    """Say that one's part is done; with the last one's word every item changes owner, at once. (S2.68 to S2.70, C33)"""
    record = await access_ring(call, ask.chain_id, to_change=True)
    return Chain.of(await make_move(call, record, Move.EXECUTE, by=call.user_id))


@action(
    "chain:cancel",
    route="DELETE /barter/chains/{chain_id}",
    refuses=(*RING_REFUSES, ChainExpired, ChainInExecution),
    says="Barter chain cancelled successfully",
)
async def cancel_chain(call: Call, ask: LeaveChain) -> Chain:
    """Who proposed it takes it back, until somebody has executed; later once it is overdue. (S2.71, S2.72, C30)"""
    return await _move(call, ask, Move.CANCEL)


@action(
    "chain:withdraw",
    route="POST /barter/chains/{chain_id}/withdraw",
    refuses=(*RING_REFUSES, ChainExpired, ChainInExecution),
    says="Withdrawal noted",
)
async def withdraw(call: Call, ask: LeaveChain) -> Chain:
    """Anybody steps back from what all have accepted, until somebody has executed; later once it is overdue. (C31)"""
    return await _move(call, ask, Move.WITHDRAW)


@action(
    "chain:dispute",
    route="POST /barter/chains/{chain_id}/dispute",
    refuses=(*RING_REFUSES, ChainExpired),
    says="Problem reported",
)
async def dispute_chain(call: Call, ask: LeaveChain) -> Chain:
    """Anybody in an accepted chain reports a problem; the items stay held until all execute, or all withdraw. (C14, C30)"""
    return await _move(call, ask, Move.DISPUTE)


async def _move(call: Call, ask: LeaveChain, move: Move) -> Chain:
    record = await access_ring(call, ask.chain_id, to_change=True)
    return Chain.of(await make_move(call, record, move, by=call.user_id, reason=ask.reason or None))


def _deal_of(found: Opportunity, opener: UUID) -> Deal:
    """The deal that an opportunity would be. Who opens it is its first party, wherever they stand in it."""
    people = [person for person, _ in found.steps]
    start = people.index(opener)
    return Deal(
        id=uuid4(),
        kind=found.kind,
        status=Status.PROPOSED,
        revision=1,
        parties=tuple(people[start:] + people[:start]),
        legs=ring(found.kind, found.steps),
    )
