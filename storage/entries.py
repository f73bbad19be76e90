"""The entries of conversations: written with their outbox row, numbered on the conversation's locked row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from storage.database import CONFLICTS, Row, Tx

PAGE_MAX = 100


class Entry(msgspec.Struct, frozen=True):
    """One row of a log. `change` is `{status, move, by, reason?}` in the engine's words; `sender_id` None is the clock."""

    conversation_id: UUID
    seq: int
    id: UUID
    kind: str
    sender_id: UUID | None
    text: str | None
    client_message_id: str | None
    change: dict[str, Any] | None
    created_at: datetime


COLUMNS = ", ".join(f"entry.{name}" for name in Entry.__struct_fields__)


class Said(NamedTuple):
    """What somebody says."""

    conversation_id: UUID
    sender_id: UUID
    text: str
    client_message_id: str


Sent: TypeAlias = tuple[Entry, list[UUID]]  # with everyone in the conversation

SEND = f"""
    WITH conversation AS (
        UPDATE conversations SET last_seq = last_seq + 1, active_xid = pg_current_xact_id(), updated_at = now()
         WHERE id = $1
           AND (closes_at IS NULL OR closes_at > now())
           AND EXISTS (SELECT FROM parties WHERE parties.deal_id = conversations.deal_id AND user_id = $2)
           AND NOT EXISTS (SELECT FROM entries WHERE sender_id = $2 AND client_message_id = $4)
        RETURNING id, deal_id, last_seq
    ), entry AS (
        INSERT INTO entries (conversation_id, seq, kind, sender_id, text, client_message_id)
        SELECT id, last_seq, 'message', $2, $3, $4 FROM conversation RETURNING *
    ), put_out AS (
        INSERT INTO outbox (conversation_id, seq) SELECT conversation_id, seq FROM entry
    )
    SELECT {COLUMNS},
           (SELECT array_agg(user_id ORDER BY position) FROM parties
             WHERE deal_id = (SELECT deal_id FROM conversation)) AS people
      FROM entry
"""


async def send_message(tx: Tx, said: Said) -> Sent | None:
    """Authorise, number, insert and put in the outbox, in one statement: one round trip.

    None where nothing was sent: the sender is not in the conversation, it is closed, or they sent that `client_message_id`
    before; `why_not_sent` tells which.
    """
    try:
        row = await tx.fetchrow(SEND, *said)
    except asyncpg.UniqueViolationError:  # the same message was being sent at this moment, and has been
        return None
    return (entry_of(row), row["people"]) if row is not None else None


# A conversation that somebody else has locked is passed over: nobody's message is to wait for another's conversation.
SEND_TOGETHER = f"""
    WITH said AS (
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
            WITH ORDINALITY AS said(conversation_id, sender_id, text, client_message_id, place)
    ), locked AS MATERIALIZED (
        SELECT id, deal_id FROM conversations
         WHERE id = ANY($1) AND (closes_at IS NULL OR closes_at > now()) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    ), allowed AS MATERIALIZED (
        SELECT said.*, row_number() OVER (PARTITION BY conversation_id ORDER BY place) AS number
          FROM said JOIN locked ON locked.id = conversation_id
         WHERE EXISTS (SELECT FROM parties WHERE parties.deal_id = locked.deal_id AND user_id = said.sender_id)
           AND NOT EXISTS (SELECT FROM entries WHERE sender_id = said.sender_id AND client_message_id = said.client_message_id)
    ), conversation AS (
        UPDATE conversations SET last_seq = last_seq + counted.messages, active_xid = pg_current_xact_id(), updated_at = now()
          FROM (SELECT conversation_id, max(number)::integer AS messages FROM allowed GROUP BY conversation_id) AS counted
         WHERE conversations.id = counted.conversation_id
        RETURNING id, deal_id, last_seq - counted.messages AS seq_before
    ), entry AS (
        INSERT INTO entries (conversation_id, seq, kind, sender_id, text, client_message_id)
        SELECT conversation.id, seq_before + number, 'message', sender_id, text, client_message_id
          FROM allowed JOIN conversation ON conversation.id = conversation_id
        RETURNING *
    ), put_out AS (
        INSERT INTO outbox (conversation_id, seq) SELECT conversation_id, seq FROM entry
    )
    SELECT {COLUMNS}, people.people
      FROM entry JOIN conversation ON conversation.id = entry.conversation_id
     CROSS JOIN LATERAL (SELECT array_agg(user_id ORDER BY position) AS people FROM parties
                          WHERE deal_id = conversation.deal_id) AS people
"""


