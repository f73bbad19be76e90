"""`swaploop ring`: the best ring through one of somebody's items, as an SVG picture."""

import sys

from client_demo.connection import Person
from client_demo.patience import Patience
from client_demo.ring_picture import picture_of
from client_demo.wire import Data, Refused, Unreachable
from client_demo.words import failure, one_line

ITEMS_MAX = 100
PEOPLE_MAX = 10


async def ring(url: str, email: str, password: str, item: str, people_max: int) -> str:
    """The SVG of the best cycle through the item, else of the best chain. `item`: its id, or words of its title.

    Raises SystemExit with a sentence when no server answers, it refuses, or there is no such item or ring.
    """
    async with Person(url, patience=Patience(call_seconds_max=8.0)) as person:
        try:
            if not await person.server_is_there():
                sys.exit(f"No server answers at {url}. Start one in another terminal: make run (or: swaploop serve)")
            await person.sign_in(email, password)
            mine = await person.does("item:mine", limit=ITEMS_MAX)
            chosen = _chosen(mine["items"], item)
            answer = await person.does("barter:opportunities", itemId=chosen["id"], maxParticipants=people_max)
            found = [*answer["opportunities"]["cycles"], *answer["opportunities"]["chains"]]
            if not found:
                sys.exit(f"There is no ring through {one_line(chosen['title'], 80)} now.")
            return picture_of(found[0], await _images(person, found[0]))
        except Unreachable as error:
            sys.exit(f"The server at {url} does not answer: {error}")
        except Refused as error:
            sys.exit(f"The server at {url} refused: {failure(error)} ({error.code})")


def _chosen(items: list[Data], wanted: str) -> Data:
    """The item with that id, or the first one on the market whose title has those words."""
    on_market = [item for item in items if item["status"] == "available"]
    for item in on_market:
        if item["id"] == wanted or wanted.casefold() in str(item["title"]).casefold():
            return item
    titles = "".join(f"\n  {one_line(item['title'], 80)}" for item in on_market)
    sys.exit(f"No item of theirs on the market has “{wanted}” in its title. They have:{titles or ' nothing'}")


async def _images(person: Person, found: Data) -> dict[str, bytes]:
    """The first picture of every thing that is given in it, by item id."""
    given = [place["givingItem"] for place in found["preview"] if place["givingItem"]]
    return {item["id"]: await person.picture(item["images"][0]) for item in given if item["images"]}
