"""How long something takes, many times over: seconds, by `perf_counter`."""

import statistics
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import ParamSpec, TypeVar

Asked = ParamSpec("Asked")
T = TypeVar("T")


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
