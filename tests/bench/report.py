"""What was measured, as a table: each figure beside its floor, the ratio of the two, and whether it is what was promised."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from client_demo.load.quantiles import Quantiles
from client_demo.load.tally import table
from tests.bench.timing import median

UNITS = {"s": (1, "s"), "ms": (1_000, "ms"), "µs": (1_000_000, "µs"), "B": (1, "B"), "": (1, "")}
HEADINGS = ("figure", "measured", "floor", "ratio", "target", "reached")
TIMES = ("how long each took", "count", "p50 ms", "p95 ms", "p99 ms", "most ms")


@dataclass(frozen=True, slots=True)
class Figure:
    """A value per round (seconds, bytes or a number) and its floor in the same round.

    `unit`: what it is printed in. `at_most`, `at_least`: the ratio promised; neither: it is shown for what it is.
    """

    name: str
    values: Sequence[float]
    floors: Sequence[float]
    floor: str
    unit: str = "ms"
    floor_unit: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        assert len(self.values) == len(self.floors) > 0
        assert all(floor > 0 for floor in self.floors)

    @property
    def ratios(self) -> list[float]:
        return [value / floor for value, floor in zip(self.values, self.floors, strict=True)]

    @property
    def reached(self) -> bool | None:
        """By the median of the rounds' ratios; None: nothing was promised."""
        ratio = median(self.ratios)
        if self.at_most is not None:
            return ratio <= self.at_most
        return ratio >= self.at_least if self.at_least is not None else None

    def cells(self) -> tuple[str, ...]:
        target = ""
        if self.at_most is not None:
            target = f"≤ {number(self.at_most)}"
        elif self.at_least is not None:
            target = f"≥ {number(self.at_least)}"
        reached = {True: "yes", False: "NO", None: ""}[self.reached]
        floor = f"{spoken(self.floors, self.unit if self.floor_unit is None else self.floor_unit)} {self.floor}"
        return self.name, spoken(self.values, self.unit), floor, spoken(self.ratios, ""), target, reached


@dataclass(slots=True)
class Report:
    """The figures of one subject, what is to be said beside them, and what was not as it must be."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    times: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)

    def took(self, name: str, seconds: Sequence[float]) -> None:
        """How long each of many took."""
        quantiles = Quantiles.of(seconds)
        spread = (quantiles.p50, quantiles.p95, quantiles.p99, max(seconds))
        self.times.append((name, f"{len(seconds):,}", *(f"{one * 1000:,.2f}" for one in spread)))

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def fail(self, sentence: str) -> None:
        """What must be identical is not: the run fails."""
        self.failures.append(sentence)

    def __str__(self) -> str:
        rows = [HEADINGS, *(figure.cells() for figure in self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.insert(1, "  ".join("─" * width for width in widths))
        said = [f"- {note}" for note in self.notes] + [f"FAILED: {failure}" for failure in self.failures]
        times = ["", *table(TIMES, self.times)] if self.times else []
        return "\n".join([self.title, "", *lines, *times, "", *said])


def number(value: float) -> str:
    """Three figures, as people write them: 0.00123, 4.56, 78.9, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spoken(values: Sequence[float], unit: str) -> str:
    """The median, and of several rounds the least and the most: '1.2 ms (1.1–1.4)'."""
    factor, name = UNITS[unit]
    scaled = [value * factor for value in values]
    middle = f"{number(median(scaled))} {name}".rstrip()
    return middle if len(scaled) == 1 else f"{middle} ({number(min(scaled))}–{number(max(scaled))})"
