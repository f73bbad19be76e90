"""Uploads through the real door: what is taken, what is refused and why, and what is left behind: nothing (S1.30, C74)."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from PIL import Image
from structlog.testing import capture_logs

from matching.refusals import Unavailable
from server import uploads
from storage.database import Database, Tx
from storage.items import shown_images
from tests.conftest import Market, OpenMarket
from tests.people import NOBODYS_ID, Cast, Person, Refused
from tests.trading import refused, trade_between

Part = tuple[str, str, bytes, str]  # field, file name, content, content type


def photo(kind: str = "JPEG", width: int = 640, height: int = 480, **options: Any) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (width, height), (200, 80, 40)).save(buffer, format=kind, **options)
    return buffer.getvalue()


def form(*parts: Part) -> aiohttp.FormData:
    data = aiohttp.FormData()
    for name, file_name, content, content_type in parts:
        data.add_field(name, BytesIO(content), filename=file_name, content_type=content_type)
    return data


def jpeg(content: bytes | None = None, name: str = "image") -> Part:
    return name, "photo.jpg", content or photo(), "image/jpeg"


async def upload(person: Person, item: str, data: Any, **more: Any) -> Any:
    return await person.asks("POST", f"/items/{item}/images", data=data, **more)


@dataclass
class Studio:
    """Alice with an item, on a server of their own: what is in the upload directory came from here."""

    market: Market
    cast: Cast
    alice: Person
    item: str

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.market.data_dir / "uploads").rglob("*"))

    async def images(self) -> list[Any]:
        found: list[Any] = (await self.alice.asks("GET", f"/items/{self.item}"))["images"]
        return found


@pytest.fixture(scope="module")
async def gallery(open_market: OpenMarket) -> AsyncIterator[Market]:
    async with open_market() as market:
        yield market


@pytest.fixture
async def studio(gallery: Market) -> Studio:
    for file in (gallery.data_dir / "uploads").iterdir():
        file.unlink()
    alice = await gallery.cast.person("Alice")
    return Studio(gallery, gallery.cast, alice, await alice.lists("A camera"))


# What is taken


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_goes_in_and_comes_out_as_webp_with_a_thumbnail(studio: Studio, kind: str) -> None:
    data = form(("image", f"photo.{kind.lower()}", photo(kind), f"image/{kind.lower()}"))
    answer = await upload(studio.alice, studio.item, data)
    (image,) = answer["images"]
    assert (image["width"], image["height"]) == (640, 480)
    assert await studio.images() == [image]

    for address, size in ((image["url"], (640, 480)), (image["thumbnailUrl"], (320, 240))):
        async with studio.cast.session.get(studio.market.url + address) as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "image/webp"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "immutable" in response.headers["Cache-Control"]
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            with Image.open(BytesIO(await response.read())) as served:
                assert (served.format, served.size) == ("WEBP", size)


async def test_an_address_cannot_be_guessed(studio: Studio) -> None:
    answer = await upload(studio.alice, studio.item, form(jpeg(), jpeg()))
    names = [image["url"].removeprefix("/media/").removesuffix(".webp") for image in answer["images"]]
    assert len(set(names)) == 2, "the same file twice is two pictures"
    assert all(len(name) == 32 and int(name, 16) for name in names), "128 random bits"
    assert not any(image["id"].replace("-", "") in image["url"] for image in answer["images"])


async def test_where_and_with_what_it_was_taken_is_gone(studio: Studio) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera Maker"
    exif.get_ifd(0x8825)[2] = (30.0, 2.0, 40.0)  # the latitude
    answer = await upload(studio.alice, studio.item, form(jpeg(photo(exif=exif, comment=b"home sweet home"))))
    for address in (answer["images"][0]["url"], answer["images"][0]["thumbnailUrl"]):
        async with studio.cast.session.get(studio.market.url + address) as response:
            served = await response.read()
        assert b"Secret" not in served
        assert b"home sweet home" not in served
        with Image.open(BytesIO(served)) as image:
            assert not image.getexif()


async def test_the_name_and_type_that_were_sent_mean_nothing(studio: Studio) -> None:
    answer = await upload(studio.alice, studio.item, form(("image", "../../secret_key", photo("PNG"), "text/html")))
    (image,) = answer["images"]
    assert studio.files() == sorted(Path(image[name]).name for name in ("url", "thumbnailUrl"))


async def test_an_item_has_at_most_ten_pictures(studio: Studio) -> None:
    small = photo(width=20, height=20)
    assert len((await upload(studio.alice, studio.item, form(*[jpeg(small)] * 8)))["images"]) == 8
    kept = studio.files()
    await refused(upload(studio.alice, studio.item, form(*[jpeg(small)] * 3)), "INVALID_REQUEST", "image")
    assert studio.files() == kept, "none of the three"
    await upload(studio.alice, studio.item, form(*[jpeg(small)] * 2))
    await refused(upload(studio.alice, studio.item, form(jpeg(small))), "INVALID_REQUEST", "image")
    assert (len(await studio.images()), len(studio.files())) == (10, 20)


async def test_ten_uploads_at_once_are_no_way_around_the_ten(studio: Studio) -> None:
    small = photo(width=20, height=20)
    asked = [upload(studio.alice, studio.item, form(*[jpeg(small)] * 3)) for _ in range(6)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(not isinstance(answer, Refused) for answer in answers) == 3
    assert (len(await studio.images()), len(studio.files())) == (9, 18)


# What is refused

JPEG = photo()
GIF = photo("GIF")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def png_header(width: int, height: int) -> bytes:
    """45 bytes that claim to be a picture of this size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


