"""What people are pushed, all of it (contract.md, "Conversations are logs"); each kind is a type, sent as what it is."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from handlers.app import PushBody
from handlers.chain import Chain
from handlers.conversations import Change, MarkMoved, MessageNew, TypingNote
from handlers.notifications import Notification
from handlers.offer import Offer
from handlers.trades import Trade
from handlers.words import DOOR_OF, Door
from storage.deal_record import DealRecord
from storage.entries import Entry


class TradeChanged(PushBody):
    """A trade's change, numbered in its conversation, and the trade as it is now."""

    event: ClassVar[str] = "trade:changed"

    conversation_id: UUID
    seq: int
    change: Change
    trade: Trade


class OfferChanged(PushBody):
    """An offer's change, numbered in its conversation, and the offer as it is now."""

    event: ClassVar[str] = "offer:changed"

    conversation_id: UUID
    seq: int
    change: Change
    offer: Offer


class ChainChanged(PushBody):
    """A cycle's or chain's change, numbered in its conversation, and the ring as it is now."""

    event: ClassVar[str] = "chain:changed"

    conversation_id: UUID
    seq: int
    change: Change
    chain: Chain


class NotificationNew(Notification, PushBody):
    """What one should know of a deal, also if one was away; it is in the inbox too."""

    event: ClassVar[str] = "notification:new"


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
    for push in (
        MessageNew,
        TradeChanged,
        OfferChanged,
        ChainChanged,
        NotificationNew,
        MarkMoved,
        TypingNote,
        PresenceChanged,
        SessionExpiring,
        SessionEnded,
    )
}


def render_entry(entry: Entry, record: DealRecord | None) -> PushBody:
    """A message as `message:new`; a deal's change in the words of the door that the deal was opened by."""
    if entry.kind == "message":
        return MessageNew.of(entry, {})
    assert record is not None, "a change is loaded with its deal"
    change = msgspec.convert(entry.change, Change)
    conversation_id, seq = entry.conversation_id, entry.seq
    match DOOR_OF[record.deal.kind]:
        case Door.TRADES:
            return TradeChanged(conversation_id=conversation_id, seq=seq, change=change, trade=Trade.of(record))
        case Door.OFFERS:
            return OfferChanged(conversation_id=conversation_id, seq=seq, change=change, offer=Offer.of(record))
        case Door.CHAINS:
            return ChainChanged(conversation_id=conversation_id, seq=seq, change=change, chain=Chain.of(record))
