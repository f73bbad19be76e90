"""One opportunity as an SVG picture: people on a circle, arrows for what each gives, how good it is in the middle.

Good for a page in light and in dark: it brings its own background, both palettes, no fonts and no script.
"""

import math
from collections.abc import Mapping
from html import escape
from itertools import pairwise

from client_demo.ring_drawing import percent
from client_demo.ring_pieces import (
    CARD_HEIGHT,
    CARD_WIDTH,
    CHIP_HEIGHT,
    Point,
    card,
    chip,
    covers,
    embedded,
    page,
    text,
    way,
)
from client_demo.rings import Circle
from client_demo.wire import Data

MARGIN = 30
RADIUS_MIN = 205.0
CARD_DISTANCE_MIN = 340  # between the middles of neighbours on the circle
CHAIN_GAP_ACROSS, CHAIN_GAP_DOWN = 76, 78
CHAIN_ROW_MAX = 3  # a longer chain takes two rows
TIP_CLEARANCE = 10  # between an arrow and the card it points at
ARC_STEPS = 240


def picture_of(found: Data, images: Mapping[str, bytes] | None = None) -> str:
    """The SVG of one of `barter:opportunities`. `images`: bytes of pictures by item id, JPEG, PNG or WebP."""
    circle = Circle.of_opportunity(found)
    shown = {item: drawn for item, image in (images or {}).items() if (drawn := embedded(image))}
    return _round(circle, shown) if circle.is_cycle else _line(circle, shown)


def _round(circle: Circle, images: Mapping[str, str]) -> str:
    """A cycle, clockwise; of an odd number one is on top, of an even number two side by side."""
    places = circle.places
    count = len(places)
    part = 2 * math.pi / count
    radius = max(RADIUS_MIN, CARD_DISTANCE_MIN / 2 / math.sin(part / 2))
    # Cards are wide, so the circle is drawn wider than high.
    wide, high = radius * 1.12, radius * (0.86 if count > 3 else 0.92)
    first = -math.pi / 2 - (part / 2 if count % 2 == 0 else 0)

    def at(turns: float) -> Point:
        angle = first + part * turns
        return Point(wide * math.cos(angle), high * math.sin(angle))

    middles = [at(number) for number in range(count)]
    parts = []
    for number in range(count):
        following = (number + 1) % count
        along = [at(number + step / ARC_STEPS) for step in range(ARC_STEPS + 1)]
        ends = (middles[number], 0), (middles[following], TIP_CLEARANCE)
        free = [point for point in along if not any(covers(middle, point, clearance) for middle, clearance in ends)]
        begin, end = free[0], free[-1]
        arc = f"M{begin.x:.1f} {begin.y:.1f} A{wide:.1f} {high:.1f} 0 0 1 {end.x:.1f} {end.y:.1f}"
        parts.append(way(arc, free[-4], end))
        if (fits := places[following].fits) is not None:
            parts.append(chip(at(number + 0.5), fits))
    parts += [card(point, place, images) for point, place in zip(middles, places, strict=True)]
    parts += _in_the_middle(circle, Point(0, -26 if count == 3 else 0))  # of three, two lie low
    left, right = min(point.x for point in middles), max(point.x for point in middles)
    # Between two cards at the same height, the way passes above or below them.
    top = min(*(point.y - CARD_HEIGHT / 2 for point in middles), -high - CHIP_HEIGHT / 2)
    bottom = max(*(point.y + CARD_HEIGHT / 2 for point in middles), high + CHIP_HEIGHT / 2)
    across = CARD_WIDTH / 2 + MARGIN
    return page(circle, Point(left - across, top - MARGIN), Point(right + across, bottom + MARGIN), parts)


def _line(circle: Circle, images: Mapping[str, str]) -> str:
    """A chain from left to right; a long one turns and comes back below, so that the way down is short."""
    places = circle.places
    a_row = len(places) if len(places) <= CHAIN_ROW_MAX else (len(places) + 1) // 2
    across, down = CARD_WIDTH + CHAIN_GAP_ACROSS, CARD_HEIGHT + CHAIN_GAP_DOWN
    middles = [
        Point((number if number < a_row else 2 * a_row - 1 - number) * across, number // a_row * down)
        for number in range(len(places))
    ]
    parts = []
    for (here, there), receiver in zip(pairwise(middles), places[1:], strict=True):
        parts.append(_straight(here, there))
        if receiver.fits is not None:
            between = Point((here.x + there.x) / 2, (here.y + there.y) / 2)
            beside = Point(between.x - 3, between.y - 21) if here.y == there.y else Point(between.x, between.y - 5)
            parts.append(chip(beside, receiver.fits))
    parts += [card(point, place, images) for point, place in zip(middles, places, strict=True)]
    left, right = -CARD_WIDTH / 2 - MARGIN, max(point.x for point in middles) + CARD_WIDTH / 2 + MARGIN
    foot = middles[-1].y + CARD_HEIGHT / 2 + 52
    parts.append(_below(circle, Point((left + right) / 2, foot)))
    return page(circle, Point(left, -CARD_HEIGHT / 2 - MARGIN), Point(right, foot + 26), parts)


def _straight(here: Point, there: Point) -> str:
    if here.y == there.y:
        ahead = 1 if there.x > here.x else -1
        start = Point(here.x + ahead * CARD_WIDTH / 2, here.y)
        end = Point(there.x - ahead * (CARD_WIDTH / 2 + TIP_CLEARANCE), there.y)
    else:
        start = Point(here.x, here.y + CARD_HEIGHT / 2)
        end = Point(there.x, there.y - CARD_HEIGHT / 2 - TIP_CLEARANCE)
    return way(f"M{start.x:.1f} {start.y:.1f} L{end.x:.1f} {end.y:.1f}", start, end)


def _in_the_middle(circle: Circle, at: Point) -> list[str]:
    lines = [("kind", -38, f"{circle.sign} {circle.kind}"), ("big", 6, percent(circle.score)), ("small", 30, _match(circle))]
    if circle.expected is not None:
        lines.append(("small", 50, f"expected completion {percent(circle.expected)}"))
    return [text(style, Point(at.x, at.y + down), words, centred=True) for style, down, words in lines]


def _below(circle: Circle, at: Point) -> str:
    """The same on one line."""
    expected = "" if circle.expected is None else f" · expected completion {percent(circle.expected)}"
    spans = [
        ("kind", 0, f"{circle.sign} {circle.kind}"),
        ("name", 14, percent(circle.score)),
        ("small", 6, _match(circle) + expected),
    ]
    said = "".join(f'<tspan class="{style}" dx="{after}">{escape(words)}</tspan>' for style, after, words in spans)
    return f'<text x="{at.x:.1f}" y="{at.y:.1f}" text-anchor="middle">{said}</text>'


def _match(circle: Circle) -> str:
    return f"match, {circle.band}" if circle.band else "match"
