"""Opportunities: rings through one's own item, found in the market and shown with what they rest on (S2.51 to S2.54, S2.56)."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from handlers.action import Call, Input, Limit, Output, Work, action
from handlers.barter_types import BarterUser, DealtItem, image_url
from handlers.matchmaker import FOUND_MAX
from handlers.proposing import check_item
from handlers.types import AnyCase
from matching.deal import Kind
from matching.expectation import Record, chance, expected
from matching.refusals import (
    ActiveListing,
    ItemUnavailable,
    NoMatches,
    NotFound,
    NotOwner,
    OpportunityChanged,
    Unavailable,
)
from matching.rings import Ring, Steps
from matching.search import diverse
from storage.database import Conflict, Row
from storage.deals import look_at_items, share_items
from storage.items import item_by_id
from storage.market import shown_items
from storage.opportunities import Shown
from storage.records import records_of

SHOWN_MAX = 20  # of each kind (C64)
PARTIES_MAX = 10
TRIED_MAX = 20  # of the best, when one is to be picked and others have just taken an item of it
PartiesMax = Annotated[int, Meta(ge=3, le=PARTIES_MAX, description="At most so many people.")]  # S2.55, C63


class RankedBy(AnyCase):
    SCORE = "score"
    EXPECTED = "expected"


class FindOpportunities(Input):
    item_id: UUID
    max_participants: PartiesMax = 5
    rank: Annotated[RankedBy, Meta(description="By score, or by score × the chance that all say yes and keep it.")] = (
        RankedBy.SCORE
    )


class FoundItem(DealtItem):
    """An item as it is now."""

    @classmethod
    def of_row(cls, row: Row) -> "FoundItem":
        value = row["estimated_value"]
        return cls(
            id=row["id"],
            title=row["title"],
            estimated_value=None if value is None else float(value),
            condition=row["condition"],
            images=[image_url(row["image"])] if row["image"] else [],
        )


class Place(Output):
    """One person's place in a ring. In a cycle each receives the next one's item, in a chain each gives to the next (C59)."""

    user_id: UUID
    giving_item_id: UUID | None
    receiving_item_id: UUID | None
    user: BarterUser
    giving_item: FoundItem | None
    receiving_item: FoundItem | None
    score: Annotated[float | None, Meta(description="How well what they receive fits what they want; null: nothing.")]
    chance: Annotated[float, Meta(description="That they say yes and keep it, by their record.")]


class OpportunityShown(Output):
    id: UUID
    type: Literal["CYCLE", "CHAIN"]
    participants: Annotated[int, Meta(description="How many people.")]
    match_score: float
    band: Annotated[Literal["excellent", "good", "fair"], Meta(description="From 0.9, 0.7 and 0.5 on.")]  # S2.54
    expected_completion: Annotated[float, Meta(description="The score × the chance that all say yes and keep it.")]
    preview: list[Place]


class Opportunities(Output):
    cycles: list[OpportunityShown]
    chains: list[OpportunityShown]
    total: Annotated[int, Meta(description="Found, of which the best are shown.")]  # C64
    total_is_estimate: Annotated[bool, Meta(description="There are, or may be, more than were counted.")]
    exact: Annotated[bool, Meta(description="False: the search came to its budget, and there may be better ones.")]


class Discovered(Output):
    item: FoundItem
    opportunities: Opportunities


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A ring that can be proposed now."""

    kind: Kind
    score: float
    steps: Steps

    @property
    def items(self) -> list[UUID]:
        return [item for _, item in self.steps]


@action(
    "barter:opportunities",
    route="GET /barter/opportunities/{item_id}",
    refuses=(NotFound, NotOwner, ActiveListing, ItemUnavailable, Unavailable),
    limit=Limit.SEARCH,
    work=Work.OWN,
    says="Barter opportunities discovered successfully",
)
async def find_opportunities(call: Call, ask: FindOpportunities) -> Discovered:
    """The best cycles and chains through one's own item. (S2.51 to S2.54, S2.79 to S2.84, C57 to C66)

    Not all of those shown begin with the same step where others are nearly as good.
    """
    async with call.app.matchmaker.place(), call.app.database.connection() as call.connection:
        await own_item(call, ask.item_id)
        cycles, chains, exact = await call.app.matchmaker.rings(call.tx, ask.item_id, parties_max=ask.max_participants)
        rings = [*diverse(cycles, SHOWN_MAX, first_step), *diverse(chains, SHOWN_MAX, first_step)]
        shown = await _shown(call, rings, besides=ask.item_id)
    await call.app.shown.keep(Shown(ring.id, ring.kind, ring.steps) for ring in rings)
    by_kind: dict[str, list[OpportunityShown]] = {"CYCLE": [], "CHAIN": []}
    for one in shown.rings:
        by_kind[one.type].append(one)
    if ask.rank is RankedBy.EXPECTED:
        for found in by_kind.values():
            found.sort(key=lambda one: -one.expected_completion)
    return Discovered(
        item=shown.items[ask.item_id],
        opportunities=Opportunities(
            cycles=by_kind["CYCLE"],
            chains=by_kind["CHAIN"],
            total=len(cycles) + len(chains),
            total_is_estimate=not exact or FOUND_MAX in (len(cycles), len(chains)),
            exact=exact,
        ),
    )


