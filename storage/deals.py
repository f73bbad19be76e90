"""Deals, their parties, legs and holds. Every function runs inside the caller's transaction.

Locks are taken in one order: items by id, then deals by id, then conversations by id. Lock first, then look in the next
statement: what a waiting statement saw before it waited is old (READ COMMITTED). Items are locked FOR NO KEY UPDATE: it
excludes who proposes (FOR SHARE) as FOR UPDATE does, but lets the foreign keys of new legs pass, which are checked out of
that order.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from matching.deal import CLOSED, HOLDING, OPEN, Deal, Kind, Leg, Move, Status
from matching.refusals import ActiveListing, DuplicateOffer, ItemUnavailable
from storage.database import Row, Tx, rows_changed
from storage.pages import Page, Where, fetch_page

COMPLETE_WITHIN_DAYS = 14  # C14: then either side may cancel without fault
RIVALS_MAX = 10_000
# Spelt out, as in the indexes: with a parameter in its place the planner could not know that they serve.
IS_OPEN = "status IN ('{}')".format("', '".join(sorted(OPEN)))

SNAPSHOT = """jsonb_build_object('title', item.title, 'condition', item.condition, 'estimatedValue', item.estimated_value,
    'image', item.images -> 0 ->> 'name', 'version', item.version, 'lookingFor', item.looking_for)"""
COLUMNS = """
    deal.id, deal.kind, deal.status, deal.revision, deal.reason, deal.expires_at, deal.confirmed_at, deal.complete_by,
    deal.completed_at, deal.created_at, deal.updated_at,
    deal.expires_at <= now() AS expired, COALESCE(deal.complete_by <= now(), false) AS overdue,
    conversation.id AS conversation_id, party.all AS parties, leg.all AS legs
"""
JOINS = """
    JOIN conversations AS conversation ON conversation.deal_id = deal.id
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('user', user_id, 'answers', answers) ORDER BY position) AS all
          FROM parties WHERE deal_id = deal.id
    ) AS party
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('item', item_id, 'giver', giver_id, 'receiver', receiver_id,
                                            'snapshot', snapshot) ORDER BY item_id) AS all
          FROM legs WHERE deal_id = deal.id AND revision = deal.revision
    ) AS leg
"""


class Snapshot(msgspec.Struct, rename="camel", frozen=True):
    """An item as it was when the terms were set (C17). `image` is a stored picture's name."""

    title: str
    condition: str
    estimated_value: float | None
    image: str | None
    version: int
    looking_for: str


