"""The outbox: entries whose push has not been said to have gone out."""

from uuid import UUID

from storage.database import Row, Tx
from storage.entries import COLUMNS

GAP_ENTRIES_MAX = 2_000  # of one conversation, after a gap; `sync` has the rest


async def mark_pushed(tx: Tx, entries: list[tuple[UUID, int]]) -> None:
    # Locked in order, and what another is taking out is left to it: two processes may have pushed the same left-overs.
    await tx.execute(
        """
        WITH pushed AS (
            SELECT conversation_id, seq FROM outbox
              JOIN unnest($1::uuid[], $2::int[]) AS pushed(conversation_id, seq) USING (conversation_id, seq)
             ORDER BY conversation_id, seq FOR UPDATE OF outbox SKIP LOCKED
        )
        DELETE FROM outbox USING pushed WHERE outbox.conversation_id = pushed.conversation_id AND outbox.seq = pushed.seq
        """,
        [conversation_id for conversation_id, _ in entries],
        [seq for _, seq in entries],
    )


async def left_over(tx: Tx, batch: int) -> list[tuple[UUID, int]]:
    """Rows that nobody has marked for a second, oldest first: their process died, or Redis was away.

    Not claimed: a claim that comes to nothing would put the entries of a conversation out of order, and to be told twice by
    two processes is allowed.
    """
    rows = await tx.fetch(
        """
        SELECT conversation_id, seq FROM outbox WHERE due_at <= statement_timestamp() ORDER BY due_at, seq LIMIT $1
        """,
        batch,
    )
    return [(row["conversation_id"], row["seq"]) for row in rows]


async def entries_since(
    tx: Tx, people: list[UUID], seconds: float, *, after: tuple[UUID, int], batch: int
) -> list[tuple[UUID, int]]:
    """Entries of the last `seconds` in these people's conversations, by (conversation, seq), from behind `after`."""
    rows = await tx.fetch(
        """
        SELECT DISTINCT entry.conversation_id, entry.seq
          FROM parties AS party
         CROSS JOIN LATERAL (SELECT id FROM conversations
                              WHERE deal_id = party.deal_id AND updated_at > now() - make_interval(secs => $2) LIMIT 1
               ) AS conversation
         CROSS JOIN LATERAL (SELECT conversation_id, seq, created_at FROM entries
                              WHERE conversation_id = conversation.id ORDER BY seq DESC LIMIT $5) AS entry
         WHERE party.user_id = ANY($1) AND entry.created_at > now() - make_interval(secs => $2)
           AND (entry.conversation_id, entry.seq) > ($3, $4)
         ORDER BY entry.conversation_id, entry.seq LIMIT $6
        """,
        people,
        seconds,
        *after,
        GAP_ENTRIES_MAX,
        batch,
    )
    return [(row["conversation_id"], row["seq"]) for row in rows]


async def load_for_push(tx: Tx, entries: list[tuple[UUID, int]]) -> list[Row]:
    """The entries, each with its `deal_id`, and its parties' `people` (ids by position) and `marks` ({user: read_seq})."""
    return await tx.fetch(
        f"""
        SELECT {COLUMNS}, conversation.deal_id, party.people, party.marks
          FROM unnest($1::uuid[], $2::int[]) AS wanted(conversation_id, seq)
          JOIN entries AS entry ON entry.conversation_id = wanted.conversation_id AND entry.seq = wanted.seq
          JOIN conversations AS conversation ON conversation.id = entry.conversation_id
         CROSS JOIN LATERAL (SELECT array_agg(user_id ORDER BY position) AS people,
                                    jsonb_object_agg(user_id, read_seq) AS marks
                               FROM parties WHERE deal_id = conversation.deal_id) AS party
         ORDER BY entry.conversation_id, entry.seq
        """,
        [conversation_id for conversation_id, _ in entries],
        [seq for _, seq in entries],
    )
