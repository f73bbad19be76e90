"""Rings through one item of a market, in people and items: what the searches over slots find, named and scored.

A ring is a list of steps, (person, item), where each person wants the next step's item. In a cycle the last one wants the
first one's; a chain ends with an item that is given for nothing, and the item of its first step stays where it is (C60).
"""

import hashlib
from typing import NamedTuple
from uuid import UUID

from matching.chains import best_chains
from matching.deal import Kind
from matching.market import Market
from matching.search import Found, best_cycles

SCALE = 1_000_000  # scores are kept as whole millionths
Steps = list[tuple[UUID, UUID]]


class Ring(NamedTuple):
    """`score`: the mean of its edges' scores, 0 to 1 (S2.81, S2.84)."""

    kind: Kind
    score: float
    steps: Steps
    edges: tuple[float, ...] = ()  # each person's score for what they get, in the order of the steps

    @property
    def id(self) -> UUID:
        """The same for the same ring, whoever's item it was found through (C65)."""
        steps = self.steps
        if self.kind is Kind.CYCLE:
            first = min(range(len(steps)), key=lambda place: steps[place][1].int)
            steps = steps[first:] + steps[:first]
        text = " ".join([self.kind, *(f"{person}:{item}" for person, item in steps)])
        return UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=8)


def rings_through(
    market: Market, item: UUID, *, parties_max: int, count: int, expansions_max: int
) -> tuple[list[Ring], list[Ring], bool]:
    """The best `count` cycles and chains through the item, best first; and whether a longer search could find no others."""
    slot = market.slot(item)
    if slot is None:
        return [], [], True
    bounds = {"parties_max": parties_max, "count": count, "expansions_max": expansions_max}
    cycles = best_cycles(market.graph, slot, **bounds)
    chains = best_chains(market.graph, slot, **bounds)
    return _named(market, Kind.CYCLE, cycles), _named(market, Kind.CHAIN, chains), cycles.exact and chains.exact


def ring_score(market: Market, kind: Kind, steps: Steps) -> float | None:
    """What the ring scores as its items are now; None where one is gone, or somebody would not want what they get."""
    ends = steps[1:] + steps[:1] if kind is Kind.CYCLE else steps[1:]
    scores = [market.edge(wanting, wanted) for (_, wanting), (_, wanted) in zip(steps, ends, strict=False)]
    if any(market.owner_of(item) != person for person, item in steps) or None in scores:
        return None
    if kind is Kind.CHAIN and not market.gives(steps[-1][1]):
        return None
    return sum(score for score in scores if score is not None) / len(scores) / SCALE


def _named(market: Market, kind: Kind, found: Found) -> list[Ring]:
    rings = []
    for total, path in found.paths:
        ends = path[1:] + path[:1] if kind is Kind.CYCLE else path[1:]
        edges = tuple(market.graph.score(one, other) / SCALE for one, other in zip(path, ends, strict=False))
        steps = [(market.owner_id(slot), market.item_id(slot)) for slot in path]
        rings.append(Ring(kind, total / len(edges) / SCALE, steps, edges))
    return rings
