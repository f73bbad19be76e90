"""Pictures of items. The upload door has decoded and stored them; here they become the item's (S1.30, C74)."""

from typing import Annotated
from uuid import UUID, uuid4

from msgspec import Meta

from handlers.access import access_item
from handlers.action import Call, Done, Input, Limit, Output, action
from handlers.app import App
from handlers.deals import revise_terms
from handlers.items import Image
from matching.refusals import InvalidRequest, ItemLocked, NotFound, NotOwner, TooLarge, UnsupportedMedia
from storage.items import item_by_id, shown_images, update_item

IMAGES_MAX = 10


class StoredPicture(Input):
    """A picture that the upload door has put under `name`."""

    name: str
    width: int
    height: int


class AddImages(Input):
    item_id: UUID
    images: Annotated[list[StoredPicture], Meta(min_length=1, max_length=IMAGES_MAX)]


class OneImage(Input):
    item_id: UUID
    image_id: UUID


class Images(Output):
    images: list[Image]


async def check_may_add(app: App, user_id: UUID, item_id: str) -> None:
    """For the upload door, before it takes any picture. Raises NotFound or NotOwner (S1.27)."""
    try:
        asked = UUID(item_id)
    except ValueError:
        raise NotFound from None
    async with app.database.connection() as tx:
        row = await item_by_id(tx, asked)
    if row is None:
        raise NotFound
    if row["owner_id"] != user_id:
        raise NotOwner


@action(
    None,
    route="POST /items/{item_id}/images",
    refuses=(NotFound, NotOwner, ItemLocked, TooLarge, UnsupportedMedia),
    limit=Limit.UPLOAD,
    status=201,
    says="Images added",
)
async def add_images(call: Call, ask: AddImages) -> Images:
    """Add pictures to one's own item: JPEG, PNG or WebP, at most 10 of 10 MB and 40 megapixels. (S1.30, C74)

    Pictures are part of what another agreed to get: open deals with the item get a new revision.
    """
    stored = await access_item(call, ask.item_id)
    images = stored["images"]
    if len(images) + len(ask.images) > IMAGES_MAX:
        raise InvalidRequest(f"An item has at most {IMAGES_MAX} pictures.", field="image")
    added = [
        {"id": str(uuid4()), "name": picture.name, "width": picture.width, "height": picture.height} for picture in ask.images
    ]
    await update_item(call.tx, ask.item_id, {"images": images + added})
    await revise_terms(call, ask.item_id)
    return Images(images=[Image.of(image) for image in added])


@action(
    None,
    route="DELETE /items/{item_id}/images/{image_id}",
    refuses=(NotFound, NotOwner, ItemLocked),
    says="Image deleted",
)
async def delete_image(call: Call, ask: OneImage) -> Done:
    """Take a picture off one's own item. (C74)

    Open deals with the item get a new revision. The files stay for as long as the terms of any deal show them.
    """
    stored = await access_item(call, ask.item_id)
    kept = [image for image in stored["images"] if image["id"] != str(ask.image_id)]
    if len(kept) == len(stored["images"]):
        raise NotFound
    await update_item(call.tx, ask.item_id, {"images": kept})
    await revise_terms(call, ask.item_id)
    gone = {image["name"] for image in stored["images"] if image not in kept}
    call.discarded += gone - await shown_images(call.tx, list(gone))
    return Done()
