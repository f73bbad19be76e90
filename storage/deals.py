"""Deals, their parties and legs: what is on the table, and how it comes there.

`storage.moves` changes them, `storage.holds` does what follows for their items. Every function runs inside the caller's
transaction.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from matching.deal import OPEN, Deal, Kind, Move, Status
from matching.refusals import DuplicateOffer
from storage.database import Row, Tx
from storage.deal_record import DealRecord, Terms
from storage.pages import Page, Where, fetch_page

# Spelt out, as in the indexes: with a parameter in its place the planner could not know that they serve.
IS_OPEN = "status IN ('{}')".format("', '".join(sorted(OPEN)))

TERMS_MAX = 200
DEFAULT_EXPIRY = "now() + interval '7 days'"  # C15, S2.31, S2.57

SNAPSHOT = """jsonb_build_object('title', item.title, 'condition', item.condition, 'estimatedValue', item.estimated_value,
    'image', item.images -> 0 ->> 'name', 'version', item.version, 'lookingFor', item.looking_for)"""
COLUMNS = """
    deal.id, deal.kind, deal.status, deal.revision, deal.proposer_id, deal.rounds, deal.match_score, deal.reason,
    deal.expires_at, deal.confirmed_at, deal.complete_by, deal.completed_at, deal.created_at, deal.updated_at,
    deal.expires_at <= now() AS expired, COALESCE(deal.complete_by <= now(), false) AS overdue,
    conversation.id AS conversation_id, party.all::text AS parties, leg.all::text AS legs, opening.all::text AS opening,
    (SELECT notes FROM revisions WHERE deal_id = deal.id AND move <> 'update' ORDER BY revision DESC LIMIT 1) AS notes
"""
LEGS = """jsonb_agg(jsonb_build_object('item', item_id, 'giver', giver_id, 'receiver', receiver_id,
                                        'snapshot', snapshot) ORDER BY item_id)"""
JOINS = f"""
    JOIN conversations AS conversation ON conversation.deal_id = deal.id
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('id', user_id, 'name', users.name, 'profileImage', users.profile_image,
                                            'answers', answers, 'answeredAt', answered_at) ORDER BY position) AS all
          FROM parties JOIN users ON users.id = user_id WHERE deal_id = deal.id
    ) AS party
    CROSS JOIN LATERAL (
        SELECT {LEGS} AS all FROM legs WHERE deal_id = deal.id AND revision = deal.revision
    ) AS leg
    LEFT JOIN LATERAL (
        SELECT {LEGS} AS all FROM legs WHERE deal_id = deal.id AND revision = 1 AND deal.rounds > 0
    ) AS opening ON true
"""


ITEMS_TO_PROPOSE = """
    SELECT item.id, item.owner_id, item.status, item.sale_price, item.looking_for FROM items AS item
     WHERE item.id = ANY($1) AND item.deleted_at IS NULL ORDER BY item.id
