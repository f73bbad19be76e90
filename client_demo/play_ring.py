"""The second half of the demo play: a ring of three among people of the demo market, found, agreed to, carried out."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple

from rich.text import Text

from client_demo.connection import Door
from client_demo.narrator import Narrator
from client_demo.play_cast import PARTIES, PEOPLE, SEEKERS, Cast
from client_demo.play_steps import Actor, hears, history, say
from client_demo.ring_drawing import draw, loop
from client_demo.rings import Circle
from client_demo.wire import Data, Refused
from client_demo.words import one_line

ITEMS_MAX = 100
SEARCHES_MAX = 5  # of one person's things
RING_COLUMNS = 74
# What three of them list when the market has no ring left: each wants the next one's thing, and nothing else.
NEW_THINGS = (  # title, category, value in EGP, and what is wanted
    ("Oud, made in Mohamed Ali Street", "ouds", 6_400, {"categories": ["cameras"], "keywords": ["telescope"]}),
    ("Telescope, 70 mm, with a tripod", "cameras", 6_100, {"categories": ["boats"], "keywords": ["kayak"]}),
    ("Kayak with a paddle", "boats", 6_700, {"categories": ["ouds"], "keywords": ["oud"]}),
)
LOOKS = {
    "label": "#8496a3",
    "frame": "#5d6c78",
    "arrow": "#f2a65a",
    "score": "#7fa7f0",
    "kind": "bold #f2a65a",
    "middle": "#8496a3",
    "waits": "bold #f0c75e",
    "yes": "bold #84d17b",
    "no": "bold #f07a74",
}


class RingPlayed(NamedTuple):
    """What was played: the ring's conversation, and those who were in it."""

    conversation: str
    actors: list[Actor]


class Found(NamedTuple):
    """A ring of three, all of whom are in the play. `actors` gives each to the next; the first one found it."""

    opportunity: Data
    circle: Circle
    actors: list[Actor]


async def play_ring(narrator: Narrator, cast: Cast, first_scene: int) -> RingPlayed:
    """Find a ring and play it to its end. Raises Refused or Unreachable."""
    narrator.introduce({key.capitalize(): colour for key, colour in PEOPLE.items()})
    await narrator.scene(first_scene, "Three who could not help each other in twos")
    chain, found = await _propose(narrator, cast, first_scene + 1)
    proposer, *others = found.actors
    await narrator.scene(first_scene + 2, "The others think it over")
    await _talk(narrator, found.actors, chain)
    await narrator.scene(first_scene + 3, "Everyone says yes")
    for number, actor in enumerate(others):
        is_last = number == len(others) - 1
        chain = await _respond(narrator, actor, chain, Door.EVENT if is_last else Door.REST)
        if not is_last:
            await hears(narrator, proposer, "chain", chain, "PENDING", f"waiting for {others[-1].name}")
            _show(narrator, _circle(chain, found.actors), small=True)
    for actor in found.actors[:-1]:
        await hears(narrator, actor, "chain", chain, "ACCEPTED", "all three things are held now")
    await narrator.scene(first_scene + 4, "They meet, and everything goes round")
    for actor in found.actors:
        chain = await _execute(narrator, actor, chain)
    for actor in found.actors[:-1]:
        await hears(narrator, actor, "chain", chain, "COMPLETED", "every thing has changed hands, at once")
    await narrator.scene(first_scene + 5, "Whose is what now")
    names = {actor.person.id: actor.name for actor in found.actors}
    for actor in found.actors:
        await history(narrator, actor, names)
    return RingPlayed(chain["conversation"], found.actors)


async def _rings(narrator: Narrator, cast: Cast) -> AsyncIterator[Found]:
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
    for found in await _through(narrator, cast, three[0], three[0].item):
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


