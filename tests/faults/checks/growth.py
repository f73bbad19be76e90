"""Nothing grows with time on the server that lives through a long run: the last quarter is like the second.

The market cannot be what grows: in a long run people take a thing down for each that they list (`people.ITEMS_MAX`). Deals,
entries and notifications do grow, in the database; no process may hold on to them. The first quarter warms up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from storage.cache import CONNECTIONS_MAX
from storage.database import POOL_SIZE
from tests.faults import watch
from tests.faults.evidence import Evidence, Finding, Sql, finding
from tests.faults.watch import Sample

SAMPLES_MIN = 5  # in each of the two quarters


@dataclass(frozen=True, slots=True)
class Bound:
    """By how much a measure may differ between the two quarters: it swings with what fails just then."""

    share: float
    amount: float

    def of(self, before: float) -> float:
        return self.share * before + self.amount


BOUNDS = {
    watch.MEMORY: Bound(0.03, 4.0),
    watch.BLOCKS: Bound(0.04, 3.0),
    watch.MALLOCED: Bound(0.02, 0.5),
    watch.TASKS: Bound(0.2, 15.0),
    watch.FILES: Bound(0.2, 10.0),
    watch.THREADS: Bound(0.0, 4.0),
    watch.BACKENDS: Bound(0.0, float(POOL_SIZE)),  # a pool may be full at last, and not have been
    watch.BACKEND_MEMORY: Bound(0.2, 2.0),
    watch.REDIS_CLIENTS: Bound(0.0, float(CONNECTIONS_MAX)),
    watch.REDIS_MEMORY: Bound(0.2, 2.0),
}
OF_KEYS = Bound(0.5, 200.0)  # their number falls whenever Redis is flushed, and grows until the next time


async def check(evidence: Evidence, _sql: Sql) -> list[Finding]:
    return grown(evidence.samples, evidence.quiet_from) if evidence.is_watched else []


def grown(samples: Sequence[Sample], until: float) -> list[Finding]:
    """One finding per measure, of what was sampled from the beginning `until` nothing failed any more."""
    counted = [sample for sample in samples if sample.at <= until]
    kinds = {name for sample in counted for name in sample.values if name.startswith(watch.KEYS)}
    return [
        *(_judged(measure, bound, counted, until) for measure, bound in BOUNDS.items()),
        *(_judged(kind, OF_KEYS, counted, until) for kind in sorted(kinds)),
    ]


def _judged(measure: str, bound: Bound, samples: Sequence[Sample], until: float) -> Finding:
    second = _values(measure, samples, until * 0.25, until * 0.5)
    last = _values(measure, samples, until * 0.75, until)
    promise = f"does not grow: {measure}"
    if len(second) < SAMPLES_MIN or len(last) < SAMPLES_MIN:
        return finding(promise, 0, [], f"only {len(second)} and {len(last)} samples")
    before, after = median(second), median(last)
    told = f"{before:.1f}, later {after:.1f}, at most {before + bound.of(before):.1f}"
    return finding(promise, len(second) + len(last), [told] if after - before > bound.of(before) else [], told)


def _values(measure: str, samples: Sequence[Sample], from_at: float, to_at: float) -> list[float]:
    """A kind of key may be all gone, for a while or for good; another measure may be missing."""
    within = [sample.values for sample in samples if from_at <= sample.at < to_at]
    return [values.get(measure, 0.0) for values in within if measure in values or measure.startswith(watch.KEYS)]