MB_10 = 10 * 2**20
# By name: a failing test prints its parameters, and some of these are long
NO_PICTURES: dict[str, tuple[list[Part], int, str, str]] = {
    "a GIF": ([jpeg(GIF)], 415, "UNSUPPORTED_MEDIA", "image"),
    "an SVG": ([("image", "photo.svg", SVG, "image/svg+xml")], 415, "UNSUPPORTED_MEDIA", "image"),
    "an SVG that says JPEG": ([jpeg(SVG)], 415, "UNSUPPORTED_MEDIA", "image"),
    "a page": ([jpeg(HTML)], 415, "UNSUPPORTED_MEDIA", "image"),
    "a PDF": ([jpeg(b"%PDF-1.7")], 415, "UNSUPPORTED_MEDIA", "image"),
    "a picture and a GIF": ([jpeg(JPEG), jpeg(GIF)], 415, "UNSUPPORTED_MEDIA", "image"),
    "a byte over 10 MB": ([jpeg(JPEG + b"\0" * (MB_10 + 1 - len(JPEG)))], 413, "TOO_LARGE", "image"),
    "a picture and over 10 MB": ([jpeg(JPEG), jpeg(b"\0" * (MB_10 + 1))], 413, "TOO_LARGE", "image"),
    "over 40 megapixels": ([jpeg(png_header(8000, 5001))], 413, "TOO_LARGE", "image"),
    "the largest PNG there is": ([jpeg(png_header(2**31 - 1, 2**31 - 1))], 413, "TOO_LARGE", "image"),
    "eleven": ([jpeg(JPEG)] * 11, 413, "TOO_LARGE", "image"),
    "a torn one": ([jpeg(JPEG[:-300])], 400, "INVALID_REQUEST", "image"),
    "only a header": ([jpeg(png_header(100, 100))], 400, "INVALID_REQUEST", "image"),
    "nothing": ([("image", "photo.jpg", b"", "image/jpeg")], 400, "INVALID_REQUEST", "image"),
    "another field": ([jpeg(JPEG, name="picture")], 400, "INVALID_REQUEST", "picture"),
    "and another field": ([jpeg(JPEG), jpeg(JPEG, name="other")], 400, "INVALID_REQUEST", "other"),
}


