"""The demo play: a swap of two, then a ring of three, against a running server, in one terminal."""

import secrets
import sys

from rich.console import Console
from rich.text import Text

from client_demo import play_pictures
from client_demo.attempts import Door
from client_demo.connection import Person
from client_demo.narrator import Narrator
from client_demo.patience import Patience
from client_demo.picture import half_blocks
from client_demo.play_cast import Cast
from client_demo.play_ring import RingPlayed, play_ring
from client_demo.play_steps import Actor, come_in, hears, history, say
from client_demo.wire import Data, Refused, Unreachable
from client_demo.words import failure

PAUSE_SECONDS = 0.9
THUMBNAIL_COLUMNS, THUMBNAIL_ROWS = 24, 8
COLOURS = {"Amina": "#f2a65a", "Bilal": "#7fa7f0", "Ziad": "#c79bf0"}


class Player(Actor):
    """One of the three of the first half, with what they list."""

    def __init__(self, name: str, tag: str, person: Person, thing: Data, picture: bytes) -> None:
        super().__init__(name, f"{name.lower()}.{tag}@example.org", secrets.token_urlsafe(12), person)
        self.thing = thing
        self.picture = picture


async def play(url: str, pause_seconds: float = PAUSE_SECONDS, console: Console | None = None) -> None:
    """Play a trade between freshly registered people, then a ring of three in the demo market; 0 plays without pauses.

    Can be played again on the same server.

    Raises SystemExit with a sentence when no server answers or it refuses what the play needs.
    """
    narrator = Narrator(console or Console(highlight=False), pause_seconds)
    narrator.introduce(COLOURS)
    cast = _cast(url)
    market = Cast(url)
    try:
        if not await cast[0].person.server_is_there():
            sys.exit(f"No server answers at {url}. Start one in another terminal: make run (or: swaploop serve)")
        await _perform(narrator, url, market, *cast)
    except Unreachable as error:
        sys.exit(f"The server at {url} stopped answering in the middle of the play: {error}")
    except Refused as error:
        sys.exit(f"The server at {url} refused what the play needs: {failure(error)} ({error.code})")
    finally:
        for player in cast:
            await player.person.close()
        await market.close()


def _cast(url: str) -> tuple[Player, Player, Player]:
    tag = secrets.token_hex(3)
    patience = Patience(call_seconds_max=8.0)

    def player(name: str, thing: Data, picture: bytes) -> Player:
        return Player(name, tag, Person(url, patience=patience), thing, picture)

    camera: Data = {
        "title": "Film camera, Zenit E",
        "description": "Works, with its 58 mm lens and a leather case.",
        "category": "electronics",
        "condition": "GOOD",
        "lookingFor": "item_swap",
        "estimatedValue": 3200,
        "governorate": "Cairo",
        "wants": {"keywords": ["bicycle", "bike"]},
    }
    bicycle: Data = {
        "title": "City bicycle, 7 gears",
        "description": "New tyres last spring. Bell included.",
        "category": "vehicles",
        "condition": "LIKE_NEW",
        "lookingFor": "flexible",
        "estimatedValue": 3500,
        "governorate": "Giza",
        "wants": {"keywords": ["camera"]},
    }
    skateboard: Data = {
        "title": "Skateboard",
        "description": "Scratched where it should be.",
        "category": "accessories",
        "condition": "FAIR",
        "lookingFor": "item_swap",
        "estimatedValue": 900,
    }
    return (
        player("Amina", camera, play_pictures.camera()),
        player("Bilal", bicycle, play_pictures.bicycle()),
        player("Ziad", skateboard, play_pictures.skateboard()),
    )


async def _perform(narrator: Narrator, url: str, market: Cast, amina: Player, bilal: Player, ziad: Player) -> None:
    narrator.console.print()
    narrator.console.print(Text.assemble(("  ⇄ swaploop ", "bold #5ad1b3"), (f"a swap, live, on {url}", "#8496a3")))

    await narrator.scene(1, "Three people come in")
    for player in (amina, bilal, ziad):
        await come_in(narrator, player)

    await narrator.scene(2, "Each lists a thing")
    for player in (amina, bilal, ziad):
        await _list_thing(narrator, player)
    await _show_pictures(narrator, amina, bilal, ziad)

    await narrator.scene(3, "Amina proposes, and so does Ziad")
    trade = await _propose(
        narrator, amina, bilal, Door.REST, "Hello Bilal! My Zenit for your bicycle? I miss riding along the Nile."
    )
    rival = await _propose(narrator, ziad, bilal, Door.EVENT, None)

    await narrator.scene(4, "They talk")
    conversation = trade["conversation"]
    await say(narrator, bilal, [amina], conversation, "Hi Amina. Does the light meter still work?")
    await say(narrator, amina, [bilal], conversation, "It does, I shot a roll with it last week. Want to see?", right=True)
    await say(narrator, bilal, [amina], conversation, "Lovely. Saturday, Opera metro, five o'clock?")

    await narrator.scene(5, "Bilal decides")
    trade = await _move(narrator, bilal, "interest", trade, Door.EVENT)
    await narrator.pause(0.6)
    trade = await _move(narrator, bilal, "confirm", trade, Door.EVENT)
    await hears(narrator, amina, "trade", trade, "confirmed", "both things are held now")
    await hears(narrator, ziad, "trade", rival, "rejected", "promised to another")
    await narrator.pause(0.6)
    await _try_again(narrator, ziad, bilal)

    await narrator.scene(6, "Saturday, five o'clock: they swap")
    trade = await _move(narrator, amina, "complete", trade, Door.REST)
    await hears(narrator, bilal, "trade", trade, "completed", "the camera is his")

    await narrator.scene(7, "Whose is what now")
    names = {player.person.id: player.name for player in (amina, bilal, ziad)}
    for player in (amina, bilal):
        await history(narrator, player, names)

    ring = await play_ring(narrator, market, first_scene=8)
    await _finale(narrator, conversation, ring, amina, bilal)


