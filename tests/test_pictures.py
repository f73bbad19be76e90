"""Pictures, from real files: what is taken, what comes out of it, what is refused, and that nothing is left behind."""

import asyncio
import contextlib
import os
import random
import resource
import struct
import threading
import time
import zlib
from collections.abc import AsyncIterator, Collection
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from matching.refusals import InvalidRequest, Refusal, TooLarge, Unavailable, UnsupportedMedia
from server import picture_rendering
from server.picture_rendering import PIXELS_MAX, SIZE_BYTES_MAX, render
from server.pictures import THREADS, WAITING_MAX, Pictures

RED, GREEN, BLUE = (220, 30, 30), (30, 160, 60), (30, 60, 200)


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture
async def pictures(uploads: Path) -> AsyncIterator[Pictures]:
    pictures = Pictures(uploads)
    yield pictures
    await pictures.close()


def photo(width: int = 600, height: int = 400, mode: str = "RGB") -> Image.Image:
    """A red picture whose upper left quarter is blue."""
    image = Image.new("RGB", (width, height), RED)
    ImageDraw.Draw(image).rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=BLUE)
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def close_to(pixel: object, colour: tuple[int, ...], tolerance: int = 12) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(have - want) <= tolerance for have, want in zip(pixel, colour, strict=True))


async def made(pictures: Pictures, tmp_path: Path, data: bytes, file_name: str = "upload.bin") -> Image.Image:
    """What is served after `data` has been uploaded."""
    source = tmp_path / file_name
    source.write_bytes(data)
    picture = await pictures.make(source)
    with Image.open(pictures.path(picture.name)) as large, Image.open(pictures.path(picture.name, True)) as small:
        assert large.format == small.format == "WEBP"
        assert large.size == (picture.width, picture.height)
        assert max(large.size) <= 2048
        assert max(small.size) <= 320
        assert not large.getexif()
        assert not {"exif", "xmp", "icc_profile", "comment"} & {*large.info, *small.info}
        return large.copy()


# ── what is taken ──


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("WEBP", {"lossless": True})],
)
async def test_every_kind_comes_out_as_webp(pictures: Pictures, tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    image = await made(pictures, tmp_path, encoded(photo(), kind, **options), "cat.gif")
    assert image.mode == "RGB"
    assert image.size == (600, 400)
    assert close_to(image.getpixel((50, 50)), BLUE)
    assert close_to(image.getpixel((550, 350)), RED)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_large_picture_shrinks_and_a_small_one_does_not_grow(pictures: Pictures, tmp_path: Path, kind: str) -> None:
    assert (await made(pictures, tmp_path, encoded(photo(5000, 2500), kind))).size == (2048, 1024)
    assert (await made(pictures, tmp_path, encoded(photo(20, 10), kind))).size == (20, 10)


async def test_forty_megapixels_are_taken(pictures: Pictures, tmp_path: Path) -> None:
    assert PIXELS_MAX == 8000 * 5000
    image = await made(pictures, tmp_path, encoded(Image.new("L", (8000, 5000)), "JPEG"))
    assert image.size == (2048, 1280)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_it_stands_upright(pictures: Pictures, tmp_path: Path, kind: str, orientation: int) -> None:
    # The camera's picture is laid down the opposite way, so that turning it upright gives the photo again.
    lying = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = photo().transpose(lying[orientation]) if orientation in lying else photo()
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = await made(pictures, tmp_path, encoded(image, kind, exif=exif))
    assert upright.size == (600, 400)
    assert close_to(upright.getpixel((50, 50)), BLUE)
    assert close_to(upright.getpixel((550, 50)), RED)
    assert close_to(upright.getpixel((50, 350)), RED)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_where_it_was_taken_is_gone(pictures: Pictures, tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Mona's flat"
    exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 2.0, 40.0), 3: "E", 4: (31.0, 14.0, 8.0)})
    options: dict[str, Any] = {"exif": exif, "xmp": b"<x:xmpmeta>Mona's flat</x:xmpmeta>"}
    if kind == "JPEG":
        options["comment"] = "Mona's flat"
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", "Mona's flat")
        options = {"exif": exif, "pnginfo": text}
    data = encoded(photo(), kind, **options)
    assert b"Mona's flat" in data
    await made(pictures, tmp_path, data)
    for content in stored(tmp_path):
        assert not any(trace in content for trace in (b"Mona", b"EXIF", b"XMP ", b"ICCP"))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
