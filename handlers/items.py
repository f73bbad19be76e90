"""Items: list, look at, add, change, take away (S1.19 to S1.30, C7 to C9, C13, C17, C25)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from handlers.access import access_item
from handlers.action import Call, Done, Input, Limit, Output, action
from handlers.deals import close_rivals, revise_terms
from handlers.types import (
    Condition,
    Description,
    LookingFor,
    Money,
    Page,
    Paging,
    Place,
    Title,
    changes_in,
    page_of,
)
from matching.refusals import InvalidRequest, ItemLocked, NotFound, NotOwner
from storage.categories import Category
from storage.database import Row
from storage.items import (
    ItemFilter,
    add_item,
    delete_item,
    item_by_id,
    list_items,
    ownership_of,
    update_item,
)

CategoryName = Annotated[str, Meta(min_length=1, max_length=60, description="The slug or the id of a category.")]
Keyword = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"\S")]

TERMS = frozenset({"title", "description", "category", "condition", "estimated_value"})  # what another agreed to get


class Wants(Input, omit_defaults=True):
    """What would be taken in return: a listed item, or anything that meets all the criteria given."""

    items: Annotated[list[UUID], Meta(max_length=50)] | None = None
    categories: Annotated[list[CategoryName], Meta(max_length=20)] | None = None
    keywords: Annotated[list[Keyword], Meta(max_length=20)] | None = None
    value_min: Money | None = None
    value_max: Money | None = None
    condition: Annotated[Condition | None, Meta(description="The lowest acceptable.")] = None


class CreateItem(Input):
    title: Title
    description: Description
    category: CategoryName
    condition: Condition
    looking_for: LookingFor
    estimated_value: Money | None = None
    governorate: Place | None = None
    wants: Wants | None = None
    open_to_give: bool = False


class UpdateItem(Input):
    item_id: UUID
    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    category: CategoryName | UnsetType = UNSET
    condition: Condition | UnsetType = UNSET
    looking_for: LookingFor | UnsetType = UNSET
    estimated_value: Money | None | UnsetType = UNSET
    governorate: Place | None | UnsetType = UNSET
    wants: Wants | None | UnsetType = UNSET
    open_to_give: bool | UnsetType = UNSET
    status: Annotated[str, Meta(description="`available`, to list it again.")] | UnsetType = UNSET


class OneItem(Input):
    item_id: UUID


class ListItems(Paging):
    search: Annotated[str, Meta(max_length=200)] | None = None
    category: CategoryName | None = None
    condition: Condition | None = None
    governorate: Place | None = None
    looking_for: LookingFor | None = None
    owner: UUID | None = None


class Image(Output):
    id: UUID
    url: str
    thumbnail_url: str
    width: int
    height: int

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Image":
        name = stored["name"]
        return cls(
            id=UUID(stored["id"]),
            url=f"/media/{name}.webp",
            thumbnail_url=f"/media/{name}.thumb.webp",
            width=stored["width"],
            height=stored["height"],
        )


class Sale(Output):
    price: float


class Item(Output):
    id: UUID
    title: str
    description: str
    category: Annotated[str, Meta(description="Its slug.")]
    category_id: UUID
    condition: Condition
    looking_for: LookingFor
    estimated_value: float | None
    governorate: str | None
    wants: Annotated[dict[str, Any] | None, Meta(description="As they were given; categories by slug.")]
    open_to_give: bool
    status: Literal["available", "traded"]
    owner: UUID
    owner_name: str
    images: list[Image]
    sale: Sale | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Row) -> "Item":
        value, price = row["estimated_value"], row["sale_price"]
        return cls(
            id=row["id"],
            title=row["title"],
            description=row["description"],
            category=row["category"],
            category_id=row["category_id"],
            condition=Condition(row["condition"]),
            looking_for=LookingFor(row["looking_for"]),
            estimated_value=None if value is None else float(value),
            governorate=row["governorate"],
            wants=row["wants"],
            open_to_give=row["open_to_give"],
            status=row["status"],
            owner=row["owner_id"],
            owner_name=row["owner_name"],
            images=[Image.of(image) for image in row["images"]],
            sale=None if price is None else Sale(price=float(price)),
            version=row["version"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


class LedgerLine(Output):
    """One change of owner. The first has no `from` and no deal: the item was listed."""

    seq: int
    from_: UUID | None = msgspec.field(name="from")
    to: UUID
    deal_id: UUID | None
    at: datetime


@action("item:list", route="GET /items", limit=Limit.READ)
async def list_available(call: Call, ask: ListItems) -> Page[Item]:
    """The items that are available, newest first, by text and filters. (S1.19, S1.24, S1.25, C25)"""
    wanted = ItemFilter(
        search=(ask.search or "").strip() or None,
        category_ids=category_below(call, ask.category, "category") if ask.category else None,
        condition=ask.condition,
        governorate=ask.governorate,
        looking_for=ask.looking_for,
        owner_id=ask.owner,
    )
    page = await list_items(call.tx, wanted, limit=ask.limit, offset=ask.offset)
    return page_of([Item.of(row) for row in page.rows], page, ask)


@action("item:mine", route="GET /items/mine", limit=Limit.READ)
async def list_mine(call: Call, ask: Paging) -> Page[Item]:
    """All of one's own items, newest first, also those that are traded. (S1.15)"""
    mine = ItemFilter(owner_id=call.user_id, listed_only=False)
    page = await list_items(call.tx, mine, limit=ask.limit, offset=ask.offset)
    return page_of([Item.of(row) for row in page.rows], page, ask)


