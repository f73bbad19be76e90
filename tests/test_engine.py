"""Connections are bounded, and end when they must (server/engine.py, in the place of python-engineio's sockets)."""

import asyncio
import contextlib
import gc
import itertools
import json
import logging
import os
import socket as system
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from structlog.testing import capture_logs

import server.sockets
from client_demo.load.wire import framed
from server.engine import WAITING_PACKETS_MAX
from server.packets import CONNECT_SECONDS_MAX, UNDER_WAY_MAX
from server.sockets import LiveSocket, bare_server
from tests.conftest import Market, OpenMarket
from tests.people import Cast, Person
from tests.raw_socket import raw_socket
from tests.test_protocol import bare
from tests.waiting import until


class Deaf:
    """A client that reads no further than its CONNECT's answer, and never says that it closes."""

    def __init__(self, connection: system.socket) -> None:
        self._connection = connection

    async def ends(self) -> bool:
        """Read on; whether the connection ends, rather than going on without a word."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                while await loop.sock_recv(self._connection, 65_536):
                    pass
            return True


@asynccontextmanager
async def deaf(port: int, person: Person) -> AsyncIterator[Deaf]:
    loop = asyncio.get_running_loop()
    with system.socket() as connection:
        connection.setsockopt(system.SOL_SOCKET, system.SO_RCVBUF, 8_192)
        connection.setblocking(False)
        await loop.sock_connect(connection, ("127.0.0.1", port))
        head = [
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Version: 13",
        ]
        await loop.sock_sendall(connection, "\r\n".join([*head, "", ""]).encode())
        await loop.sock_sendall(connection, framed(b"40" + json.dumps({"token": person.token}).encode()))
        read = b""
        while b'40{"sid"' not in read:
            read += await loop.sock_recv(connection, 1_000)
        yield Deaf(connection)


def sockets_of(market: Market, person: Person) -> list[LiveSocket]:
    return [socket for socket in market.service.door.sockets.values() if str(socket.user_id) == person.id]


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_reader_that_is_too_slow_is_cut_off_with_bounded_memory_and_nobody_else_is(market: Market, cast: Cast) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    await bob.connect()
    async with deaf(market.service.port, alice) as client:
        before = resident_bytes()
        rooms = [f"user:{alice.id}", f"user:{bob.id}"]
        for number in range(500):  # 10 MB, of which the system's own buffers take the first few
            await market.service.door.server.emit("test:push", {"number": number, "text": "x" * 20_000}, room=rooms)
            if number % 10 == 0:
                await until(lambda: len(bob.heard) > number, what="Bob's hearing of it")  # noqa: B023 - it is over by then
                assert resident_bytes() - before < 40_000_000
        assert sockets_of(market, alice) == [], "cut off"
        assert await client.ends()
    await until(lambda: len(bob.heard) == 500, what="Bob's hearing of all")
    assert [body["number"] for _, body in bob.heard] == list(range(500))


async def test_many_small_packets_are_bounded_by_their_number(market: Market, cast: Cast) -> None:
    alice = await cast.person("Alice")
    emit = market.service.door.server.emit
    async with deaf(market.service.port, alice):
        (socket,) = sockets_of(market, alice)
        for _ in range(400):  # until the system takes no more of it
            await emit("test:push", "x" * 40_000, to=socket.id)
            await asyncio.sleep(0)
            (connection,) = [one for one in market.service.door.server.eio.sockets.values() if one.waiting_bytes] or [None]
            if connection is not None:
                break
        assert connection is not None
        for _ in range(WAITING_PACKETS_MAX):
            await emit("test:push", "x", to=socket.id)
        await until(lambda: sockets_of(market, alice) == [], what="the end")


async def test_answers_that_nobody_reads_are_bounded_too(market: Market, cast: Cast) -> None:
    """300 unread answers took 160 MB."""
    alice = await cast.person("Alice")
    for number in range(20):
        await alice.does("item:create", title=f"A thing {number}", description="x" * 4_000, category="other", condition="GOOD",
                         lookingFor="credits")  # fmt: skip
    before = resident_bytes()
    async with deaf(market.service.port, alice) as client:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            for number in range(1_500):
                await loop.sock_sendall(client._connection, framed(b'42%d["item:mine",{"limit":20}]' % number))
                await asyncio.sleep(0)
        await until(lambda: len(sockets_of(market, alice)) == 1, what="the end of the deaf one")  # her own is the other
        assert resident_bytes() - before < 60_000_000


async def test_a_socket_is_gone_at_once_after_bytes_that_nobody_can_read(market: Market, cast: Cast) -> None:
    alice = await cast.person("Alice")
    for opcode, data in ((WSMsgType.TEXT, b"42\xff\xfe"), (WSMsgType.TEXT, b"x"), (WSMsgType.TEXT, b"4[")):
        async with raw_socket(cast, alice.token) as raw:
            assert len(sockets_of(market, alice)) == 1
            await raw.websocket.send_frame(data, opcode)
            await until(lambda: sockets_of(market, alice) == [], 1.0, what="the end")


async def test_what_is_no_packet_is_a_line_in_the_log_and_no_traceback(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    alice = await cast.person("Alice")
    with capture_logs() as logs, caplog.at_level(logging.WARNING):
        for data in ("4abc", "42{}", "abc", "", "2", '42["user:me"', "451-[]", "40/other", "4" + "[" * 60_000):
            async with raw_socket(cast, alice.token) as raw:
                await raw.send(data)
                with contextlib.suppress(TimeoutError):
                    await raw.packet(0.1)
    assert {entry["log_level"] for entry in logs} <= {"info"}
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_kick_ends_the_connection_of_a_client_that_does_nothing(market: Market, cast: Cast) -> None:
    alice = await cast.person("Alice")
    async with deaf(market.service.port, alice) as client:
        (socket,) = sockets_of(market, alice)
        await market.service.door.end(socket.id, "signed out")
        await until(lambda: sockets_of(market, alice) == [], 0.5, what="her going")
        assert await client.ends()


async def test_a_kick_lets_the_client_read_what_it_was_sent_first(market: Market, cast: Cast) -> None:
    alice = await cast.person("Alice")
    async with raw_socket(cast, alice.token) as raw:
        (socket,) = sockets_of(market, alice)
        await market.service.door.server.emit("test:push", "x" * 500_000, to=socket.id)
        await market.service.door.end(socket.id, "signed out")
        assert len(str(await raw.packet())) > 500_000
        assert [await raw.packet() for _ in range(3)] == ['42["session:ended",{"reason":"signed out"}]', "41", None]


async def test_who_leaves_while_they_come_in_leaves_no_ghost(market: Market, cast: Cast) -> None:
    alice = await cast.person("Alice")
    arriving, go_on = asyncio.Event(), asyncio.Event()

    async def slow(socket: LiveSocket) -> None:
        if str(socket.user_id) == alice.id:
            arriving.set()
            await go_on.wait()

    door = market.service.door
    door.arrived.append(slow)
    try:
        async with raw_socket(cast) as raw:
            await raw.send("40" + json.dumps({"token": alice.token}))
            await arriving.wait()
            (eio_sid,) = [sid for sid in door.server.eio.sockets if door.server.manager.sid_from_eio_sid(sid, "/") in
                          {socket.id for socket in sockets_of(market, alice)}]  # fmt: skip
            door.server.cut_off(eio_sid)
            go_on.set()
            assert await raw.packet() is None
        await until(lambda: not door.server.manager.namespaces_of(eio_sid), what="her going")
        assert sockets_of(market, alice) == []
        assert f"user:{alice.id}" not in market.service.app.live.audience._rooms  # type: ignore[attr-defined]  # the relay
    finally:
        door.arrived.remove(slow)


async def test_a_connection_has_no_compression_whatever_the_client_offers(cast: Cast) -> None:
    address = cast.url + "/socket.io/?EIO=4&transport=websocket"
    async with cast.session.ws_connect(address, compress=15) as websocket:
        assert websocket.compress == 0


def test_the_time_to_connect_is_bounded() -> None:
    """tests/test_protocol.py sees the bound at work, a shorter one."""
    assert 5 <= CONNECT_SECONDS_MAX <= 10


@pytest.fixture(scope="module")
async def strict(open_market: OpenMarket) -> AsyncIterator[Market]:
    """A server with its limits on."""
    async with open_market(RATE_LIMITS="on") as market:
        yield market


async def test_a_person_has_so_many_sockets_and_is_told_so(strict: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.sockets, "SOCKETS_PER_PERSON_MAX", 2)
    alice, bob = await strict.cast.people("Alice", "Bob")
    async with raw_socket(strict.cast, alice.token), raw_socket(strict.cast) as third, raw_socket(strict.cast, bob.token):
        async with raw_socket(strict.cast, alice.token):
            refused = await third.connect({"token": alice.token})
            assert refused is not None
            assert refused.startswith("44")
            assert json.loads(refused[2:])["data"] == {"code": "RATE_LIMITED"}
            assert "2 connections" in json.loads(refused[2:])["message"]
        await until(lambda: len(sockets_of(strict, alice)) == 1, what="the second one's end")
        assert str(await third.connect({"token": alice.token})).startswith('40{"sid"')


async def test_an_address_has_so_many_connections_and_is_told_so(strict: Market) -> None:
    engine = strict.service.door.server.eio
    await until(lambda: not engine.sockets, what="the end of other tests' connections")
    most, engine.sockets_per_address_max = engine.sockets_per_address_max, 2
    assert most == server.sockets.SOCKETS_PER_ADDRESS_MAX
    address = strict.cast.url + "/socket.io/?EIO=4&transport="
    try:
        async with raw_socket(strict.cast):
            async with raw_socket(strict.cast):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await strict.cast.session.ws_connect(address + "websocket")
                assert refused.value.status == 429
                async with strict.cast.session.get(address + "polling") as answer:
                    assert answer.status == 429
                    assert answer.headers["Retry-After"]
                    assert (await answer.json())["error"]["code"] == "RATE_LIMITED"
            await until(lambda: len(engine.sockets) == 1, what="the second one's end")
            async with raw_socket(strict.cast):
                pass
        await until(lambda: not engine.sockets, what="everyone's end")
        assert engine.by_address == {}
    finally:
        engine.sockets_per_address_max = most


async def test_one_connection_has_only_so_many_events_under_way_and_all_are_answered() -> None:
    async with bare(0.1) as running:  # it pings, too, while nothing is read
        most = now = 0

        async def slow(name: str, sid: str, *_: Any) -> str:
            nonlocal most, now
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.2)
            now -= 1
            return name

        running.server.handlers["/"]["*"] = slow
        async with running.socket() as client:
            for number in range(250):
                await client.send(f'42{number}["slow"]')
            answered: set[str] = set()
            while len(answered) < 250:
                packet = str(await client.next(pings=True))
                if packet == "2":
                    await client.send("3")
                else:
                    answered.add(packet)
        assert answered == {f'43{number}["slow"]' for number in range(250)}
        assert most == UNDER_WAY_MAX


async def test_leaving_costs_the_same_with_a_hundred_and_with_ten_thousand_others() -> None:
    manager = bare_server()[0].manager

    async def come(numbers: Iterator[int]) -> list[str]:
        sids = []
        for number in numbers:
            sid = await manager.pre_connect(f"engine-{number}", "/")
            await manager.connect(sid, "/")
            for room in range(5):
                await manager.enter_room(sid, "/", f"room-{number}-{room}")
            sids.append(sid)
        return sids

    async def seconds_to_leave(sids: list[str]) -> float:
        begun = time.perf_counter()
        for sid in sids:
            manager.pre_disconnect(sid, "/")
            await manager.disconnect(sid, "/")
        return time.perf_counter() - begun

    numbers = itertools.count()

    def take(count: int) -> Iterator[int]:
        return itertools.islice(numbers, count)

    await come(take(100))
    few = min([await seconds_to_leave(await come(take(50))) for _ in range(10)])
    await come(take(10_000))
    many = min([await seconds_to_leave(await come(take(50))) for _ in range(10)])
    assert many < 3 * few, "it was 70 times as much when all rooms were looked through"
