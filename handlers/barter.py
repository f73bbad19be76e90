"""Searching for two (S2.43 to S2.45): what can be bartered, and who would swap for an item of mine."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from handlers.action import Call, Input, Limit, Output, Work, action
from handlers.barter_types import BarterUser, image_url
from handlers.items import CategoryName, category_below
from handlers.opportunities import own_item
from handlers.types import Condition, Page, Paging, Place, page_of
from matching.matches import Match, Wish
from matching.refusals import ActiveListing, ItemUnavailable, NotFound, NotOwner, Unavailable
from matching.scoring import mean
from storage.database import Row
from storage.items import ItemFilter, items_by_id, items_of_owners, list_items

MATCHES_MAX = 20
SIMILAR_MIN = 0.8  # from here on two values are called similar
FURTHER_MAX = 5  # of the other side's items


class ListBarterItems(Paging):
    search: Annotated[str, Meta(max_length=200)] | None = None
    category_id: CategoryName | None = None
    condition: Condition | None = None
    governorate: Place | None = None
    exclude_my_items: bool = True


class FindMatches(Input):
    item_id: UUID


class BarterItem(Output):
    id: UUID
    title: str
    description: str
    category_id: UUID
    category: Annotated[str, Meta(description="Its slug.")]
    estimated_value: float | None
    condition: Condition
    governorate: str | None
    images: list[str]
    seller: BarterUser

    @classmethod
    def of(cls, row: Row) -> "BarterItem":
        value = row["estimated_value"]
        return cls(
            id=row["id"],
            title=row["title"],
            description=row["description"],
            category_id=row["category_id"],
            category=row["category"],
            estimated_value=None if value is None else float(value),
            condition=Condition(row["condition"]),
            governorate=row["governorate"],
            images=[image_url(image["name"]) for image in row["images"]],
            seller=BarterUser(id=row["owner_id"], full_name=row["owner_name"], avatar=row["owner_image"]),
        )


class FurtherItem(Output):
    id: UUID
    title: str
    estimated_value: float | None
    condition: Condition


class MatchSeller(BarterUser):
    items: Annotated[list[FurtherItem], Meta(description="What else they would barter.")]


class MatchedItem(Output):
    """Somebody's item to swap one's own for, and why."""

    id: UUID
    title: str
    category: str
    estimated_value: float | None
    condition: Condition
    images: list[str]
    seller: MatchSeller
    match_score: float
    match_reason: str
    mutual: Annotated[bool, Meta(description="They have said that they want what the caller has, and the other way round.")]


@action(
    "barter:items",
    route="GET /barter/items",
    limit=Limit.SEARCH,
    says="Barter items retrieved successfully",
)
async def barter_items(call: Call, ask: ListBarterItems) -> Page[BarterItem]:
    """What can be bartered now, newest first: nothing that is for sale; one's own if asked for. (S2.43, S2.44, C40)"""
    wanted = ItemFilter(
        search=(ask.search or "").strip() or None,
        category_ids=category_below(call, ask.category_id, "categoryId") if ask.category_id else None,
        condition=ask.condition,
        governorate=ask.governorate,
        besides_owner_id=call.user_id if ask.exclude_my_items else None,
        for_barter=True,
    )
    page = await list_items(call.tx, wanted, limit=ask.limit, offset=ask.offset)
    return page_of([BarterItem.of(row) for row in page.rows], page, ask)


@action(
    "barter:matches",
    route="GET /barter/matches/{item_id}",
    refuses=(NotFound, NotOwner, ActiveListing, ItemUnavailable, Unavailable),
    limit=Limit.SEARCH,
    work=Work.OWN,
    says="Barter matches retrieved successfully",
)
async def find_matches(call: Call, ask: FindMatches) -> list[MatchedItem]:
    """Whose item to swap one's own for, best first, with what else they have, and why it fits; at most 20. (S2.45)

    Nobody is matched against what they have said that they want.
    """
    async with call.app.matchmaker.place(), call.app.database.connection() as call.connection:
        await own_item(call, ask.item_id)
        matches = await call.app.matchmaker.matches(call.tx, ask.item_id, MATCHES_MAX)
        rows = await items_by_id(call.tx, [match.item for match in matches])
        further = await items_of_owners(call.tx, {row["owner_id"] for row in rows.values()}, FURTHER_MAX + 1)
    return [_matched(match, rows[match.item], further) for match in matches if match.item in rows]


def _matched(match: Match, row: Row, further: dict[UUID, list[Row]]) -> MatchedItem:
    item = BarterItem.of(row)
    others = [other for other in further.get(row["owner_id"], []) if other["id"] != item.id][:FURTHER_MAX]
    return MatchedItem(
        id=item.id,
        title=item.title,
        category=item.category,
        estimated_value=item.estimated_value,
        condition=item.condition,
        images=item.images,
        seller=MatchSeller(
            id=item.seller.id,
            full_name=item.seller.full_name,
            avatar=item.seller.avatar,
            items=[
                FurtherItem(
                    id=other["id"],
                    title=other["title"],
                    estimated_value=None if other["estimated_value"] is None else float(other["estimated_value"]),
                    condition=Condition(other["condition"]),
                )
                for other in others
            ],
        ),
        match_score=round(mean(match.score, 1), 2),
        match_reason=reason_of(match),
        mutual=match.mutual,
    )


def reason_of(match: Match) -> str:
    """Why the two items fit, in words; only what is so (S2.45)."""
    said = []
    if match.wish is not None:
        said += _said(match.wish, "You asked for it", "You want {}", "It mentions “{}”", "It is what you want")
    if match.same_category:
        said.append("Same category")
    elif match.same_parent:
        said.append("Related category")
    if match.value_similarity is not None and match.value_similarity >= SIMILAR_MIN:
        said.append("similar value")
    if match.same_condition:
        said.append("same condition")
    if match.their_wish is not None:
        said += _said(
            match.their_wish, "they asked for yours", "they want {}", "yours mentions “{}”", "yours is what they want"
        )
    text = ", ".join(said) or "Nothing speaks against it"
    return text[0].upper() + text[1:]


def _said(wish: Wish, named: str, category: str, keyword: str, criteria: str) -> list[str]:
    if wish.named:
        return [named]
    said = [category.format(wish.category)] if wish.category else []
    said += [keyword.format(wish.keyword)] if wish.keyword else []
    return said or [criteria]
