"""Mail to be sent: rows that commit with their cause. `kind` names the text, which is written when it is sent."""

from datetime import timedelta
from uuid import UUID

from storage.database import Row, Tx

ATTEMPTS_MAX = 10


async def queue_reset_mail(tx: Tx, email: str) -> None:
    """For an address nobody has, the same statement does nothing, in the same time (C23)."""
    await tx.execute("INSERT INTO mails (user_id, kind) SELECT id, 'reset' FROM users WHERE email = $1", email)


async def queue_mail(tx: Tx, user_ids: list[UUID], kind: str, deal_id: UUID | None = None) -> None:
    await tx.execute(
        "INSERT INTO mails (user_id, kind, deal_id) SELECT user_id, $2, $3 FROM unnest($1::uuid[]) AS user_id",
        user_ids,
        kind,
        deal_id,
    )


async def take_due_mail(tx: Tx) -> Row | None:
    """One mail to send now, locked: `id, kind, deal_id, attempts, user_id, email, name, locale`."""
    return await tx.fetchrow(
        """
        SELECT mail.id, mail.kind, mail.deal_id, mail.attempts, mail.user_id, person.email, person.name, person.locale
          FROM mails AS mail JOIN users AS person ON person.id = mail.user_id
         WHERE mail.due_at <= now() ORDER BY mail.due_at LIMIT 1 FOR UPDATE OF mail SKIP LOCKED
        """
    )


async def mail_sent(tx: Tx, mail_id: int) -> None:
    await tx.execute("DELETE FROM mails WHERE id = $1", mail_id)


async def put_off_mail(tx: Tx, mail_id: int, wait: timedelta) -> None:
    """Try again after `wait`; after too many tries, give up."""
    await tx.execute(
        "UPDATE mails SET attempts = attempts + 1, due_at = now() + $2 WHERE id = $1 AND attempts < $3",
        mail_id,
        wait,
        ATTEMPTS_MAX - 1,
    )
    await tx.execute("DELETE FROM mails WHERE id = $1 AND due_at <= now()", mail_id)