async def _list_thing(narrator: Narrator, player: Player) -> None:
    player.item = await narrator.act(
        player.name,
        Door.EVENT,
        "item:create",
        player.person.does("item:create", via=Door.EVENT, **player.thing),
        lambda item: f"{item['title']}",
    )
    player.item["images"] = await narrator.act(
        player.name,
        Door.REST,
        "POST /api/items/…/images",
        player.person.uploads(player.item["id"], [player.picture]),
        lambda images: f"201 picture, {images[0]['width']}×{images[0]['height']}",
    )
    await narrator.pause(0.3)


async def _show_pictures(narrator: Narrator, *players: Player) -> None:
    shown = []
    for player in players:
        thumbnail = await player.person.picture(player.item["images"][0]["thumbnailUrl"])
        drawn = half_blocks(thumbnail, THUMBNAIL_COLUMNS, THUMBNAIL_ROWS)
        if drawn is not None:
            shown.append((f"{player.name}'s {player.item['title']}"[:THUMBNAIL_COLUMNS], drawn))
    narrator.pictures(shown)


async def _propose(narrator: Narrator, player: Player, owner: Player, door: Door, message: str | None) -> Data:
    ask: Data = {"offeredItem": player.item["id"], "requestedItem": owner.item["id"]}
    if message:
        ask["message"] = message
    trade = await narrator.act(
        player.name,
        door,
        "POST /api/trades/request" if door is Door.REST else "trade:request",
        player.person.does("trade:request", via=door, **ask),
        lambda trade: f"{trade['status']}, revision {trade['revision']}",
    )
    if message:
        narrator.note(f"“{message}”")
    log = owner.person.logs[trade["conversation"]]
    await owner.person.until(lambda: len(log.entries) >= (2 if message else 1))
    narrator.heard(owner.name, "trade:changed", f"request by {player.name}, seq 1")
    await narrator.pause(0.6)
    return dict(trade)


async def _move(narrator: Narrator, player: Player, verb: str, trade: Data, door: Door) -> Data:
    ask: Data = {"tradeId": trade["id"], "revision": trade["revision"]}
    moved = await narrator.act(
        player.name,
        door,
        f"POST /api/trades/…/{verb}" if door is Door.REST else f"trade:{verb}",
        player.person.does(f"trade:{verb}", via=door, **ask),
        lambda moved: f"{trade['status']} → {moved['status']}",
    )
    return dict(moved)


async def _try_again(narrator: Narrator, player: Player, owner: Player) -> None:
    """What a promised thing answers to the next who asks for it."""
    try:
        await player.person.does("trade:request", via=Door.EVENT, offeredItem=player.item["id"], requestedItem=owner.item["id"])
    except Refused as no:
        narrator.refused(player.name, Door.EVENT, "trade:request", "the same bicycle again", no)


async def _finale(narrator: Narrator, conversation: str, ring: RingPlayed, *players: Player) -> None:
    await narrator.pause()
    lines = []
    for about, log_id, actors in (("swap", conversation, players), ("ring", ring.conversation, ring.actors)):
        logs = [[entry.seq for entry in actor.person.logs[log_id].entries] for actor in actors]
        whole = all(seqs == list(range(1, len(logs[0]) + 1)) for seqs in logs)
        verdict = f"the same for all {len(logs)}, without a gap" if whole else "NOT the same for all"
        held = f"{len(logs[0])} entries, chat and deal alike, {verdict}."
        lines.append(Text.assemble((f"One log held the {about}: ", "bold"), held))
    lines += [Text(""), Text("Look around as one of them, in the terminal client (make client):", "#8496a3")]
    lines += [
        Text.assemble(narrator.name(actor.name), f"  {actor.email}  ", (actor.password, "#f2a65a"))
        for actor in (players[0], ring.actors[0])
    ]
    narrator.finale(lines)
