"""The WebSocket cases of the official test suites of Engine.IO v4 and Socket.IO v5, against our server without our handlers.

The suites are in the repository socketio/socket.io, below docs/engine.io-protocol/v4-test-suite and
docs/socket.io-protocol/v5-test-suite (against tests/bare_server.py they pass themselves, but for the two cases in which PUT is
answered 405, not 400); a test here is named as its case is there. Their servers ping every 300 ms and wait
200 ms, so that a connection that should have been closed is closed by the next ping timeout all the same: here, what must be
closed is closed by a server that pings every 25 seconds.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from server.packets import PacketServer
from tests.bare_server import MAX_PAYLOAD, PING_SECONDS, PING_TIMEOUT_SECONDS, serving
from tests.raw_socket import CLOSED

SLOW_PING_SECONDS = 25.0


class Client:
    """A WebSocket, or what came of trying to open one."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket

    async def send(self, data: str | bytes) -> None:
        await (self._websocket.send_str(data) if isinstance(data, str) else self._websocket.send_bytes(data))

    async def next(self, *, pings: bool = False) -> str | bytes | None:
        """The next message; None once the connection is closed. Pings are left out, unless they are wanted."""
        async with asyncio.timeout(4):
            while True:
                message = await self._websocket.receive()
                if message.type in CLOSED:
                    return None
                if pings or message.data != "2":
                    return message.data  # type: ignore[no-any-return]  # of a text or binary message it is one of both

    async def closed(self) -> None:
        """Wait until the server closes; as a suite does, whatever it says before."""
        while await self.next() is not None:
            pass


class Bare:
    """The bare server: Engine.IO alone (it sends every message back) at /engine.io/, Socket.IO at /socket.io/."""

    def __init__(self, server: PacketServer, session: aiohttp.ClientSession, url: str) -> None:
        self.server = server
        self.session = session
        self.url = url

    @asynccontextmanager
    async def websocket(self, path: str) -> AsyncIterator[Client]:
        async with self.session.ws_connect(self.url + path) as websocket:
            yield Client(websocket)

    async def refused(self, path: str) -> int:
        """The HTTP status that a WebSocket is refused with."""
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await self.session.ws_connect(self.url + path)
        return caught.value.status

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[Client]:
        async with self.websocket("/engine.io/?EIO=4&transport=websocket") as client:
            assert str(await client.next()).startswith("0")
            yield client

    @asynccontextmanager
    async def socket(self, *, connected: bool = True) -> AsyncIterator[Client]:
        """After the Engine.IO handshake and, if `connected`, the Socket.IO handshake and its auth event."""
        async with self.websocket("/socket.io/?EIO=4&transport=websocket") as client:
            assert str(await client.next()).startswith("0")
            if connected:
                await client.send("40")
                assert str(await client.next()).startswith('40{"sid":')
                assert await client.next() == '42["auth",{}]'
            yield client

    async def polling(self, kind: str = "engine.io") -> str:
        """The id of a new session that polls."""
        async with self.session.get(f"{self.url}/{kind}/?EIO=4&transport=polling") as answer:
            assert answer.status == 200
            return str(json.loads((await answer.text())[1:])["sid"])

    async def poll(self, sid: str) -> tuple[int, str]:
        async with self.session.get(f"{self.url}/engine.io/?EIO=4&transport=polling&sid={sid}") as answer:
            return answer.status, await answer.text()

    async def post(self, sid: str, body: str) -> int:
        async with self.session.post(f"{self.url}/engine.io/?EIO=4&transport=polling&sid={sid}", data=body) as answer:
            assert (await answer.text() == "ok") is (answer.status == 200)
            return answer.status


@asynccontextmanager
async def bare(ping_seconds: float) -> AsyncIterator[Bare]:
    async with serving(ping_seconds) as (server, url), aiohttp.ClientSession() as session:
        yield Bare(server, session, url)


@pytest.fixture(scope="module")
async def fast() -> AsyncIterator[Bare]:
    """Pings as the suites have them."""
    async with bare(PING_SECONDS) as server:
        yield server


