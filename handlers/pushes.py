"""What a conversation's parties are pushed for an entry (contract.md, "Conversations are logs")."""

from typing import Any, NamedTuple

from handlers.conversations import EntryShown
from handlers.trades import Trade
from matching.deal import Kind
from storage.deals import DealRecord
from storage.entries import Entry


class EntryPush(NamedTuple):
    event: str
    body: Any


def render_entry(entry: Entry, record: DealRecord | None) -> EntryPush:
    """A message as `message:new`; a deal's change in the words of the door that the deal was opened by."""
    if entry.kind == "message":
        return EntryPush("message:new", EntryShown.of(entry, {}))
    assert record is not None, "a change is loaded with its deal"
    match record.deal.kind:
        case Kind.TRADE:
            shown = {"trade": Trade.of(record)}
    change = EntryShown.of(entry, {}).change
    return EntryPush(
        f"{record.deal.kind}:changed",
        {"conversationId": entry.conversation_id, "seq": entry.seq, "change": change} | shown,
    )
