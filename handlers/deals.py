"""What every kind of deal shares: making a move, settling what it brings about, and telling its conversation."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from handlers.action import Call
from handlers.app import Announcement
from handlers.notices import notices
from handlers.words import DOOR_OF, reason_said, status_said
from matching.deal import CLOSED, HOLDING, Deal, Move, Status
from matching.moves import after, countered
from storage.changes import Change, log_changes
from storage.deal_record import DealRecord
from storage.deals import load_deal, load_deals
from storage.holds import hold_items, move_ownership, release_items
from storage.moves import lock_open_deals_with, reject_deals, revise_deals, save_counter, save_move
from storage.rematching import queue_rematches

LOST = "an item in it went to another deal"


async def make_move(call: Call, record: DealRecord, move: Move, *, by: UUID | None, reason: str | None = None) -> DealRecord:
    """Make the move on a locked deal, and all that follows from it, in this transaction.

    Confirming holds every item and rejects every competing deal (S1.47, S1.48); completing moves every item to its new
    owner (S1.52); calling a confirmed deal off frees its items (C14). Raises what `after` does, and ItemUnavailable.
    """
    before = record.deal
    moved = after(before, move, by)
    if moved == before:
        return record  # they had said so before; there is nothing to tell

    has_rivals = False
    if moved.status is Status.CONFIRMED and before.status is not Status.CONFIRMED:
        has_rivals = await hold_items(call.tx, moved)
    if has_rivals:
        await close_rivals(call, moved.item_ids, reason=LOST, besides=moved.id)
    if moved.status is Status.COMPLETED:
        await move_ownership(call.tx, moved)
    elif before.status in HOLDING and moved.status not in HOLDING:
        await release_items(call.tx, moved)
    stored = await save_move(call.tx, record, moved, reason=reason)
    await _look_again(call, moved, by)
    await announce(call, [stored], move, by=by, reason=reason)
    return stored


async def make_counter(
    call: Call, record: DealRecord, item_id: UUID, *, by: UUID, notes: str | None, expires_at: datetime | None
) -> DealRecord:
    """Put other terms on the table of a locked trade or offer. Raises what `countered` does, and DuplicateOffer."""
    moved = countered(record.deal, by, item_id)
    await save_counter(call.tx, record.deal, moved, by=by, notes=notes, expires_at=expires_at)
    stored = await stored_deal(call, moved.id)
    await announce(call, [stored], Move.COUNTER, by=by)
    return stored


async def reject_for_lost_items(call: Call, record: DealRecord) -> DealRecord:
    """A ring whose items could not be held with its last yes has failed, and everyone in it is told (C32)."""
    await _reject(call, [record], LOST)
    return await stored_deal(call, record.deal.id)


async def close_rivals(call: Call, item_ids: Iterable[UUID], *, reason: str, besides: UUID | None = None) -> None:
    """Reject every open deal that names one of these locked items, on either side (S1.48, D2)."""
    rivals = await lock_open_deals_with(call.tx, item_ids, besides)
    if rivals:
        await _reject(call, rivals, reason)


async def _reject(call: Call, records: Collection[DealRecord], reason: str) -> None:
    """Locked open deals have lost an item: nobody has said no."""
    await reject_deals(call.tx, [record.deal for record in records], reason)
    for record in records:
        await _look_again(call, replace(record.deal, status=Status.REJECTED), None)
    await announce(call, records, Move.REJECT, by=None, reason=reason, status=Status.REJECTED)


async def revise_terms(call: Call, item_id: UUID) -> None:
    """Give the open deals that name this locked item a new revision, over the item as it is now (C17)."""
    revised = await revise_deals(call.tx, await lock_open_deals_with(call.tx, [item_id]), by=call.user_id)
    if revised:
        records = await load_deals(call.tx, [deal.id for deal in revised])
        await announce(call, records.values(), Move.UPDATE, by=call.user_id)


async def announce(
    call: Call,
    records: Collection[DealRecord],
    move: Move,
    *,
    by: UUID | None,
    reason: str | None = None,
    status: Status | None = None,
) -> None:
    """Log the same change in each deal's conversation; its parties are pushed it, and notified, once it has committed.

    `status`: what the deals have come to, where they are as they were before.
    """
    changes, told = [], []
    closes = False
    for record in records:
        deal = record.deal
        now = status or deal.status
        closes = now in CLOSED
        said = reason_said(DOOR_OF[deal.kind], now, reason)
        change = {"status": status_said(DOOR_OF[deal.kind], now), "move": move, "by": str(by) if by else None}
        changes.append(Change(deal.id, change | ({"reason": said} if said else {})))
        told += notices(record, move, by=by, status=status, reason=reason)
    entries = await log_changes(call.tx, changes, told, closes=closes)
    for record in records:
        entry = entries[record.deal.id]
        known = (entry, record.deal.parties, record) if status is None else ()
        call.announced.append(Announcement(entry.conversation_id, entry.seq, *known))
    call.notified = call.notified or bool(told)


async def _look_again(call: Call, deal: Deal, by: UUID | None) -> None:
    """Where a ring has come to nothing, its items are matched again at once, but for those of who ended it."""
    if deal.is_ring and deal.status in CLOSED and deal.status is not Status.COMPLETED:
        await queue_rematches(call.tx, deal, besides=by)


async def stored_deal(call: Call, deal_id: UUID) -> DealRecord:
    """The deal as it stands after what this transaction did to it."""
    record = await load_deal(call.tx, deal_id)
    assert record is not None, "deals are never deleted"
    return record
