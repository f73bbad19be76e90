"""Small markets for tests, and what their edges are by definition: every pair, one at a time, nothing indexed."""

import random
from itertools import count
from uuid import UUID

from matching.market import Market
from matching.rows import EDGES_MAX
from matching.wants import CONDITIONS, Listing, Taxonomy, Wants, words_of

PARENTS = {
    "electronics": None,
    "phones": "electronics",
    "smartphones": "phones",
    "basic-phones": "phones",
    "audio": "electronics",
    "furniture": None,
    "sofas": "furniture",
    "lamps": "furniture",
    "books": None,
}
TEXTS = ("red smartphone", "Blue sofa, three seats", "a lamp", "عود قديم", "هاتف ذكي أحمر", "Red book", "old radio")
KEYWORDS = ("red", "smartphone", "sofa seats", "عود", "هاتف أحمر", "!", "nothing like it")

numbers = count(1_000)


def listing(owner: int, item: int | None = None, **facts: object) -> Listing:
    """A plain thing of person number `owner`, with these facts."""
    plain = {"category": "lamps", "condition": "GOOD", "value": 100.0, "title": "a lamp", "description": "", "wants": None}
    known = plain | {"flexible": False} | facts
    return Listing(item=UUID(int=item or next(numbers)), owner=UUID(int=1_000_000 + owner), **known)  # type: ignore[arg-type] # facts of any kind


def any_listing(chance: random.Random, item: int, people: int) -> Listing:
    """Anything may be stated, with values that are often alike, none or 0."""
    stated = {
        "items": [UUID(int=chance.randint(1, item + 5))] * chance.choice((0, 0, 1)),
        "categories": chance.sample(list(PARENTS), chance.choice((0, 1, 1, 2, 3))),
        "keywords": chance.sample(KEYWORDS, chance.choice((0, 0, 0, 1, 2))),
        "valueMin": chance.choice((None, None, None, 0, 50)),
        "valueMax": chance.choice((None, None, None, 200)),
        "condition": chance.choice((None, None, *CONDITIONS)),
    }
    return listing(
        owner=chance.randint(1, people),
        item=item,
        category=chance.choice(list(PARENTS)),
        condition=chance.choice(CONDITIONS),
        value=chance.choice((None, 0.0, 50.0, 100.0, 100.0, float(chance.randint(0, 400)))),
        title=chance.choice(TEXTS),
        description=chance.choice(TEXTS),
        wants=Wants.of(stated) if chance.random() < 0.6 else None,
        flexible=chance.random() < 0.5,
    )


def satisfies(b: Listing, wants: Wants) -> bool:
    """Whether b is a listed item, or meets all the criteria given (contract.md, "wants")."""
    if b.item in wants.items:
        return True
    criteria = []
    if wants.categories:
        criteria.append(any(_is_within(b.category, category) for category in wants.categories))
    if wants.keywords:
        words = {*words_of(b.title), *words_of(b.description)}
        criteria.append(any(words_of(keyword) and words.issuperset(words_of(keyword)) for keyword in wants.keywords))
    if wants.value_min is not None:
        criteria.append(b.value is not None and b.value >= wants.value_min)
    if wants.value_max is not None:
        criteria.append(b.value is not None and b.value <= wants.value_max)
    if wants.condition is not None:
        criteria.append(CONDITIONS.index(b.condition) <= CONDITIONS.index(wants.condition))
    return bool(criteria) and all(criteria)


def score_by_definition(a: Listing, b: Listing) -> int | None:
    """The score of the edge a → b in millionths, or None where there is none (S2.85 to S2.88, C52 to C57)."""
    if a.owner == b.owner or not (satisfies(b, a.wants) if a.wants else a.flexible):
        return None
    score = score_of_pair(a, b)
    return score if score >= 300_000 else None


def score_of_pair(a: Listing, b: Listing) -> int:
    """How well b suits the owner of a, in millionths; where their wants name categories, b is in one."""
    asked_for = a.wants is not None and (b.item in a.wants.items or bool(a.wants.categories))
    if asked_for or a.category == b.category:
        score = 400_000
    else:
        parent = PARENTS[a.category]
        score = 200_000 if parent is not None and parent == PARENTS[b.category] else 0
    if a.value is None or b.value is None:
        score += 200_000
    elif a.value == b.value:
        score += 400_000
    else:
        score += round(max(0.0, 1 - abs(a.value - b.value) / ((a.value + b.value) / 2)) * 400_000)
    return score + (200_000 if a.condition == b.condition else 140_000)


def row_by_definition(a: Listing, listings: dict[UUID, Listing]) -> list[tuple[UUID, int]]:
    """All edges from a, best score first; of equals the nearest around the circle of ids, of two as near the one before."""
    edges = [(b.item, score) for b in listings.values() if (score := score_by_definition(a, b)) is not None]

    def order(edge: tuple[UUID, int]) -> tuple[int, int, bool, UUID]:
        item, score = edge
        ahead, behind = ((item.int - a.item.int) * sign % 2**64 for sign in (1, -1))
        return -score, min(ahead, behind), ahead < behind, item

    return sorted(edges, key=order)


def row(market: Market, item: UUID) -> list[tuple[UUID, int]]:
    """The edges that the market keeps from `item`, in their order."""
    slot = market.slot(item)
    assert slot is not None
    others, scores = market.out.row(slot)
    return [(market.item(other), score) for other, score in zip(others.tolist(), scores.tolist(), strict=True)]


def check(market: Market, listings: dict[UUID, Listing], *, whole: bool) -> None:
    """The market's edges are the best by definition, both ways. Not `whole`: of a row that was cut, half may be missing."""
    assert len(market) == len(listings)
    there, back = set(), set()
    for item, a in listings.items():
        best = row_by_definition(a, listings)[:EDGES_MAX]
        kept = row(market, item)
        assert kept == best[: len(kept)]
        assert len(kept) == len(best) or (not whole and len(kept) >= EDGES_MAX // 2)
        slot = market.slot(item)
        assert slot is not None
        assert market.owner(slot) == a.owner
        there |= {(slot, other, score) for other, score in zip(*map(list, market.out.row(slot)), strict=True)}
        back |= {(other, slot, score) for other, score in zip(*map(list, market.into.row(slot)), strict=True)}
    assert there == back
    assert market.out.edges == market.into.edges == len(there)


def _is_within(category: str, asked: str) -> bool:
    parent = PARENTS[category]
    return category == asked or (parent is not None and _is_within(parent, asked))


TAXONOMY = Taxonomy(PARENTS)


def market_of(listings: dict[UUID, Listing]) -> Market:
    market = Market(TAXONOMY)
    market.load(listings.values())
    return market
