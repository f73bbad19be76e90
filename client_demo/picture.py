"""Pictures on a terminal: any image as coloured half blocks, two pixels to a character."""

import io

from PIL import Image, ImageOps
from rich.color import Color
from rich.style import Style
from rich.text import Text

FORMATS = ("JPEG", "PNG", "WEBP")  # what the server gives out; Pillow is to try no other decoder
PIXELS_MAX = 4_000_000
UPPER_HALF = "▀"


def half_blocks(image_bytes: bytes, columns_max: int, rows_max: int) -> Text | None:
    """The picture at most that large, in its own proportions; None when the bytes are no picture that we open."""
    try:
        with Image.open(io.BytesIO(image_bytes), formats=FORMATS) as opened:
            if opened.width * opened.height > PIXELS_MAX:
                return None
            image = ImageOps.contain(opened.convert("RGB"), (max(1, columns_max), max(2, rows_max * 2)))
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
    ):  # SyntaxError: Pillow's word for a broken PNG
        return None
    pixels = image.load()
    if pixels is None:
        return None
    text = Text(no_wrap=True)
    for top in range(0, image.height, 2):
        if top:
            text.append("\n")
        for column in range(image.width):
            upper = pixels[column, top]
            lower = pixels[column, min(top + 1, image.height - 1)]
            assert isinstance(upper, tuple)
            assert isinstance(lower, tuple)
            text.append(
                UPPER_HALF,
                Style(
                    color=Color.from_rgb(*upper[:3]),
                    bgcolor=Color.from_rgb(*lower[:3]),
                ),
            )
    return text