@pytest.fixture(scope="module")
async def slow() -> AsyncIterator[Bare]:
    """Pings too slow to close what should be closed for another reason."""
    async with bare(SLOW_PING_SECONDS) as server:
        yield server


@pytest.fixture(params=["fast", "slow"])
def either(request: pytest.FixtureRequest, fast: Bare, slow: Bare) -> Bare:
    return fast if request.param == "fast" else slow


class TestEngineHandshake:
    @pytest.mark.parametrize("kind", ["engine.io", "socket.io"])
    async def test_successfully_opens_a_session(self, fast: Bare, kind: str) -> None:
        async with fast.websocket(f"/{kind}/?EIO=4&transport=websocket") as client:
            opened = await client.next()
        assert isinstance(opened, str)
        assert opened.startswith("0")
        value = json.loads(opened[1:])
        assert isinstance(value.pop("sid"), str)
        assert value == {"upgrades": [], "pingInterval": 300, "pingTimeout": 200, "maxPayload": MAX_PAYLOAD}

    @pytest.mark.parametrize("query", ["transport=websocket", "EIO=abc&transport=websocket"])
    async def test_fails_with_an_invalid_eio_query_parameter(self, either: Bare, query: str) -> None:
        assert await either.refused(f"/engine.io/?{query}") == 400

    @pytest.mark.parametrize("query", ["EIO=4", "EIO=4&transport=abc"])
    async def test_fails_with_an_invalid_transport_query_parameter(self, either: Bare, query: str) -> None:
        assert await either.refused(f"/engine.io/?{query}") == 400


class TestEngineMessage:
    async def test_sends_and_receives_a_plain_text_packet(self, either: Bare) -> None:
        async with either.engine() as client:
            await client.send("4hello")
            assert await client.next() == "4hello"

    async def test_sends_and_receives_a_binary_packet(self, either: Bare) -> None:
        async with either.engine() as client:
            await client.send(bytes([1, 2, 3, 4]))
            assert await client.next() == bytes([1, 2, 3, 4])

    @pytest.mark.parametrize("data", ["abc", "", "2", "2probe", "0{}", "7", "1x"])  # "abc" is the suite's
    async def test_closes_the_session_upon_invalid_packet_format(self, slow: Bare, data: str) -> None:
        async with slow.engine() as client:
            await client.send(data)
            assert await client.next() is None


class TestEngineHeartbeat:
    @pytest.mark.parametrize("kind", ["engine.io", "socket.io"])
    async def test_sends_ping_pong_packets(self, fast: Bare, kind: str) -> None:
        async with fast.websocket(f"/{kind}/?EIO=4&transport=websocket") as client:
            await client.next()
            for _ in range(3):
                assert await client.next(pings=True) == "2"
                await client.send("3")

    async def test_closes_the_session_upon_ping_timeout(self, fast: Bare) -> None:
        async with fast.engine() as client:
            begun = asyncio.get_running_loop().time()
            await client.closed()
        taken = asyncio.get_running_loop().time() - begun
        assert taken == pytest.approx(PING_SECONDS + PING_TIMEOUT_SECONDS, abs=0.4)

    async def test_closes_a_polling_session_upon_ping_timeout(self, fast: Bare) -> None:
        sid = await fast.polling()
        await asyncio.sleep(PING_SECONDS + PING_TIMEOUT_SECONDS + 0.1)
        assert (await fast.poll(sid))[0] == 400


class TestEngineClose:
    async def test_forcefully_closes_the_session(self, slow: Bare) -> None:
        async with slow.engine() as client:
            await client.send("1")
            assert await client.next() is None


