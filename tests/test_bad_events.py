"""Whatever comes by a socket is answered, or ends that one connection, and changes nothing (contract.md, "Two doors")."""

import asyncio
import json
from typing import Any

import pytest
import socketio

from handlers.action import ACTIONS
from server.sockets import EVENT_BYTES_MAX
from tests.conftest import Market
from tests.people import Cast, Person
from tests.raw_socket import raw_socket
from tests.trading import trade_between

QUEUES = ("outbox", "notification_outbox", "mails", "rematches")  # they run empty meanwhile
EVENTS = sorted(action.event for action in ACTIONS.values() if action.event is not None)

# What an event may be made of, by the names in its JSON text
NASTY: dict[str, Any] = {
    "nothing": {},
    "a number": 7,
    "a text": "text",
    "a list": [{}],
    "true": True,
    "a field that nobody knows": {"nobodyKnows": 1},
    "a field without a name": {"": 1},
    "a prototype": {"__proto__": {"isAdmin": True}, "constructor": 1},
    "every field a list": list,
    "every field an object": dict,
    "every field null": None,
    "every field a number": -1,
    "every field a large number": 10**30,
    "every field a fraction": 0.5,
    "every field a boolean": False,
    "every field an empty text": "",
    "every field a long text": "x" * 5001,
    "every field NUL": "a\0b",
    "every field SQL": "'; DROP TABLE users;--",
    "every field a path": "../../etc/passwd",
    "every field an id of nothing": "00000000-0000-4000-8000-000000000000",
    "every field a list of many ids": ["00000000-0000-4000-8000-000000000000"] * 100,
    "every field deep": json.loads("[" * 200 + "]" * 200),
}


def payload_of(event: str, what: str) -> Any:
    nasty = NASTY[what]
    if not what.startswith("every field"):
        return nasty
    value = nasty() if callable(nasty) else nasty
    return dict.fromkeys(ACTIONS[event].input.__struct_encode_fields__, value)


@pytest.fixture(scope="module")
async def someone(market: Market) -> Person:
    """For what is refused or only read: it leaves no trace of who asked."""
    return await market.cast.person("Someone", connected=True)


async def counts(market: Market) -> dict[str, int]:
    """How many rows each table has."""
    async with market.sql() as sql:
        tables = await sql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return {name: await sql.fetchval(f"SELECT count(*) FROM {name}") for (name,) in tables}  # noqa: S608 - its own names


@pytest.mark.parametrize("what", NASTY)
async def test_every_event_answers_whatever_it_is_given(someone: Person, what: str) -> None:
    for event in EVENTS:
        body = await someone.sockets[0].call(event, payload_of(event, what), timeout=5)
        assert body["success"] or body["error"]["code"] != "INTERNAL", (event, body)
        if not body["success"]:
            assert body.keys() == {"success", "message", "error", "requestId"}
            assert body["message"]
    assert (await someone.does("user:me"))["id"] == someone.id


@pytest.mark.parametrize("event", [event for event in EVENTS if ACTIONS[event].input.__struct_encode_fields__])
async def test_fields_of_the_wrong_type_are_refused_by_name(someone: Person, event: str) -> None:
    """A boolean for a text or a number, a text for a boolean: one field at a time, the others left out."""
    for field in ACTIONS[event].input.__struct_encode_fields__:
        wrong = {"no": "such"} if field not in ("wants",) else True
        body = await someone.answer(event, **{field: wrong})
        assert not body["success"], (event, field)
        expected = ("NOT_FOUND", None) if field in ACTIONS[event].path_fields else ("INVALID_REQUEST", field)
        assert (body["error"]["code"], body["error"].get("field")) == expected


