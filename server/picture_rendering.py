"""What an uploaded file shows: judged by its content, never by its name, then upright, sRGB, without metadata. (C74)

Refused from its header before any pixel has room. No files and no threads here: bytes in, two images out.
"""

import contextlib
import re
import struct
import threading
from io import BytesIO

from PIL import Image, ImageCms

from matching.refusals import InvalidRequest, Refusal, TooLarge, Unavailable, UnsupportedMedia

SIZE_MB_MAX = 10
SIZE_BYTES_MAX = SIZE_MB_MAX * 2**20
PIXELS_MAX = 40_000_000
SIDE_PIXELS_MAX = 2048
THUMBNAIL_SIDE_PIXELS = 320

# A 40-megapixel WebP takes about 700 MB while it is decoded, so above this only one picture is decoded at a time.
LARGE_PIXELS = 12_000_000
_large_one_at_a_time = threading.Lock()

# 65 bytes can ask libjpeg to walk the whole picture once more: a file of 366 KB with 2,000 scans took 27 s.
# Real progressive files have about ten.
JPEG_SCANS_MAX = 100
JPEG_SEGMENTS_MAX = 1000
# In the picture data itself, FF is followed by 00 or by a restart mark (D0 to D7).
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_SCAN, _JPEG_END = b"\xff\xda", b"\xff\xd9"

PROFILE_BYTES_MAX = 4 * 1024 * 1024

_TOO_MANY_PIXELS = f"The picture has more than {PIXELS_MAX // 1_000_000} megapixels."
_DAMAGED = "The picture is damaged or incomplete."
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def render(data: bytes) -> tuple[Image.Image, Image.Image]:
    """The picture in `data` as it is shown: large and thumbnail, RGB or RGBA, with nothing left of its metadata.

    Raises TooLarge, UnsupportedMedia or InvalidRequest.
    """
    kind = _kind_by_content(data)
    try:
        with Image.open(BytesIO(data), formats=(kind,)) as image:
            _check_size(*image.size)
            with _large_one_at_a_time if image.width * image.height > LARGE_PIXELS else contextlib.nullcontext():
                large = _upright_srgb(image)
    except Refusal:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge(_TOO_MANY_PIXELS, field="image") from error
    except MemoryError as error:
        raise Unavailable from error
    except Exception as error:  # whatever a decoder makes of hostile bytes: the file is refused, nothing is hidden
        raise InvalidRequest(_DAMAGED, field="image") from error
    small = large.copy()
    small.thumbnail((THUMBNAIL_SIDE_PIXELS, THUMBNAIL_SIDE_PIXELS), Image.Resampling.LANCZOS)
    return large, small


def _kind_by_content(data: bytes) -> str:
    """JPEG, PNG or WEBP, by the first bytes; everything else, and whatever is out of bounds, is refused."""
    if not data:
        raise InvalidRequest("The file is empty.", field="image")
    if len(data) > SIZE_BYTES_MAX:
        raise TooLarge(f"A picture has at most {SIZE_MB_MAX} MB.", field="image")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        _check_size(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        _check_scans(data)
        return "JPEG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        # Pillow makes room for the whole canvas when it opens a WebP, so its size is read here, before that.
        _check_size(*_webp_size(data))
        return "WEBP"
    raise UnsupportedMedia("A picture has to be JPEG, PNG or WebP.", field="image")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height as the first chunk of a WebP says (RFC 9649, sections 2.5 to 2.7)."""
    chunk, header = data[12:16], data[20:30]
    if chunk == b"VP8X" and len(header) == 10:
        return int.from_bytes(header[4:7], "little") + 1, int.from_bytes(header[7:10], "little") + 1
    if chunk == b"VP8 " and header[3:6] == b"\x9d\x01\x2a" and len(header) == 10:
        return int.from_bytes(header[6:8], "little") & 0x3FFF, int.from_bytes(header[8:10], "little") & 0x3FFF
    if chunk == b"VP8L" and header[:1] == b"\x2f" and len(header) >= 5:
        bits = int.from_bytes(header[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise InvalidRequest(_DAMAGED, field="image")


def _check_scans(data: bytes) -> None:
    """Walk a JPEG's segments as libjpeg does, up to the end of the picture: phones put films behind that."""
    position, scans = 2, 0
    for _ in range(JPEG_SEGMENTS_MAX):
        marker = _JPEG_MARKER.search(data, position)
        if marker is None or marker[0] == _JPEG_END:
            return
        scans += marker[0] == _JPEG_SCAN
        if scans > JPEG_SCANS_MAX:
            break
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    raise InvalidRequest("The picture is made of too many parts.", field="image")


def _check_size(width: int, height: int) -> None:
    if width * height > PIXELS_MAX:
        raise TooLarge(_TOO_MANY_PIXELS, field="image")


def _upright_srgb(image: Image.Image) -> Image.Image:
    """Decode, shrink, turn upright, convert to sRGB. Shrinking comes first, so that the rest is cheap."""
    profile = image.info.get("icc_profile")
    image.draft(None, (SIDE_PIXELS_MAX, SIDE_PIXELS_MAX))  # lets libjpeg decode at a half, a quarter or an eighth
    image.load()
    orientation = _orientation(image)  # after load: a PNG may have its EXIF behind the pixels

    if image.mode.startswith("I"):  # 16 bit grey; convert() alone would turn all but the darkest into white
        image = image.point(lambda value: value * (1 / 257)).convert("L")
    if image.mode != "RGBA" and image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB", "RGBA", "CMYK"):
        image = image.convert("RGB")
    image.thumbnail((SIDE_PIXELS_MAX, SIDE_PIXELS_MAX), Image.Resampling.LANCZOS)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])

    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = _to_srgb(image.convert("RGB") if alpha else image, profile)
    if alpha and alpha.getextrema() != (255, 255):
        colours.putalpha(alpha)
    colours.info.clear()  # Pillow writes none of it into a WebP unless told; this is the second lock
    return colours


def _orientation(image: Image.Image) -> int | None:
    # Many a phone writes EXIF that is not quite right; that is no reason to refuse a photo.
    with contextlib.suppress(SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        orientation = image.getexif().get(_ORIENTATION)
        return orientation if isinstance(orientation, int) else None
    return None


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and len(profile) <= PROFILE_BYTES_MAX:
        # A profile that is broken, or of other colours than the picture's, is ignored, as browsers do.
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            converted = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            assert converted is not None  # None only when converting in place
            return converted
    return image.convert("RGB")
