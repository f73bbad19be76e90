"""Where the play finds its ring: in the demo market, else among things that three of its people list first."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from client_demo.connection import Door
from client_demo.narrator import Narrator
from client_demo.play_cast import PARTIES, PEOPLE, SEEKERS, Cast
from client_demo.play_steps import Actor
from client_demo.rings import Circle
from client_demo.wire import Data, Refused
from client_demo.words import one_line

ITEMS_MAX = 100
SEARCHES_MAX = 5  # of one person's things
# What three of them list when the market has no ring left: each wants the next one's thing, and nothing else.
NEW_THINGS = (  # title, category, value in EGP, and what is wanted
    ("Oud, made in Mohamed Ali Street", "ouds", 6_400, {"categories": ["cameras"], "keywords": ["telescope"]}),
    ("Telescope, 70 mm, with a tripod", "cameras", 6_100, {"categories": ["boats"], "keywords": ["kayak"]}),
    ("Kayak with a paddle", "boats", 6_700, {"categories": ["ouds"], "keywords": ["oud"]}),
)


class Found(NamedTuple):
    """A ring of three, all of whom are in the play. `actors` gives each to the next; the first one found it."""

    opportunity: Data
    circle: Circle
    actors: list[Actor]


async def rings_of_three(narrator: Narrator, cast: Cast) -> AsyncIterator[Found]:
    """Rings of three that are there; then, where none of them could be had, one of new things."""
    for key in SEEKERS:
        if (actor := await cast.actor(key)) is not None:
            mine = await actor.person.does("item:mine", limit=ITEMS_MAX)
            on_market = [item for item in mine["items"] if item["status"] == "available"]
            on_market.sort(key=lambda item: item.get("estimatedValue") or 0, reverse=True)
            for item in on_market[:SEARCHES_MAX]:
                for found in await _through(narrator, cast, actor, item):
                    yield found
    narrator.note("No ring is left here: three of them list new things.")
    three = await cast.three(narrator)
    for actor, (title, category, value, wanted) in zip(three, NEW_THINGS, strict=True):
        thing: Data = {
            "title": title,
            "description": "Listed by the demo play.",
            "category": category,
            "condition": "GOOD",
            "lookingFor": "item_swap",
            "estimatedValue": value,
            "wants": wanted,
        }
        actor.item = await narrator.act(
            actor.name,
            Door.REST,
            "POST /api/items",
            actor.person.does("item:create", via=Door.REST, **thing),
            lambda item: str(item["title"]),
        )
    for actor in three:
        for found in await _through(narrator, cast, actor, actor.item):
            yield found


async def _through(narrator: Narrator, cast: Cast, actor: Actor, item: Data) -> list[Found]:
    """The rings of three through the actor's thing, of whose people all can be asked in."""
    try:
        answer = await narrator.act(
            actor.name,
            Door.REST,
            "GET …/barter/opportunities",
            actor.person.does("barter:opportunities", via=Door.REST, itemId=item["id"], maxParticipants=PARTIES),
            lambda answer: f"{one_line(item['title'], 18)}: {_counted(answer['opportunities']['cycles'])}",
        )
    except Refused as no:  # it is in a deal, or this person has searched enough for an hour
        narrator.note(f"{one_line(item['title'], 40)}: {no.message}")
        return []
    found = []
    for opportunity in answer["opportunities"]["cycles"]:
        circle = Circle.of_opportunity(opportunity).seen_by(actor.person.id)
        actors = [await _by_id(cast, place.person) for place in circle.places]
        if circle.band == "excellent" and len(circle.places) == PARTIES and None not in actors:
            found.append(Found(opportunity, circle, [one for one in actors if one is not None]))
    return found


def _counted(cycles: list[Data]) -> str:
    return f"{len(cycles) or 'no'} ring{'' if len(cycles) <= 1 else 's'}"


async def _by_id(cast: Cast, user_id: str) -> Actor | None:
    """The one of the cast with that id; all who can be are asked in, since a name is no proof of who somebody is."""
    for actor in cast.all():
        if actor.person.id == user_id:
            return actor
    for key in PEOPLE:
        actor_or_none = await cast.actor(key)
        if actor_or_none is not None and actor_or_none.person.id == user_id:
            return actor_or_none
    return None
