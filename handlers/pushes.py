"""What people are pushed, all of it (contract.md, "Conversations are logs"); each kind is a type, sent as what it is."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from handlers.app import PushBody
from handlers.conversations import Change, MarkMoved, MessageNew, TypingNote
from handlers.trades import Trade
from matching.deal import Kind
from storage.deals import DealRecord
from storage.entries import Entry


class TradeChanged(PushBody):
    """A trade's change, numbered in its conversation, and the trade as it is now."""

    event: ClassVar[str] = "trade:changed"

    conversation_id: UUID
    seq: int
    change: Change
    trade: Trade


class PresenceChanged(PushBody):
    """Somebody who is watched on this socket came, or left."""

    event: ClassVar[str] = "presence:changed"

    user_id: UUID
    online: bool
    last_seen_at: datetime | None


class SessionExpiring(PushBody):
    """This socket's sign-in runs out soon: renew it with `session:renew`."""

    event: ClassVar[str] = "session:expiring"

    expires_at: datetime


class SessionEnded(PushBody):
    """This socket's session has ended, and the socket ends with it."""

    event: ClassVar[str] = "session:ended"

    reason: str


# The API description and its tests read this.
PUSHES: dict[str, type[PushBody]] = {
    push.event: push
    for push in (MessageNew, TradeChanged, MarkMoved, TypingNote, PresenceChanged, SessionExpiring, SessionEnded)
}


def render_entry(entry: Entry, record: DealRecord | None) -> PushBody:
    """A message as `message:new`; a deal's change in the words of the door that the deal was opened by."""
    if entry.kind == "message":
        return MessageNew.of(entry, {})
    assert record is not None, "a change is loaded with its deal"
    change = msgspec.convert(entry.change, Change)
    match record.deal.kind:
        case Kind.TRADE:
            return TradeChanged(conversation_id=entry.conversation_id, seq=entry.seq, change=change, trade=Trade.of(record))
