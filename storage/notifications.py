"""Notifications: what people are told of their deals, in their inbox, by push and by mail; each exactly once.

They are written in the transaction that brings them about. What has not been pushed is in `notification_outbox`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from storage.database import Row, Tx, rows_changed
from storage.pages import Page, Where, fetch_page

INBOX_MAX = 1_000  # of one person; the oldest go
KEPT_AFTER_READING = timedelta(days=90)
GAP_NOTIFICATIONS_MAX = 100  # of one person, after a gap; the inbox has the rest

COLUMNS = """
    notification.id, notification.user_id, notification.kind, notification.deal_id, deal.kind AS deal_kind,
    notification.conversation_id, notification.seq, notification.data, notification.read_at, notification.created_at
"""
DEAL = "JOIN deals AS deal ON deal.id = notification.deal_id"


class NewNotification(NamedTuple):
    """What is to be told to whom. What one cause makes known to a person is told once, whoever tells it and however often."""

    user_id: UUID
    kind: str
    deal_id: UUID
    cause: int | None  # by its number; None: the change that it is told with, by its `seq`
    data: Any  # what msgspec encodes


# Part of a statement in which `told` has the rows: a NewNotification each, its cause known, with `conversation_id` and `seq`.
# Those that are not there yet are to be pushed, and a mail of each goes to who has not switched that kind off.
ADD_TOLD = """
    added AS (
        INSERT INTO notifications (id, user_id, kind, deal_id, conversation_id, seq, data)
        SELECT left(encode(sha256(concat_ws(' ', deal_id, kind, cause, user_id)::bytea), 'hex'), 32)::uuid,
               user_id, kind, deal_id, conversation_id, seq, data FROM told
        ON CONFLICT (id) DO NOTHING RETURNING id, user_id, kind
    ), to_push AS (
        INSERT INTO notification_outbox (notification_id) SELECT id FROM added
    ), mail AS (
        INSERT INTO mails (user_id, kind, notification_id)
        SELECT added.user_id, added.kind, added.id FROM added JOIN users AS person ON person.id = added.user_id
         WHERE added.kind <> ALL (person.mail_off)
    )
"""


def columns_of(told: Sequence[NewNotification]) -> list[list[Any]]:
    return [list(column) for column in zip(*told, strict=True)] or [[] for _ in NewNotification._fields]


async def add_notifications(tx: Tx, told: Sequence[NewNotification], conversation_id: UUID | None = None) -> None:
    """Tell of what is no change in a log; the conversation is where to read on."""
    await tx.execute(
        f"""
        WITH told AS (
            SELECT told.*, $6::uuid AS conversation_id, NULL::int AS seq
              FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::jsonb[])
                   AS told(user_id, kind, deal_id, cause, data)
        ), {ADD_TOLD} SELECT
        """,
        *columns_of(told),
        conversation_id,
    )


async def list_notifications(tx: Tx, user_id: UUID, *, limit: int, offset: int) -> Page:
    """A page of the person's inbox, newest first."""
    where = Where()
    where.add("notification.user_id = {}::uuid", user_id)
    return await fetch_page(
        tx,
        select=COLUMNS,
        source="notifications AS notification",
        joins=DEAL,
        where=where,
        order="notification.created_at DESC, notification.id DESC",
        limit=limit,
        offset=offset,
    )


async def count_unread(tx: Tx, user_id: UUID) -> int:
    unread: int = await tx.fetchval("SELECT count(*) FROM notifications WHERE user_id = $1 AND read_at IS NULL", user_id)
    return unread


async def mark_read(tx: Tx, user_id: UUID, ids: list[UUID] | None) -> None:
    """These of the person's, or all that they have now. What is read already keeps its time."""
    await tx.execute(
        """
        UPDATE notifications SET read_at = now()
         WHERE user_id = $1 AND read_at IS NULL AND ($2::uuid[] IS NULL OR id = ANY($2))
        """,
        user_id,
        ids,
    )


async def take_unpushed(tx: Tx, batch: int) -> list[Row]:
    """The oldest that are to be pushed, which nobody else takes; taken for good once the caller's transaction has committed."""
    return await tx.fetch(
        f"""
        WITH taken AS (
            DELETE FROM notification_outbox WHERE number = ANY(ARRAY(
                SELECT number FROM notification_outbox ORDER BY number LIMIT $1 FOR UPDATE SKIP LOCKED
            )) RETURNING number, notification_id
        )
        SELECT {COLUMNS}
          FROM taken JOIN notifications AS notification ON notification.id = taken.notification_id {DEAL}
         ORDER BY taken.number
        """,
        batch,
    )


async def notifications_since(tx: Tx, people: list[UUID], seconds: float) -> list[Row]:
    """What these people were told in the last `seconds`, oldest first."""
    return await tx.fetch(
        f"""
        SELECT {COLUMNS}
          FROM unnest($1::uuid[]) AS person(user_id)
         CROSS JOIN LATERAL (
             SELECT * FROM notifications
              WHERE user_id = person.user_id AND created_at > now() - make_interval(secs => $2)
              ORDER BY created_at DESC, id DESC LIMIT $3
         ) AS notification {DEAL}
         ORDER BY notification.created_at, notification.id
        """,
        people,
        seconds,
        GAP_NOTIFICATIONS_MAX,
    )


async def trim_inbox(tx: Tx, user_id: UUID) -> None:
    """Forget what is beyond the thousand newest."""
    await tx.execute(
        """
        DELETE FROM notifications USING (
            SELECT created_at, id FROM notifications WHERE user_id = $1
             ORDER BY created_at DESC, id DESC OFFSET $2 LIMIT 1
        ) AS newest_beyond
         WHERE notifications.user_id = $1
           AND (notifications.created_at, notifications.id) <= (newest_beyond.created_at, newest_beyond.id)
        """,
        user_id,
        INBOX_MAX,
    )


async def forget_read_notifications(tx: Tx, batch: int = 1_000) -> bool:
    """A batch of those that were read more than 90 days ago goes; whether there may be more."""
    tag = await tx.execute(
        """
        DELETE FROM notifications WHERE id = ANY(ARRAY(
            SELECT id FROM notifications WHERE read_at < now() - $2::interval LIMIT $1
        ))
        """,
        batch,
        KEPT_AFTER_READING,
    )
    return rows_changed(tag) == batch
