"""The upload door: a multipart body becomes files, files become pictures, pictures become the item's (S1.30, C74).

Who may not upload, or has uploaded too much, is told before anything is read or decoded; what fails later leaves no file
behind.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from handlers.action import Action
from handlers.dispatch import Request
from handlers.images import IMAGES_MAX, check_may_add
from matching.refusals import InvalidRequest, TooLarge, Unavailable, UnsupportedMedia
from server.picture_rendering import SIZE_BYTES_MAX, SIZE_MB_MAX
from server.pictures import Picture, Pictures
from server.rest import OwnHandler, RestDoor

CHUNK_BYTES = 64 * 1024

RECEIVING_MAX = 4  # uploads whose files lie on the disk of this server at a time, of up to 100 MB each
WAIT_SECONDS_MAX = 30.0
RECEIVE_SECONDS_MAX = 120.0  # so that nobody keeps a place by sending slowly

UPLOAD = "POST /items/{item_id}/images"


def upload_handler(pictures: Pictures) -> OwnHandler:
    places = asyncio.Semaphore(RECEIVING_MAX)

    async def upload(door: RestDoor, action: Action, request: web.Request) -> web.StreamResponse:
        item_id = request.match_info["item_id"]
        stored: list[Picture] = []

        async def receive(asked: Request) -> None:
            assert asked.caller is not None, "an upload is not public"
            await check_may_add(door.app, asked.caller.user_id, item_id)
            async with _place(places):
                stored.extend(await _take_pictures(pictures, asked, request))

        response = await door.answer(action, request, {"itemId": item_id}, receive=receive)
        # The first answer, when it is given again, names the pictures of the first time. After a 5xx nobody knows whether the
        # item has these: they are left to the sweeper, which looks.
        body = response.body if isinstance(response.body, bytes) else b""
        if stored and response.status < 500 and (response.status != 201 or stored[0].name.encode() not in body):
            await pictures.discard([picture.name for picture in stored])
        return response

    return upload


@asynccontextmanager
async def _place(places: asyncio.Semaphore) -> AsyncIterator[None]:
    try:
        await asyncio.wait_for(places.acquire(), WAIT_SECONDS_MAX)
    except TimeoutError:
        raise Unavailable("Too many pictures are coming in. Please try again in a moment.", field="image") from None
    try:
        yield
    finally:
        places.release()


async def _take_pictures(pictures: Pictures, asked: Request, request: web.Request) -> list[Picture]:
    """Receive and store the pictures, all or none, and tell `asked` of them."""
    item_id = request.match_info["item_id"]
    stored: list[Picture] = []
    with tempfile.TemporaryDirectory(prefix="swaploop-upload-") as folder:
        try:
            async with asyncio.timeout(RECEIVE_SECONDS_MAX):
                files, fingerprint = await _receive(request, Path(folder))
        except TimeoutError:
            raise Unavailable(f"The pictures took longer than {RECEIVE_SECONDS_MAX:.0f} s to come.", field="image") from None
        try:
            for file in files:
                stored.append(await pictures.make(file))
        except BaseException:
            await pictures.discard([picture.name for picture in stored])
            raise
    images = [{"name": picture.name, "width": picture.width, "height": picture.height} for picture in stored]
    asked.raw = {"itemId": item_id, "images": images}
    asked.fingerprint = item_id.encode() + fingerprint
    return stored


async def _receive(request: web.Request, folder: Path) -> tuple[list[Path], bytes]:
    """The files of field `image`, and a digest of them all."""
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia("Pictures come as multipart/form-data, in the field 'image'.")
    files: list[Path] = []
    digest = hashlib.sha256()
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name != "image":
                raise InvalidRequest("Only the field 'image' is taken here.", field=getattr(part, "name", None))
            if len(files) == IMAGES_MAX:
                raise TooLarge(f"At most {IMAGES_MAX} pictures at a time.", field="image")
            files.append(await _save(part, folder / str(len(files)), digest))
    except (ValueError, HttpProcessingError, web.RequestPayloadError, ConnectionResetError, AssertionError):
        raise InvalidRequest("The body is not valid multipart/form-data.") from None
    if not files:
        raise InvalidRequest("There is no picture in the field 'image'.", field="image")
    return files, digest.digest()


async def _save(part: BodyPartReader, file: Path, digest: "hashlib._Hash") -> Path:
    size = 0
    with file.open("wb") as out:
        while chunk := await part.read_chunk(CHUNK_BYTES):
            size += len(chunk)
            if size > SIZE_BYTES_MAX:
                raise TooLarge(f"A picture has at most {SIZE_MB_MAX} MB.", field="image")
            digest.update(chunk)
            out.write(chunk)
    digest.update(size.to_bytes(8))
    return file
