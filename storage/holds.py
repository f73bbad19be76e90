"""What a deal does to its items: holds them, gives them back, or moves them to their new owners.

`item_holds(item_id)` is a primary key: that no item is promised twice does not depend on this code being right.
"""

from matching.deal import Deal
from matching.refusals import ActiveListing, ItemUnavailable
from storage.database import Tx
from storage.deals import IS_OPEN


async def hold_items(tx: Tx, deal: Deal) -> bool:
    """Promise every item of a locked deal to it, or raise ItemUnavailable or ActiveListing and hold none (S1.47, C18, C40).

    Whether one of them is in another open deal, which has lost it now. The items are locked, so there will be none that was not
    there when this looked.
    """
    row = await tx.fetchrow(
        f"""
        WITH held AS (
            INSERT INTO item_holds (item_id, deal_id)
            SELECT leg.item_id, leg.deal_id
              FROM legs AS leg JOIN items AS item ON item.id = leg.item_id
             WHERE leg.deal_id = $1 AND leg.revision = $2 AND item.owner_id = leg.giver_id
               AND item.status = 'available' AND item.deleted_at IS NULL AND item.sale_price IS NULL
            ON CONFLICT (item_id) DO NOTHING
            RETURNING item_id
        ), item AS (
            UPDATE items SET status = 'traded', updated_at = now() FROM held WHERE items.id = held.item_id RETURNING id
        )
        SELECT ARRAY(SELECT id FROM item) AS held, EXISTS (
                   SELECT FROM legs AS mine JOIN legs AS other USING (item_id) JOIN deals AS rival ON rival.id = other.deal_id
                    WHERE mine.deal_id = $1 AND mine.revision = $2 AND rival.id <> $1 AND rival.{IS_OPEN}
               ) AS has_rivals
        """,
        deal.id,
        deal.revision,
    )
    assert row is not None, "a SELECT without FROM has one row"
    missing = deal.item_ids - set(row["held"])
    if missing:
        if await tx.fetchval("SELECT bool_and(sale_price IS NOT NULL) FROM items WHERE id = ANY($1)", list(missing)):
            raise ActiveListing
        raise ItemUnavailable(details={"items": sorted(map(str, missing))})
    return bool(row["has_rivals"])


async def release_items(tx: Tx, deal: Deal) -> None:
    """Give the items of a deal that was called off back to the market; their owners never changed."""
    freed = await tx.fetch(
        """
        WITH freed AS (DELETE FROM item_holds WHERE deal_id = $1 RETURNING item_id)
        UPDATE items SET status = 'available', updated_at = now() FROM freed WHERE items.id = freed.item_id RETURNING id
        """,
        deal.id,
    )
    assert len(freed) == len(deal.item_ids), "a confirmed deal holds every item in it"


async def move_ownership(tx: Tx, deal: Deal) -> None:
    """Every leg's item to its receiver, with a line in its ledger; all, or the transaction fails (S1.52, S1.54).

    What the old owner wanted for it, or would have given it away for, is not the new owner's word (C60).
    """
    moved = await tx.fetch(
        """
        WITH freed AS (DELETE FROM item_holds WHERE deal_id = $1 RETURNING item_id),
        moved AS (
            UPDATE items SET owner_id = leg.receiver_id, version = version + 1, updated_at = now(),
                   wants = NULL, open_to_give = false, looking_for = 'flexible'
              FROM legs AS leg JOIN freed ON freed.item_id = leg.item_id
             WHERE leg.deal_id = $1 AND leg.revision = $2 AND items.id = leg.item_id AND items.owner_id = leg.giver_id
            RETURNING items.id, leg.giver_id, leg.receiver_id
        )
        INSERT INTO ownership (item_id, seq, from_id, to_id, deal_id)
        SELECT moved.id, (SELECT max(seq) + 1 FROM ownership WHERE item_id = moved.id), giver_id, receiver_id, $1 FROM moved
        RETURNING item_id
        """,
        deal.id,
        deal.revision,
    )
    assert {row["item_id"] for row in moved} == deal.item_ids, "a confirmed deal holds every item in it"