async def own_item(call: Call, item_id: UUID) -> None:
    """Raises NotFound, NotOwner, ActiveListing or ItemUnavailable, in C41's order. Nothing is locked yet."""
    item = await item_by_id(call.tx, item_id)
    if item is None:
        raise NotFound
    if item["owner_id"] != call.user_id:
        raise NotOwner(field="itemId")
    check_item(item, "itemId")


async def one_opportunity(
    call: Call, item_id: UUID, *, parties_max: int, prefer_cycles: bool, opportunity_id: UUID | None
) -> Opportunity:
    """The ring named, or the best one, its items shared until the transaction ends (S2.56, S2.62, C65).

    Raises NoMatches where there is none, and OpportunityChanged where the one named is not there any more. Raises Conflict
    where the best one went while it was being locked: another round finds what is the best then.
    """
    if opportunity_id is not None:
        named = await _named(call, item_id, opportunity_id)
        if named is None or not _can_be_proposed(named, await share_items(call.tx, named.items)):
            raise OpportunityChanged
        return named
    cycles, chains, _ = await call.app.matchmaker.rings(call.tx, item_id, parties_max=parties_max)
    found = [*cycles, *chains] if prefer_cycles else sorted([*cycles, *chains], key=lambda ring: -ring.score)
    for ring in found[:TRIED_MAX]:
        opportunity = Opportunity(ring.kind, ring.score, ring.steps)
        if _can_be_proposed(opportunity, await look_at_items(call.tx, opportunity.items)):
            if not _can_be_proposed(opportunity, await share_items(call.tx, opportunity.items)):
                raise Conflict
            return opportunity
    raise NoMatches


async def _named(call: Call, item_id: UUID, opportunity_id: UUID) -> Opportunity | None:
    shown = await call.app.shown.find(opportunity_id)
    if shown is not None and any(item == item_id for _, item in shown.steps):
        score = await call.app.matchmaker.score(call.tx, Kind(shown.kind), shown.steps)
        return None if score is None else Opportunity(Kind(shown.kind), score, shown.steps)
    cycles, chains, _ = await call.app.matchmaker.rings(call.tx, item_id, parties_max=PARTIES_MAX)
    found = next((ring for ring in [*cycles, *chains] if ring.id == opportunity_id), None)
    return Opportunity(found.kind, found.score, found.steps) if found else None


def _can_be_proposed(found: Opportunity, items: dict[UUID, Row]) -> bool:
    """Whether every item is there, and still its person's: the market is a moment old, these rows are now."""
    return all(
        item in items
        and items[item]["owner_id"] == person
        and items[item]["status"] == "available"
        and items[item]["sale_price"] is None
        for person, item in found.steps
    )


def first_step(ring: Ring) -> UUID:
    """What tells one opportunity from another at first sight: whose item one would get."""
    return ring.steps[1][1]


@dataclass(frozen=True, slots=True)
class _Shown:
    items: dict[UUID, FoundItem]
    rings: list[OpportunityShown]


async def _shown(call: Call, rings: list[Ring], *, besides: UUID) -> _Shown:
    """The rings as people see them, with names, titles and chances read in two queries."""
    rows = await shown_items(call.tx, {besides} | {item for ring in rings for _, item in ring.steps})
    records = await records_of(call.tx, {person for ring in rings for person, _ in ring.steps})
    items = {item: FoundItem.of_row(row) for item, row in rows.items()}
    chances = {person: chance(records.get(person, Record())) for ring in rings for person, _ in ring.steps}
    people = {
        row["owner_id"]: BarterUser(id=row["owner_id"], full_name=row["owner_name"], avatar=row["avatar"])
        for row in rows.values()
    }
    return _Shown(items, [_one(ring, items, people, chances) for ring in rings])


def _one(
    ring: Ring, items: dict[UUID, FoundItem], people: dict[UUID, BarterUser], chances: dict[UUID, float]
) -> OpportunityShown:
    is_cycle = ring.kind is Kind.CYCLE
    gives: list[UUID | None] = [item for _, item in ring.steps]
    gets: list[UUID | None] = [*gives[1:], gives[0] if is_cycle else None]
    if not is_cycle:
        gives[0] = None  # the first wants something, and gives nothing for it (C60)
    scores: list[float | None] = [*ring.edges, *([] if is_cycle else [None])]
    places = [
        Place(
            user_id=person,
            giving_item_id=given,
            receiving_item_id=gotten,
            user=people[person],
            giving_item=items[given] if given else None,
            receiving_item=items[gotten] if gotten else None,
            score=None if score is None else round(score, 2),
            chance=round(chances[person], 2),
        )
        for (person, _), given, gotten, score in zip(ring.steps, gives, gets, scores, strict=True)
    ]
    return OpportunityShown(
        id=ring.id,
        type="CYCLE" if is_cycle else "CHAIN",
        participants=len(places),
        match_score=round(ring.score, 2),
        band="excellent" if ring.score >= 0.9 else "good" if ring.score >= 0.7 else "fair",
        expected_completion=round(expected(ring.score, [chances[person] for person, _ in ring.steps]), 2),
        preview=places if is_cycle else places[::-1],  # a chain is told from who gives it away (C59, C60)
    )
