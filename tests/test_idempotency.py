"""Retrying is safe: one key, one effect, one answer, from whichever door and however many at once (contract.md, C77)."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from tests.conftest import Market, OpenMarket
from tests.people import Cast, Person, Refused
from tests.raw_socket import raw_socket
from tests.trading import BOTH_DOORS, once_by, refused, trade_between

CAMERA = {
    "title": "A camera",
    "description": "",
    "category": "cameras",
    "condition": "GOOD",
    "lookingFor": "flexible",
}


async def items_of(person: Person) -> int:
    return int((await person.does("item:mine"))["pagination"]["total"])


@pytest.mark.parametrize(("first", "second"), [("rest", "rest"), ("rest", "socket"), ("socket", "rest"), ("socket", "socket")])
async def test_the_same_key_gets_the_first_answer_from_either_door(cast: Cast, first: str, second: str) -> None:
    alice = await cast.person("Alice")
    item = await once_by(alice, first, "key-1", "item:create", **CAMERA)
    await alice.does("item:update", itemId=item["id"], title="Renamed since")
    assert await once_by(alice, second, "key-1", "item:create", **CAMERA) == item, "as it was, not as it is"
    assert await items_of(alice) == 1


async def test_the_answer_is_the_same_byte_for_byte(cast: Cast) -> None:
    alice = await cast.person("Alice")
    headers = {"Idempotency-Key": "key-1", "Authorization": f"Bearer {alice.token}"}
    answers = []
    for _ in range(2):
        async with cast.session.post(f"{cast.url}/api/items", json=CAMERA, headers=headers) as response:
            answers.append((response.status, response.content_type, await response.read()))
    assert answers[0] == answers[1]
    assert answers[0][0] == 201

    payload = json.dumps(CAMERA | {"idempotencyKey": "key-1"})
    async with raw_socket(cast, alice.token) as raw:
        await raw.send(f'427["item:create",{payload}]')
        assert await raw.packet() == f"437[{answers[0][2].decode()}]"


@BOTH_DOORS
async def test_the_same_key_with_another_body_is_refused(cast: Cast, door: str) -> None:
    alice = await cast.person("Alice")
    await once_by(alice, door, "key-1", "item:create", **CAMERA)
    no = await refused(once_by(alice, door, "key-1", "item:create", **CAMERA | {"title": "Another"}), "IDEMPOTENCY_MISMATCH")
    assert no.status == (422 if door == "rest" else None)
    assert await items_of(alice) == 1


@BOTH_DOORS
async def test_the_same_key_for_another_action_is_refused(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob)
    await once_by(bob, door, "key-1", "trade:interest", tradeId=trade["id"])
    await refused(once_by(bob, door, "key-1", "trade:reject", tradeId=trade["id"]), "IDEMPOTENCY_MISMATCH")
    other = await trade_between(alice, bob)
    await refused(once_by(bob, door, "key-1", "trade:interest", tradeId=other["id"]), "IDEMPOTENCY_MISMATCH")
    assert (await bob.does("trade:get", tradeId=trade["id"]))["status"] == "negotiating"


@BOTH_DOORS
async def test_fields_in_another_order_are_the_same_body(cast: Cast, door: str) -> None:
    alice = await cast.person("Alice")
    item = await once_by(alice, door, "key-1", "item:create", **CAMERA)
    backwards = dict(reversed(CAMERA.items()))
    assert await once_by(alice, door, "key-1", "item:create", **backwards) == item


@BOTH_DOORS
async def test_a_move_is_made_once_and_its_answer_comes_again(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob)
    first = await once_by(bob, door, "key-1", "trade:interest", tradeId=trade["id"])
    await bob.does("trade:confirm", tradeId=trade["id"])
    assert await once_by(bob, door, "key-1", "trade:interest", tradeId=trade["id"]) == first
    log = await alice.does("message:list", conversationId=trade["conversation"])
    assert [entry["change"]["move"] for entry in log] == ["request", "interest", "confirm"]


@BOTH_DOORS
async def test_a_refusal_is_remembered_too(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob)
    no = await refused(once_by(bob, door, "key-1", "trade:confirm", tradeId=trade["id"]), "INVALID_STATE")
    await bob.does("trade:interest", tradeId=trade["id"])
    again = await refused(once_by(bob, door, "key-1", "trade:confirm", tradeId=trade["id"]), "INVALID_STATE")
    assert (again.status, again.body) == (no.status, no.body), "even the request id of the first"
    assert (await once_by(bob, door, "key-2", "trade:confirm", tradeId=trade["id"]))["status"] == "confirmed"


async def test_a_remembered_refusal_is_a_problem_for_who_asks_for_problems(cast: Cast) -> None:  # C10
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob)
    headers = {"Idempotency-Key": "key-1", "Accept": "application/problem+json"}
    path = f"/trades/{trade['id']}/confirm"
    first = await cast.answer("POST", path, {}, token=bob.token, headers=headers)
    again = await cast.answer("POST", path, {}, token=bob.token, headers=headers)
    assert first[1]["code"] == "INVALID_STATE"
    assert again[:2] == first[:2]
    assert again[2]["Content-Type"] == first[2]["Content-Type"] == "application/problem+json"


@BOTH_DOORS
async def test_what_was_not_understood_is_not_remembered(cast: Cast, door: str) -> None:
    alice = await cast.person("Alice")
    await refused(once_by(alice, door, "key-1", "item:create", **CAMERA | {"title": ""}), "INVALID_REQUEST", "title")
    assert (await once_by(alice, door, "key-1", "item:create", **CAMERA))["title"] == "A camera", "corrected, and sent again"


@BOTH_DOORS
async def test_what_only_the_action_could_not_understand_is_not_remembered_either(cast: Cast, door: str) -> None:
    alice = await cast.person("Alice")
    unknown = CAMERA | {"category": "no-such-category"}
    await refused(once_by(alice, door, "key-1", "item:create", **unknown), "INVALID_REQUEST", "category")
    assert (await once_by(alice, door, "key-1", "item:create", **CAMERA))["title"] == "A camera", "corrected, and sent again"


@pytest.mark.parametrize("doors", [["rest"], ["socket"], ["rest", "socket"]])
async def test_twenty_at_once_with_one_key_happen_once(cast: Cast, doors: list[str]) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    await alice.connect()
    calls = [once_by(alice, doors[n % len(doors)], "key-1", "item:create", **CAMERA) for n in range(20)]
    answers = await asyncio.gather(*calls)
    assert all(answer == answers[0] for answer in answers)
    assert await items_of(alice) == 1

    bicycle = await bob.lists("A bicycle")
    ask = {"offeredItem": answers[0]["id"], "requestedItem": bicycle}
    calls = [once_by(alice, doors[n % len(doors)], "key-2", "trade:request", **ask) for n in range(20)]
    trades = await asyncio.gather(*calls)
    assert all(trade == trades[0] for trade in trades), "none of them is told DUPLICATE_OFFER"


async def test_keys_are_each_persons_own(cast: Cast) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    one = await once_by(alice, "rest", "key-1", "item:create", **CAMERA)
    other = await once_by(bob, "rest", "key-1", "item:create", **CAMERA)
    assert (one["owner"], other["owner"]) == (alice.id, bob.id)


async def test_any_server_gives_the_first_answer(open_market: OpenMarket, market: Market) -> None:
    secret_key = (market.data_dir / "secret_key").read_text()
    shared = {"DATABASE_URL": market.database_url, "REDIS_URL": market.redis_url, "SECRET_KEY": secret_key}
    async with open_market(**shared) as other:
        alice = await market.cast.person("Alice")
        item = await once_by(alice, "rest", "key-1", "item:create", **CAMERA)
        there = Person(other.cast, alice.name, alice.email)
        await there.sign_in()
        assert await once_by(there, "rest", "key-1", "item:create", **CAMERA) == item
        assert await items_of(alice) == 1


async def test_another_session_of_the_same_person_is_the_same_person(cast: Cast) -> None:
    alice = await cast.person("Alice")
    item = await once_by(alice, "rest", "key-1", "item:create", **CAMERA)
    await alice.sign_in()
    assert await once_by(alice, "socket", "key-1", "item:create", **CAMERA) == item


@BOTH_DOORS
async def test_a_key_is_forgotten_after_a_day(market: Market, cast: Cast, door: str) -> None:
    alice = await cast.person("Alice")

    async def make_it(age: str) -> None:
        async with market.sql() as sql:
            statement = "UPDATE idempotency_keys SET created_at = now() - $2::text::interval WHERE user_id = $1"
            await sql.execute(statement, UUID(alice.id), age)

    first = await once_by(alice, door, "key-1", "item:create", **CAMERA)
    await make_it("23 hours 59 minutes")
    assert await once_by(alice, door, "key-1", "item:create", **CAMERA) == first
    await make_it("24 hours 1 second")
    second = await once_by(alice, door, "key-1", "item:create", **CAMERA | {"title": "Another"})
    assert second["id"] != first["id"]
    assert await once_by(alice, door, "key-1", "item:create", **CAMERA | {"title": "Another"}) == second


@pytest.mark.parametrize("key", ["", "k" * 65, "a\0b", 5, [], {}, True])
async def test_a_key_in_an_event_is_a_text_of_up_to_64_characters(cast: Cast, key: object) -> None:
    alice = await cast.person("Alice")
    body = await alice.answer("item:create", idempotencyKey=key, **CAMERA)
    assert (body["error"]["code"], body["error"]["field"]) == ("INVALID_REQUEST", "idempotencyKey")
    assert await items_of(alice) == 0
    await alice.does("item:create", idempotencyKey=None, **CAMERA)  # null is none
    await alice.does("item:create", idempotencyKey="k" * 64, **CAMERA)


@pytest.mark.parametrize("key", [b"", b"k" * 65, b"\xff", b"\xed\xa0\x80"])
async def test_a_key_in_a_header_is_one_too(cast: Cast, key: bytes) -> None:
    alice = await cast.person("Alice")
    error = await bytes_as_key(cast, alice, key)
    assert (error["code"], error["field"]) == ("INVALID_REQUEST", "idempotencyKey")
    assert await items_of(alice) == 0
    await alice.by_rest("item:create", key="k" * 64, **CAMERA)


async def bytes_as_key(cast: Cast, person: Person, key: bytes) -> Any:
    """The error of an `item:create` by REST with these bytes as its key."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(cast.url.rpartition(":")[2]))
    body = json.dumps(CAMERA).encode()
    head = (
        f"POST /api/items HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {person.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: "
    )
    writer.write(head.encode() + key + b"\r\n\r\n" + body)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


