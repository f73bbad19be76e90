"""Moves of deals, and the locks they are made under.

Locks are taken in one order: items by id, then deals by id, then conversations by id. Lock first, then look in the next
statement: what a waiting statement saw before it waited is old (READ COMMITTED). Items are locked FOR NO KEY UPDATE: it
excludes who proposes (FOR SHARE) as FOR UPDATE does, but lets the foreign keys of new legs pass, which are checked out of
that order.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from matching.deal import CLOSED, Deal, Move, Status
from matching.refusals import DuplicateOffer
from storage.database import Conflict, Tx, rows_changed
from storage.deal_record import DealRecord
from storage.deals import DEFAULT_EXPIRY, IS_OPEN, add_terms, load_deal, load_deals

COMPLETE_WITHIN_DAYS = 14  # C14: then either side may cancel without fault
RIVALS_MAX = 10_000


async def lock_deal(tx: Tx, deal_id: UUID, party: UUID, *, besides: UUID | None = None) -> DealRecord | None:
    """The deal once it, and every item in it, is this transaction's alone to change; and the item `besides`.

    None where `party` is not in it: a stranger locks nothing. Raises Conflict where its terms got another item while we waited:
    that one is not locked, and may not be any more, since items come before deals.
    """
    # ARRAY(…) is looked up once. A row that was waited for is looked at again, and a join with it would not be found any more.
    # The deal is joined with the list of the items that are locked, so it cannot be locked before that is complete.
    locked = await tx.fetchval(
        """
        WITH item AS MATERIALIZED (
            SELECT id FROM items
             WHERE id = ANY(ARRAY(SELECT item_id FROM legs WHERE deal_id = $1 UNION ALL SELECT $2))
               AND EXISTS (SELECT FROM parties WHERE deal_id = $1 AND user_id = $3)
             ORDER BY id FOR NO KEY UPDATE
        ), locked AS MATERIALIZED (
            SELECT array_agg(id) AS item_ids FROM item
        )
        SELECT locked.item_ids FROM locked JOIN deals ON locked.item_ids IS NOT NULL
         WHERE deals.id = $1 FOR UPDATE OF deals
        """,
        deal_id,
        besides,
        party,
    )
    if locked is None:
        return None
    record = await load_deal(tx, deal_id)
    assert record is not None, "deals are never deleted"
    if not record.deal.item_ids <= set(locked):
        raise Conflict
    return record


class Said(NamedTuple):
    """All that somebody has said to the terms as they are, where the move has changed that."""

    person: UUID
    moves: list[Move]
    answers: bool  # what is new in it is an answer: they accept, or reject


# Part of a statement that changes the deal $1; its other parameters are the columns of `Said`.
SAVE_SAID = """
    UPDATE parties SET answers = string_to_array(said.moves, ' '),
           answered_at = CASE WHEN said.answers THEN now() ELSE answered_at END
      FROM unnest($2::uuid[], $3::text[], $4::boolean[]) AS said(user_id, moves, answers)
     WHERE deal_id = $1 AND parties.user_id = said.user_id
