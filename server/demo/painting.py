"""Pictures for the listings of the demo market, drawn by our own code: flat, calm, and the same every time.

A picture is a wall, a floor, a disc of light, one motif (`motifs.py`) and its shadow. Motifs are drawn twice
as large as needed and shrunk, which is what makes their edges smooth.
"""

import colorsys
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageFilter

WIDTH, HEIGHT = 960, 720
FLOOR = 560  # where the wall ends
GROUND = 606  # where things stand
_SCALE = 2

Colour = tuple[int, int, int]
Point = tuple[float, float]


def colour(hexadecimal: str) -> Colour:
    return int(hexadecimal[0:2], 16), int(hexadecimal[2:4], 16), int(hexadecimal[4:6], 16)


def lighter(of: Colour, by: float) -> Colour:
    """`of` mixed with white (by > 0) or with a deep blue (by < 0), which is warmer than black."""
    other = (255, 255, 255) if by > 0 else (20, 18, 52)
    red, green, blue = (round(have + (want - have) * abs(by)) for have, want in zip(of, other, strict=True))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one picture: `main` and `second` for the thing itself, the wall and the floor behind it."""

    wall: Colour
    floor: Colour
    main: Colour
    second: Colour
    dark: Colour = (43, 45, 66)
    pale: Colour = (247, 243, 234)
    metal: Colour = (185, 194, 207)
    wood: Colour = (185, 121, 74)
    glass: Colour = (159, 216, 232)


PALETTES = [
    Palette(colour(wall), colour(floor), colour(main), colour(second))
    for wall, floor, main, second in (
        ("fbe3c8", "f0c79c", "e4572e", "2e86ab"),
        ("d6ecef", "a9d3da", "17738c", "f2a541"),
        ("e6e1f5", "c5bbe6", "6a4c93", "f4a261"),
        ("dff0d8", "b5d9a8", "3a7d44", "e76f51"),
        ("fde2e4", "f3b8bd", "c8435a", "3d5a80"),
        ("fff1cc", "f3d587", "d98e04", "33658a"),
        ("dde7f7", "b0c5e8", "2f5fb3", "ff8c61"),
        ("f3e6da", "dcbfa6", "8c5a3c", "5b8e7d"),
    )
]


class Canvas:
    """Draws in picture coordinates, 960 x 720, whatever it is made of inside."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self._image = Image.new("RGBA", (WIDTH * _SCALE, HEIGHT * _SCALE), (*palette.dark, 0))
        self._draw = ImageDraw.Draw(self._image)

    def box(self, x: float, y: float, width: float, height: float, fill: Colour, radius: float = 0) -> None:
        corners = (x * _SCALE, y * _SCALE, (x + width) * _SCALE, (y + height) * _SCALE)
        self._draw.rounded_rectangle(corners, radius * _SCALE, fill)

    def disc(self, x: float, y: float, radius: float, fill: Colour, height_radius: float | None = None) -> None:
        self._draw.ellipse(_around(x, y, radius, height_radius), fill)

    def ring(self, x: float, y: float, radius: float, thickness: float, fill: Colour) -> None:
        self._draw.ellipse(_around(x, y, radius), None, fill, round(thickness * _SCALE))

    def arc(self, x: float, y: float, radius: float, start: float, end: float, thickness: float, fill: Colour) -> None:
        """A piece of a ring between two angles in degrees, clockwise from three o'clock, with round ends."""
        self._draw.arc(_around(x, y, radius), start, end, fill, round(thickness * _SCALE))
        middle = radius - thickness / 2
        for angle in (math.radians(start), math.radians(end)):
            self.disc(x + middle * math.cos(angle), y + middle * math.sin(angle), thickness / 2, fill)

    def shape(self, points: Iterable[Point], fill: Colour) -> None:
        self._draw.polygon(_scaled(points), fill)

    def blob(self, points: Sequence[Point], fill: Colour) -> None:
        """A shape whose outline runs smoothly through the points."""
        self.shape(smooth(points, closed=True), fill)

    def line(self, points: Sequence[Point], thickness: float, fill: Colour) -> None:
        self._draw.line(_scaled(points), fill, round(thickness * _SCALE))
        for x, y in points:  # round joints; Pillow's own leave notches where a thick line bends
            self.disc(x, y, thickness / 2, fill)

    def curve(self, points: Sequence[Point], thickness: float, fill: Colour) -> None:
        self.line(smooth(points), thickness, fill)

    def finished(self) -> Image.Image:
        return self._image.reduce(_SCALE)


