"""An item to look at: its picture in half blocks, its facts, what its owner wants."""

import asyncio

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from client_demo.desk import Desk
from client_demo.picture import half_blocks
from client_demo.shell import shell
from client_demo.wire import Data
from client_demo.words import ago, clean, condition, money, one_line, wants

PICTURE_ROWS_MAX = 13


class Picture(Static):
    """The first picture of an item, or a quiet sign that there is none."""

    def __init__(self, *, id: str, columns_max: int = 40, rows_max: int = PICTURE_ROWS_MAX) -> None:
        super().__init__(id=id, markup=False)
        self._columns_max = columns_max
        self._rows_max = rows_max

    def show(self, path: str | None) -> None:
        """Fetch and draw the picture at `path` below the server."""
        self.run_worker(self._draw(path), exclusive=True, group=f"picture-{self.id}")

    async def _draw(self, path: str | None) -> None:
        if path is None:
            self.update(Content.styled("no picture", "$faint italic"))
            return
        image_bytes = await shell(self).picture(path)
        columns = min(self._columns_max, self.size.width or self._columns_max)
        drawn = None
        if image_bytes is not None:
            drawn = await asyncio.to_thread(half_blocks, image_bytes, columns, self._rows_max)
        self.update(drawn or Content.styled("the picture cannot be shown", "$faint italic"))


def picture_path(item: Data) -> str | None:
    images = item.get("images") or []
    return images[0].get("thumbnailUrl") or images[0].get("url") if images else None


def headline(item: Data) -> Content:
    return Content.styled(one_line(item["title"], 120), "bold")


def facts(item: Data, desk: Desk) -> Content:
    """Value, condition, category, place, owner and whether they are there."""
    names = desk.category_names()
    first = [condition(item["condition"]), names.get(item["category"], one_line(item["category"], 40))]
    if item.get("governorate"):
        first.append(one_line(item["governorate"], 40))
    lines = [Content.styled("  ·  ".join(first), "$muted")]
    if item.get("estimatedValue") is not None:
        lines.insert(0, Content.styled(money(item["estimatedValue"]), "$accent"))
    lines.append(Content.assemble(("by ", "$muted"), owner(item, desk)))
    return Content("\n").join(lines)


def owner(item: Data, desk: Desk) -> Content:
    """The owner's name, with a dot when their presence is known to me."""
    if item["owner"] == desk.person.id:
        return Content.styled("you", "$secondary")
    name = Content.styled(one_line(item.get("ownerName"), 40), "$secondary")
    online = desk.person.is_online(item["owner"])
    if online is None:
        return name
    if online:
        return Content.assemble(name, ("  ● online", "$success"))
    seen = desk.person.presence[item["owner"]].get("lastSeenAt")
    return Content.assemble(name, (f"  ○ seen {ago(seen)}" if seen else "  ○ away", "$muted"))


def story(item: Data, desk: Desk) -> Content:
    """The description, what is wanted, and what stands in the way of a swap."""
    parts = []
    if item.get("description"):
        parts.append(Content(clean(item["description"], 2_000)))
    parts.append(Content.assemble(("Wants  ", "bold $primary"), wants(item, desk.category_names())))
    if item.get("openToGive"):
        parts.append(Content.styled("Would also simply give it away, in a chain of swaps.", "$muted"))
    if item["status"] == "traded":
        parts.append(Content.styled("Promised or swapped: not on the market now.", "$warning"))
    if item.get("sale"):
        parts.append(Content.styled(f"On sale for {item['sale']['price']:,.0f} EGP meanwhile.", "$warning"))
    return Content("\n\n").join(parts)


class ItemCard(VerticalScroll):
    """The item that is highlighted in the list beside it."""

    can_focus = False

    def compose(self) -> ComposeResult:
        yield Static(id="card-title", markup=False)
        yield Static(id="card-facts", markup=False)
        yield Picture(id="card-picture", columns_max=60, rows_max=18)
        yield Static(id="card-text", markup=False)

    def show(self, item: Data | None) -> None:
        """Show `item`, or nothing."""
        desk = shell(self).desk
        self.query_one("#card-title", Static).update(headline(item) if item else "")
        self.query_one("#card-facts", Static).update(facts(item, desk) if item else "")
        self.query_one("#card-text", Static).update(story(item, desk) if item else "")
        picture = self.query_one(Picture)
        picture.display = item is not None and picture_path(item) is not None
        if item is not None and self.display:
            picture.show(picture_path(item))