async def test_reading_takes_no_notice_of_a_key(cast: Cast) -> None:
    alice = await cast.person("Alice")
    empty = await once_by(alice, "rest", "key-1", "item:mine")
    await alice.lists("A camera")
    assert (await once_by(alice, "rest", "key-1", "item:mine"))["pagination"]["total"] == 1
    assert (await once_by(alice, "socket", "key-1", "item:mine"))["pagination"]["total"] == 1
    assert empty["pagination"]["total"] == 0


# Messages have their own key


@BOTH_DOORS
async def test_a_message_with_the_same_id_is_the_same_message(cast: Cast, door: str) -> None:  # C73
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob)
    say = {"conversationId": trade["conversation"], "text": "Hello", "clientMessageId": "m-1"}
    calls = [alice.through(door, "message:send", **say) for _ in range(20)]
    entries = await asyncio.gather(*calls)
    assert all(entry == entries[0] for entry in entries)
    log = await bob.through(door, "message:list", conversationId=trade["conversation"])
    assert [entry["seq"] for entry in log] == [1, 2]

    await refused(alice.through(door, "message:send", **say | {"text": "Bye"}), "IDEMPOTENCY_MISMATCH", "clientMessageId")
    elsewhere = (await trade_between(alice, bob))["conversation"]
    await refused(
        alice.through(door, "message:send", **say | {"conversationId": elsewhere}), "IDEMPOTENCY_MISMATCH", "clientMessageId"
    )
    theirs = await bob.through(door, "message:send", **say)
    assert (theirs["sender"], theirs["seq"]) == (bob.id, 3), "another person's ids are their own"


@BOTH_DOORS
async def test_a_message_that_was_sent_stays_sent_when_the_conversation_closes(market: Market, cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob)
    say = {"conversationId": trade["conversation"], "text": "Hello", "clientMessageId": "m-1"}
    sent = await alice.through(door, "message:send", **say)
    async with market.sql() as sql:
        await sql.execute("UPDATE conversations SET closes_at = now() WHERE id = $1", UUID(trade["conversation"]))
    assert await alice.through(door, "message:send", **say) == sent
    with pytest.raises(Refused) as no:
        await alice.through(door, "message:send", **say | {"clientMessageId": "m-2"})
    assert no.value.code == "CONVERSATION_CLOSED"