async def test_refused_events_change_nothing(market: Market, cast: Cast) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob)
    await bob.hears("trade:changed")
    before = {name: count for name, count in (await counts(market)).items() if name not in QUEUES}
    ids = {"tradeId": trade["id"], "itemId": trade["offeredItem"], "conversationId": trade["conversation"], "userId": bob.id}
    for event in EVENTS:
        known = {name: value for name, value in ids.items() if name in ACTIONS[event].path_fields}
        body = await alice.answer(event, **known, nobodyKnows=1)
        assert (body["error"]["code"], body["error"]["field"]) == ("INVALID_REQUEST", "nobodyKnows"), event
        body = await alice.sockets[0].call(event, [known], timeout=5)
        assert body["error"]["code"] == "INVALID_REQUEST", event
    after = {name: count for name, count in (await counts(market)).items() if name not in QUEUES}
    assert after == before
    assert (await alice.does("trade:get", tradeId=trade["id"])) == trade


UNKNOWN = ["nope", "", "item", "item:", "Item:List", "نادية", "message", "__init__", "trade:request\0", "x" * 5000]
RESERVED = ["connect", "disconnect", "connect_error", "*"]  # by python-socketio, or by clients


@pytest.mark.parametrize("name", UNKNOWN + RESERVED)
async def test_an_unknown_event_is_answered(cast: Cast, someone: Person, name: str) -> None:
    async with raw_socket(cast, someone.token) as raw:
        body = await raw.answer(json.dumps([name, {}]))
        assert body["error"]["code"] == "NOT_FOUND"
        assert len(body["message"]) < 200
        assert (await raw.answer('["user:me"]'))["data"]["id"] == someone.id, "and the socket goes on"


@pytest.mark.parametrize("name", [action.name for action in ACTIONS.values() if action.event is None])
async def test_what_is_rests_alone_is_no_event(market: Market, someone: Person, name: str) -> None:
    before = (await counts(market))["users"]
    account = {"name": "Mallory", "email": "mallory@example.org", "password": "a long password"}
    await someone.connect()
    body = await someone.sockets[0].call(name, account, timeout=5)
    assert body["error"]["code"] == "NOT_FOUND"
    assert (await counts(market))["users"] == before


@pytest.mark.parametrize("payload", ["", ",null", ",{}"])
async def test_no_payload_is_an_empty_one(cast: Cast, someone: Person, payload: str) -> None:
    async with raw_socket(cast, someone.token) as raw:
        assert (await raw.answer(f'["user:me"{payload}]'))["data"]["id"] == someone.id
        missing = await raw.answer(f'["item:create"{payload}]')
        assert (missing["error"]["code"], missing["error"]["field"]) == ("INVALID_REQUEST", "title")


@pytest.mark.parametrize("payload", ["{},{}", "{},null", "1,2,3", "[]", "[{}]", '"text"', "0", "false"])
async def test_a_payload_is_one_object(cast: Cast, someone: Person, payload: str) -> None:
    async with raw_socket(cast, someone.token) as raw:
        assert (await raw.answer(f'["user:me",{payload}]'))["error"]["code"] == "INVALID_REQUEST"


