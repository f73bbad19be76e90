"""Rings through one item of a market, in people and items: what the searches over slots find, named and scored.

A ring is a list of steps, (person, item), where each person wants the next step's item. In a cycle the last one wants the
first one's; a chain ends with an item that is given for nothing, and the item of its first step stays where it is (C60).
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

from matching.chains import best_chains
from matching.deal import Kind
from matching.market import Market
from matching.scoring import mean
from matching.search import Found, best_cycles

T = TypeVar("T")

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
        return uuid5(NAMESPACE_OID, text)


def rings_through(
    market: Market, item: UUID, *, parties_max: int, count: int, expansions_max: int
) -> tuple[list[Ring], list[Ring], bool]:
    """The best `count` cycles and chains through the item, best first; and whether a longer search could find no others."""
    slot = market.slot(item)
    if slot is None:
        return [], [], True
    graph = market.graph
    cycles = best_cycles(graph, slot, parties_max=parties_max, count=count, expansions_max=expansions_max)
    chains = best_chains(graph, slot, parties_max=parties_max, count=count, expansions_max=expansions_max)
    return _named(market, Kind.CYCLE, cycles), _named(market, Kind.CHAIN, chains), cycles.exact and chains.exact


def ring_score(market: Market, kind: Kind, steps: Steps) -> float | None:
    """What the ring scores as its items are now; None where one is gone, or somebody would not want what they get."""
    for person, item in steps:
        slot = market.slot(item)
        if slot is None or market.owner(slot) != person:
            return None
        if kind is Kind.CHAIN and item == steps[-1][1] and not market.graph.gives[slot]:
            return None
    scores = [market.edge(wanting, wanted) for wanting, wanted in _edges(kind, [item for _, item in steps])]
    known = [score for score in scores if score is not None]
    return mean(sum(known), len(known)) if len(known) == len(scores) else None


def _named(market: Market, kind: Kind, found: Found) -> list[Ring]:
    rings = []
    for total, path in found.paths:
        steps = [(market.owner(slot), market.item(slot)) for slot in path]
        scores = [mean(_score(market, one, other), 1) for one, other in _edges(kind, path)]
        rings.append(Ring(kind, mean(total, len(scores)), steps, tuple(scores)))
    return rings


def _score(market: Market, one: int, other: int) -> int:
    others, scores = market.out.row(one)
    return int(scores[others == other][0])


def _edges(kind: Kind, around: Sequence[T]) -> list[tuple[T, T]]:
    """Who wants what: each the next, and in a cycle the last the first."""
    ends = [*around[1:], *(around[:1] if kind is Kind.CYCLE else ())]
    return list(zip(around, ends, strict=False))