Motif = Callable[[Canvas, Palette], None]


def paint(motif: Motif, seed: str) -> bytes:
    """A picture of `motif` as PNG, 960 x 720. The same seed gives the same picture, another one other colours."""
    dice = random.Random(seed)  # noqa: S311 - colours, not secrets
    palette = dice.choice(PALETTES)
    picture = _room(palette, dice)

    canvas = Canvas(palette)
    motif(canvas, palette)
    thing = canvas.finished()
    shape = thing.getchannel("A")

    picture.paste(lighter(palette.floor, -0.55), (0, 0), _shadow(shape))
    picture.paste(thing, (0, 0), thing)
    buffer = BytesIO()
    picture.save(buffer, format="PNG", compress_level=0)  # read again at once
    return buffer.getvalue()


def smooth(points: Sequence[Point], closed: bool = False, steps: int = 12) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    count = len(points)
    result: list[Point] = []
    for at in range(count if closed else count - 1):
        near = [points[(at + by) % count] if closed else points[min(max(at + by, 0), count - 1)] for by in (-1, 0, 1, 2)]
        for step in range(steps):
            x, y = (_between([point[axis] for point in near], step / steps) for axis in (0, 1))
            result.append((x, y))
    return result if closed else [*result, points[-1]]


def turned(points: Iterable[Point], degrees: float, around: Point) -> list[Point]:
    """The points turned clockwise around a point."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    turned = []
    for x, y in points:
        right, down = x - around[0], y - around[1]
        turned.append((around[0] + right * cosine - down * sine, around[1] + right * sine + down * cosine))
    return turned


def _between(values: list[float], share: float) -> float:
    before, start, end, after = values
    return 0.5 * (
        2 * start
        + (end - before) * share
        + (2 * before - 5 * start + 4 * end - after) * share**2
        + (3 * start - before - 3 * end + after) * share**3
    )


def _room(palette: Palette, dice: random.Random) -> Image.Image:
    """Wall, floor and a disc of light, a little different each time."""
    tint = dice.uniform(-0.01, 0.01)
    hue, light, strength = colorsys.rgb_to_hls(*(part / 255 for part in palette.wall))
    red, green, blue = (round(part * 255) for part in colorsys.hls_to_rgb((hue + tint) % 1, light, strength))
    wall = (red, green, blue)

    room = Image.new("RGB", (WIDTH, HEIGHT), wall)
    draw = ImageDraw.Draw(room)
    light_x = WIDTH / 2 + dice.uniform(-70, 70)
    glow = Image.new("L", (WIDTH // 2, HEIGHT // 2), 0)
    ImageDraw.Draw(glow).ellipse([value / 2 for value in (light_x - 300, 20, light_x + 300, 620)], fill=150)
    room.paste(lighter(wall, 0.75), (0, 0), glow.filter(ImageFilter.BoxBlur(1)).resize((WIDTH, HEIGHT)))
    draw.rectangle((0, FLOOR, WIDTH, HEIGHT), fill=palette.floor)
    draw.rectangle((0, FLOOR, WIDTH, FLOOR + 5), fill=lighter(palette.floor, 0.25))
    return room


def _shadow(shape: Image.Image) -> Image.Image:
    """What the thing keeps from the light: a soft copy on the wall, and a flat ellipse under its feet."""
    size = (WIDTH // 4, HEIGHT // 4)
    soft = ImageChops.offset(shape.resize(size), 6, 5).filter(ImageFilter.GaussianBlur(5)).point(lambda value: value * 0.3)
    feet = shape.crop((0, FLOOR, WIDTH, HEIGHT)).getbbox() or (0, 0, WIDTH, GROUND - FLOOR)
    under = Image.new("L", size, 0)
    half, bottom = (feet[2] - feet[0]) / 2 * 1.06, FLOOR + feet[3] - 4
    middle = (feet[0] + feet[2]) / 2 + 8
    ellipse = (middle - half, bottom - 16, middle + half, bottom + 18)
    ImageDraw.Draw(under).ellipse([value / 4 for value in ellipse], fill=130)
    under = under.filter(ImageFilter.GaussianBlur(3))
    return ImageChops.lighter(soft, under).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)


def _around(x: float, y: float, radius: float, height_radius: float | None = None) -> tuple[float, ...]:
    down = radius if height_radius is None else height_radius
    return (x - radius) * _SCALE, (y - down) * _SCALE, (x + radius) * _SCALE, (y + down) * _SCALE


def _scaled(points: Iterable[Point]) -> list[Point]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]
