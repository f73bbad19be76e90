"""What was measured as an SVG picture: a bar for each figure, from its floor to what it is, and what was promised.

On a logarithmic scale: as far to the right as to the left of the floor is as many times more as less. Good for a page in light
and in dark: it brings its own background, both palettes, no fonts and no script.
"""

import math
import os
from collections.abc import Sequence
from html import escape

from client_demo.ring_pieces import Point, text
from client_demo.words import one_line
from tests.bench.report import Figure, Report, number
from tests.bench.timing import median

WIDTH = 960
LEFT, RIGHT = 416, 716  # of the bars
TOP, ROW, GROUP, BOTTOM = 92, 25, 34, 52
BAR = 11
NAME_CHARACTERS_MAX = 60
STEPS = (1, 2, 5)

STYLE = """
.paper{fill:#fbfaf6;stroke:#e4dfd2}.title{fill:#1d2a33;font-weight:800;font-size:20px}.small{fill:#66727c;font-size:12.5px}
.group{fill:#b85c12;font-weight:700;font-size:14px}.thing{fill:#3f4d57;font-size:12.5px}
.grid{stroke:#e7e2d6}.floor{stroke:#7b8790;stroke-width:1.5}.spread{stroke:#1d2a33;stroke-width:1.2}.axis{fill:#7b8790;font-size:11px}
.yes{fill:#0b8a6f}.no{fill:#c2410c}.shown{fill:#a9b4bb}.target{stroke:#1d2a33;stroke-width:2}.tip{fill:#1d2a33}
.ratio{fill:#1d2a33;font-weight:700;font-size:12.5px}.label{fill:#7b8790;font-size:11.5px}
text{font-family:system-ui,-apple-system,"Segoe UI","Noto Sans",Roboto,Helvetica,Arial,sans-serif}
@media (prefers-color-scheme:dark){
.paper{fill:#10161b;stroke:#24303a}.title{fill:#f2f7f6}.small{fill:#9fb0bc}
.group{fill:#f2a65a}.thing{fill:#c0ccd4}
.grid{stroke:#212c35}.floor{stroke:#8496a3}.spread{stroke:#eef3f6}.axis{fill:#8496a3}
.yes{fill:#3fb898}.no{fill:#f0884d}.shown{fill:#4c5a65}.target{stroke:#eef3f6}.tip{fill:#eef3f6}
.ratio{fill:#eef3f6}.label{fill:#8496a3}}
"""
LEGEND = "Each bar reaches from its floor, measured in the same run (1), to ours; the thin line is the least and the most."
PROMISES = (
    "The mark is what is promised, and points to where the bar has to end: green, it does; orange, not; grey, no promise."
)

FOOT = f"{os.cpu_count()} cores, which server, stores and load client share."


def drawn(reports: Sequence[Report]) -> str:
    """The SVG of what was promised or is a number a second, of all reports. Raises ValueError where there is none."""
    groups = [(report.title.partition(":")[0], [one for one in report.figures if _is_drawn(one)]) for report in reports]
    groups = [(title, figures) for title, figures in groups if figures]
    if not groups:
        raise ValueError("nothing was measured that would be drawn")
    every = [figure for _, figures in groups for figure in figures]
    scale = _Scale(every)
    rows = []
    down = TOP
    for title, figures in groups:
        down += GROUP
        rows.append(text("group", Point(24, down - 9), title))
        for figure in figures:
            rows.append(_row(figure, scale, down))
            down += ROW
    height = down + BOTTOM
    view = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    told = "; ".join(f"{figure.name}: {number(median(figure.ratios))} × {figure.floor}" for figure in every)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {view} role="img">',
            "<title>What make bench measured, each figure beside its floor</title>",
            f"<desc>{escape(told)}</desc>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" x="1" y="1" width="{WIDTH - 2}" height="{height - 2}" rx="18"/>',
            text("title", Point(24, 38), "Measured beside its floor"),
            text("small", Point(24, 60), LEGEND),
            text("small", Point(24, 78), PROMISES),
            *_grid(scale, down + 8),
            *rows,
            text("label", Point(24, height - 20), FOOT),
            "</svg>\n",
        ]
    )


