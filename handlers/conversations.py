"""Conversations: one log per deal, with messages and the deal's changes (S1.57 to S1.65, C20, C21, C73)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from handlers.access import access_conversation, access_people
from handlers.action import Call, Done, Input, Limit, Output, Work, action
from handlers.app import Announcement, PushBody
from handlers.types import Key, Page, Paging, Seq, page_of
from handlers.words import DOOR_OF, DealStatus, Door, MoveMade, status_said
from matching.deal import Kind, Status
from matching.refusals import ConversationClosed, IdempotencyMismatch, NotFound
from storage.cache import CacheAway
from storage.conversations import list_conversations, participants, unread_after, write_marks
from storage.database import Row
from storage.entries import Entry, Said, entry_of, entry_of_json, list_entries, send_message, why_not_sent

Text = Annotated[str, Meta(min_length=1, max_length=4000, pattern=r"\S")]
Marks = Mapping[UUID, int]


class Change(Output):
    """A deal's change. `move` is the verb of the action; `by` is null where the clock, or a competing deal, made it."""

    status: DealStatus
    move: MoveMade
    by: UUID | None
    reason: str | UnsetType = UNSET


class EntryShown(Output):
    """One entry of a log, as people see it. `read_by` follows from the read marks (S1.63, C21)."""

    conversation_id: UUID
    seq: int
    id: UUID
    kind: Literal["message", "deal"]
    sender: UUID | None
    created_at: datetime
    read_by: list[UUID]
    text: str | UnsetType = UNSET
    client_message_id: str | UnsetType = UNSET
    change: Change | UnsetType = UNSET

    @classmethod
    def of(cls, entry: Entry, marks: Marks) -> Self:
        return cls(
            conversation_id=entry.conversation_id,
            seq=entry.seq,
            id=entry.id,
            kind="message" if entry.kind == "message" else "deal",
            sender=entry.sender_id,
            text=entry.text if entry.text is not None else UNSET,
            client_message_id=entry.client_message_id or UNSET,
            change=msgspec.convert(entry.change, Change) if entry.change else UNSET,
            created_at=entry.created_at,
            read_by=[person for person, seq in marks.items() if seq >= entry.seq],
        )


class MessageNew(EntryShown, PushBody):
    """Somebody said something."""

    event: ClassVar[str] = "message:new"


class MarkMoved(PushBody):
    """Somebody has read as far as `seq`."""

    event: ClassVar[str] = "message:read"

    conversation_id: UUID
    user_id: UUID
    seq: int


class TypingNote(PushBody):
    """Somebody is typing, or has stopped. Nothing is kept."""

    event: ClassVar[str] = "typing"

    conversation_id: UUID
    user_id: UUID
    typing: bool


class Participant(Output):
    id: UUID
    name: str
    profile_image: str | None


class DealOfConversation(Output):
    kind: Door
    id: UUID
    status: DealStatus


class Conversation(Output):
    id: UUID
    participants: list[Participant]
    deal: DealOfConversation
    last_message: EntryShown | None
    last_seq: int
    last_read_seq: int
    unread: int
    updated_at: datetime

    @classmethod
    def of(cls, row: Row, marks: Mapping[UUID, Marks]) -> "Conversation":
        people = participants(row)
        known = further({person.id: person.read_seq for person in people}, marks.get(row["id"], {}))
        message = row["message"]
        door = DOOR_OF[Kind(row["deal_kind"])]
        return cls(
            id=row["id"],
            participants=[Participant(id=p.id, name=p.name, profile_image=p.profile_image) for p in people],
            deal=DealOfConversation(kind=door, id=row["deal_id"], status=status_said(door, Status(row["deal_status"]))),
            last_message=EntryShown.of(entry_of_json(message), known) if message else None,
            last_seq=row["last_seq"],
            last_read_seq=row["read_seq"],
            unread=row["unread"],
            updated_at=row["updated_at"],
        )


class OneConversation(Input):
    conversation_id: UUID


class ListMessages(Input):
    conversation_id: UUID
    before_seq: Seq | None = None
    after_seq: Seq | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class SendMessage(Input):
    conversation_id: UUID
    text: Text
    client_message_id: Key


class ReadMessages(Input):
    conversation_id: UUID
    seq: Seq | None = None


class ReadMark(Output):
    last_read_seq: int
    unread: int


class Typing(Input):
    conversation_id: UUID
    typing: bool


def further(one: Marks, other: Marks) -> dict[UUID, int]:
    """Marks from two places: PostgreSQL may be a second behind Redis, and Redis may have been lost."""
    return {person: max(one.get(person, 0), other.get(person, 0)) for person in [*one, *(other.keys() - one.keys())]}


