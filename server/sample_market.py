"""One batch of a generated market: people and what they list. No I/O, no clock; its trades are in `sample_trades.py`.

The same plan gives the same batch. Each batch is a market of its own: nobody trades outside it, so that any number of whole
batches is consistent.
"""

import itertools
import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from server import sample_words as words
from server.sample_chance import Chance
from server.sample_trades import Item, make_trades
from storage.sampling import COLUMNS, EMAIL_DOMAIN, Rows

CONDITIONS = {"NEW": 10, "LIKE_NEW": 25, "GOOD": 40, "FAIR": 18, "POOR": 7}  # of 100 items
LOOKING_FOR = {"item_swap": 60, "flexible": 25, "credits": 15}
THINGS = [(slug, thing) for slug, things in words.THINGS.items() for thing in things.split(", ")]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch is to have. `first_person` numbers its people; its items were listed from `since` to `until`."""

    seed: str
    first_person: int
    people: int
    items: int
    messages: int
    since: datetime
    until: datetime
    now: datetime
    categories: dict[str, UUID]  # by slug
    password_hash: str


def make_batch(plan: Plan) -> Rows:
    """The rows of every table. Where nobody can trade there is no conversation, and so there are no messages."""
    chance = Chance(f"{plan.seed} {plan.first_person}")
    rows: Rows = {table: [] for table in COLUMNS}
    people = [_settle(plan, chance, rows, place) for place in range(plan.people)]
    items = _list_items(plan, chance, people)
    make_trades(rows, chance, items, messages=plan.messages, now=plan.now)
    for item in items:
        _store(item, rows)
    return rows


def _settle(plan: Plan, chance: Chance, rows: Rows, place: int) -> tuple[UUID, str]:
    """A new person and where they live."""
    person = chance.id()
    joined = plan.since - timedelta(days=60 * chance.share())
    seen = chance.between(joined, plan.now)
    name = f"{chance.pick(words.FIRST_NAMES)} {chance.pick(words.LAST_NAMES)}"
    email = f"person.{plan.first_person + place}@{EMAIL_DOMAIN}"
    governorate = chance.weighted(words.GOVERNORATES)
    locale = "ar" if chance.is_so(0.4) else "en"
    rows["users"].append((person, name, email, plan.password_hash, governorate, locale, seen, joined, seen))
    return person, governorate


def _list_items(plan: Plan, chance: Chance, people: list[tuple[UUID, str]]) -> list[Item]:
    """Items in the order they were listed. A few people list many, as everywhere."""
    weights = list(itertools.accumulate(1 / math.sqrt(rank) for rank in range(1, len(people) + 1)))
    times = sorted(chance.between(plan.since, plan.until) for _ in range(plan.items))
    items = []
    for at in times:
        owner, governorate = chance.pick_by(people, weights)
        items.append(_item(plan, chance, owner, governorate, at))
    return items


def _item(plan: Plan, chance: Chance, owner: UUID, governorate: str, at: datetime) -> Item:
    slug, thing = THINGS[int(len(THINGS) * chance.share() ** 1.5)]  # the first categories have the most
    model = f"{chr(65 + chance.below(26))}{chr(65 + chance.below(26))}{100 + chance.below(9900)}"
    value = Decimal(int(math.exp(chance.normal(7, 1.1)))) if chance.is_so(0.9) else None
    deleted_at = chance.between(at, plan.now) if chance.is_so(0.02) else None
    return Item(
        id=chance.id(),
        owner=owner,
        first_owner=owner,
        title=f"{chance.pick(words.QUALITIES)} {thing} {model}",
        description=f"{chance.pick(words.ABOUT)} {chance.pick(words.ABOUT)} {chance.pick(words.ENDINGS)}",
        category_id=plan.categories[slug],
        condition=chance.weighted(CONDITIONS),
        looking_for=chance.weighted(LOOKING_FOR),
        estimated_value=value,
        governorate=governorate if chance.is_so(0.95) else None,
        wants=json.dumps(_wants(chance, value)) if chance.is_so(0.6) else None,
        open_to_give=chance.is_so(0.03),
        sale_price=value if chance.is_so(0.03) and deleted_at is None else None,
        deleted_at=deleted_at,
        created_at=at,
        updated_at=deleted_at or at,
    )


def _wants(chance: Chance, value: Decimal | None) -> dict[str, Any]:
    wants: dict[str, Any] = {"categories": sorted({chance.pick(THINGS)[0] for _ in range(1 + chance.below(3))})}
    if value and chance.is_so(0.5):
        wants |= {"valueMin": float(value // 2), "valueMax": float(value * 2)}
    if chance.is_so(0.2):
        wants["keywords"] = [chance.pick(THINGS)[1].split()[-1]]
    return wants


def _store(item: Item, rows: Rows) -> None:
    rows["ownership"].append((item.id, 1, None, item.first_owner, None, item.created_at))
    rows["items"].append(
        (
            *(item.id, item.owner, item.title, item.description, item.category_id, item.condition, item.looking_for),
            *(item.estimated_value, item.governorate, item.wants, item.open_to_give, item.sale_price, item.status),
            *(item.version, item.deleted_at, item.created_at, item.updated_at),
        )
    )
