"""More devices of people who act in tests: each one socket, on any server, with its own ears."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.people import Cast, Person
from tests.waiting import until

LOGGED = frozenset(["message:new", "trade:changed", "offer:changed", "chain:changed"])  # what is numbered in a conversation


@asynccontextmanager
async def devices_of(person: Person, *casts: Cast) -> AsyncIterator[list[Person]]:
    """One more device of the same account per cast, on that cast's server: each has a socket, and hears for itself."""
    devices = []
    try:
        for cast in casts:
            device = Person(cast, person.name, person.email)
            device.id, device.token, device.refresh_token = person.id, person.token, person.refresh_token
            await device.connect()
            devices.append(device)
        yield devices
    finally:
        for device in devices:
            await device.leaves()
        await asyncio.sleep(0.01)  # a server that is stopped before it has noticed waits for the one who has left


def entries_heard(person: Person, conversation_id: str) -> list[int]:
    """The `seq`s of the conversation's entries in the order in which this person was pushed them."""
    return [body["seq"] for event, body in person.heard if event in LOGGED and body["conversationId"] == conversation_id]


def first_times(seqs: list[int]) -> list[int]:
    """Without what comes again, as a client drops a `seq` that it has (contract.md, "Promises")."""
    return list(dict.fromkeys(seqs))


async def hears_all(person: Person, conversation_id: str, last_seq: int, seconds: float = 10.0) -> list[int]:
    """Wait until every entry up to `last_seq` has been pushed; their `seq`s in the order heard, each once."""
    wanted = set(range(1, last_seq + 1))
    await until(
        lambda: wanted <= set(entries_heard(person, conversation_id)),
        seconds,
        what=f"hearing entries 1 to {last_seq}",
    )
    return first_times(entries_heard(person, conversation_id))
