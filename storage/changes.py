"""What a change of deals leaves behind: an entry in each one's log, to be pushed, and what people are to be told of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from storage.database import Tx
from storage.entries import COLUMNS, Entry, entry_of
from storage.notifications import ADD_TOLD, NewNotification, columns_of


class Change(NamedTuple):
    """Of a deal; `change` is `{status, move, by, reason?}`."""

    deal_id: UUID
    change: dict[str, Any]


async def log_changes(
    tx: Tx, changes: Sequence[Change], told: Sequence[NewNotification], *, closes: bool = False
) -> dict[UUID, Entry]:
    """Append each change to its deal's conversation, with the notifications that tell of it, and answer the entries by deal.

    `closes`: the deals have ended; their conversations can be written in for 30 more days (C20).
    """
    # Locked in id order and looked at in the same statement: what is read from a row that was waited for is its new version,
    # since UPDATE reads it again.
    rows = await tx.fetch(
        f"""
        WITH change AS (
            SELECT * FROM unnest($1::uuid[], $2::jsonb[]) AS change(deal_id, change)
        ), locked AS MATERIALIZED (
            SELECT id FROM conversations WHERE deal_id = ANY($1) ORDER BY id FOR UPDATE
        ), conversation AS (
            UPDATE conversations SET last_seq = last_seq + 1, active_xid = pg_current_xact_id(), updated_at = now(),
                   closes_at = CASE WHEN $3 THEN now() + interval '30 days' END
              FROM locked WHERE conversations.id = locked.id
            RETURNING conversations.id, deal_id, last_seq
        ), entry AS (
            INSERT INTO entries (conversation_id, seq, kind, sender_id, change)
            SELECT conversation.id, last_seq, 'deal', (change.change ->> 'by')::uuid, change.change
              FROM conversation JOIN change USING (deal_id)
            RETURNING *
        ), put_out AS (
            INSERT INTO outbox (conversation_id, seq) SELECT conversation_id, seq FROM entry
        ), told AS (
            SELECT told.user_id, told.kind, deal_id, COALESCE(told.cause, last_seq) AS cause, told.data,
                   conversation.id AS conversation_id, last_seq AS seq
              FROM unnest($4::uuid[], $5::text[], $6::uuid[], $7::int[], $8::jsonb[])
                   AS told(user_id, kind, deal_id, cause, data)
              JOIN conversation USING (deal_id)
        ), {ADD_TOLD}
        SELECT conversation.deal_id, {COLUMNS} FROM entry JOIN conversation ON conversation.id = entry.conversation_id
        """,
        [change.deal_id for change in changes],
        [change.change for change in changes],
        closes,
        *columns_of(told),
    )
    assert len(rows) == len(changes), "every deal has one conversation"
    return {row["deal_id"]: entry_of(row) for row in rows}
