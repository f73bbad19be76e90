"""The pictures that the demo play uploads: painted when they are needed, so that none has to be kept."""

import io
from collections.abc import Callable

from PIL import Image, ImageDraw

SIZE_PIXELS = (480, 320)

Ink = tuple[int, int, int]
NIGHT: Ink = (38, 48, 66)
METAL: Ink = (168, 178, 190)
DARK: Ink = (30, 34, 40)


def camera() -> bytes:
    return _painted((244, 190, 120), (226, 120, 90), _camera)


def bicycle() -> bytes:
    return _painted((150, 214, 196), (64, 140, 150), _bicycle)


def skateboard() -> bytes:
    return _painted((200, 190, 240), (110, 100, 190), _skateboard)


def _painted(top: Ink, bottom: Ink, paint: Callable[[ImageDraw.ImageDraw], None]) -> bytes:
    """A sky from `top` to `bottom`, something on it, as JPEG."""
    image = Image.new("RGB", SIZE_PIXELS)
    draw = ImageDraw.Draw(image)
    width, height = SIZE_PIXELS
    for y in range(height):
        share = y / height
        colour = tuple(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        draw.line((0, y, width, y), fill=colour)
    draw.ellipse((60, 262, 420, 300), fill=tuple(max(0, part - 40) for part in bottom))
    paint(draw)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def _camera(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon([(190, 110), (215, 70), (285, 70), (310, 110)], fill=DARK)
    draw.rounded_rectangle((100, 105, 400, 275), 26, fill=DARK)
    draw.rectangle((100, 140, 400, 240), fill=NIGHT)
    draw.rounded_rectangle((118, 88, 172, 110), 8, fill=METAL)
    draw.ellipse((170, 105, 330, 265), fill=METAL)
    draw.ellipse((186, 121, 314, 249), fill=DARK)
    draw.ellipse((212, 147, 288, 223), fill=(70, 110, 160))
    draw.ellipse((226, 158, 250, 182), fill=(225, 238, 250))
    draw.ellipse((345, 118, 375, 148), fill=(220, 70, 60))


def _bicycle(draw: ImageDraw.ImageDraw) -> None:
    for left in (60, 280):
        draw.ellipse((left, 140, left + 140, 280), outline=DARK, width=12)
        draw.ellipse((left + 60, 200, left + 80, 220), fill=METAL)
    frame = (222, 84, 60)
    back, pedals, seat, head, front = (130, 210), (225, 215), (195, 115), (315, 105), (350, 210)
    for start, end in ((back, pedals), (back, seat), (seat, pedals), (pedals, head), (seat, head), (head, front)):
        draw.line((*start, *end), fill=frame, width=13)
    draw.line((188, 95, 195, 118), fill=DARK, width=10)
    draw.rounded_rectangle((160, 82, 225, 100), 9, fill=DARK)
    draw.line((315, 108, 308, 72), fill=DARK, width=10)
    draw.line((308, 74, 352, 66), fill=DARK, width=10)
    draw.ellipse((207, 197, 243, 233), fill=METAL)


def _skateboard(draw: ImageDraw.ImageDraw) -> None:
    draw.line([(60, 150), (110, 190), (370, 190), (420, 150)], fill=NIGHT, width=26, joint="curve")
    draw.line([(64, 140), (112, 180), (368, 180), (416, 140)], fill=(240, 110, 120), width=9, joint="curve")
    for x in (150, 330):
        draw.rectangle((x - 12, 200, x + 12, 226), fill=METAL)
        draw.ellipse((x - 28, 214, x + 28, 270), fill=(250, 220, 120))
        draw.ellipse((x - 9, 233, x + 9, 251), fill=DARK)
