"""Selling beside bartering: an item with an active sale listing cannot be bartered (S2.102, C40)."""

from uuid import UUID

from handlers.access import access_item
from handlers.action import Call, Input, action
from handlers.items import Item, OneItem, shown
from handlers.types import Money
from matching.refusals import InvalidState, ItemLocked, NotFound, NotOwner
from storage.items import update_item


class ListForSale(Input):
    item_id: UUID
    price: Money


@action(
    "item:list-for-sale",
    route="POST /items/{item_id}/listing",
    refuses=(NotFound, NotOwner, ItemLocked, InvalidState),
    says="Item listed for sale",
)
async def list_for_sale(call: Call, ask: ListForSale) -> Item:
    """Put a price on one's own item. Until the listing is closed, no deal can be proposed or confirmed with it. (C40)"""
    stored = await access_item(call, ask.item_id)
    if stored["status"] != "available":
        raise InvalidState("Only an available item can be listed for sale.")
    return await _with_price(call, ask.item_id, ask.price)


@action(
    "item:end-sale",
    route="POST /items/{item_id}/listing/close",
    refuses=(NotFound, NotOwner, ItemLocked),
    says="Sale listing closed",
)
async def end_sale(call: Call, ask: OneItem) -> Item:
    """Close the sale listing; the item can be bartered again. (C40)"""
    await access_item(call, ask.item_id)
    return await _with_price(call, ask.item_id, None)


async def _with_price(call: Call, item_id: UUID, price: float | None) -> Item:
    await update_item(call.tx, item_id, {"sale_price": price})
    return await shown(call, item_id)
