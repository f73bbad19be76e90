"""Steps that both halves of the demo play are made of: coming in, talking, hearing of a change, a thing's history."""

from collections.abc import Sequence

from client_demo.attempts import Door
from client_demo.connection import Person
from client_demo.logs import Entry, Log
from client_demo.narrator import Narrator
from client_demo.wire import Data


class Actor:
    """Somebody of the play, and the thing of theirs that it is about."""

    def __init__(self, name: str, email: str, password: str, person: Person) -> None:
        self.name = name
        self.email = email
        self.password = password
        self.person = person
        self.item: Data = {}


async def come_in(narrator: Narrator, actor: Actor, *, new: bool = True) -> None:
    """Register where they are new, sign in, connect."""
    name, person = actor.name, actor.person
    if new:
        await narrator.act(
            name,
            Door.REST,
            "POST /api/auth/register",
            person.register(name, actor.email, actor.password),
            lambda user: f"201 account {user['id'][:8]}",
        )
    await narrator.act(
        name,
        Door.REST,
        "POST /api/auth/login",
        person.sign_in(actor.email, actor.password),
        lambda _user: "200 access + refresh token",
    )
    await narrator.act(name, Door.EVENT, "CONNECT, sync", person.connect(), lambda _none: "online, nothing missed")
    await narrator.pause(0.4)


async def say(
    narrator: Narrator, actor: Actor, readers: Sequence[Actor], conversation: str, text: str, *, right: bool = False
) -> None:
    """Type, send, and be read by everyone else; the bubble shows it as it happens."""
    names = " and ".join(reader.name for reader in readers)
    async with narrator.bubble(actor.name, text, right=right) as bubble:
        await actor.person.does("typing", conversationId=conversation, typing=True)
        for reader in readers:
            await _sees_typing(reader, actor, conversation)
        bubble.typing(names)
        await narrator.pause()
        sent = await actor.person.does("message:send", via=Door.EVENT, conversationId=conversation, text=text)
        bubble.said("✓", f"sent by event, seq {sent['seq']}")
        for reader in readers:
            await _has(reader, conversation, sent["seq"])
        await narrator.pause(0.7)
        for reader in readers:
            await reader.person.does("message:read", conversationId=conversation, seq=sent["seq"])
        mine = actor.person.logs[conversation]
        ids = [reader.person.id for reader in readers]
        await actor.person.until(lambda: mine.read_to_by(ids) >= sent["seq"])
        bubble.said("✓✓", f"seq {sent['seq']}, read by {names}")
        await narrator.pause(0.3)


async def _sees_typing(reader: Actor, writer: Actor, conversation: str) -> None:
    await reader.person.until(lambda: writer.person.id in reader.person.typists(conversation))


async def _has(reader: Actor, conversation: str, seq: int) -> None:
    log = reader.person.logs[conversation]
    await reader.person.until(lambda: (log.seen_to or 0) >= seq)


async def hears(narrator: Narrator, actor: Actor, noun: str, deal: Data, status: str, meaning: str) -> None:
    """Wait until the change to `status` has arrived at the actor, and tell that it has."""
    log = actor.person.logs[deal["conversation"]]
    await actor.person.until(lambda: (last := last_change(log)) is not None and (last.change or {})["status"] == status)
    heard = last_change(log)
    assert heard is not None, "it was waited for"
    narrator.heard(actor.name, f"{noun}:changed", f"{status}, seq {heard.seq}: {meaning}")


def last_change(log: Log) -> Entry | None:
    return next((entry for entry in reversed(log.entries) if entry.change), None)


async def history(narrator: Narrator, actor: Actor, names: dict[str, str]) -> None:
    """Whose the actor's thing has been. `names` by user id."""
    title = actor.item["title"].split(",")[0]
    await narrator.act(
        actor.name,
        Door.EVENT,
        "item:history",
        actor.person.does("item:history", via=Door.EVENT, itemId=actor.item["id"]),
        lambda ledger: f"{title}: {' → '.join(names.get(line['to'], 'someone') for line in ledger)}",
    )
