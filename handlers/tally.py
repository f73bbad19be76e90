"""Counts answers and how long they took, for Prometheus: for every request, so as plain numbers of the one thread that counts.

prometheus_client's own counters take a lock each, which costs as much as the rest of what a small action does.
"""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Tally(Collector):
    """Labels are of the code, not of callers: there are as many as actions, doors and codes."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, str], int] = {}
        self._took: dict[str, list[float]] = {}  # by action: how many in each bucket, in none, and their sum

    def count(self, action: str, door: str, code: str, seconds: float) -> None:
        key = (action, door, code)
        self._answers[key] = self._answers.get(key, 0) + 1
        took = self._took.get(action)
        if took is None:
            took = self._took[action] = [0.0] * (len(BUCKETS_SECONDS) + 2)
        took[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        took[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        answers = CounterMetricFamily("swaploop_actions", "Answers by action, door and code", labels=["action", "door", "code"])
        for labels, count in self._answers.items():
            answers.add_metric(list(labels), count)
        yield answers
        seconds = HistogramMetricFamily("swaploop_action_seconds", "Time from a request to its answer", labels=["action"])
        for action, (*counts, total) in self._took.items():
            upto, buckets = 0.0, []
            for edge, inside in zip((*map(str, BUCKETS_SECONDS), "+Inf"), counts, strict=True):
                upto += inside
                buckets.append((edge, upto))
            seconds.add_metric([action], buckets, total)
        yield seconds


TALLY = Tally()
REGISTRY.register(TALLY)