async def send_together(tx: Tx, said: Sequence[Said]) -> dict[tuple[UUID, str], Sent]:
    """Send many messages by one statement and one commit; by sender and `client_message_id`, those that were sent.

    No two of them may have both of these alike. What is missing was not sent, for a reason of its own or for none:
    `send_message` is to be asked.
    """
    try:
        rows = await tx.fetch(SEND_TOGETHER, *zip(*said, strict=True))
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, *CONFLICTS):
        return {}  # one of them spoils it for all: that one will be told so when it comes by itself
    return {(row["sender_id"], row["client_message_id"]): (entry_of(row), row["people"]) for row in rows}


async def why_not_sent(tx: Tx, said: Said) -> Row:
    """`is_party`, `closed`, and `earlier`, the entry that this person sent under this id before, if any."""
    row = await tx.fetchrow(
        """
        SELECT EXISTS (SELECT FROM conversations AS conversation JOIN parties USING (deal_id)
                        WHERE conversation.id = $1 AND user_id = $2) AS is_party,
               EXISTS (SELECT FROM conversations WHERE id = $1 AND closes_at <= now()) AS closed,
               (SELECT to_jsonb(entries) FROM entries WHERE sender_id = $2 AND client_message_id = $3) AS earlier
        """,
        said.conversation_id,
        said.sender_id,
        said.client_message_id,
    )
    assert row is not None, "a SELECT without FROM has one row"
    return row


async def log_changes(
    tx: Tx, changes: Sequence[tuple[UUID, dict[str, Any]]], *, closes: bool = False
) -> list[tuple[UUID, int]]:
    """Append each (deal, change) to its deal's conversation, and answer each one's (conversation, seq).

    `closes`: the deals have ended; their conversations can be written in for 30 more days (C20).
    """
    if not changes:
        return []
    # Locked in id order and looked at in the same statement: what is read from a row that was waited for is its new version,
    # since UPDATE reads it again.
    rows = await tx.fetch(
        """
        WITH change AS (
            SELECT * FROM unnest($1::uuid[], $2::jsonb[]) AS change(deal_id, change)
        ), locked AS MATERIALIZED (
            SELECT conversation.id FROM conversations AS conversation
             WHERE conversation.deal_id = ANY($1) ORDER BY conversation.id FOR UPDATE
        ), conversation AS (
            UPDATE conversations SET last_seq = last_seq + 1, active_xid = pg_current_xact_id(), updated_at = now(),
                   closes_at = CASE WHEN $3 THEN now() + interval '30 days' END
              FROM locked WHERE conversations.id = locked.id
            RETURNING conversations.id, deal_id, last_seq
        ), entry AS (
            INSERT INTO entries (conversation_id, seq, kind, sender_id, change)
            SELECT conversation.id, last_seq, 'deal', (change.change ->> 'by')::uuid, change.change
              FROM conversation JOIN change USING (deal_id)
            RETURNING conversation_id, seq
        )
        INSERT INTO outbox (conversation_id, seq) SELECT conversation_id, seq FROM entry RETURNING conversation_id, seq
        """,
        [deal_id for deal_id, _ in changes],
        [change for _, change in changes],
        closes,
    )
    assert len(rows) == len(changes), "every deal has one conversation"
    return [(row["conversation_id"], row["seq"]) for row in rows]


async def list_entries(
    tx: Tx, conversation_id: UUID, user_id: UUID, *, after_seq: int | None, before_seq: int | None, limit: int
) -> list[Row] | None:
    """Entries in order of `seq`, each with every party's `read_seq` as `marks`; None for who is not in the conversation.

    After `after_seq` the next ones; otherwise the last ones (before `before_seq`).
    """
    assert 1 <= limit <= PAGE_MAX
    direction = "ASC" if after_seq is not None else "DESC"
    rows = await tx.fetch(
        f"""
        WITH marks AS (
            SELECT jsonb_object_agg(party.user_id, party.read_seq) AS marks
              FROM conversations AS conversation JOIN parties AS party ON party.deal_id = conversation.deal_id
             WHERE conversation.id = $1
            HAVING bool_or(party.user_id = $2)
        ), entry AS (
            SELECT * FROM entries WHERE conversation_id = $1 AND seq > $3 AND seq < $4
             ORDER BY seq {direction} LIMIT $5
        )
        SELECT marks.marks, {COLUMNS} FROM marks LEFT JOIN entry ON true ORDER BY entry.seq
        """,
        conversation_id,
        user_id,
        after_seq if after_seq is not None else 0,
        before_seq if before_seq is not None else 2**31 - 1,
        limit,
    )
    if not rows:
        return None
    return [row for row in rows if row["id"] is not None]


def entry_of(row: Row) -> Entry:
    return Entry(**{name: row[name] for name in Entry.__struct_fields__})


def entry_of_json(value: dict[str, Any]) -> Entry:
    """An entry from what `to_jsonb(entries)` gives."""
    return msgspec.convert({name: value[name] for name in Entry.__struct_fields__}, Entry)