class TestEngineUpgrade:
    async def test_successfully_upgrades_from_http_long_polling_to_websocket(self, slow: Bare) -> None:
        sid = await slow.polling()
        async with slow.websocket(f"/engine.io/?EIO=4&transport=websocket&sid={sid}") as client:
            await client.send("2probe")
            assert await client.next() == "3probe"
            assert await slow.poll(sid) == (200, "6")
            await client.send("5")
            await client.send("4hello")
            assert await client.next() == "4hello"

    async def test_a_poll_that_waits_ends_with_the_upgrade(self, slow: Bare) -> None:
        sid = await slow.polling()
        polling = asyncio.create_task(slow.poll(sid))
        async with slow.websocket(f"/engine.io/?EIO=4&transport=websocket&sid={sid}") as client:
            await client.send("2probe")
            assert await client.next() == "3probe"
            assert await polling == (200, "6")

    async def test_what_was_not_polled_comes_by_the_websocket(self, slow: Bare) -> None:
        sid = await slow.polling()
        assert await slow.post(sid, "4one\x1e4two\x1ebAQIDBA==") == 200
        async with slow.websocket(f"/engine.io/?EIO=4&transport=websocket&sid={sid}") as client:
            await client.send("2probe")
            assert await client.next() == "3probe"
            await client.send("5")
            assert [await client.next() for _ in range(3)] == ["4one", "4two", bytes([1, 2, 3, 4])]

    async def test_ignores_http_requests_with_same_sid_after_upgrade(self, slow: Bare) -> None:
        sid = await slow.polling()
        async with slow.websocket(f"/engine.io/?EIO=4&transport=websocket&sid={sid}") as client:
            await client.send("2probe")
            assert await client.next() == "3probe"
            await client.send("5")
            await client.send("4hello")
            assert await client.next() == "4hello"
            assert (await slow.poll(sid))[0] == 400
            await client.send("4hello")
            assert await client.next() == "4hello"

    async def test_ignores_websocket_connection_with_same_sid_after_upgrade(self, slow: Bare) -> None:
        sid = await slow.polling()
        path = f"/engine.io/?EIO=4&transport=websocket&sid={sid}"
        async with slow.websocket(path) as client:
            await client.send("2probe")
            assert await client.next() == "3probe"
            async with slow.websocket(path) as second:  # nor while it upgrades
                await second.closed()
            await client.send("5")
            await client.send("4hello")
            assert await client.next() == "4hello"
            async with slow.websocket(path) as second:
                await second.closed()
            await client.send("4hello")
            assert await client.next() == "4hello"

    async def test_an_upgrade_that_is_not_finished_leaves_the_session_polling(self, slow: Bare) -> None:
        sid = await slow.polling()
        async with slow.websocket(f"/engine.io/?EIO=4&transport=websocket&sid={sid}") as client:
            await client.send("2probe")
            assert await client.next() == "3probe"
        assert await slow.post(sid, "4hello") == 200
        status, body = await slow.poll(sid)
        while body == "6":  # until the server has seen the WebSocket's end
            status, body = await slow.poll(sid)
        assert (status, body) == (200, "4hello")


class TestPolling:
    """Not among the WebSocket cases; a client that polls is served all the same."""

    async def test_sends_and_receives_several_packets(self, slow: Bare) -> None:
        sid = await slow.polling()
        assert await slow.post(sid, "4hello\x1ebAQIDBA==\x1e4two") == 200
        assert await slow.poll(sid) == (200, "4hello\x1ebAQIDBA==\x1e4two")

    @pytest.mark.parametrize("body", ["abc", "", "4x\x1eabc", "b%%%"])
    async def test_closes_the_session_upon_invalid_packet_format(self, slow: Bare, body: str) -> None:
        sid = await slow.polling()
        assert await slow.post(sid, body) == 400
        assert (await slow.poll(sid))[0] == 400

    async def test_closes_the_session_upon_duplicate_poll_requests(self, slow: Bare) -> None:
        sid = await slow.polling()
        first = asyncio.create_task(slow.poll(sid))
        await asyncio.sleep(0.05)
        assert (await slow.poll(sid))[0] == 400
        assert await first == (200, "1")
        assert (await slow.poll(sid))[0] == 400

    async def test_forcefully_closes_the_session(self, slow: Bare) -> None:
        sid = await slow.polling()
        polling = asyncio.create_task(slow.poll(sid))
        await asyncio.sleep(0.05)
        assert await slow.post(sid, "1") == 200
        assert await polling == (200, "6")
        assert (await slow.poll(sid))[0] == 400


