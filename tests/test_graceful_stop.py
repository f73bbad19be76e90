"""A server that is asked to stop: what was asked for is answered, everybody is told to come back, and nothing is half done."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

import server.service
from client_demo.connection import Person as Client
from client_demo.connection import State
from tests.conftest import Market, OpenMarket
from tests.devices import devices_of
from tests.people import PASSWORD, Cast, Person
from tests.processes import Server, own_directory, serving
from tests.raw_socket import CLOSED, RawSocket, raw_socket
from tests.test_engine import deaf
from tests.trading import Trade, trade_between
from tests.waiting import until, until_answered

SECRET = "the same secret on both servers, so that a token is good on either"
SERVICE_RESTART = 1012
STOP_SECONDS_MAX = 12.0  # 5 for what is under way, 2 for who does not answer, 5 for the stores; mostly it takes half of one


@dataclass(slots=True)
class Site:
    """A server that goes on, in this process, and one that is stopped, a process of its own, on the same stores."""

    stays: Market
    stops: Server
    alice: Person
    bob: Person
    trade: Trade

    async def log(self) -> list[Any]:
        page = await self.bob.by_rest("message:list", conversationId=self.trade["conversation"], limit=100)
        return [(entry["seq"], entry.get("text") or entry["change"]["move"]) for entry in page]


@pytest.fixture
async def site(open_market: OpenMarket) -> AsyncIterator[Site]:
    with own_directory("stop") as folder:
        async with open_market(SECRET_KEY=SECRET) as market:
            alice, bob = await market.cast.people("Alice", "Bob")
            trade = await trade_between(alice, bob, "interest")
            stores = {"DATABASE_URL": market.database_url, "REDIS_URL": market.redis_url}
            async with serving(folder, SECRET_KEY=SECRET, **stores) as server:
                yield Site(market, server, alice, bob, trade)


@asynccontextmanager
async def locked(market: Market, trade: Trade) -> AsyncIterator[None]:
    """The rows that talking in this trade and confirming it wait for, until the end of the block."""
    async with market.sql() as connection, connection.transaction():
        await connection.execute("SELECT FROM items WHERE id = $1 FOR UPDATE", trade["requestedItem"])
        await connection.execute("SELECT FROM conversations WHERE id = $1 FOR UPDATE", trade["conversation"])
        yield


async def waiting_for_locks(market: Market) -> int:
    async with market.sql() as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return count


async def until_waiting(market: Market, count: int) -> None:
    async def are_waiting() -> bool:
        return await waiting_for_locks(market) == count

    await until_answered(are_waiting, what=f"{count} waiting for a lock")


def event(number: int, name: str, **payload: Any) -> str:
    return f"42{number}" + json.dumps([name, payload])


async def close_code(socket: RawSocket) -> int | None:
    """Read on until the connection is closed; the code it is closed with."""
    async for _ in socket.rest():
        pass
    return socket.websocket.close_code


async def test_what_waits_for_a_lock_when_the_server_is_asked_to_stop_is_acknowledged(site: Site) -> None:
    """Then everybody is told to come back (1012), never by a DISCONNECT; what comes too late may be said again."""
    said = {"conversationId": site.trade["conversation"], "text": "Saturday?", "clientMessageId": "saturday"}
    late = {"conversationId": site.trade["conversation"], "text": "Or Sunday?", "clientMessageId": "sunday"}
    async with (
        site.stops.cast() as cast,
        raw_socket(cast, site.alice.token) as alice,
        raw_socket(cast, site.bob.token) as bob,
        raw_socket(cast, site.bob.token) as idle,
    ):
        async with cast.session.get(cast.url + "/readyz") as ready:
            assert ready.status == 200
        async with locked(site.stays, site.trade):
            await alice.send(event(1, "message:send", **said))
            await bob.send(event(2, "trade:confirm", tradeId=site.trade["id"]))
            await until_waiting(site.stays, 2)
            site.stops.process.send_signal(signal.SIGTERM)

            assert await close_code(idle) == SERVICE_RESTART, "who waits for nothing is told at once"
            async with cast.session.get(cast.url + "/readyz") as stopping:  # by the connection that there is
                assert (stopping.status, (await stopping.json())["status"]) == (503, "stopping")
            with pytest.raises(aiohttp.ClientConnectorError):
                await cast.session.get(cast.url + "/healthz", headers={"Connection": "close"})
            await alice.send(event(3, "message:send", **late))
            await asyncio.sleep(0.1)
            assert await waiting_for_locks(site.stays) == 2, "what comes now is not begun"

        for socket, number in ((alice, 1), (bob, 2)):
            packets = [packet async for packet in socket.rest()]
            assert [packet[:20] for packet in packets if packet.startswith("43")] == [f'43{number}[{{"success":true,']
            assert not [packet for packet in packets if packet.startswith("41")], "no packet says goodbye"
            assert socket.websocket.close_code == SERVICE_RESTART
    assert await site.stops.ends() == 0

    async with site.stays.sql() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0, "what was committed has been pushed"
    log = await site.log()
    assert log[:2] == [(1, "request"), (2, "interest")]
    assert sorted(text for _, text in log[2:]) == ["Saturday?", "confirm"]
    again = await site.alice.by_rest("message:send", **late)
    assert again["seq"] == 5
    assert (await site.alice.by_rest("message:send", **said))["seq"] in (3, 4), "what was acknowledged is known everywhere"


async def test_who_talks_goes_on_at_another_server_and_loses_nothing(site: Site) -> None:
    conversation = site.trade["conversation"]
    async with devices_of(site.bob, site.stays.cast) as (bob,), Client([site.stops.url, site.stays.url]) as alice:
        await alice.sign_in(site.alice.email, PASSWORD)
        await alice.connect()
        said: list[str] = []

        async def talks() -> None:
            while len(said) < 300:
                text = f"Line {len(said)}"
                await alice.does("message:send", conversationId=conversation, text=text)
                said.append(text)

        talking = asyncio.create_task(talks())
        await until(lambda: len(said) >= 50, what="talking")
        assert await site.stops.ends(signal.SIGTERM) == 0
        await asyncio.wait_for(talking, 30)
        assert alice.state is State.ONLINE
        await bob.hears("message:new", lambda entry: bool(entry["text"] == said[-1]))
    texts = [body["text"] for name, body in bob.heard if name == "message:new"]
    assert list(dict.fromkeys(texts)) == said, "in order, and none is missing"


async def test_two_hundred_sockets_are_told_and_the_deaf_do_not_hold_it_up(site: Site) -> None:
    async with AsyncExitStack() as stack:
        cast = await stack.enter_async_context(site.stops.cast())
        cast._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        sockets = await asyncio.gather(*(stack.enter_async_context(raw_socket(cast, site.alice.token)) for _ in range(200)))
        for _ in range(5):
            await stack.enter_async_context(deaf(int(site.stops.url.rpartition(":")[2]), site.bob))
        asked = time.monotonic()
        site.stops.process.send_signal(signal.SIGTERM)
        codes = await asyncio.gather(*(close_code(socket) for socket in sockets))
        assert set(codes) == {SERVICE_RESTART}
        assert await site.stops.ends() == 0
        assert time.monotonic() - asked < STOP_SECONDS_MAX


async def test_who_sends_without_a_pause_gets_every_answer_before_the_close(site: Site) -> None:
    """Whoever hangs up with something unread makes the system throw away what it has sent."""
    async with site.stops.cast() as cast, raw_socket(cast, site.alice.token) as alice:
        numbers = iter(range(1_000_000))
        sending = True

        async def sends() -> None:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                while sending:
                    await alice.send(event(next(numbers), "typing", text="x" * 1_000))
                    await asyncio.sleep(0)

        flood = asyncio.create_task(sends())
        answered = 0
        async with asyncio.timeout(STOP_SECONDS_MAX):
            while (message := await alice.websocket.receive()).type not in CLOSED:
                answered += str(message.data).startswith("43")
                if answered == 100:
                    site.stops.process.send_signal(signal.SIGTERM)
        sending = False
        await flood
        assert answered >= 100, message
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, SERVICE_RESTART), "not a connection reset"


async def test_who_polls_has_its_answer_and_then_an_error_to_come_back_from(site: Site) -> None:
    """Not an Engine.IO CLOSE, after which some clients would stay away."""
    said = {"conversationId": site.trade["conversation"], "text": "Saturday?", "clientMessageId": "saturday"}
    url = site.stops.url + "/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession() as session:

        async def poll(sid: str) -> tuple[int, str]:
            async with session.get(f"{url}&sid={sid}") as answer:
                return answer.status, await answer.text()

        async def opened() -> str:
            async with session.get(url) as answer:
                sid = str(json.loads((await answer.text())[1:])["sid"])
            await send(sid, "40" + json.dumps({"token": site.alice.token}))
            assert (await poll(sid))[1].startswith("40")
            return sid

        async def send(sid: str, packet: str) -> None:
            async with session.post(f"{url}&sid={sid}", data=packet) as answer:
                assert answer.status == 200

        asks, waits = await opened(), await opened()
        waiting = asyncio.create_task(poll(waits))
        async with locked(site.stays, site.trade):
            await send(asks, event(1, "message:send", **said))
            await until_waiting(site.stays, 1)
            site.stops.process.send_signal(signal.SIGTERM)
            assert (await waiting)[0] == 503
        await asyncio.sleep(0.2)  # it does not poll at the moment
        status, packets = await poll(asks)
        assert (status, packets[:19]) == (200, '431[{"success":true')
        with contextlib.suppress(aiohttp.ClientError):
            assert (await poll(asks))[0] >= 400
    assert await site.stops.ends() == 0


async def test_what_takes_too_long_is_cut_off_whole(open_market: OpenMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is rolled back and not acknowledged; the same key elsewhere does it, once."""
    monkeypatch.setattr(server.service, "DRAIN_SECONDS_MAX", 0.3)
    async with open_market(SECRET_KEY=SECRET) as stays:
        alice, bob = await stays.cast.people("Alice", "Bob")
        trade = await trade_between(alice, bob, "interest")
        said = {"conversationId": trade["conversation"], "text": "Saturday?", "clientMessageId": str(uuid4())}
        confirm = {"tradeId": trade["id"], "idempotencyKey": str(uuid4())}
        stores = {"DATABASE_URL": stays.database_url, "REDIS_URL": stays.redis_url}
        async with locked(stays, trade), AsyncExitStack() as stack:
            stops = await stack.enter_async_context(open_market(SECRET_KEY=SECRET, **stores))
            cast = Cast(stops.url)
            async with raw_socket(cast, alice.token) as hers, raw_socket(cast, bob.token) as his:
                await hers.send(event(1, "message:send", **said))
                await his.send(event(2, "trade:confirm", **confirm))
                await until_waiting(stays, 2)
                reading = asyncio.gather(hers.packet(STOP_SECONDS_MAX), his.packet(STOP_SECONDS_MAX))
                await stack.aclose()
                assert (await reading)[0] is None, "no answer"
                assert (await reading)[1] is None, "no answer"
                assert (hers.websocket.close_code, his.websocket.close_code) == (SERVICE_RESTART, SERVICE_RESTART)
            await cast.close()
        assert (await bob.by_rest("trade:get", tradeId=trade["id"]))["status"] == "negotiating"
        assert (await alice.by_rest("message:send", **said))["seq"] == 3
        assert (await bob.does("trade:confirm", **confirm))["status"] == "confirmed"
