"""Deals, their parties and legs: what is on the table, and how it comes there.

`storage.moves` changes them, `storage.holds` does what follows for their items. Every function runs inside the caller's
transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from matching.deal import OPEN, Deal, Kind, Leg, Move, Status
from matching.refusals import DuplicateOffer
from storage.database import Row, Tx
from storage.pages import Page, Where, fetch_page

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