async def _propose(narrator: Narrator, cast: Cast, scene: int) -> tuple[Data, Found]:
    """Propose the first ring that can be: another play may have put one of them on the table."""
    async for found in _rings(narrator, cast):
        proposer = found.actors[0]
        given = {place.person: place.gives for place in found.circle.places}
        for actor in found.actors:
            thing = given[actor.person.id]
            assert thing is not None, "in a cycle everyone gives"
            actor.item = {"id": thing.item_id, "title": thing.title}
        await narrator.act(
            proposer.name,
            Door.REST,
            "GET …/barter/matches",
            proposer.person.does("barter:matches", via=Door.REST, itemId=proposer.item["id"]),
            lambda matches: f"in twos: {len(matches) or 'nobody'}",
        )
        _show(narrator, _named(found.circle, found.actors))
        await narrator.scene(scene, f"{proposer.name} proposes the ring")
        for actor in found.actors:
            if actor.person.state != "online":
                await narrator.act(
                    actor.name, Door.EVENT, "CONNECT, sync", actor.person.connect(), lambda _none: "online, caught up"
                )
        ask = {"itemId": proposer.item["id"], "opportunityId": found.opportunity["id"], "maxParticipants": PARTIES}
        try:
            chain = await narrator.act(
                proposer.name,
                Door.EVENT,
                "chain:create",
                proposer.person.does("chain:create", via=Door.EVENT, **ask),
                lambda chain: f"{chain['status']}, waiting for {len(chain['awaiting'])}",
            )
        except Refused as no:
            if no.code not in ("DUPLICATE_OFFER", "OPPORTUNITY_CHANGED", "ITEM_UNAVAILABLE"):
                raise
            narrator.refused(proposer.name, Door.EVENT, "chain:create", "this ring", no)
            continue
        for actor in found.actors[1:]:
            await hears(narrator, actor, "chain", chain, "PROPOSED", "your answer is awaited")
        return chain, found
    raise Refused("NO_MATCHES", "There is no ring of three, not even of new things.")


async def _talk(narrator: Narrator, actors: list[Actor], chain: Data) -> None:
    proposer, other, third = actors
    log_id = chain["conversation"]
    await say(narrator, proposer, [other, third], log_id, _invitation(actors), right=True)
    await narrator.act(
        third.name,
        Door.REST,
        "GET …/messages",
        third.person.does("message:list", via=Door.REST, conversationId=log_id),
        lambda entries: f"reads {len(entries)} entries",
    )
    await say(narrator, third, [proposer, other], log_id, "Sounds good! Saturday at Opera metro, all three of us?")


def _invitation(actors: list[Actor]) -> str:
    proposer, other, third = actors
    goes = [(_short(proposer), other.name), (_short(other), third.name), (_short(third), "me")]
    ways = ", ".join(f"“{thing}” to {who}" for thing, who in goes)
    return f"Hello! {ways}: everyone gets what they want. Shall we?"


def _short(actor: Actor) -> str:
    return one_line(actor.item["title"].split(",")[0], 40)


def _who(actors: list[Actor], user_id: str) -> str:
    return next((actor.name for actor in actors if actor.person.id == user_id), "someone")


async def _respond(narrator: Narrator, actor: Actor, chain: Data, door: Door) -> Data:
    answered = await narrator.act(
        actor.name,
        door,
        "POST …/chains/…/respond" if door is Door.REST else "chain:respond",
        actor.person.does("chain:respond", via=door, chainId=chain["id"], accept=True),
        lambda answered: f"yes: {chain['status']} → {answered['status']}",
    )
    return dict(answered)


async def _execute(narrator: Narrator, actor: Actor, chain: Data) -> Data:
    executed = await narrator.act(
        actor.name,
        Door.EVENT,
        "chain:execute",
        actor.person.does("chain:execute", via=Door.EVENT, chainId=chain["id"]),
        lambda executed: f"{executed['status']}, {len(executed['awaiting'])} to go",
    )
    await narrator.pause(0.4)
    return dict(executed)


def _circle(chain: Data, actors: list[Actor]) -> Circle:
    return _named(Circle.of_chain(chain).seen_by(actors[0].person.id), actors)


def _named(circle: Circle, actors: list[Actor]) -> Circle:
    """With the names that the play knows people by."""
    return replace(circle, places=tuple(place._replace(name=_who(actors, place.person)) for place in circle.places))


def _show(narrator: Narrator, circle: Circle, *, small: bool = False) -> None:
    """The ring on the terminal; in it the one who looks goes by their name too."""
    drawing = loop(circle, "", RING_COLUMNS // 2) if small else draw(circle, "", RING_COLUMNS)
    lines = []
    for line in drawing:
        styles = [PEOPLE.get(run.text.strip().lower(), "") if run.look == "name" else LOOKS.get(run.look, "") for run in line]
        lines.append(Text.assemble(*[(run.text, style) for run, style in zip(line, styles, strict=True)]))
    narrator.drawing(lines)