@dataclass(frozen=True, slots=True)
class DealRecord:
    """A deal as it is stored: what its rules see, and what people are shown besides."""

    deal: Deal
    conversation_id: UUID
    snapshots: dict[UUID, Snapshot]  # by item
    reason: str | None
    expires_at: datetime
    confirmed_at: datetime | None
    complete_by: datetime | None
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Row) -> "DealRecord":
        parties: list[dict[str, Any]] = row["parties"]
        legs: list[dict[str, Any]] = row["legs"]
        return cls(
            deal=Deal(
                id=row["id"],
                kind=Kind(row["kind"]),
                status=Status(row["status"]),
                revision=row["revision"],
                parties=tuple(UUID(party["user"]) for party in parties),
                legs=tuple(Leg(UUID(leg["item"]), UUID(leg["giver"]), UUID(leg["receiver"])) for leg in legs),
                answers=frozenset((UUID(party["user"]), Move(move)) for party in parties for move in party["answers"]),
                expired=row["expired"],
                overdue=row["overdue"],
            ),
            conversation_id=row["conversation_id"],
            snapshots={UUID(leg["item"]): msgspec.convert(leg["snapshot"], Snapshot) for leg in legs},
            reason=row["reason"],
            expires_at=row["expires_at"],
            confirmed_at=row["confirmed_at"],
            complete_by=row["complete_by"],
            completed_at=row["completed_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


async def share_items(tx: Tx, item_ids: Iterable[UUID]) -> dict[UUID, Row]:
    """The items, which nobody confirms, edits or deletes until this transaction ends. For proposing."""
    rows = await tx.fetch(
        """
        SELECT item.id, item.owner_id, item.status, item.sale_price, item.looking_for FROM items AS item
         WHERE item.id = ANY($1) AND item.deleted_at IS NULL ORDER BY item.id FOR SHARE
        """,
        sorted(item_ids),
    )
    return {row["id"]: row for row in rows}


async def add_deal(tx: Tx, deal: Deal, expires_at: datetime | None) -> None:
    """Put a deal with its parties, legs and conversation on the table, or raise DuplicateOffer (C16, C39)."""
    added = await tx.fetchval(
        """
        INSERT INTO deals (id, kind, status, revision, item_ids, expires_at)
        VALUES ($1, $2, $3, $4, $5, COALESCE($6, now() + interval '7 days'))
        ON CONFLICT (item_ids) WHERE status IN ('proposed', 'negotiating') DO NOTHING RETURNING id
        """,
        deal.id,
        deal.kind,
        deal.status,
        deal.revision,
        sorted(deal.item_ids),
        expires_at,
    )
    if added is None:
        raise DuplicateOffer
    await tx.execute(
        """
        WITH party AS (
            INSERT INTO parties (deal_id, user_id, position)
            SELECT $1, user_id, place - 1 FROM unnest($2::uuid[]) WITH ORDINALITY AS party(user_id, place)
        )
        INSERT INTO conversations (deal_id) VALUES ($1)
        """,
        deal.id,
        list(deal.parties),
    )
    await add_legs(tx, deal)


async def add_legs(tx: Tx, deal: Deal) -> None:
    """The legs of the deal's revision, each with its item as it is now."""
    await tx.execute(
        f"""
        INSERT INTO legs (deal_id, revision, item_id, giver_id, receiver_id, snapshot)
        SELECT $1, $2, item.id, leg.giver_id, leg.receiver_id, {SNAPSHOT}
          FROM unnest($3::uuid[], $4::uuid[], $5::uuid[]) AS leg(item_id, giver_id, receiver_id)
          JOIN items AS item ON item.id = leg.item_id
        """,
        deal.id,
        deal.revision,
        [leg.item_id for leg in deal.legs],
        [leg.giver for leg in deal.legs],
        [leg.receiver for leg in deal.legs],
    )


async def load_deal(tx: Tx, deal_id: UUID) -> DealRecord | None:
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM deals AS deal {JOINS} WHERE deal.id = $1", deal_id)
    return DealRecord.of(row) if row else None


async def load_deals(tx: Tx, deal_ids: Iterable[UUID]) -> dict[UUID, DealRecord]:
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM deals AS deal {JOINS} WHERE deal.id = ANY($1)", list(deal_ids))
    return {row["id"]: DealRecord.of(row) for row in rows}


async def lock_deal(tx: Tx, deal_id: UUID) -> DealRecord | None:
    """The deal once it, and every item in it, is this transaction's alone to change."""
    await tx.execute(
        """
        SELECT FROM items WHERE id IN (SELECT item_id FROM legs WHERE deal_id = $1) ORDER BY id FOR NO KEY UPDATE
        """,
        deal_id,
    )
    await tx.execute("SELECT FROM deals WHERE id = $1 FOR UPDATE", deal_id)
    return await load_deal(tx, deal_id)


async def list_deals(tx: Tx, user_id: UUID, *, position: int, kind: Kind, limit: int, offset: int) -> Page:
    """A page of the person's deals of a kind, newest first; position 0: those they opened, 1: those they were asked."""
    where = Where()
    where.add("deal.kind = {}::text", kind)
    where.add(
        "deal.id IN (SELECT deal_id FROM parties WHERE user_id = {}::uuid AND position = {}::smallint)",
        user_id,
        position,
    )
    return await fetch_page(
        tx,
        select=COLUMNS,
        source="deals AS deal",
        joins=JOINS,
        where=where,
        order="deal.created_at DESC, deal.id DESC",
        limit=limit,
        offset=offset,
    )


async def save_move(tx: Tx, before: Deal, after: Deal, *, by: UUID | None, reason: str | None = None) -> None:
    """Store what the move changed. The status it leaves is named, so that no move is made twice."""
    tag = await tx.execute(
        """
        UPDATE deals SET
               status = $3,
               reason = COALESCE($5, CASE WHEN status = $3 THEN reason END),
               confirmed_at = CASE WHEN $6 THEN now() ELSE confirmed_at END,
               complete_by = CASE WHEN $6 THEN now() + make_interval(days => $7) ELSE complete_by END,
               completed_at = CASE WHEN $3 = 'completed' THEN now() END,
               closed_at = CASE WHEN $8 THEN now() END,
               updated_at = now()
         WHERE id = $1 AND status = $2 AND revision = $4
        """,
        before.id,
        before.status,
        after.status,
        before.revision,
        reason,
        after.status is Status.CONFIRMED and before.status is not Status.CONFIRMED,
        COMPLETE_WITHIN_DAYS,
        after.status in CLOSED,
    )
    assert rows_changed(tag) == 1, "the deal was locked, so it is as it was read"
    if by is not None and after.answers != before.answers:
        await tx.execute(
            "UPDATE parties SET answers = $3 WHERE deal_id = $1 AND user_id = $2",
            before.id,
            by,
            sorted(move for user, move in after.answers if user == by),
        )
    if before.status in HOLDING and after.status not in HOLDING and after.status is not Status.COMPLETED:
        await release_items(tx, after)


async def hold_items(tx: Tx, deal: Deal) -> None:
    """Promise every item of a locked deal to it, or raise ItemUnavailable or ActiveListing and hold none (S1.47, C18, C40)."""
    held = await tx.fetch(
        """
        WITH held AS (
            INSERT INTO item_holds (item_id, deal_id)
            SELECT leg.item_id, leg.deal_id
              FROM legs AS leg JOIN items AS item ON item.id = leg.item_id
             WHERE leg.deal_id = $1 AND leg.revision = $2 AND item.owner_id = leg.giver_id
               AND item.status = 'available' AND item.deleted_at IS NULL AND item.sale_price IS NULL
            ON CONFLICT (item_id) DO NOTHING
            RETURNING item_id
        )
        UPDATE items SET status = 'traded', updated_at = now() FROM held WHERE items.id = held.item_id RETURNING id
        """,
        deal.id,
        deal.revision,
    )
    if len(held) < len(deal.item_ids):
        missing = deal.item_ids - {row["id"] for row in held}
        if await tx.fetchval("SELECT bool_and(sale_price IS NOT NULL) FROM items WHERE id = ANY($1)", list(missing)):
            raise ActiveListing
        raise ItemUnavailable(details={"items": sorted(map(str, missing))})


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
    """Every leg's item to its receiver, with a line in its ledger; all, or the transaction fails (S1.52, S1.54)."""
    moved = await tx.fetch(
        """
        WITH freed AS (DELETE FROM item_holds WHERE deal_id = $1 RETURNING item_id),
        moved AS (
            UPDATE items SET owner_id = leg.receiver_id, version = version + 1, updated_at = now()
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


async def lock_open_deals_with(tx: Tx, item_ids: Iterable[UUID], besides: UUID | None = None) -> list[DealRecord]:
    """The open deals whose terms name any of these items, on either side, locked (S1.48, C3).

    The items must be locked by now: who proposes shares them, so no further deal can come up.
    """
    wanted = frozenset(item_ids)
    # By the items of every revision: a deal that gets a new one while we wait for it would drop out of a join on its revision.
    rows = await tx.fetch(
        f"""
        SELECT id FROM deals
         WHERE id IN (SELECT deal_id FROM legs WHERE item_id = ANY($1)) AND {IS_OPEN} AND id IS DISTINCT FROM $2
         ORDER BY id LIMIT $3 FOR UPDATE
        """,
        list(wanted),
        besides,
        RIVALS_MAX,
    )
    found = await load_deals(tx, [row["id"] for row in rows])
    return [found[deal_id] for deal_id in sorted(found) if found[deal_id].deal.item_ids & wanted]


async def reject_deals(tx: Tx, deals: Iterable[Deal], reason: str) -> None:
    """Reject locked open deals that lost their item."""
    ids = [deal.id for deal in deals]
    tag = await tx.execute(
        f"""
        UPDATE deals SET status = 'rejected', reason = $2, closed_at = now(), updated_at = now()
         WHERE id = ANY($1) AND {IS_OPEN}
        """,
        ids,
        reason,
    )
    assert rows_changed(tag) == len(ids), "the deals were locked"


async def revise_deals(tx: Tx, records: Iterable[DealRecord]) -> list[Deal]:
    """A new revision of locked open deals, with the same legs over the items as they are now (C17)."""
    revised = []
    for record in records:
        old = record.deal
        deal = Deal(old.id, old.kind, old.status, old.revision + 1, old.parties, old.legs, frozenset())
        await tx.execute("UPDATE deals SET revision = $2, updated_at = now() WHERE id = $1", deal.id, deal.revision)
        await add_legs(tx, deal)
        revised.append(deal)
    return revised


async def lock_expired(tx: Tx, batch: int) -> list[DealRecord]:
    """Open deals past their expiry, locked; those another sweeper has are skipped."""
    rows = await tx.fetch(
        f"SELECT id FROM deals WHERE {IS_OPEN} AND expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED",
        batch,
    )
    found = await load_deals(tx, [row["id"] for row in rows])
    return list(found.values())


async def take_overdue(tx: Tx, batch: int) -> list[UUID]:
    """Confirmed deals that should have been completed by now and whose parties have not been reminded; now they are."""
    rows = await tx.fetch(
        """
        UPDATE deals SET reminded_at = now() WHERE id IN (
            SELECT id FROM deals
             WHERE status IN ('confirmed', 'disputed') AND complete_by <= now() AND reminded_at IS NULL
             ORDER BY complete_by LIMIT $1 FOR UPDATE SKIP LOCKED
        ) RETURNING id
        """,
        batch,
    )
    return [row["id"] for row in rows]
