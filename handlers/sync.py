"""`sync`: everything that a device has missed since its cursor, and nothing skipped (contract.md, "Promises")."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from handlers.action import Call, Input, Limit, Output, action
from handlers.conversations import EntryShown, further, marks_of
from storage.entries import entry_of_json
from storage.sync import CONVERSATIONS_MAX, Cursor, missed


class Since(Input):
    since: Annotated[str, Meta(max_length=120, description="The `cursor` of the last answer.")] | None = None


class Missed(Output):
    id: UUID
    last_seq: int
    last_read_seq: int
    unread: int
    entries: list[EntryShown]


class Synced(Output):
    cursor: str
    conversations: list[Missed]
    more: Annotated[bool, Meta(description="Ask again at once, with this cursor.")]


@action("sync", route="GET /sync", limit=Limit.SIGNAL)
async def sync(call: Call, ask: Since) -> Synced:
    """What was missed since `since`; from the start (null), the latest 50 entries of each conversation. (C73)"""
    cursor = Cursor.parse(ask.since)
    rows, xmin = await missed(call.tx, call.user_id, cursor, await call.app.marks.of_person(call.user_id))
    upto = cursor.upto or xmin  # what becomes visible while a long answer is paged through is read next time
    more = len(rows) > CONVERSATIONS_MAX
    shown = rows[:CONVERSATIONS_MAX]
    latest = await call.app.marks.in_conversations(row["id"] for row in shown)

    conversations: list[Missed] = []
    place = Cursor(cursor.since, upto, cursor.conversation, cursor.seq)
    for row in shown:
        if row["entries"] is None:
            more = True
            break  # the answer is full
        entries = [entry_of_json(entry) for entry in row["entries"]]
        known = further(marks_of(row), latest.get(row["id"], {}))
        conversations.append(
            Missed(
                id=row["id"],
                last_seq=row["last_seq"],
                last_read_seq=row["mark_seq"],
                unread=row["unread"],
                entries=[EntryShown.of(entry, known) for entry in entries],
            )
        )
        place = Cursor(cursor.since, upto, row["id"], entries[-1].seq)
        if entries[-1].seq < row["last_seq"]:
            more = True
            break  # the rest of this conversation first: a place is one conversation and all before it
    after = place if more else Cursor(upto, 0, UUID(int=0), 0)
    return Synced(cursor=after.text(), conversations=conversations, more=more)