@action("conversation:list", route="GET /conversations", limit=Limit.READ)
async def my_conversations(call: Call, ask: Paging) -> Page[Conversation]:
    """The caller's conversations, the latest active first, with what is unread. (S1.57, S1.65)"""
    marks = await call.app.marks.of_person(call.user_id)
    page = await list_conversations(call.tx, call.user_id, marks, limit=ask.limit, offset=ask.offset)
    others = await call.app.marks.in_conversations(row["id"] for row in page.rows)
    return page_of([Conversation.of(row, others) for row in page.rows], page, ask)


@action("conversation:get", route="GET /conversations/{conversation_id}", refuses=(NotFound,), limit=Limit.READ)
async def get_conversation(call: Call, ask: OneConversation) -> Conversation:
    """One conversation, for who is in it. (S1.58, S1.64)"""
    row = await access_conversation(call, ask.conversation_id)
    return Conversation.of(row, await call.app.marks.in_conversations([ask.conversation_id]))


@action(
    "message:list",
    route="GET /conversations/{conversation_id}/messages",
    refuses=(NotFound,),
    limit=Limit.READ,
)
async def list_messages(call: Call, ask: ListMessages) -> list[EntryShown]:
    """Entries in order of `seq`: the next after `afterSeq`, else the last (before `beforeSeq`). (S1.60, S1.63)"""
    marks = await call.app.marks.in_conversations([ask.conversation_id])
    rows = await list_entries(
        call.tx,
        ask.conversation_id,
        call.user_id,
        after_seq=ask.after_seq,
        before_seq=ask.before_seq,
        limit=ask.limit,
    )
    if rows is None:
        raise NotFound
    latest = marks.get(ask.conversation_id, {})
    return [EntryShown.of(entry_of(row), further(marks_of(row), latest)) for row in rows]


@action(
    "message:send",
    route="POST /conversations/{conversation_id}/messages",
    refuses=(NotFound, ConversationClosed, IdempotencyMismatch),
    limit=Limit.MESSAGE,
    work=Work.OWN,  # its connection is shared with the messages that come meanwhile
    status=201,
    says="Message sent",
)
async def send(call: Call, ask: SendMessage) -> EntryShown:
    """Say something. The same `clientMessageId` again is the same message, and gets the same answer. (S1.59, C20, C73)

    One statement authorises, numbers, inserts and puts in the outbox: the hot path is one round trip, often shared.
    """
    said = Said(ask.conversation_id, call.user_id, ask.text, ask.client_message_id)
    sent = await call.app.group_commit.send(said)
    if sent is None:
        async with call.app.database.connection() as tx:
            sent = await send_message(tx, said)
            if sent is None:
                return _sent_before(await why_not_sent(tx, said), said)
    entry, people = sent
    call.announced.append(Announcement(entry.conversation_id, entry.seq, entry, tuple(people)))
    return EntryShown.of(entry, {})


def _sent_before(why: Row, said: Said) -> EntryShown:
    """The first answer to this message. Raises what else the reason was that it was not sent."""
    if not why["is_party"]:
        raise NotFound
    if why["earlier"] is not None:
        earlier = entry_of_json(why["earlier"])
        if (earlier.conversation_id, earlier.text) != (said.conversation_id, said.text):
            raise IdempotencyMismatch(field="clientMessageId")
        return EntryShown.of(earlier, {})
    assert why["closed"], "a message that is not sent has a cause"
    raise ConversationClosed


@action(
    "message:read",
    route="POST /conversations/{conversation_id}/read",
    refuses=(NotFound,),
    limit=Limit.SIGNAL,
    work=Work.READ,  # the mark is Redis's; it reaches PostgreSQL within a second
    says="Marked as read",
)
async def read(call: Call, ask: ReadMessages) -> ReadMark:
    """Move one's read mark to `seq`, or to the last entry. It only moves forward. (S1.61, S1.63, C21)"""
    people, last_seq = await access_people(call, ask.conversation_id)
    asked = max(people[call.user_id], last_seq if ask.seq is None else min(ask.seq, last_seq))
    try:
        seq = await call.app.marks.move(ask.conversation_id, call.user_id, asked)
    except CacheAway:
        seq = asked
        await write_marks(call.tx, [(ask.conversation_id, call.user_id, seq)])
    call.app.live.push(MarkMoved(conversation_id=ask.conversation_id, user_id=call.user_id, seq=seq), people)
    return ReadMark(last_read_seq=seq, unread=await unread_after(call.tx, ask.conversation_id, call.user_id, seq))


@action("typing", route=None, refuses=(NotFound,), limit=Limit.SIGNAL, work=Work.READ)
async def typing(call: Call, ask: Typing) -> Done:
    """Tell the others that one is typing, or has stopped. Nothing is kept. (S1.71)"""
    people, _ = await access_people(call, ask.conversation_id)
    note = TypingNote(conversation_id=ask.conversation_id, user_id=call.user_id, typing=ask.typing)
    call.app.live.push(note, people)
    return Done()


def marks_of(row: Row) -> dict[UUID, int]:
    """The marks that PostgreSQL has of everyone in the row's conversation."""
    return {UUID(person): seq for person, seq in row["marks"].items()}
