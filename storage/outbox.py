"""The outbox: entries whose push has not been said to have gone out."""

from uuid import UUID

from storage.database import Row, Tx
from storage.entries import COLUMNS


async def mark_pushed(tx: Tx, entries: list[tuple[UUID, int]]) -> None:
    await tx.execute(
        """
        DELETE FROM outbox USING unnest($1::uuid[], $2::int[]) AS pushed(conversation_id, seq)
         WHERE outbox.conversation_id = pushed.conversation_id AND outbox.seq = pushed.seq
        """,
        [conversation_id for conversation_id, _ in entries],
        [seq for _, seq in entries],
    )


async def left_over(tx: Tx, age_seconds: float, batch: int) -> list[tuple[UUID, int]]:
    """Rows that nobody has marked for `age_seconds`, oldest first: their process died, or Redis was away."""
    rows = await tx.fetch(
        """
        SELECT conversation_id, seq FROM outbox WHERE created_at < statement_timestamp() - make_interval(secs => $1)
         ORDER BY created_at, seq LIMIT $2
        """,
        age_seconds,
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
