"""The only ways to a deal, a conversation or one's own item: each fetches, authorises and locks in one call.

A stranger's and one that does not exist look the same: NotFound.
"""

from uuid import UUID

from handlers.action import Call
from matching.refusals import ItemLocked, NotFound, NotOwner, NotParticipant, StaleRevision
from storage.conversations import conversation_for, parties_of
from storage.database import Row
from storage.deal_record import DealRecord
from storage.deals import load_deal
from storage.items import lock_item
from storage.moves import lock_deal


async def access_item(call: Call, item_id: UUID) -> Row:
    """One's own item, locked, to change it.

    Raises NotFound, NotOwner for another's (S1.27), or ItemLocked for what is promised in a confirmed deal (C17).
    """
    row = await lock_item(call.tx, item_id)
    if row is None:
        raise NotFound
    if row["owner_id"] != call.user_id:
        raise NotOwner
    if row["held_by"] is not None:
        raise ItemLocked
    return row


async def access_swap(
    call: Call, deal_id: UUID, *, to_change: bool = False, seen_revision: int | None = None, besides: UUID | None = None
) -> DealRecord:
    """A deal between two, the caller one of them; locked with its items, and the item `besides`, `to_change` it.

    Trades and offers are seen through either door (C1). Raises NotFound, or StaleRevision where the caller names a revision
    that is not the current one.
    """
    if to_change:
        record = await lock_deal(call.tx, deal_id, call.user_id, besides=besides)
    else:
        record = await load_deal(call.tx, deal_id)
    if record is None or record.deal.is_ring or call.user_id not in record.deal.parties:
        raise NotFound
    if seen_revision is not None and seen_revision != record.deal.revision:
        raise StaleRevision(details={"revision": record.deal.revision})
    return record


async def access_ring(call: Call, deal_id: UUID, *, to_change: bool = False) -> DealRecord:
    """A cycle or chain that the caller is in; locked with its items `to_change` it.

    Raises NotFound, or NotParticipant: that a ring exists is no secret that S2 keeps (S2.104, C51).
    """
    record = await lock_deal(call.tx, deal_id, call.user_id) if to_change else None
    if record is None:
        record = await load_deal(call.tx, deal_id)
    if record is None or not record.deal.is_ring:
        raise NotFound
    if call.user_id not in record.deal.parties:
        raise NotParticipant
    return record


async def access_conversation(call: Call, conversation_id: UUID) -> Row:
    """A conversation that the caller is in, as they see it. Raises NotFound (S1.64)."""
    marks = await call.app.marks.of_person(call.user_id)
    row = await conversation_for(call.tx, conversation_id, call.user_id, marks)
    if row is None:
        raise NotFound
    return row


async def access_people(call: Call, conversation_id: UUID) -> tuple[dict[UUID, int], int]:
    """Everyone in a conversation that the caller is in, with how far PostgreSQL knows that they have read, and its last
    `seq`. Raises NotFound (S1.64).
    """
    people, last_seq = await parties_of(call.tx, conversation_id)
    if call.user_id not in people:
        raise NotFound
    return people, last_seq