@action("item:get", route="GET /items/{item_id}", refuses=(NotFound,), limit=Limit.READ)
async def get_item(call: Call, ask: OneItem) -> Item:
    """One item. (S1.20)"""
    return await shown(call, ask.item_id)


@action("item:create", route="POST /items", status=201, says="Item listed successfully")
async def create_item(call: Call, ask: CreateItem) -> Item:
    """List an item. (S1.21, S1.24 to S1.30)"""
    return await shown(call, await add_item(call.tx, call.user_id, _columns(call, changes_in(ask))))


@action(
    "item:update",
    route="PUT /items/{item_id}",
    refuses=(NotFound, NotOwner, ItemLocked),
    says="Item updated",
)
async def change_item(call: Call, ask: UpdateItem) -> Item:
    """Change any of one's own item's fields, or relist it with status 'available'. (S1.22, S1.27, C13, C17)

    Where the item is on the table in open deals, their terms get a new revision, which their conversations tell; a confirm
    that names the old one is refused.
    """
    await access_item(call, ask.item_id)
    changes = changes_in(ask, besides=("item_id",))
    if "status" in changes and changes["status"] != "available":
        raise InvalidRequest("An item can be made 'available'; 'traded' is what a confirmed deal makes it.", field="status")
    await update_item(call.tx, ask.item_id, _columns(call, changes))
    if changes.keys() & TERMS:
        await revise_terms(call, ask.item_id)
    return await shown(call, ask.item_id)


@action("item:delete", route="DELETE /items/{item_id}", refuses=(NotFound, NotOwner, ItemLocked), says="Item deleted")
async def remove_item(call: Call, ask: OneItem) -> Done:
    """Take one's own item off the market; open deals that name it are rejected. (S1.23, S1.27, C17)"""
    await access_item(call, ask.item_id)
    await close_rivals(call, [ask.item_id], reason="the item was taken off the market")
    await delete_item(call.tx, ask.item_id)
    return Done()


@action("item:history", route="GET /items/{item_id}/history", refuses=(NotFound,), limit=Limit.READ)
async def item_history(call: Call, ask: OneItem) -> list[LedgerLine]:
    """The ownership ledger, oldest first; of an item that was deleted, for those who have owned it. (S1.28, C79)"""
    rows = await ownership_of(call.tx, ask.item_id, call.user_id)
    if not rows:
        raise NotFound
    return [
        LedgerLine(seq=row["seq"], from_=row["from_id"], to=row["to_id"], deal_id=row["deal_id"], at=row["at"]) for row in rows
    ]


async def shown(call: Call, item_id: UUID) -> Item:
    """The item as it stands now. Raises NotFound."""
    row = await item_by_id(call.tx, item_id)
    if row is None:
        raise NotFound
    return Item.of(row)


def _columns(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of an input as columns."""
    columns = dict(given)
    if "category" in columns:
        columns["category_id"] = _category(call, columns.pop("category"), "category").id
    for name in ("title", "description"):
        if name in columns:
            columns[name] = columns[name].strip()
    wants: Wants | None = columns.get("wants")
    if wants is not None:
        columns["wants"] = _checked(call, wants)
    return columns


def _checked(call: Call, wants: Wants) -> dict[str, Any]:
    """`wants` as it is stored: categories by slug, nothing that was not given."""
    if wants.value_min is not None and wants.value_max is not None and wants.value_min > wants.value_max:
        raise InvalidRequest("valueMin is more than valueMax.", field="wants.valueMin")
    slugs = [_category(call, name, "wants.categories").slug for name in wants.categories or ()]
    stored: dict[str, Any] = msgspec.to_builtins(wants)
    return stored | ({"categories": slugs} if slugs else {})


def _category(call: Call, name: str, field: str) -> Category:
    category = call.app.categories.find(name)
    if category is None:
        raise InvalidRequest("There is no such category.", field=field)
    return category


def category_below(call: Call, name: str, field: str) -> list[UUID]:
    """The ids of the category of this slug or id, and of all below it. Raises InvalidRequest."""
    return call.app.categories.with_descendants(_category(call, name, field))
