"""How long something takes, many times over: seconds, by `perf_counter`."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import NamedTuple, ParamSpec, TypeVar

Asked = ParamSpec("Asked")
T = TypeVar("T")


class Quantiles(NamedTuple):
    """Of many times, seconds."""

    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Quantiles":
        """Each is a time that was seen: the smallest that so many of a hundred do not exceed."""
        ordered = sorted(seconds)
        return cls(*(ordered[max(0, -(-len(ordered) * percent // 100) - 1)] for percent in (50, 90, 99)))


def taken(work: Callable[Asked, T], *asked: Asked.args, **settings: Asked.kwargs) -> tuple[float, T]:
    """(seconds, what `work` answered)."""
    begun = perf_counter()
    answer = work(*asked, **settings)
    return perf_counter() - begun, answer


def times(work: Callable[[T], object], over: Iterable[T]) -> list[float]:
    """What `work` takes with each of `over`, seconds."""
    return [taken(work, one)[0] for one in over]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)
