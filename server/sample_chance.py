"""Chance that repeats itself: the same seed, the same choices."""

import itertools
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

T = TypeVar("T")

SHARE_MAX = 500  # how many times the smallest share the largest may be


class Chance:
    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - to be repeatable is the point
        self._cumulated: dict[int, tuple[Any, list[float]]] = {}
        self.share = self._random.random  # from 0 up to 1
        self.pick = self._random.choice
        self.shuffle = self._random.shuffle
        self.normal = self._random.gauss

    def is_so(self, probability: float) -> bool:
        return self.share() < probability

    def below(self, count: int) -> int:
        return int(count * self.share())

    def id(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def between(self, since: datetime, until: datetime) -> datetime:
        return since + (until - since) * self.share()

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One of the keys, each as often as its weight says. The mapping is a constant."""
        if id(weights) not in self._cumulated:
            self._cumulated[id(weights)] = (list(weights), list(itertools.accumulate(weights.values())))
        choices: list[T]
        choices, cumulated = self._cumulated[id(weights)]
        return self.pick_by(choices, cumulated)

    def pick_by(self, choices: Sequence[T], cumulated: Sequence[float]) -> T:
        return self._random.choices(choices, cum_weights=cumulated)[0]

    def unequal_shares(self, total: int, count: int) -> list[int]:
        """`total` in `count` parts: most are small, a few are large."""
        if count == 0:
            return []
        weights = list(itertools.accumulate(min(self._random.paretovariate(1.1), SHARE_MAX) for _ in range(count)))
        bounds = [0, *(round(total * weight / weights[-1]) for weight in weights)]
        return [after - before for before, after in itertools.pairwise(bounds)]
