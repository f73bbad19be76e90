"""Pushes to rooms: once to every socket in them, and without waiting (server/rooms.py overrides python-socketio here)."""

import pytest

from server.sockets import LiveSocket
from tests.conftest import Market
from tests.people import Cast
from tests.raw_socket import raw_socket
from tests.waiting import until


async def test_a_push_goes_once_to_every_socket_of_the_rooms_and_to_no_other(cast: Cast, market: Market) -> None:
    alice, bob, eve = await cast.people("Alice", "Bob", "Eve", connected=True)
    await alice.connect()
    rooms = [f"user:{alice.id}", f"user:{bob.id}", "user:nobody"]
    for socket in market.service.door.sockets.values():
        if str(socket.user_id) == bob.id:
            await market.service.door.enter(socket.id, [rooms[0]])  # Bob's socket is in both

    await market.service.door.server.emit("test:push", {"number": 1}, room=rooms)
    await market.service.door.server.emit("test:last", {}, room=[*rooms, f"user:{eve.id}"])

    everyone = (alice, bob, eve)
    await until(lambda: sum(person.heard.count(("test:last", {})) for person in everyone) == 4)
    assert alice.heard.count(("test:push", {"number": 1})) == 2
    assert bob.heard.count(("test:push", {"number": 1})) == 1
    assert eve.heard.count(("test:push", {"number": 1})) == 0


async def test_a_push_is_on_its_way_to_everyone_without_waiting_for_anything(cast: Cast, market: Market) -> None:
    people = await cast.people("Alice", "Bob", connected=True)
    push = market.service.door.server.emit("test:push", {"number": 2}, room=[f"user:{person.id}" for person in people])
    with pytest.raises(StopIteration):
        push.send(None)  # runs until it waits for something, or to its end
    for person in people:
        assert await person.hears("test:push") == {"number": 2}


async def test_what_is_pushed_while_a_socket_connects_comes_once_it_is_connected(cast: Cast, market: Market) -> None:
    alice = await cast.person("Alice")
    door = market.service.door

    async def push(socket: LiveSocket) -> None:
        await door.server.emit("test:early", {}, room=f"user:{alice.id}")

    door.arrived.append(push)
    try:
        async with raw_socket(cast, alice.token) as raw:  # which looks that it is told of its connection first
            assert await raw.packet() == '42["test:early",{}]'
    finally:
        door.arrived.remove(push)
