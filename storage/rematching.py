"""Items whose ring has come to nothing, and for which another one is to be looked for: rows that commit with their cause."""

from uuid import UUID

from matching.deal import Deal
from storage.database import Row, Tx


async def queue_rematches(tx: Tx, deal: Deal, besides: UUID | None) -> None:
    """Look again for everybody in the ring who would have given something, but for who ended it."""
    legs = [leg for leg in deal.legs if leg.giver != besides]
    await tx.execute(
        "INSERT INTO rematches (deal_id, user_id, item_id) SELECT $1, * FROM unnest($2::uuid[], $3::uuid[])",
        deal.id,
        [leg.giver for leg in legs],
        [leg.item_id for leg in legs],
    )


async def take_rematch(tx: Tx) -> Row | None:
    """One item to look for, which nobody else takes: `deal_id, user_id, item_id, item_ids` (the last: of the ring that failed),
    and whether it is still theirs to barter, `listed`. It is gone once the caller's transaction has committed.
    """
    return await tx.fetchrow(
        """
        WITH taken AS (
            DELETE FROM rematches WHERE (deal_id, item_id) = (
                SELECT deal_id, item_id FROM rematches WHERE queued_at <= now()
                 ORDER BY queued_at LIMIT 1 FOR UPDATE SKIP LOCKED
            ) RETURNING deal_id, user_id, item_id
        )
        SELECT taken.*, deal.item_ids,
               item.owner_id = taken.user_id AND item.status = 'available' AND item.deleted_at IS NULL
                   AND item.sale_price IS NULL AS listed
          FROM taken JOIN deals AS deal ON deal.id = taken.deal_id JOIN items AS item ON item.id = taken.item_id
        """
    )
