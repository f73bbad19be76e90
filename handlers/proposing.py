"""Putting a swap on the table, as a trade or as an offer: the checks that both doors make, in one order (C41)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from handlers.action import Call
from handlers.app import Announcement
from handlers.deals import announce, stored_deal
from matching.deal import Deal, Kind, Move, Status, swap
from matching.refusals import ActiveListing, DuplicateOffer, InvalidRequest, ItemUnavailable, NotFound, NotOwner, SelfBarter
from storage.database import Row
from storage.deal_record import DealRecord
from storage.deals import add_deal, share_items
from storage.entries import Said, send_message

PROPOSING_REFUSES = (NotFound, NotOwner, SelfBarter, ActiveListing, ItemUnavailable, DuplicateOffer)


@dataclass(frozen=True, slots=True)
class Swap:
    """What somebody wants to propose. `fields` are the wire's names of the two sides."""

    kind: Kind
    offered: list[UUID]
    requested: list[UUID]
    expires_at: datetime | None
    fields: tuple[str, str]
    notes: str | None = None


async def propose(call: Call, wanted: Swap) -> DealRecord:
    """Put the swap on the table; nothing is held (S1.40 to S1.43, S2.30 to S2.36). Raises what PROPOSING_REFUSES names."""
    _check_distinct(wanted)
    items = await share_items(call.tx, [*wanted.offered, *wanted.requested])
    owner = _check_items(call.user_id, items, wanted)
    deal = Deal(
        id=uuid4(),
        kind=wanted.kind,
        status=Status.PROPOSED,
        revision=1,
        parties=(call.user_id, owner),
        legs=swap(call.user_id, owner, wanted.offered, wanted.requested),
    )
    await add_deal(call.tx, deal, wanted.expires_at, notes=wanted.notes)
    record = await stored_deal(call, deal.id)
    await announce(call, [record], Move.REQUEST, by=call.user_id)
    return record


async def say(call: Call, record: DealRecord, text: str) -> None:
    """Say something in the deal's conversation, as part of a move in it."""
    sent = await send_message(call.tx, Said(record.conversation_id, call.user_id, text, str(uuid4())))
    assert sent is not None, "a party writes in a deal's conversation that has just changed"
    entry, people = sent
    call.announced.append(Announcement(entry.conversation_id, entry.seq, entry, tuple(people)))


def check_item(item: Row, field: str) -> None:
    """Raises ActiveListing or ItemUnavailable for what cannot be bartered now (C40, C41)."""
    if item["sale_price"] is not None:
        raise ActiveListing(field=field)
    if item["status"] != "available":
        raise ItemUnavailable(field=field, details={"items": [str(item["id"])]})


def _check_distinct(wanted: Swap) -> None:
    if set(wanted.offered) & set(wanted.requested):
        raise InvalidRequest("You cannot offer and request the same item", field=wanted.fields[1])
    for items, field in zip((wanted.offered, wanted.requested), wanted.fields, strict=True):
        if len(set(items)) < len(items):
            raise InvalidRequest("An item is named twice.", field=field)


def _check_items(requester: UUID, items: dict[UUID, Row], wanted: Swap) -> UUID:
    """Whose items are asked for. The order of the checks is C41's."""
    offered_field, requested_field = wanted.fields
    if not items.keys() >= set(wanted.offered):
        raise NotFound("The offered item does not exist.", field=offered_field)
    if any(items[item]["owner_id"] != requester for item in wanted.offered):
        raise NotOwner(field=offered_field)
    if not items.keys() >= set(wanted.requested):
        raise NotFound("The requested item does not exist.", field=requested_field)
    owners: set[UUID] = {items[item]["owner_id"] for item in wanted.requested}
    if requester in owners:
        raise SelfBarter(field=requested_field)
    if len(owners) > 1:
        raise InvalidRequest("All requested items must belong to one person.", field=requested_field)
    for asked, field in zip((wanted.offered, wanted.requested), wanted.fields, strict=True):
        if any(items[item]["sale_price"] is not None for item in asked):
            raise ActiveListing(field=field)
    for asked, field in zip((wanted.offered, wanted.requested), wanted.fields, strict=True):
        gone = [str(item) for item in asked if items[item]["status"] != "available"]
        if gone:
            raise ItemUnavailable(field=field, details={"items": gone})
    return UUID(int=owners.pop().int)
