"""The upload door: a multipart body becomes files, files become pictures, pictures become the item's (S1.30, C74).

Who may not upload is told before anything is read or decoded; what fails later leaves no file behind.
"""

import hashlib
import tempfile
from pathlib import Path

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from handlers.action import Action
from handlers.dispatch import Request, dispatch
from handlers.images import IMAGES_MAX
from matching.refusals import InvalidRequest, NotOwner, TooLarge, UnsupportedMedia
from server.pictures import Pictures
from server.rest import REQUEST_ID, OwnHandler, RestDoor, respond

FILE_BYTES_MAX = 10 * 1024 * 1024
CHUNK_BYTES = 64 * 1024

UPLOAD = "POST /items/{item_id}/images"


def upload_handler(pictures: Pictures) -> OwnHandler:
    async def upload(door: RestDoor, action: Action, request: web.Request) -> web.StreamResponse:
        caller = door.caller(request)
        item_id = request.match_info["item_id"]
        may = await dispatch(
            door.app,
            Request(name="item:get", raw={"itemId": item_id}, door="rest", caller=caller, request_id=request[REQUEST_ID]),
        )
        if may.status != 200:
            return respond(request, may)
        if getattr(getattr(may.body, "data", None), "owner", None) != caller.user_id:
            raise NotOwner
        with tempfile.TemporaryDirectory(prefix="swaploop-upload-") as folder:
            files, fingerprint = await _receive(request, Path(folder))
            stored = []
            kept = False
            try:
                for file in files:
                    stored.append(await pictures.make(file))
                raw = {
                    "itemId": item_id,
                    "images": [{"name": p.name, "width": p.width, "height": p.height} for p in stored],
                }
                response = await door.answer(action, request, raw, fingerprint=item_id.encode() + fingerprint)
                # The first answer, when it is given again, names the pictures of the first time.
                kept = response.status == 201 and isinstance(response.body, bytes) and stored[0].name.encode() in response.body
                return response
            finally:
                if not kept:
                    await pictures.discard([picture.name for picture in stored])

    return upload


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
            if size > FILE_BYTES_MAX:
                raise TooLarge(f"A picture has at most {FILE_BYTES_MAX // 2**20} MB.", field="image")
            digest.update(chunk)
            out.write(chunk)
    digest.update(size.to_bytes(8))
    return file
