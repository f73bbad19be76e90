"""Small random markets, and all their rings and chains by trying everything: what the search must find."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random

import numpy as np

from matching.adjacency import Adjacency
from matching.search import Found, Graph, Path


@dataclass
class Small:
    """A small market: items 0..size-1, whose numbers are their order too; people; edges by score."""

    owner: list[int]
    gives: list[bool]
    scores: dict[tuple[int, int], int]
    slots: list[int] = field(default_factory=list)  # where each item is put in the graph

    def __post_init__(self) -> None:
        self.wanted = {a: [(b, score) for (c, b), score in self.scores.items() if c == a] for a in range(len(self.owner))}

    @classmethod
    def random(cls, chance: Random, size: int, people: int, density: float, levels: int) -> "Small":
        """`levels`: how many different scores there are; few make many ties."""
        owner = [chance.randrange(people) for _ in range(size)]
        palette = [chance.randint(300_000, 1_000_000) for _ in range(levels)]
        scores = {
            (a, b): chance.choice(palette)
            for a in range(size)
            for b in range(size)
            if owner[a] != owner[b] and chance.random() < density
        }
        return cls(owner, [chance.random() < 0.3 for _ in range(size)], scores, list(range(size)))

    @classmethod
    def long_way_round(cls, chance: Random) -> "Small":
        """30 people in a circle, who want what some of the next few have: rings are long, and most items are far from most."""
        owner = list(range(30))
        scores = {
            (a, (a + ahead) % 30): chance.choice([600_000, 800_000, chance.randint(300_000, 1_000_000)])
            for a in owner
            for ahead in chance.sample(range(1, 9), 3)
        }
        return cls(owner, [chance.random() < 0.2 for _ in owner], scores, list(owner))

    def graph(self) -> Graph:
        size = len(self.owner)
        item = [self.slots.index(slot) for slot in range(size)]  # which item is in a slot
        edges = sorted(self.scores.items(), key=lambda edge: (edge[0][0], -edge[1], edge[0][1]))
        sources = np.array([self.slots[a] for (a, _), _ in edges], np.int64)
        ends = np.array([self.slots[b] for (_, b), _ in edges], np.int64)
        scores = np.array([score for _, score in edges], np.int64)
        return Graph(
            out=Adjacency.of(size, sources, ends, scores),
            into=Adjacency.of(size, ends, sources, scores),
            owner=np.array([self.owner[i] for i in item], np.int32),
            gives=np.array([self.gives[i] for i in item], np.bool_),
            rank=item,
        )

    def rings(self, start: int, parties_max: int) -> Iterator[Path]:
        """Every ring of 3 to `parties_max` people, by trying everything."""

        def grown(path: tuple[int, ...], total: int) -> Iterator[Path]:
            if len(path) >= 3 and (path[-1], start) in self.scores:
                yield total + self.scores[path[-1], start], path
            if len(path) < parties_max:
                for longer, score in self.one_more(path):
                    yield from grown(longer, total + score)

        yield from grown((start,), 0)

    def chains(self, through: int, parties_max: int) -> Iterator[Path]:
        """Every chain of 3 to `parties_max` people with `through` in it, by trying everything from every item."""

        def grown(path: tuple[int, ...], total: int) -> Iterator[Path]:
            if len(path) >= 3 and self.gives[path[-1]] and through in path:
                yield total, path
            if len(path) < parties_max:
                for longer, score in self.one_more(path):
                    yield from grown(longer, total + score)

        for first in range(len(self.owner)):
            yield from grown((first,), 0)

    def one_more(self, path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], int]]:
        owners = {self.owner[item] for item in path}
        for b, score in self.wanted[path[-1]]:
            if self.owner[b] not in owners:
                yield (*path, b), score

    def items(self, found: Found) -> list[Path]:
        return [(total, tuple(self.slots.index(slot) for slot in path)) for total, path in found.paths]


def best_rings_of(rings: Iterator[Path], least: int) -> list[Path]:
    def order(path: Path) -> tuple[Fraction, int, tuple[int, ...]]:
        return -Fraction(path[0], len(path[1])), len(path[1]), path[1]

    return sorted((ring for ring in rings if ring[0] >= least * len(ring[1])), key=order)


def best_chains_of(chains: Iterator[Path], through: int, least: int) -> list[Path]:
    def order(path: Path) -> tuple[Fraction, int, tuple[int, ...], int]:
        total, items = path
        place = items.index(through)
        seen_from_through = items[place:] + items[:place][::-1]
        return -Fraction(total, len(items) - 1), len(items), seen_from_through, len(items) - place

    return sorted((chain for chain in chains if chain[0] >= least * (len(chain[1]) - 1)), key=order)


def markets(seeds: int, salt: str) -> Iterator[tuple[Random, Small]]:
    for seed in range(seeds):
        chance = Random(f"{salt} {seed}")
        size = chance.randint(4, 12)
        people = chance.choice([4, size // 2 + 2, size * 3, size * 10])
        density = chance.choice([0.2, 0.35, 0.5, 0.9]) if size < 9 else chance.choice([0.2, 0.35])
        yield chance, Small.random(chance, size, people, density, levels=chance.choice([1, 2, 5, 1000]))
