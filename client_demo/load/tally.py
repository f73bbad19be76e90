"""What came of a load: how long each kind of action took, and what was refused."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from client_demo.load.quantiles import Quantiles

HEADINGS = ("action", "count", "a second", "p50 ms", "p95 ms", "p99 ms", "most ms")


class Refused(Exception):
    """The server said no; its argument is the code."""


def _seconds() -> "defaultdict[str, array[float]]":
    return defaultdict(lambda: array("d"))


@dataclass(slots=True)
class Tally:
    """`taken`: by action, how long each took that was done, seconds. `refused`: how often, by action and code."""

    taken: "dict[str, array[float]]" = field(default_factory=_seconds)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: float = 0.0  # the whole load

    @property
    def count(self) -> int:
        """What was done."""
        return sum(map(len, self.taken.values()))

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def everything(self) -> "array[float]":
        """How long each took, whatever it was."""
        return array("d", (one for taken in self.taken.values() for one in taken))

    @contextmanager
    def timed(self, action: str) -> Iterator[None]:
        """Count what the block does: as done, or as refused where it raises that, or breaks."""
        begun = perf_counter()
        try:
            yield
        except (Refused, OSError, TimeoutError) as no:
            self.refused[action, str(no) if isinstance(no, Refused) else type(no).__name__] += 1
            raise
        self.taken[action].append(perf_counter() - begun)

    def begin_again(self) -> None:
        """Forget what was before: people were getting ready."""
        self.taken.clear()
        self.refused.clear()

    def rows(self) -> list[tuple[str, ...]]:
        """A row of HEADINGS for each action, the most frequent first."""
        by_count = sorted(self.taken.items(), key=lambda pair: -len(pair[1]))
        return [(name, *self._figures(taken)) for name, taken in by_count if taken]

    def _figures(self, taken: "array[float]") -> tuple[str, ...]:
        quantiles = Quantiles.of(taken)
        times = (quantiles.p50, quantiles.p95, quantiles.p99, max(taken))
        return (f"{len(taken):,}", f"{len(taken) / self.seconds:,.1f}", *(f"{seconds * 1000:,.2f}" for seconds in times))

    def table(self) -> str:
        """All of it for people, with what was refused below."""
        lines = table(HEADINGS, self.rows())
        lines += [f"refused: {action} {code}, {count:,} times" for (action, code), count in self.refused.most_common()]
        return "\n".join(lines)


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Lines of columns: the first one's words begin at the left, the others' figures end at the right."""
    every = [headings, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(headings))]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in every
    ]
    return [lines[0], "  ".join("─" * width for width in widths), *lines[1:]]