@pytest.mark.parametrize("what", NO_PICTURES)
async def test_what_is_no_picture_is_refused_and_leaves_nothing(studio: Studio, what: str) -> None:
    parts, status, code, field = NO_PICTURES[what]
    no = await refused(upload(studio.alice, studio.item, form(*parts)), code, field)
    assert no.status == status
    assert studio.files() == []
    assert await studio.images() == []


BOUNDED = {"Content-Type": "multipart/form-data; boundary=x"}
HEAD = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'


END = b"\r\n--x--\r\n"
NO_FORMS: dict[str, tuple[dict[str, str], bytes, int, str]] = {
    "a bare picture": ({"Content-Type": "image/jpeg"}, JPEG, 415, "UNSUPPORTED_MEDIA"),
    "JSON": ({"Content-Type": "application/json"}, b"{}", 415, "UNSUPPORTED_MEDIA"),
    "the other kind of form": ({"Content-Type": "application/x-www-form-urlencoded"}, b"image=x", 415, "UNSUPPORTED_MEDIA"),
    "no boundary": ({"Content-Type": "multipart/form-data"}, HEAD + JPEG + END, 400, "INVALID_REQUEST"),
    "no body": (BOUNDED, b"", 400, "INVALID_REQUEST"),
    "no parts": (BOUNDED, b"--x--\r\n", 400, "INVALID_REQUEST"),
    "not multipart": (BOUNDED, b"not multipart at all", 400, "INVALID_REQUEST"),
    "no end": (BOUNDED, HEAD + JPEG[:200], 400, "INVALID_REQUEST"),
    "a broken header": (BOUNDED, b"--x\r\nno header at all\r\n\r\n" + JPEG + END, 400, "INVALID_REQUEST"),
    "no name": (BOUNDED, b"--x\r\n\r\n" + JPEG + END, 400, "INVALID_REQUEST"),
    "5,000 headers": (BOUNDED, b"--x\r\n" + b"A: b\r\n" * 5000 + b"\r\n" + JPEG + END, 400, "INVALID_REQUEST"),
    "a form in the form": (
        BOUNDED,
        b'--x\r\nContent-Type: multipart/mixed; boundary=y\r\nContent-Disposition: form-data; name="image"\r\n\r\n--y--' + END,
        400,
        "INVALID_REQUEST",
    ),
}


@pytest.mark.parametrize("what", NO_FORMS)
async def test_what_is_no_form_is_refused_and_leaves_nothing(studio: Studio, what: str) -> None:
    headers, body, status, code = NO_FORMS[what]
    with pytest.raises(Refused) as no:
        await upload(studio.alice, studio.item, body, headers=headers)
    assert (no.value.status, no.value.code) == (status, code)
    assert studio.files() == []
    assert await studio.images() == []


async def test_an_upload_that_breaks_off_leaves_nothing_and_is_no_bug(studio: Studio) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", studio.market.service.port)
    head = (
        f"POST /api/items/{studio.item}/images HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {studio.alice.token}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n"
    )
    writer.write(head.encode() + HEAD + JPEG[:400])
    await writer.drain()
    with capture_logs() as logs:
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.sleep(0.2)
    assert studio.files() == []
    assert [entry for entry in logs if entry["log_level"] == "error"] == []
    assert (await upload(studio.alice, studio.item, form(jpeg())))["images"], "the server goes on"


async def test_only_the_owner_adds_and_takes_away_pictures(studio: Studio) -> None:
    bob = await studio.cast.person("Bob")
    no = await refused(upload(bob, studio.item, form(jpeg())), "NOT_OWNER")
    assert no.status == 403
    no = await refused(upload(bob, studio.item, form(jpeg(b"\0" * (9 * 2**20)))), "NOT_OWNER")
    assert no.status == 403, "told before the file is read"
    assert studio.files() == []

    (image,) = (await upload(studio.alice, studio.item, form(jpeg())))["images"]
    await refused(bob.asks("DELETE", f"/items/{studio.item}/images/{image['id']}"), "NOT_OWNER")
    assert await studio.images() == [image]


