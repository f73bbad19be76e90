"""How long something took, many times over."""

from collections.abc import Sequence
from typing import NamedTuple


class Quantiles(NamedTuple):
    """Of many times, seconds."""

    p50: float
    p90: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Quantiles":
        """Each is a time that was seen: the smallest that so many of a hundred do not exceed."""
        ordered = sorted(seconds)
        return cls(*(ordered[max(0, -(-len(ordered) * percent // 100) - 1)] for percent in (50, 90, 95, 99)))