UNREADABLE = {
    "half of an array": '["user:me",{}',
    "no array": '{"event":"user:me"}',
    "a text": '"user:me"',
    "a number": "",
    "null": "null",
    "an empty array": "[]",
    "a name that is a number": "[5,{}]",
    "a name that is null": "[null]",
    "a name that is an array": '[["user:me"]]',
    "a name that is an object": "[{}]",
    "half of a surrogate pair": '["user:me",{"a":"\\ud800"}]',
    "a number beyond numbers": '["user:me",{"a":1e999}]',
    "not a number": '["user:me",{"a":NaN}]',
    "a hundred thousand brackets": '["user:me",' + "[" * 30_000 + "]" * 30_000 + "]",
    "a deep object": '["item:get",{"itemId":' + '{"a":' * 8_000 + "1" + "}" * 8_000 + "}]",
    "not JSON": "[user:me]",
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_an_event_that_cannot_be_read_is_answered_all_the_same(cast: Cast, someone: Person, what: str) -> None:
    async with raw_socket(cast, someone.token) as raw:
        body = await raw.answer(UNREADABLE[what])
        assert body["error"]["code"] == "INVALID_REQUEST"
        assert (await raw.answer('["user:me"]'))["data"]["id"] == someone.id, "and the socket goes on"


@pytest.mark.parametrize(
    "packet",
    ["4", "4x", "4abc", "42", "42{}", "42[]", "42[5]", '42["user:me"', "4null", "4{}", "4[1]", "44{}", "47", "49", '4-1["a"]'],
)
async def test_what_is_no_packet_ends_the_connection_and_no_other(cast: Cast, someone: Person, packet: str) -> None:
    async with raw_socket(cast, someone.token) as raw:
        await raw.send(packet)
        assert await raw.packet() is None
    assert (await someone.does("user:me"))["id"] == someone.id


async def test_a_binary_part_is_refused(cast: Cast) -> None:
    alice = await cast.person("Alice", connected=True)
    for payload in (b"\0\1", {"itemId": b"0123456789abcdef"}, {"title": bytearray(5)}, {"wants": {"items": [b"x"]}}):
        body = await alice.sockets[0].call("item:create", payload, timeout=5)
        assert (body["error"]["code"], body["message"]) == ("INVALID_REQUEST", "An event has no binary part.")
    assert (await alice.does("item:mine"))["items"] == []


async def test_announced_parts_are_not_waited_for(cast: Cast) -> None:
    alice = await cast.person("Alice")
    async with raw_socket(cast, alice.token) as raw:
        await raw.send('459999999-7["user:me",{"_placeholder":true,"num":0}]')
        answer = await raw.packet()
        assert answer is not None
        assert answer.startswith('437[{"success":false')
        for _ in range(20):
            await raw.websocket.send_bytes(b"x" * 60_000)
        assert (await raw.answer('["user:me"]'))["data"]["id"] == alice.id


async def test_an_event_of_64_kb_is_read_and_a_larger_one_ends_the_connection_only(cast: Cast) -> None:
    alice = await cast.person("Alice", connected=True)
    frame = '["user:update",{"name":"%s"}]'
    async with raw_socket(cast, alice.token) as raw:
        body = await raw.answer(frame % ("x" * (EVENT_BYTES_MAX - len(frame) + 2)))
        assert (body["error"]["code"], body["error"]["field"]) == ("INVALID_REQUEST", "name")
        await raw.send("427" + frame % ("x" * (EVENT_BYTES_MAX + 1000)))
        assert await raw.packet() is None
    assert (await alice.does("user:me"))["name"] == "Alice"


async def test_an_event_named_disconnect_disconnects_nobody(cast: Cast) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob)
    await alice.hears("trade:changed")
    async with raw_socket(cast, alice.token) as raw:
        await raw.answer('["disconnect",{}]')
        await bob.does("message:send", conversationId=trade["conversation"], text="Still there?", clientMessageId="m-1")
        while "Still there?" not in (pushed := await raw.packet() or ""):
            assert pushed.startswith("42"), "she is pushed what happened before, and that"


async def test_an_event_without_an_acknowledgement_is_done_all_the_same(cast: Cast) -> None:
    alice = await cast.person("Alice")
    async with raw_socket(cast, alice.token) as raw:
        await raw.send('42["user:update",{"name":"Alicia"}]')
        async with asyncio.timeout(5):
            while (await raw.answer('["user:me"]'))["data"]["name"] != "Alicia":
                await asyncio.sleep(0.01)


async def test_nothing_is_answered_before_signing_in(cast: Cast) -> None:
    async with raw_socket(cast) as raw:
        await raw.send('427["user:me"]')
        with pytest.raises(TimeoutError):
            await raw.packet(0.3)


async def test_a_hundred_bad_events_at_once_are_answered_each_with_its_own(cast: Cast) -> None:
    alice = await cast.person("Alice", connected=True)
    socket: socketio.AsyncClient = alice.sockets[0]
    answers = await asyncio.gather(*(socket.call(f"nope:{number}", {}, timeout=10) for number in range(100)))
    assert [body["message"] for body in answers] == [f"There is no action 'nope:{number}'." for number in range(100)]
    assert len({body["requestId"] for body in answers}) == 100