def _is_drawn(figure: Figure) -> bool:
    return figure.reached is not None or figure.unit == ""


class _Scale:
    """Where a ratio is, across."""

    def __init__(self, figures: Sequence[Figure]) -> None:
        shown = [1.0, *(ratio for figure in figures for ratio in (*figure.ratios, *_promised(figure)))]
        self.ticks = _ticks(min(shown), max(shown))
        self._least, self._most = math.log(self.ticks[0]), math.log(self.ticks[-1])

    def across(self, ratio: float) -> float:
        return LEFT + (RIGHT - LEFT) * (math.log(ratio) - self._least) / (self._most - self._least)


def _ticks(least: float, most: float) -> list[float]:
    """1, 2 and 5 and their tenfolds, from below the least to above the most; where that would be many, tenfolds only."""
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most * 1.001))
    steps = STEPS if last - first <= 3 else STEPS[:1]
    every = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    low = max(place for place, tick in enumerate(every) if tick <= least)
    high = min(place for place, tick in enumerate(every) if tick >= most and place > low)
    return every[low : high + 1]


def _grid(scale: _Scale, bottom: float) -> list[str]:
    parts = []
    for tick in scale.ticks:
        across = scale.across(tick)
        style = "floor" if tick == 1 else "grid"
        parts.append(f'<line class="{style}" x1="{across:.1f}" x2="{across:.1f}" y1="{TOP}" y2="{bottom:.1f}"/>')
        parts.append(text("axis", Point(across, bottom + 16), number(tick), centred=True))
    return parts


def _row(figure: Figure, scale: _Scale, top: float) -> str:
    middle = top + ROW / 2 - 4
    ratio, floor = scale.across(median(figure.ratios)), scale.across(1.0)
    style = {True: "yes", False: "no", None: "shown"}[figure.reached]
    begin, width = min(ratio, floor), max(abs(ratio - floor), 1.5)
    parts = [
        text("thing", Point(24, middle + 4), one_line(figure.name, NAME_CHARACTERS_MAX)),
        f'<rect class="{style}" x="{begin:.1f}" y="{middle - BAR / 2:.1f}" width="{width:.1f}" height="{BAR}" rx="2"/>',
    ]
    if len(figure.ratios) > 1:
        least, most = scale.across(min(figure.ratios)), scale.across(max(figure.ratios))
        parts.append(f'<line class="spread" x1="{least:.1f}" x2="{most:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>')
    parts += [_mark(scale.across(promised), middle, figure.at_least is not None) for promised in _promised(figure)]
    words = f'<tspan class="ratio">{number(median(figure.ratios))}</tspan> '
    if figure.floor == "promised":
        words += "of what is promised"
    else:
        words += f"× {escape(one_line(figure.floor, 24))}"
        for sign, promised in (("≥", figure.at_least), ("≤", figure.at_most)):
            if promised is not None:
                words += f", promised {sign} {number(promised)}"
    parts.append(f'<text class="label" x="{RIGHT + 18}" y="{middle + 4:.1f}">{words}</text>')
    return "".join(parts)


def _mark(across: float, middle: float, rightwards: bool) -> str:
    high, ahead = BAR / 2 + 4, 6 if rightwards else -6
    tip = f"M{across:.1f} {middle - high:.1f} l{ahead} 3.5 l{-ahead} 3.5 Z"
    line = f'x1="{across:.1f}" x2="{across:.1f}" y1="{middle - high:.1f}" y2="{middle + high:.1f}"'
    return f'<line class="target" {line}/><path class="tip" d="{tip}"/>'


def _promised(figure: Figure) -> list[float]:
    return [target for target in (figure.at_least, figure.at_most) if target is not None]
