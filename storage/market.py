"""What the snapshot of the market is read from: the items that can be bartered, and what has changed since a cursor.

A cursor is a transaction id. Every change of an item leaves its transaction's id in the row (a trigger does), and a reading
answers its snapshot's `xmin`, before which nothing is still under way: what commits late is read next time, as by `sync`.
"""

from collections.abc import Iterable
from uuid import UUID

from storage.database import Row, Tx

BATCH = 2_000
# Open to any deal: not held or moved by one, not for sale, not taken away (S2.44, C40).
LISTED = "item.status = 'available' AND item.deleted_at IS NULL AND item.sale_price IS NULL"
COLUMNS = f"""
    item.id, item.owner_id, category.slug AS category, item.condition, item.looking_for, item.estimated_value, item.title,
    item.description, item.wants, item.open_to_give, {LISTED} AS listed, item.changed_xid::text::bigint AS changed_xid
"""


async def now_cursor(tx: Tx) -> int:
    """The cursor from which to read on after a reading that begins now."""
    cursor: int = await tx.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    return cursor


async def listed_after(tx: Tx, item_id: UUID) -> list[Row]:
    """The next items that can be bartered, by id; fewer than BATCH are the last ones."""
    return await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM items AS item JOIN categories AS category ON category.id = item.category_id
         WHERE item.id > $1 AND {LISTED} ORDER BY item.id LIMIT {BATCH}
        """,
        item_id,
    )


async def changed_since(tx: Tx, cursor: int, after: tuple[int, UUID]) -> tuple[list[Row], int]:
    """The items changed at or after the cursor, in order of (transaction, id) from behind `after`, and the next cursor.

    Fewer than BATCH are the last ones; then the next cursor holds.
    """
    # One statement: the snapshot that is read is the one whose xmin is answered.
    rows = await tx.fetch(
        f"""
        WITH changed AS (
            SELECT {COLUMNS} FROM items AS item JOIN categories AS category ON category.id = item.category_id
             WHERE item.changed_xid >= $1::bigint::text::xid8
               AND (item.changed_xid, item.id) > ($2::bigint::text::xid8, $3)
             ORDER BY item.changed_xid, item.id LIMIT {BATCH}
        )
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS cursor, changed.*
          FROM (VALUES (1)) AS once LEFT JOIN changed ON true ORDER BY changed.changed_xid, changed.id
        """,
        cursor,
        *after,
    )
    return [row for row in rows if row["id"] is not None], rows[0]["cursor"]


async def shown_items(tx: Tx, item_ids: Iterable[UUID]) -> dict[UUID, Row]:
    """What is shown of items found: `id, title, estimated_value, condition, image, owner_id, owner_name, avatar`."""
    rows = await tx.fetch(
        """
        SELECT item.id, item.title, item.estimated_value, item.condition, item.images -> 0 ->> 'name' AS image,
               item.owner_id, owner.name AS owner_name, owner.profile_image AS avatar
          FROM items AS item JOIN users AS owner ON owner.id = item.owner_id
         WHERE item.id = ANY($1)
        """,
        list(item_ids),
    )
    return {row["id"]: row for row in rows}
