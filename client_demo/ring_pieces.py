"""The pieces of a ring's picture, as SVG: cards of people, ways with their scores, the page they are put on."""

import base64
import io
import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import NamedTuple

from PIL import Image, ImageOps

from client_demo.picture import FORMATS, PIXELS_MAX
from client_demo.ring_drawing import percent
from client_demo.rings import Circle, Place
from client_demo.words import money, one_line

CARD_WIDTH, CARD_HEIGHT = 268, 104
THUMB = 80
CHIP_WIDTH, CHIP_HEIGHT = 54, 26
PICTURE_PIXELS = 176  # about twice what is shown, for sharp screens
NAME_CHARACTERS_MAX, TITLE_CHARACTERS_MAX = 18, 24

STYLE = """
.paper{fill:#fbfaf6;stroke:#e4dfd2}.card{fill:#fff;stroke:#ddd8ca}.hole{fill:#efece3}
.name{fill:#1d2a33;font-weight:700;font-size:16px}.thing{fill:#3f4d57;font-size:12.5px}.label{fill:#7b8790;font-size:11px}
.gift{fill:none;stroke:#b3ab97;stroke-width:2.5;stroke-linejoin:round}
.way{stroke:#0b8a6f;fill:none;stroke-width:3;stroke-linecap:round}.tip{fill:#0b8a6f}
.score{fill:#0b7a63;font-weight:700;font-size:13px}.chip{fill:#e2f3ed;stroke:#b9e0d3}
.big{fill:#1d2a33;font-weight:800;font-size:44px}.kind{fill:#b85c12;font-weight:700;font-size:15px}
.small{fill:#66727c;font-size:13.5px}
text{font-family:system-ui,-apple-system,"Segoe UI","Noto Sans",Roboto,Helvetica,Arial,sans-serif}
@media (prefers-color-scheme:dark){
.paper{fill:#10161b;stroke:#24303a}.card{fill:#1a232b;stroke:#2f3d48}.hole{fill:#26323c}.gift{stroke:#5d6c78}
.name{fill:#eef3f6}.thing{fill:#c0ccd4}.label{fill:#8496a3}
.way{stroke:#5ad1b3}.tip{fill:#5ad1b3}.score{fill:#8ce3cc}.chip{fill:#17302c;stroke:#2c554d}
.big{fill:#f2f7f6}.kind{fill:#f2a65a}.small{fill:#9fb0bc}}
"""
# A parcel with a bow, around its middle
GIFT = "M-20 -6H20V2H-20ZM-17 2V22H17V2M0 -6V22M0 -6C-6 -20 -18 -18 -13 -9C-11 -6 -5 -6 0 -6C6 -20 18 -18 13 -9C11 -6 5 -6 0 -6"


class Point(NamedTuple):
    x: float
    y: float


def page(circle: Circle, corner: Point, end: Point, parts: Iterable[str]) -> str:
    """The whole picture, with what it shows in words for those who cannot see it."""
    width, height = end.x - corner.x, end.y - corner.y
    view = f"{corner.x:.0f} {corner.y:.0f} {width:.0f} {height:.0f}"
    paper = f'x="{corner.x + 1:.0f}" y="{corner.y + 1:.0f}" width="{width - 2:.0f}" height="{height - 2:.0f}" rx="18"'
    told = ", ".join(
        f"{place.name} gives {place.gives.title if place.gives else 'nothing'} "
        f"and gets {place.gets.title if place.gets else 'nothing'}"
        for place in circle.places
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="{width:.0f}" height="{height:.0f}" role="img">',
            f"<title>A {circle.kind}, match {percent(circle.score)}</title>",
            f"<desc>{escape(told)}</desc>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" {paper}/>',
            *filter(None, parts),
            "</svg>\n",
        ]
    )


def card(at: Point, place: Place, images: Mapping[str, str]) -> str:
    """Who it is, and what they give and get; the picture is of what they give. `images`: data addresses by item id."""
    left, top = at.x - CARD_WIDTH / 2, at.y - CARD_HEIGHT / 2
    words = left + THUMB + 24
    image = images.get(place.gives.item_id) if place.gives else None
    hole = f'x="{left + 12:.1f}" y="{top + 12:.1f}" width="{THUMB}" height="{THUMB}"'
    parts = [
        f'<rect class="card" x="{left:.1f}" y="{top:.1f}" width="{CARD_WIDTH}" height="{CARD_HEIGHT}" rx="14"/>',
        f'<rect class="hole" {hole} rx="10"/>',
    ]
    if image is not None:
        clip = f"clip-{place.person[:8]}"
        parts.append(f'<clipPath id="{clip}"><rect {hole} rx="10"/></clipPath>')
        parts.append(f'<image {hole} clip-path="url(#{clip})" href="{image}"/>')
    elif place.gives is None:
        middle = f"translate({left + 12 + THUMB / 2:.1f} {top + 12 + THUMB / 2:.1f})"
        parts.append(f'<path class="gift" transform="{middle}" d="{GIFT}"/>')
    parts.append(text("name", Point(words, top + 26), one_line(place.name, NAME_CHARACTERS_MAX)))
    for down, label, thing in ((45, "gives", place.gives), (76, "gets", place.gets)):
        title = one_line(thing.title, TITLE_CHARACTERS_MAX) if thing else "nothing"
        parts.append(text("label", Point(words, top + down), f"{label} {money(thing.value)}" if thing else label))
        parts.append(text("thing", Point(words, top + down + 15), title))
    return "".join(parts)


def covers(middle: Point, point: Point, clearance: float) -> bool:
    """Whether a card there would lie on the point, or nearer to it than `clearance`."""
    beside, above = abs(point.x - middle.x), abs(point.y - middle.y)
    return beside <= CARD_WIDTH / 2 + clearance and above <= CARD_HEIGHT / 2 + clearance


def way(path: str, before: Point, end: Point) -> str:
    """A line along `path`, with a tip at its end that points away from `before`."""
    angle = math.degrees(math.atan2(end.y - before.y, end.x - before.x))
    place = f"translate({end.x:.1f} {end.y:.1f}) rotate({angle:.1f})"
    return f'<path class="way" d="{path}"/><path class="tip" d="M10 0 L-5 -7 L-2 0 L-5 7 Z" transform="{place}"/>'


def chip(at: Point, fits: float) -> str:
    """How well what comes along a way fits who gets it."""
    corner = f'x="{at.x - CHIP_WIDTH / 2:.1f}" y="{at.y - CHIP_HEIGHT / 2:.1f}"'
    rounded = f'<rect class="chip" {corner} width="{CHIP_WIDTH}" height="{CHIP_HEIGHT}" rx="{CHIP_HEIGHT / 2:.0f}"/>'
    return rounded + text("score", Point(at.x, at.y + 4.5), percent(fits), centred=True)


def text(style: str, at: Point, words: str, *, centred: bool = False) -> str:
    anchor = ' text-anchor="middle"' if centred else ""
    return f'<text class="{style}" x="{at.x:.1f}" y="{at.y:.1f}"{anchor}>{escape(words)}</text>'


def embedded(image_bytes: bytes) -> str | None:
    """The picture cut square, as a data address; None when it is none that we open."""
    try:
        with Image.open(io.BytesIO(image_bytes), formats=FORMATS) as opened:
            if opened.width * opened.height > PIXELS_MAX:
                return None
            square = ImageOps.fit(opened.convert("RGB"), (PICTURE_PIXELS, PICTURE_PIXELS))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    out = io.BytesIO()
    square.save(out, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
