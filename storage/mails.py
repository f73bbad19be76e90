"""Mail to be sent: rows that commit with their cause. `kind` names the text, which is written when it is sent."""

from datetime import timedelta
from uuid import UUID

from storage.database import Row, Tx

ATTEMPTS_MAX = 10
LEASE = timedelta(minutes=1)  # well over what sending one may take


async def queue_reset_mail(tx: Tx, email: str) -> None:
    """Whether anybody has this address is looked up when the mail is taken, so that asking costs the same for any (C23)."""
    await tx.execute("INSERT INTO mails (email, kind) VALUES ($1, 'reset')", email)


async def queue_mail(tx: Tx, user_ids: list[UUID], kind: str, deal_id: UUID | None = None) -> None:
    await tx.execute(
        "INSERT INTO mails (user_id, kind, deal_id) SELECT user_id, $2, $3 FROM unnest($1::uuid[]) AS user_id",
        user_ids,
        kind,
        deal_id,
    )


async def take_due_mail(tx: Tx) -> Row | None:
    """One mail to send now: `id, kind, deal_id, attempts, user_id, email, name, locale`.

    The last four are None where nobody has the address. The attempt is counted, and nobody else takes the mail while its
    lease lasts. Whoever took it removes it, or puts it off.
    """
    return await tx.fetchrow(
        """
        WITH taken AS (
            UPDATE mails SET attempts = attempts + 1, due_at = now() + $1
             WHERE id = (SELECT id FROM mails WHERE due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING id, kind, deal_id, attempts, user_id, email
        )
        SELECT taken.id, taken.kind, taken.deal_id, taken.attempts,
               person.id AS user_id, person.email, person.name, person.locale
          FROM taken LEFT JOIN users AS person ON person.id = taken.user_id OR person.email = taken.email
        """,
        LEASE,
    )


async def remove_mail(tx: Tx, mail_id: int) -> None:
    await tx.execute("DELETE FROM mails WHERE id = $1", mail_id)


async def put_off_mail(tx: Tx, mail_id: int, wait: timedelta) -> None:
    """Try again after `wait`."""
    await tx.execute("UPDATE mails SET due_at = now() + $2 WHERE id = $1", mail_id, wait)