"""


async def save_move(tx: Tx, record: DealRecord, after: Deal, *, reason: str | None = None) -> DealRecord:
    """Store what the move changed, and answer the deal as it now stands: being locked, it is otherwise as it was read.

    The status that it leaves is named, so that no move is made twice.
    """
    before = record.deal
    said = _said(before, after)
    row = await tx.fetchrow(
        f"""
        WITH said AS ({SAVE_SAID})
        UPDATE deals SET
               status = $6,
               reason = COALESCE($8, CASE WHEN status = $6 THEN reason END),
               confirmed_at = CASE WHEN $9 THEN now() ELSE confirmed_at END,
               complete_by = CASE WHEN $9 THEN now() + make_interval(days => $10) ELSE complete_by END,
               completed_at = CASE WHEN $6 = 'completed' THEN now() END,
               closed_at = CASE WHEN $11 THEN now() END,
               updated_at = now()
         WHERE id = $1 AND status = $5 AND revision = $7
        RETURNING reason, confirmed_at, complete_by, completed_at, updated_at
        """,
        before.id,
        *_columns(said),
        before.status,
        after.status,
        before.revision,
        reason,
        after.status is Status.CONFIRMED and before.status is not Status.CONFIRMED,
        COMPLETE_WITHIN_DAYS,
        after.status in CLOSED,
    )
    assert row is not None, "the deal was locked, so it is as it was read"
    parties = dict(record.parties)
    for person, moves, answers in said:
        answered_at = row["updated_at"] if answers else parties[person].answered_at
        parties[person] = msgspec.structs.replace(parties[person], answers=moves, answered_at=answered_at)
    return replace(record, deal=after, parties=parties, **row)


def _said(before: Deal, after: Deal) -> list[Said]:
    said = []
    for person in after.parties:
        moves = {move for party, move in after.answers if party == person}
        earlier = {move for party, move in before.answers if party == person}
        if moves != earlier:
            said.append(Said(person, sorted(moves), bool({Move.ACCEPT, Move.REJECT} & (moves - earlier))))
    return said


def _columns(said: list[Said]) -> tuple[list[UUID], list[str], list[bool]]:
    return [one.person for one in said], [" ".join(one.moves) for one in said], [one.answers for one in said]


async def lock_open_deals_with(tx: Tx, item_ids: Iterable[UUID], besides: UUID | None = None) -> list[DealRecord]:
    """The open deals whose terms name any of these items, on either side, locked (S1.48, C3).

    The items must be locked by now: who proposes shares them, so no further deal can come up.
    """
    wanted = frozenset(item_ids)
    # By the items of every revision: a deal that gets a new one while we wait for it would drop out of a join on its revision.
    rows = await tx.fetch(
        f"""
        SELECT id FROM deals
         WHERE id = ANY(ARRAY(SELECT deal_id FROM legs WHERE item_id = ANY($1))) AND {IS_OPEN} AND id IS DISTINCT FROM $2
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


async def revise_deals(tx: Tx, records: Iterable[DealRecord], *, by: UUID) -> list[Deal]:
    """A new revision of locked open deals, with the same legs over the items as they are now (C17).

    Who had said yes said it to other terms: they are asked again.
    """
    revised = []
    for record in records:
        deal = replace(record.deal, revision=record.deal.revision + 1, answers=frozenset())
        await tx.execute("UPDATE deals SET revision = $2, updated_at = now() WHERE id = $1", deal.id, deal.revision)
        await tx.execute(
            "UPDATE parties SET answers = '{}', answered_at = NULL WHERE deal_id = $1 AND answers <> '{}'", deal.id
        )
        await add_terms(tx, deal, Move.UPDATE, by=by)
        revised.append(deal)
    return revised


async def save_counter(tx: Tx, before: Deal, after: Deal, *, by: UUID, notes: str | None, expires_at: datetime | None) -> None:
    """The counter-offer as the deal's new terms, or DuplicateOffer where they are on the table in another deal (C35, C39)."""
    try:
        async with tx.transaction():  # the failure of the statement is not to be that of the caller's transaction
            tag = await tx.execute(
                f"""
                WITH said AS ({SAVE_SAID})
                UPDATE deals SET status = $6, revision = $7, rounds = $8, proposer_id = $9, item_ids = $10,
                       expires_at = COALESCE($11, {DEFAULT_EXPIRY}), reason = NULL, updated_at = now()
                 WHERE id = $1 AND status = $5 AND revision = $7 - 1
                """,
                before.id,
                *_columns(_said(before, after)),
                before.status,
                after.status,
                after.revision,
                after.rounds,
                by,
                sorted(after.item_ids),
                expires_at,
            )
    except asyncpg.UniqueViolationError:
        raise DuplicateOffer from None
    assert rows_changed(tag) == 1, "the deal was locked, so it is as it was read"
    await add_terms(tx, after, Move.COUNTER, by=by, notes=notes)


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


async def take_unanswered(tx: Tx, batch: int) -> list[UUID]:
    """Open deals that expire within a day, and whose terms nobody has been reminded of; now they have.

    What was given less than two days has had half of them by then.
    """
    rows = await tx.fetch(
        f"""
        UPDATE deals SET nudged_revision = revision WHERE id IN (
            SELECT id FROM deals
             WHERE {IS_OPEN} AND expires_at > now() AND expires_at <= now() + interval '1 day'
               AND nudged_revision < revision AND updated_at <= now() - (expires_at - now())
             ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
        ) RETURNING id
        """,
        batch,
    )
    return [row["id"] for row in rows]
