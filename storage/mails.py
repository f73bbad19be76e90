"""Mail to be sent: rows that commit with their cause. `kind` names the text, which is written when it is sent.

Those that tell of a notification are added with it (`storage.notifications`).
"""

from datetime import timedelta

from storage.database import Row, Tx

ATTEMPTS_MAX = 10
LEASE = timedelta(minutes=1)  # well over what sending one may take


async def queue_reset_mail(tx: Tx, email: str) -> None:
    """Whether anybody has this address is looked up when the mail is taken, so that asking costs the same for any (C23)."""
    await tx.execute("INSERT INTO mails (email, kind) VALUES ($1, 'reset')", email)


async def take_due_mail(tx: Tx) -> Row | None:
    """One mail to send now, a password's before all others: `id, kind, attempts, user_id, email, name`, and of a notification's
    `notification_id, deal_id, deal_kind, data`.

    Where nobody has the address, or the notification is no more, `user_id` is None. The attempt is counted, and nobody else
    takes the mail while its lease lasts. Whoever took it removes it, or puts it off.
    """
    return await tx.fetchrow(
        """
        WITH taken AS (
            UPDATE mails SET attempts = attempts + 1, due_at = now() + $1
             WHERE id = COALESCE(
                 (SELECT id FROM mails WHERE due_at <= now() AND kind = 'reset' ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED),
                 (SELECT id FROM mails WHERE due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             )
            RETURNING id, kind, notification_id, attempts, user_id, email
        )
        SELECT taken.id, taken.kind, taken.notification_id, taken.attempts, notification.data, deal.id AS deal_id,
               deal.kind AS deal_kind, person.id AS user_id, person.email, person.name
          FROM taken
          LEFT JOIN notifications AS notification ON notification.id = taken.notification_id
          LEFT JOIN deals AS deal ON deal.id = notification.deal_id
          LEFT JOIN users AS person ON (person.id = taken.user_id OR person.email = taken.email)
               AND (taken.notification_id IS NULL OR notification.id IS NOT NULL)
        """,
        LEASE,
    )


async def remove_mail(tx: Tx, mail_id: int) -> None:
    await tx.execute("DELETE FROM mails WHERE id = $1", mail_id)


async def put_off_mail(tx: Tx, mail_id: int, wait: timedelta) -> None:
    """Try again after `wait`."""
    await tx.execute("UPDATE mails SET due_at = now() + $2 WHERE id = $1", mail_id, wait)
