"""Items and their ownership ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from storage.database import Row, Tx, rows_changed
from storage.pages import Page, Where, fetch_page

COLUMNS = """
    item.id, item.owner_id, owner.name AS owner_name, owner.profile_image AS owner_image, item.title, item.description,
    category.slug AS category,
    item.category_id, item.condition, item.looking_for, item.estimated_value, item.governorate, item.wants,
    item.open_to_give, item.images, item.sale_price, item.status, item.version, item.created_at, item.updated_at
"""
JOINS = "JOIN users AS owner ON owner.id = item.owner_id JOIN categories AS category ON category.id = item.category_id"
LISTED = "item.status = 'available' AND item.deleted_at IS NULL"
LEDGER_MAX = 1_000
SETTABLE = frozenset(
    [
        "title",
        "description",
        "category_id",
        "condition",
        "looking_for",
        "estimated_value",
        "governorate",
        "wants",
        "open_to_give",
        "images",
        "sale_price",
        "status",
    ]
)


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """What a listing shows; None: whatever."""

    search: str | None = None
    category_ids: list[UUID] | None = None
    condition: str | None = None
    governorate: str | None = None
    looking_for: str | None = None
    owner_id: UUID | None = None
    besides_owner_id: UUID | None = None
    for_barter: bool = False  # only what is not for sale either (C40)
    listed_only: bool = True  # only what is available; else all that the owner has

    def where(self) -> Where:
        where = Where()
        where.add(LISTED if self.listed_only else "item.deleted_at IS NULL")
        if self.search is not None:
            where.add("item.search @@ to_tsquery('simple', {}::text)", prefix_query(self.search))
        if self.category_ids is not None:
            where.add("item.category_id = ANY({}::uuid[])", self.category_ids)
        if self.condition is not None:
            where.add("item.condition = {}::text", self.condition)
        if self.governorate is not None:
            where.add("item.governorate = {}::text", self.governorate)
        if self.looking_for is not None:
            where.add("item.looking_for = {}::text", self.looking_for)
        if self.owner_id is not None:
            where.add("item.owner_id = {}::uuid", self.owner_id)
        if self.besides_owner_id is not None:
            where.add("item.owner_id <> {}::uuid", self.besides_owner_id)
        if self.for_barter:
            where.add("item.sale_price IS NULL")
        return where


def prefix_query(search: str) -> str:
    """A tsquery that wants every word of `search`, or a word that begins so. PostgreSQL parses the words itself."""
    words = [word.replace("\\", "").replace("'", "''").replace("\0", "") for word in search.split()]
    return " & ".join(f"'{word}':*" for word in words if word)


async def list_items(tx: Tx, wanted: ItemFilter, *, limit: int, offset: int) -> Page:
    """A page of items, newest first."""
    return await fetch_page(
        tx,
        select=COLUMNS,
        source="items AS item",
        joins=JOINS,
        where=wanted.where(),
        order="item.created_at DESC, item.id DESC",
        limit=limit,
        offset=offset,
    )


async def item_by_id(tx: Tx, item_id: UUID) -> Row | None:
    return await tx.fetchrow(
        f"SELECT {COLUMNS} FROM items AS item {JOINS} WHERE item.id = $1 AND item.deleted_at IS NULL",
        item_id,
    )


async def items_by_id(tx: Tx, item_ids: list[UUID]) -> dict[UUID, Row]:
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM items AS item {JOINS} WHERE item.id = ANY($1)", item_ids)
    return {row["id"]: row for row in rows}


async def items_of_owners(tx: Tx, owner_ids: Iterable[UUID], each: int) -> dict[UUID, list[Row]]:
    """The newest items of each owner that can be bartered, at most `each`: with its value."""
    rows = await tx.fetch(
        f"""
        SELECT found.* FROM unnest($1::uuid[]) AS owner(id)
         CROSS JOIN LATERAL (SELECT id, owner_id, title, estimated_value, condition FROM items AS item
                              WHERE owner_id = owner.id AND {LISTED} AND sale_price IS NULL
                              ORDER BY created_at DESC, id DESC LIMIT $2) AS found
        """,
        list(owner_ids),
        each,
    )
    found: dict[UUID, list[Row]] = {}
    for row in rows:
        found.setdefault(row["owner_id"], []).append(row)
    return found


async def lock_item(tx: Tx, item_id: UUID) -> Row | None:
    """The item as it stands once nobody else can change it; `held_by` is the confirmed deal that has it, if any."""
    await tx.execute("SELECT FROM items WHERE id = $1 FOR NO KEY UPDATE", item_id)
    return await tx.fetchrow(
        """
        SELECT item.id, item.owner_id, item.status, item.version, item.images, item.sale_price, hold.deal_id AS held_by
          FROM items AS item LEFT JOIN item_holds AS hold ON hold.item_id = item.id
         WHERE item.id = $1 AND item.deleted_at IS NULL
        """,
        item_id,
    )


async def add_item(tx: Tx, owner_id: UUID, values: dict[str, Any]) -> UUID:
    """A new item, with the first line of its ledger. `values` is a dict of column to value."""
    assert values.keys() <= SETTABLE
    columns = "".join(f", {column}" for column in values)
    places = "".join(f", ${place}" for place in range(2, len(values) + 2))
    item_id: UUID = await tx.fetchval(
        f"""
        WITH item AS (INSERT INTO items (owner_id{columns}) VALUES ($1{places}) RETURNING id)
        INSERT INTO ownership (item_id, seq, to_id) SELECT id, 1, $1 FROM item RETURNING item_id
        """,
        owner_id,
        *values.values(),
    )
    return item_id


async def update_item(tx: Tx, item_id: UUID, changes: dict[str, Any]) -> None:
    """Make `changes`, a dict of column to value, to a locked item, and count its version up."""
    assert changes.keys() <= SETTABLE
    sets = "".join(f"{column} = ${place}, " for place, column in enumerate(changes, start=2))
    tag = await tx.execute(
        f"UPDATE items SET {sets}version = version + 1, updated_at = now() WHERE id = $1",
        item_id,
        *changes.values(),
    )
    assert rows_changed(tag) == 1, "the item was locked"


async def delete_item(tx: Tx, item_id: UUID) -> None:
    """Take a locked item off the market for good. Its row stays: deals and the ledger name it."""
    await tx.execute("UPDATE items SET deleted_at = now(), sale_price = NULL, updated_at = now() WHERE id = $1", item_id)


async def ownership_of(tx: Tx, item_id: UUID, reader_id: UUID) -> list[Row]:
    """The ledger: `seq, from_id, to_id, deal_id, at`, oldest first; of a deleted item, only for those who stand in it."""
    return await tx.fetch(
        """
        SELECT line.seq, line.from_id, line.to_id, line.deal_id, line.at
          FROM items AS item JOIN ownership AS line ON line.item_id = item.id
         WHERE item.id = $1
           AND (item.deleted_at IS NULL OR EXISTS (SELECT FROM ownership WHERE item_id = $1 AND to_id = $2))
         ORDER BY line.seq LIMIT $3
        """,
        item_id,
        reader_id,
        LEDGER_MAX,
    )


async def shown_images(tx: Tx, names: list[str]) -> set[str]:
    """Those of `names` that an item shows a picture under, or the terms of a deal: those are as they were (C17)."""
    rows = await tx.fetch(
        """
        SELECT name FROM unnest($1::text[]) AS name
         WHERE EXISTS (SELECT FROM items WHERE images <> '[]' AND images @> jsonb_build_array(jsonb_build_object('name', name))
                                           AND deleted_at IS NULL)
            OR EXISTS (SELECT FROM legs WHERE snapshot ->> 'image' = name)
        """,
        names,
    )
    return {row["name"] for row in rows}