"""


async def look_at_items(tx: Tx, item_ids: Iterable[UUID]) -> dict[UUID, Row]:
    """The items as they are at the moment."""
    return {row["id"]: row for row in await tx.fetch(ITEMS_TO_PROPOSE, list(item_ids))}


async def share_items(tx: Tx, item_ids: Iterable[UUID]) -> dict[UUID, Row]:
    """The items, which nobody confirms, edits or deletes until this transaction ends. For proposing.

    All that the transaction is to have, at once: they are locked in order of id, and a second call might wait in a ring.
    """
    return {row["id"]: row for row in await tx.fetch(f"{ITEMS_TO_PROPOSE} FOR SHARE", sorted(item_ids))}


async def add_deal(
    tx: Tx, deal: Deal, expires_at: datetime | None, *, notes: str | None = None, match_score: float | None = None
) -> None:
    """Put a deal with its parties, terms and conversation on the table, or raise DuplicateOffer (C16, C39, C67)."""
    added = await tx.fetchval(
        f"""
        INSERT INTO deals (id, kind, status, item_ids, party_ids, proposer_id, match_score, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, COALESCE($8, {DEFAULT_EXPIRY}))
        ON CONFLICT (item_ids, party_ids) WHERE {IS_OPEN} DO NOTHING RETURNING id
        """,
        deal.id,
        deal.kind,
        deal.status,
        sorted(deal.item_ids),
        sorted(deal.parties),
        deal.parties[0],
        match_score,
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
    await add_terms(tx, deal, Move.REQUEST, by=deal.parties[0], notes=notes)


async def add_terms(tx: Tx, deal: Deal, move: Move, *, by: UUID, notes: str | None = None) -> None:
    """The terms of the deal's revision: its legs, each with its item as it is now, and who set them with what note."""
    await tx.execute(
        f"""
        WITH revision AS (
            INSERT INTO revisions (deal_id, revision, made_by, move, notes) VALUES ($1, $2, $6, $7, $8)
        )
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
        by,
        move,
        notes,
    )


async def terms_of(tx: Tx, deal_id: UUID) -> list[Terms]:
    """All terms that were ever on the table, oldest first (C35)."""
    rows = await tx.fetch(
        f"""
        SELECT jsonb_build_object('revision', revision.revision, 'madeBy', made_by, 'move', move,
                   'notes', notes, 'createdAt', revision.created_at, 'legs', leg.all) AS terms
          FROM revisions AS revision
         CROSS JOIN LATERAL (
             SELECT {LEGS} AS all FROM legs WHERE deal_id = $1 AND revision = revision.revision
         ) AS leg
         WHERE revision.deal_id = $1 ORDER BY revision.revision LIMIT $2
        """,
        deal_id,
        TERMS_MAX,
    )
    return [msgspec.convert(row["terms"], Terms) for row in rows]


async def load_deal(tx: Tx, deal_id: UUID) -> DealRecord | None:
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM deals AS deal {JOINS} WHERE deal.id = $1", deal_id)
    return DealRecord.of(row) if row else None


async def load_deals(tx: Tx, deal_ids: Iterable[UUID]) -> dict[UUID, DealRecord]:
    ids = list(deal_ids)
    if not ids:
        return {}
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM deals AS deal {JOINS} WHERE deal.id = ANY($1)", ids)
    return {row["id"]: DealRecord.of(row) for row in rows}


async def list_deals(
    tx: Tx,
    user_id: UUID,
    *,
    kinds: Iterable[Kind],
    limit: int,
    offset: int,
    position: int | None = None,
    statuses: Iterable[Status] | None = None,
) -> Page:
    """A page of the person's deals of these kinds, newest first.

    `position` 0: those they opened, 1: of those between two, those they were asked; None: both.
    """
    where = Where()
    where.add("deal.kind = ANY({}::text[])", list(kinds))
    if statuses is not None:
        where.add("deal.status = ANY({}::text[])", list(statuses))
    if position is None:
        where.add("deal.id IN (SELECT deal_id FROM parties WHERE user_id = {}::uuid)", user_id)
    else:
        mine = "deal.id IN (SELECT deal_id FROM parties WHERE user_id = {}::uuid AND position = {}::smallint)"
        where.add(mine, user_id, position)
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


async def pending_rings(tx: Tx, user_id: UUID, limit: int) -> list[DealRecord]:
    """The open rings that wait for this person's answer, the first to expire first (S2.74)."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM deals AS deal {JOINS}
         WHERE deal.id IN (SELECT deal_id FROM parties WHERE user_id = $1 AND NOT answers && '{{accept,reject}}')
           AND deal.kind IN ('cycle', 'chain') AND deal.{IS_OPEN} AND deal.expires_at > now()
         ORDER BY deal.expires_at, deal.id LIMIT $2
        """,
        user_id,
        limit,
    )
    return [DealRecord.of(row) for row in rows]


async def count_rings(tx: Tx, user_id: UUID) -> dict[Status, int]:
    """How many of the person's rings have come to each status (S2.75)."""
    rows = await tx.fetch(
        """
        SELECT status, count(*) AS rings FROM deals
         WHERE id IN (SELECT deal_id FROM parties WHERE user_id = $1) AND kind IN ('cycle', 'chain') GROUP BY status
        """,
        user_id,
    )
    return {Status(row["status"]): row["rings"] for row in rows}