async def test_exif_that_is_broken_is_no_reason_to_refuse(pictures: Pictures, tmp_path: Path) -> None:
    data = encoded(photo(), "JPEG")
    broken = b"Exif\0\0" + b"II*\0\x08\0\0\0" + b"\xff" * 6
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(broken) + 2) + broken + data[2:]
    await made(pictures, tmp_path, data)


async def test_a_profile_is_applied_and_dropped(pictures: Pictures, tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()  # does not fit RGB: ignored
    image = await made(pictures, tmp_path, encoded(photo(), "PNG", icc_profile=lab))
    assert close_to(image.getpixel((50, 50)), BLUE)
    image = await made(pictures, tmp_path, encoded(photo(), "PNG", icc_profile=b"no profile at all" * 20))
    assert close_to(image.getpixel((50, 50)), BLUE)
    image = await made(pictures, tmp_path, encoded(photo(), "JPEG", icc_profile=swapped_profile()))
    assert close_to(image.getpixel((550, 350)), (RED[2], RED[1], RED[0]), tolerance=30)


async def test_transparency_is_kept(pictures: Pictures, tmp_path: Path) -> None:
    clear = photo(mode="RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    image = await made(pictures, tmp_path, encoded(clear, "PNG", icc_profile=srgb_profile()))
    assert image.mode == "RGBA"
    assert image.getchannel("A").getextrema() == (0, 255)

    palette = photo().quantize(2)
    corner = palette.getpixel((0, 0))
    image = await made(pictures, tmp_path, encoded(palette, "PNG", transparency=corner))
    assert image.mode == "RGBA"
    alpha = image.getchannel("A")
    assert (alpha.getpixel((10, 10)), alpha.getpixel((590, 390))) == (0, 255)

    image = await made(pictures, tmp_path, encoded(photo(mode="RGBA"), "PNG"))  # alpha that hides nothing is dropped
    assert image.mode == "RGB"


@pytest.mark.parametrize("mode", ["CMYK", "L"])
async def test_jpeg_of_other_colours(pictures: Pictures, tmp_path: Path, mode: str) -> None:
    source = photo(mode=mode)
    image = await made(pictures, tmp_path, encoded(source, "JPEG", quality=95))
    assert close_to(image.getpixel((550, 350)), source.convert("RGB").getpixel((550, 350)))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
async def test_png_of_other_colours(pictures: Pictures, tmp_path: Path, mode: str) -> None:
    assert (await made(pictures, tmp_path, encoded(photo(mode=mode), "PNG"))).size == (600, 400)


async def test_16_bit_grey_keeps_its_shades(pictures: Pictures, tmp_path: Path) -> None:
    grey = Image.new("I;16", (60, 40), 30_000)
    image = await made(pictures, tmp_path, encoded(grey, "PNG"))
    assert close_to(image.getpixel((5, 5)), (117, 117, 117), tolerance=3)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
async def test_of_an_animation_the_first_frame(pictures: Pictures, tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (60, 40), colour) for colour in (GREEN, RED, BLUE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    image = await made(pictures, tmp_path, data)
    assert getattr(image, "n_frames", 1) == 1
    assert close_to(image.getpixel((5, 5)), GREEN)


async def test_a_photo_with_a_second_picture_or_a_film_behind_it(pictures: Pictures, tmp_path: Path) -> None:
    data = encoded(photo(), "MPO", save_all=True, append_images=[Image.new("RGB", (60, 40), GREEN)])
    assert close_to((await made(pictures, tmp_path, data)).getpixel((50, 50)), BLUE)
    film = encoded(photo(), "JPEG") + b"\xff\xda" * 10_000
    assert close_to((await made(pictures, tmp_path, film)).getpixel((50, 50)), BLUE)


# ── what is refused ──


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO", "JPEG2000"])
async def test_another_kind_is_refused_whatever_its_name(pictures: Pictures, tmp_path: Path, kind: str) -> None:
    await refused(pictures, tmp_path, encoded(photo(), kind), UnsupportedMedia)


@pytest.mark.parametrize(
    "data",
    [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!doctype html><script>", b"MZ", b"\x89PN", b"RIFF1234WAVE"],
)
async def test_no_picture_is_refused(pictures: Pictures, tmp_path: Path, data: bytes) -> None:
    await refused(pictures, tmp_path, data, UnsupportedMedia)


async def test_nothing_is_refused(pictures: Pictures, tmp_path: Path) -> None:
    await refused(pictures, tmp_path, b"", InvalidRequest)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
async def test_half_a_file_is_refused(pictures: Pictures, tmp_path: Path, kind: str, share: float) -> None:
    data = encoded(Image.effect_noise((300, 200), 80).convert("RGB"), kind)
    await refused(pictures, tmp_path, data[: int(len(data) * share)], InvalidRequest)


async def test_too_many_bytes_are_refused(pictures: Pictures, tmp_path: Path) -> None:
    await refused(pictures, tmp_path, encoded(photo(), "PNG") + bytes(SIZE_BYTES_MAX), TooLarge)


def png_claiming(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def jpeg_claiming(width: int, height: int) -> bytes:
    data = encoded(photo(16, 16), "JPEG")
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def webp_claiming(width: int, height: int, chunk: bytes) -> bytes:
    match chunk:
        case b"VP8X":
            body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        case b"VP8L":
            body = b"\x2f" + (width - 1 | (height - 1) << 14).to_bytes(4, "little") + bytes(8)
        case _:
            body = b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(8)
    chunks = b"WEBP" + chunk + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


@pytest.mark.parametrize(
    "bomb",
    [
        png_claiming(60_000, 60_000),
        png_claiming(2**31 - 1, 2**31 - 1),
        png_claiming(PIXELS_MAX + 1, 1),
        png_claiming(10_000, 10_000),
        jpeg_claiming(60_000, 60_000),
        jpeg_claiming(8_000, 5_001),
        webp_claiming(60_000, 60_000, b"VP8X"),
        webp_claiming(16_383, 16_383, b"VP8 "),
        webp_claiming(16_384, 16_384, b"VP8L"),
    ],
    ids=lambda data: data[12:16].decode("latin-1") if data[:4] == b"RIFF" else data[:4].hex(),
)
async def test_a_bomb_is_refused_from_its_header(pictures: Pictures, tmp_path: Path, bomb: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await refused(pictures, tmp_path, bomb, TooLarge)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < 40


async def test_a_webp_whose_canvas_lies_about_the_picture_in_it_is_refused(pictures: Pictures, tmp_path: Path) -> None:
    inner = webp_claiming(16_383, 16_383, b"VP8 ")[12:]
    chunks = webp_claiming(60, 40, b"VP8X")[8:] + inner
    await refused(pictures, tmp_path, b"RIFF" + struct.pack("<I", len(chunks)) + chunks, InvalidRequest)


async def test_a_jpeg_that_would_be_walked_a_thousand_times_is_refused(pictures: Pictures, tmp_path: Path) -> None:
    data = encoded(photo(), "JPEG", progressive=True)
    scan, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    await refused(pictures, tmp_path, data[:end] + data[scan:end] * 1000 + data[end:], InvalidRequest)
    await refused(pictures, tmp_path, data[:2] + b"\xff\xfe\0\x02" * 5000 + data[2:], InvalidRequest)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's about corrupt EXIF; the answer is what counts
def test_whatever_the_bytes_the_answer_is_a_picture_or_a_refusal(kind: str) -> None:
    dice = random.Random(kind)
    exif = Image.Exif()
    exif[0x0112] = 6
    good = encoded(photo(40, 30), kind, exif=exif, icc_profile=srgb_profile())
    answers = set()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            large, _small = render(bytes(data))
            assert max(large.size) <= 2048
            answers.add("picture")
        except Refusal as no:
            answers.add(no.code)
    assert {"picture", "INVALID_REQUEST"} <= answers <= {"picture", "INVALID_REQUEST", "TOO_LARGE", "UNSUPPORTED_MEDIA"}


# ── what is kept, and what is not ──


async def test_names_cannot_be_guessed_and_addresses_cannot_leave(pictures: Pictures, tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(encoded(photo(), "JPEG"))
    one, two = await pictures.make(source), await pictures.make(source)
    assert one.name != two.name
    assert len(bytes.fromhex(one.name)) == 16
    for thumbnail in (False, True):
        path = pictures.path(one.name, thumbnail)
        assert pictures.find(path.name) == path
    (tmp_path / "secret.webp").write_bytes(b"")
    for address in ("../secret.webp", "secret.webp", f"{'0' * 32}.webp", f"{one.name}.webp.part", f"{one.name}.webp\n"):
        assert pictures.find(address) is None

    await pictures.discard([one.name, one.name, "0" * 32])
    assert pictures.find(f"{one.name}.webp") is None
    assert pictures.find(f"{two.name}.thumb.webp")


async def test_a_disk_that_fails_half_way_leaves_nothing(
    pictures: Pictures, uploads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(encoded(photo(), "JPEG"))
    replace, moved = Path.replace, []

    def fail_on_the_second(path: Path, target: Path) -> Path:
        moved.append(path)
        if len(moved) == 2:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail_on_the_second)
    with pytest.raises(OSError, match="No space"):
        await pictures.make(source)
    assert os.listdir(uploads) == []


async def test_one_whose_uploader_has_gone_is_not_kept(pictures: Pictures, uploads: Path, tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(encoded(photo(3000, 2000), "JPEG"))
    upload = asyncio.create_task(pictures.make(source))
    await asyncio.sleep(0.02)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    await pictures.close()
    assert os.listdir(uploads) == []


async def test_only_so_many_may_wait(pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(encoded(photo(), "JPEG"))
    go = threading.Event()
    monkeypatch.setattr("server.pictures.render", lambda data: go.wait(10) and picture_rendering.render(data))
    uploads = [asyncio.create_task(pictures.make(source)) for _ in range(THREADS + WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await pictures.make(source)
    go.set()
    assert len({picture.name for picture in await asyncio.gather(*uploads)}) == THREADS + WAITING_MAX
    await pictures.make(source)


async def test_the_sweep_takes_old_files_that_nothing_knows(pictures: Pictures, uploads: Path, tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(encoded(photo(), "JPEG"))
    kept, orphan, fresh = [await pictures.make(source) for _ in range(3)]
    died_half_way = uploads / f"{'a' * 32}.webp.part"
    not_ours = uploads / "holiday.webp"
    for path in (died_half_way, not_ours):
        path.write_bytes(b"half")
    for name in os.listdir(uploads):
        if not name.startswith(fresh.name):
            os.utime(uploads / name, (time.time() - 3700,) * 2)

    async def known(names: list[str]) -> Collection[str]:
        assert set(names) <= {kept.name, orphan.name, "a" * 32}
        return {kept.name} & set(names)

    assert await pictures.sweep(known) == 3
    assert set(os.listdir(uploads)) == {not_ours.name} | {
        pictures.path(p.name, t).name for p in (kept, fresh) for t in (False, True)
    }


async def test_a_sweep_can_be_cancelled_while_it_reads(pictures: Pictures, uploads: Path) -> None:
    for number in range(2000):
        (uploads / f"{number}.webp").touch()  # nobody's

    async def known(names: list[str]) -> Collection[str]:
        raise AssertionError(names)

    for number in range(200):  # when it closed the directory under its thread, one in some dozens crashed the process
        sweep = asyncio.create_task(pictures.sweep(known))
        await asyncio.sleep(number % 20 / 10_000)
        sweep.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            assert await sweep == 0
    assert len(os.listdir(uploads)) == 2000


# ── what the tests share ──


async def refused(pictures: Pictures, tmp_path: Path, data: bytes, refusal: type[Refusal]) -> None:
    source = tmp_path / "holiday.jpg"
    source.write_bytes(data)
    with pytest.raises(refusal) as no:
        await pictures.make(source)
    assert type(no.value) is refusal
    assert no.value.field == "image"
    assert os.listdir(tmp_path / "uploads") == []


def stored(tmp_path: Path) -> list[bytes]:
    return [path.read_bytes() for path in (tmp_path / "uploads").iterdir()]


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """sRGB with red and blue changed places."""
    return srgb_profile().replace(b"rXYZ", b"....").replace(b"bXYZ", b"rXYZ").replace(b"....", b"bXYZ")