class TestConnect:
    @pytest.mark.parametrize("auth", [None, {"token": "123"}])
    @pytest.mark.parametrize("namespace", ["", "/custom,"])
    async def test_allows_connection_to_a_namespace(self, either: Bare, namespace: str, auth: object) -> None:
        async with either.socket(connected=False) as client:
            await client.send(f"40{namespace}{'' if auth is None else json.dumps(auth)}")
            connected = str(await client.next())
            assert connected.startswith(f"40{namespace}")
            handshake = json.loads(connected.removeprefix(f"40{namespace}"))
            assert handshake.keys() == {"sid"}
            assert isinstance(handshake["sid"], str)
            echoed = json.dumps(auth or {}, separators=(",", ":"))
            assert await client.next() == f'42{namespace}["auth",{echoed}]'

    async def test_disallows_connection_to_an_unknown_namespace(self, either: Bare) -> None:
        async with either.socket(connected=False) as client:
            await client.send("40/random")
            assert await client.next() == '44/random,{"message":"Invalid namespace"}'

    async def test_disallows_connection_with_an_invalid_handshake(self, slow: Bare) -> None:
        async with slow.socket(connected=False) as client:
            await client.send("4abc")
            assert await client.next() is None

    async def test_closes_the_connection_if_no_handshake_is_received(self, slow: Bare) -> None:
        async with slow.socket(connected=False) as client:
            assert await client.next() is None


class TestDisconnect:
    async def test_disconnects_from_the_main_namespace(self, fast: Bare) -> None:
        async with fast.socket() as client:
            await client.send("41")
            assert await client.next(pings=True) == "2"

    async def test_a_connection_in_no_namespace_is_closed_after_a_while(self, slow: Bare) -> None:
        async with slow.socket() as client:
            await client.send("41")
            assert await client.next() is None

    async def test_connects_then_disconnects_from_a_custom_namespace(self, either: Bare) -> None:
        async with either.socket() as client:
            await client.send("40/custom")
            assert str(await client.next()).startswith("40/custom,")
            assert await client.next() == '42/custom,["auth",{}]'
            await client.send("41/custom")
            await client.send('42["message","message to main namespace"]')
            assert await client.next() == '42["message-back","message to main namespace"]'


class TestMessage:
    async def test_sends_a_plain_text_packet(self, either: Bare) -> None:
        async with either.socket() as client:
            await client.send('42["message",1,"2",{"3":[true]}]')
            assert await client.next() == '42["message-back",1,"2",{"3":[true]}]'

    async def test_sends_a_packet_with_binary_attachments(self, either: Bare) -> None:
        async with either.socket() as client:
            await client.send('452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
            await client.send(bytes([1, 2, 3]))
            await client.send(bytes([4, 5, 6]))
            back = '452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
            assert [await client.next() for _ in range(3)] == [back, bytes([1, 2, 3]), bytes([4, 5, 6])]

    async def test_sends_a_plain_text_packet_with_an_ack(self, either: Bare) -> None:
        async with either.socket() as client:
            await client.send('42456["message-with-ack",1,"2",{"3":[false]}]')
            assert await client.next() == '43456[1,"2",{"3":[false]}]'

    async def test_sends_a_packet_with_binary_attachments_and_an_ack(self, either: Bare) -> None:
        async with either.socket() as client:
            await client.send('452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
            await client.send(bytes([1, 2, 3]))
            await client.send(bytes([4, 5, 6]))
            back = '462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
            assert [await client.next() for _ in range(3)] == [back, bytes([1, 2, 3]), bytes([4, 5, 6])]

    @pytest.mark.parametrize(
        "data",
        [
            "4abc",  # unknown packet type
            "42{}",  # invalid payload format
            '42abc["message-with-ack",1,"2",{"3":[false]}]',  # invalid ack id
            '4511-["message",{"_placeholder":true,"num":0}]',  # more parts than are taken
            '450-["message"]',
            "42",
            '42["message"',
        ],
    )
    async def test_closes_the_connection_upon_invalid_format(self, slow: Bare, data: str) -> None:
        async with slow.socket() as client:
            await client.send(data)
            assert await client.next() is None

    async def test_a_binary_part_of_nothing_closes_the_connection(self, slow: Bare) -> None:
        async with slow.socket() as client:
            await client.send(bytes([1, 2, 3]))
            assert await client.next() is None
