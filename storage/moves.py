"""Moves of deals, and the locks they are made under.

Locks are taken in one order: items by id, then deals by id, then conversations by id. Lock first, then look in the next
statement: what a waiting statement saw before it waited is old (READ COMMITTED). Items are locked FOR NO KEY UPDATE: it
excludes who proposes (FOR SHARE) as FOR UPDATE does, but lets the foreign keys of new legs pass, which are checked out of
that order.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from matching.deal import CLOSED, Deal, Move, Status
from matching.refusals import DuplicateOffer
from storage.database import Conflict, Tx, rows_changed
from storage.deal_record import DealRecord
from storage.deals import DEFAULT_EXPIRY, IS_OPEN, add_terms, load_deal, load_deals

COMPLETE_WITHIN_DAYS = 14  # C14: then either side may cancel without fault
RIVALS_MAX = 10_000


async def lock_deal(tx: Tx, deal_id: UUID, *, besides: UUID | None = None) -> DealRecord | None:
    """The deal once it, and every item in it, is this transaction's alone to change; and the item `besides`.

    Raises Conflict where its terms got another item while we waited: that one is not locked, and may not be any more, since
    items come before deals.
    """
    locked = await tx.fetch(
        """
        SELECT id FROM items WHERE id IN (SELECT item_id FROM legs WHERE deal_id = $1 UNION ALL SELECT $2)
         ORDER BY id FOR NO KEY UPDATE
        """,
        deal_id,
        besides,
    )
    await tx.execute("SELECT FROM deals WHERE id = $1 FOR UPDATE", deal_id)
    record = await load_deal(tx, deal_id)
    if record is not None and not record.deal.item_ids <= {row["id"] for row in locked}:
        raise Conflict
    return record


async def save_move(tx: Tx, before: Deal, after: Deal, *, reason: str | None = None) -> None:
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
    await _save_answers(tx, before, after)


async def _save_answers(tx: Tx, before: Deal, after: Deal) -> None:
    changed = [party for party in after.parties if _said(after, party) != _said(before, party)]
    if not changed:
        return
    await tx.execute(
        """
        UPDATE parties SET answers = string_to_array(answer.moves, ' '),
               answered_at = CASE WHEN answer.answers THEN now() ELSE answered_at END
          FROM unnest($2::uuid[], $3::text[], $4::boolean[]) AS answer(user_id, moves, answers)
         WHERE deal_id = $1 AND parties.user_id = answer.user_id
        """,
        before.id,
        changed,
        [" ".join(_said(after, party)) for party in changed],
        [bool({Move.ACCEPT, Move.REJECT} & (set(_said(after, party)) - set(_said(before, party)))) for party in changed],
    )


def _said(deal: Deal, party: UUID) -> list[Move]:
    return sorted(move for user, move in deal.answers if user == party)


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
                UPDATE deals SET status = $3, revision = $4, rounds = $5, proposer_id = $6, item_ids = $7,
                       expires_at = COALESCE($8, {DEFAULT_EXPIRY}), reason = NULL, updated_at = now()
                 WHERE id = $1 AND status = $2 AND revision = $4 - 1
                """,
                before.id,
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
    await _save_answers(tx, before, after)
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
