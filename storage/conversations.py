"""Conversations as their parties see them: which there are, what is unread, and what a device has missed.

Read marks live in Redis and reach PostgreSQL a moment later, so each query takes the person's latest marks, as
`conversation id → seq`, and reads the larger of the two.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from storage.database import Row, Tx
from storage.pages import Page

LISTED_MAX = 10_000

# What a query of conversations selects, for the person $1 with the marks $2 (conversations) and $3 (seqs)
COLUMNS = """
    conversation.id, conversation.last_seq, conversation.updated_at, deal.id AS deal_id, deal.kind AS deal_kind,
    deal.status AS deal_status, GREATEST(me.read_seq, mark.seq) AS read_seq, latest.message, party.all AS participants,
    (SELECT count(*) FROM entries
      WHERE conversation_id = conversation.id AND seq > GREATEST(me.read_seq, mark.seq)
        AND sender_id IS DISTINCT FROM $1) AS unread
"""
JOINS = """
    JOIN deals AS deal ON deal.id = me.deal_id
    LEFT JOIN unnest($2::uuid[], $3::int[]) AS mark(conversation_id, seq) ON mark.conversation_id = conversation.id
    LEFT JOIN LATERAL (
        SELECT to_jsonb(entries) AS message FROM entries
         WHERE conversation_id = conversation.id AND kind = 'message' ORDER BY seq DESC LIMIT 1
    ) AS latest ON true
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('id', users.id, 'name', users.name, 'profileImage', users.profile_image,
                                            'readSeq', parties.read_seq) ORDER BY position) AS all
          FROM parties JOIN users ON users.id = parties.user_id WHERE parties.deal_id = me.deal_id
    ) AS party
"""

# A join that the planner can only make by the index. Of someone with thousands of conversations it would read everyone's.
CONVERSATION_OF_MINE = """
    CROSS JOIN LATERAL (SELECT * FROM conversations WHERE deal_id = me.deal_id LIMIT 1) AS conversation
"""

Marks = Mapping[UUID, int]


class Party(msgspec.Struct, rename="camel", frozen=True):
    """Someone in a conversation, and how far PostgreSQL knows that they have read."""

    id: UUID
    name: str
    profile_image: str | None
    read_seq: int


def participants(row: Row | Mapping[str, Any]) -> list[Party]:
    return msgspec.convert(row["participants"], list[Party])


async def list_conversations(tx: Tx, user_id: UUID, marks: Marks, *, limit: int, offset: int) -> Page:
    """A page of the person's conversations, the latest active first."""
    rows = await tx.fetch(
        f"""
        WITH mine AS (
            SELECT conversation.* FROM parties AS me {CONVERSATION_OF_MINE} WHERE me.user_id = $1 LIMIT {LISTED_MAX}
        ), counted AS (SELECT count(*) AS total FROM mine),
        conversation AS (SELECT * FROM mine ORDER BY updated_at DESC, id DESC LIMIT $4 OFFSET $5)
        SELECT counted.total, {COLUMNS}
          FROM counted LEFT JOIN (conversation JOIN parties AS me ON me.deal_id = conversation.deal_id AND me.user_id = $1
               {JOINS}) ON true
         ORDER BY conversation.updated_at DESC, conversation.id DESC
        """,
        user_id,
        list(marks.keys()),
        list(marks.values()),
        limit,
        offset,
    )
    return Page([row for row in rows if row["id"] is not None], rows[0]["total"])


async def conversation_for(tx: Tx, conversation_id: UUID, user_id: UUID, marks: Marks) -> Row | None:
    """The conversation, if the person is in it."""
    return await tx.fetchrow(
        f"""
        SELECT {COLUMNS}
          FROM conversations AS conversation
          JOIN parties AS me ON me.deal_id = conversation.deal_id AND me.user_id = $1 {JOINS}
         WHERE conversation.id = $4
        """,
        user_id,
        list(marks.keys()),
        list(marks.values()),
        conversation_id,
    )


async def parties_of(tx: Tx, conversation_id: UUID) -> tuple[dict[UUID, int], int]:
    """Who is in the conversation, by position, with their marks, and its last `seq`; nobody and 0 where there is none."""
    rows = await tx.fetch(
        """
        SELECT party.user_id, party.read_seq, conversation.last_seq
          FROM conversations AS conversation JOIN parties AS party ON party.deal_id = conversation.deal_id
         WHERE conversation.id = $1 ORDER BY party.position
        """,
        conversation_id,
    )
    return {row["user_id"]: row["read_seq"] for row in rows}, rows[0]["last_seq"] if rows else 0


async def unread_after(tx: Tx, conversation_id: UUID, user_id: UUID, seq: int) -> int:
    """How many entries after `seq` others made."""
    unread: int = await tx.fetchval(
        """
        SELECT count(*) FROM entries WHERE conversation_id = $1 AND seq > $3 AND sender_id IS DISTINCT FROM $2
        """,
        conversation_id,
        user_id,
        seq,
    )
    return unread


async def partners_among(tx: Tx, user_id: UUID, others: list[UUID]) -> set[UUID]:
    """Those of `others` whom the person shares a conversation with (C72)."""
    rows = await tx.fetch(
        """
        SELECT DISTINCT other.user_id FROM parties AS me JOIN parties AS other ON other.deal_id = me.deal_id
         WHERE me.user_id = $1 AND other.user_id = ANY($2)
        """,
        user_id,
        others,
    )
    return {row["user_id"] for row in rows}


async def last_seen(tx: Tx, user_ids: list[UUID]) -> list[Row]:
    """`id, last_seen_at` of the people who let others see it."""
    return await tx.fetch("SELECT id, last_seen_at FROM users WHERE id = ANY($1) AND show_presence", user_ids)


async def write_marks(tx: Tx, marks: list[tuple[UUID, UUID, int]]) -> None:
    """Read marks as (conversation, person, seq), from Redis. They only move forward."""
    await tx.execute(
        """
        UPDATE parties SET read_seq = mark.seq
          FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS mark(conversation_id, user_id, seq)
          JOIN conversations AS conversation ON conversation.id = mark.conversation_id
         WHERE parties.deal_id = conversation.deal_id AND parties.user_id = mark.user_id AND parties.read_seq < mark.seq
        """,
        [mark[0] for mark in marks],
        [mark[1] for mark in marks],
        [mark[2] for mark in marks],
    )
