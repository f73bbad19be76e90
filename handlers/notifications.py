"""The inbox: what one was told of one's deals, and what of it one has read (S2.78, S1.74)."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import msgspec
from msgspec import Meta

from handlers.action import Call, Input, Limit, Output, action
from handlers.notice_words import sentence
from handlers.notices import Notice, NoticeData
from handlers.types import Pagination, Paging, page_of
from handlers.words import DOOR_OF, Door
from matching.deal import Kind
from storage.database import Row
from storage.notifications import INBOX_MAX, count_unread, list_notifications, mark_read

Ids = Annotated[list[UUID], Meta(max_length=INBOX_MAX)]


class DealOfNotification(Output):
    kind: Door
    id: UUID


class Notification(Output):
    """What one was told of a deal. `title` is a sentence, made of `kind` and `data`."""

    id: UUID
    kind: Notice
    title: str
    deal: DealOfNotification
    conversation: UUID | None
    seq: Annotated[int | None, Meta(description="The change in that conversation which this tells of.")]
    data: NoticeData
    read_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: Row) -> Self:
        notice, kind = Notice(row["kind"]), Kind(row["deal_kind"])
        data = msgspec.convert(row["data"], NoticeData)
        return cls(
            id=row["id"],
            kind=notice,
            title=sentence(notice, kind, data),
            deal=DealOfNotification(kind=DOOR_OF[kind], id=row["deal_id"]),
            conversation=row["conversation_id"],
            seq=row["seq"],
            data=data,
            read_at=row["read_at"],
            created_at=row["created_at"],
        )


class Inbox(Output):
    """A page of notifications, and how many of all are unread."""

    items: list[Notification]
    pagination: Pagination
    unread: int


class ReadNotifications(Input):
    ids: Annotated[Ids | None, Meta(description="Without: all that there are now.")] = None


class Unread(Output):
    unread: int


@action("notification:list", route="GET /notifications", limit=Limit.READ)
async def my_notifications(call: Call, ask: Paging) -> Inbox:
    """The caller's notifications, newest first. The latest thousand are kept, and for 90 days once read. (S2.78, S2.112)"""
    page = await list_notifications(call.tx, call.user_id, limit=ask.limit, offset=ask.offset)
    items = [Notification.of(row) for row in page.rows]
    return Inbox(items=items, pagination=page_of(items, page, ask).pagination, unread=await count_unread(call.tx, call.user_id))


@action("notification:read", route="POST /notifications/read", limit=Limit.SIGNAL, says="Marked as read")
async def read_notifications(call: Call, ask: ReadNotifications) -> Unread:
    """Mark these of one's notifications as read, or all. Ids that are no notification of one's own are passed over. (S2.78)"""
    await mark_read(call.tx, call.user_id, ask.ids)
    return Unread(unread=await count_unread(call.tx, call.user_id))
