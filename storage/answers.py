"""The first answer to each idempotency key (C77), kept for 24 hours and committed with what it answers."""

from typing import NamedTuple
from uuid import UUID

from storage.database import Tx, rows_changed


class StoredAnswer(NamedTuple):
    request_sha256: bytes
    status: int
    answer: bytes


async def find_answer(tx: Tx, user_id: UUID, key: str) -> StoredAnswer | None:
    row = await tx.fetchrow(
        """
        SELECT request_sha256, status, answer FROM idempotency_keys
         WHERE user_id = $1 AND key = $2 AND created_at > now() - interval '24 hours'
        """,
        user_id,
        key,
    )
    return StoredAnswer(*row) if row else None


async def keep_answer(tx: Tx, user_id: UUID, key: str, answer: StoredAnswer) -> bool:
    """Keep it, or answer False where the key has one: another call with it has won, and this one must not happen."""
    kept: bool | None = await tx.fetchval(
        """
        INSERT INTO idempotency_keys AS old (user_id, key, request_sha256, status, answer) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id, key) DO UPDATE
           SET request_sha256 = excluded.request_sha256, status = excluded.status, answer = excluded.answer,
               created_at = now()
         WHERE old.created_at <= now() - interval '24 hours'
        RETURNING true
        """,
        user_id,
        key,
        *answer,
    )
    return kept is True


async def forget_old_answers(tx: Tx, batch: int = 1_000) -> bool:
    """A batch of answers older than 24 hours goes; whether there may be more."""
    tag = await tx.execute(
        """
        DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM idempotency_keys WHERE created_at <= now() - interval '24 hours' LIMIT $1
        ))
        """,
        batch,
    )
    return rows_changed(tag) == batch