@pytest.mark.parametrize("item", [NOBODYS_ID, "abc123", "%00", "..%2f..%2fitems"])
async def test_an_item_that_is_not_there_takes_no_pictures(studio: Studio, item: str) -> None:
    no = await refused(upload(studio.alice, item, form(jpeg())), "NOT_FOUND")
    assert no.status == 404
    assert studio.files() == []


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense"])
async def test_nobody_uploads_without_signing_in(studio: Studio, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    path = f"/items/{studio.item}/images"
    status, body, _ = await studio.cast.answer("POST", path, data=form(jpeg()), headers=headers)
    assert (status, body["error"]["code"]) == (401, "UNAUTHENTICATED")
    assert studio.files() == []


# Once only, and away again


async def test_a_retry_with_its_key_gives_the_first_pictures_and_no_more_files(studio: Studio) -> None:  # C77
    headers = {"Idempotency-Key": "upload-1"}
    first = await upload(studio.alice, studio.item, form(jpeg()), headers=headers)
    again = await upload(studio.alice, studio.item, form(jpeg()), headers=headers)
    assert again == first
    assert (await studio.images(), len(studio.files())) == (first["images"], 2)

    other = form(jpeg(photo(width=30)))
    no = await refused(upload(studio.alice, studio.item, other, headers=headers), "IDEMPOTENCY_MISMATCH")
    assert no.status == 422
    elsewhere = await studio.alice.lists("Another")
    await refused(upload(studio.alice, elsewhere, form(jpeg()), headers=headers), "IDEMPOTENCY_MISMATCH")
    assert len(studio.files()) == 2


async def test_many_at_once_with_one_key_are_one_upload(studio: Studio) -> None:
    asked = [upload(studio.alice, studio.item, form(jpeg()), headers={"Idempotency-Key": "upload-1"}) for _ in range(8)]
    answers = await asyncio.gather(*asked)
    assert all(answer == answers[0] for answer in answers)
    assert (await studio.images(), len(studio.files())) == (answers[0]["images"], 2)


async def test_a_picture_that_is_taken_away_is_gone_with_its_files(studio: Studio) -> None:
    first, second = (await upload(studio.alice, studio.item, form(jpeg(), jpeg())))["images"]
    path = f"/items/{studio.item}/images/{first['id']}"
    assert await studio.alice.asks("DELETE", path) == {}
    assert await studio.images() == [second]
    assert studio.files() == sorted(Path(second[name]).name for name in ("url", "thumbnailUrl"))
    async with studio.cast.session.get(studio.market.url + first["url"]) as response:
        assert response.status == 404
    for gone in (path, f"/items/{studio.item}/images/{uuid4()}", f"/items/{studio.item}/images/abc123"):
        await refused(studio.alice.asks("DELETE", gone), "NOT_FOUND")


async def test_a_trade_shows_the_picture_as_it_was_proposed(studio: Studio) -> None:
    bob = await studio.cast.person("Bob")
    (image,) = (await upload(studio.alice, studio.item, form(jpeg())))["images"]
    trade = await trade_between(studio.alice, bob, offeredItem=studio.item, requestedItem=await bob.lists("A bicycle"))
    (leg,) = (leg for leg in trade["legs"] if leg["item"] == studio.item)
    assert leg["thumbnailUrl"] == image["thumbnailUrl"]


# What is served


@pytest.mark.parametrize(
    "path",
    [
        "../secret_key",
        "..%2fsecret_key",
        "%2e%2e%2fsecret_key",
        "..%5csecret_key",
        "%2fetc%2fpasswd",
        "a" * 32 + ".webp",
        "a" * 32 + ".webp%00",
        "a" * 32 + ".webp/../../secret_key",
        "",
        ".",
        "%ff",
        "x" * 3000,
    ],
)
async def test_nothing_but_pictures_is_served(studio: Studio, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", studio.market.service.port)
    writer.write(f"GET /media/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))
    assert (studio.market.data_dir / "secret_key").read_bytes() not in answer


# What others agreed to get (C17), and what nobody knows the end of


async def test_a_change_of_pictures_is_a_change_of_terms(studio: Studio) -> None:
    bob = await studio.cast.person("Bob")
    trade = await trade_between(studio.alice, bob, offeredItem=studio.item, requestedItem=await bob.lists("A bicycle"))
    await bob.by_rest("trade:interest", tradeId=trade["id"])
    (image,) = (await upload(studio.alice, studio.item, form(jpeg())))["images"]
    await refused(bob.by_rest("trade:confirm", tradeId=trade["id"], revision=1), "STALE_REVISION")
    shown = await bob.by_rest("trade:get", tradeId=trade["id"])
    assert shown["revision"] == 2
    assert image["thumbnailUrl"] in [leg["thumbnailUrl"] for leg in shown["legs"]]
    await studio.alice.asks("DELETE", f"/items/{studio.item}/images/{image['id']}")
    shown = await bob.by_rest("trade:get", tradeId=trade["id"])
    assert (shown["revision"], [leg["thumbnailUrl"] for leg in shown["legs"]]) == (3, [None, None])


async def test_a_picture_that_a_trade_was_about_stays_on_disk_until_no_trade_names_it(studio: Studio) -> None:
    bob = await studio.cast.person("Bob")
    first, second = (await upload(studio.alice, studio.item, form(jpeg(), jpeg())))["images"]
    trade = await trade_between(studio.alice, bob, offeredItem=studio.item, requestedItem=await bob.lists("A bicycle"))
    await bob.by_rest("trade:reject", tradeId=trade["id"])
    for image in (second, first):
        await studio.alice.asks("DELETE", f"/items/{studio.item}/images/{image['id']}")
    assert studio.files() == sorted(Path(first[name]).name for name in ("url", "thumbnailUrl"))
    shown = await bob.by_rest("trade:get", tradeId=trade["id"])
    assert first["thumbnailUrl"] in [leg["thumbnailUrl"] for leg in shown["legs"]]


async def test_the_sweeper_keeps_what_items_and_trades_show(studio: Studio) -> None:
    bob = await studio.cast.person("Bob")
    lens, tripod = await studio.alice.lists("A lens"), await studio.alice.lists("A tripod")
    items = (studio.item, lens, tripod)
    traded, mine, gone = [(await upload(studio.alice, item, form(jpeg())))["images"][0] for item in items]
    await trade_between(studio.alice, bob, offeredItem=studio.item, requestedItem=await bob.lists("A bicycle"))
    for item in (studio.item, tripod):
        await studio.alice.asks("DELETE", f"/items/{item}")
    names = [Path(image["url"]).stem for image in (traded, mine, gone)]
    async with studio.market.service.app.database.connection() as tx:
        assert await shown_images(tx, names) == set(names[:2])


async def test_pictures_are_kept_while_nobody_knows_whether_they_were_added(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = Database.transaction

    @asynccontextmanager
    async def lost_after_commit(database: Database) -> AsyncIterator[Tx]:
        async with transaction(database) as tx:
            yield tx
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(Database, "transaction", lost_after_commit)
        no = await refused(upload(studio.alice, studio.item, form(jpeg())), "UNAVAILABLE")
    assert no.status == 503
    (image,) = await studio.images()
    assert studio.files() == sorted(Path(image[name]).name for name in ("url", "thumbnailUrl"))


async def test_only_a_few_uploads_come_in_at_a_time(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "WAIT_SECONDS_MAX", 0.3)
    hold = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield HEAD + JPEG[:400]
        await hold.wait()
        yield JPEG[400:] + END

    slow = [
        asyncio.ensure_future(upload(studio.alice, studio.item, slowly(), headers=BOUNDED))
        for _ in range(uploads.RECEIVING_MAX)
    ]
    await asyncio.sleep(0.3)
    await refused(upload(studio.alice, studio.item, form(jpeg())), "UNAVAILABLE", "image")
    hold.set()
    await asyncio.gather(*slow)
    assert len(await studio.images()) == uploads.RECEIVING_MAX, "the places are free again"
    await upload(studio.alice, studio.item, form(jpeg()))
