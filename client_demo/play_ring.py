"""The second half of the demo play: a ring of three among people of the demo market, found, agreed to, carried out."""

from dataclasses import replace
from typing import NamedTuple

from client_demo.connection import Door
from client_demo.narrator import Narrator
from client_demo.play_cast import PARTIES, PEOPLE, Cast
from client_demo.play_search import Found, rings_of_three
from client_demo.play_steps import Actor, hears, history, say
from client_demo.rings import Circle
from client_demo.wire import Data, Refused
from client_demo.words import one_line

# Another play may have put that ring on the table, or this person may have proposed enough for an hour: on to the next one.
PASSED_OVER = ("DUPLICATE_OFFER", "OPPORTUNITY_CHANGED", "ITEM_UNAVAILABLE", "RATE_LIMITED")


class RingPlayed(NamedTuple):
    """What was played: the ring's conversation, and those who were in it."""

    conversation: str
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
            narrator.ring(_circle(chain, found.actors), small=True)
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


async def _propose(narrator: Narrator, cast: Cast, scene: int) -> tuple[Data, Found]:
    """Propose the first ring that can be: another play may have put one of them on the table."""
    async for found in rings_of_three(narrator, cast):
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
        narrator.ring(_named(found.circle, found.actors))
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
            if no.code not in PASSED_OVER:
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
