"""What really goes over the wire is as the descriptions say: requests, answers, refusals and pushes, by both doors."""

from typing import Any

import pytest
import socketio

from handlers.action import ACTIONS
from tests.conftest import Market
from tests.people import PASSWORD, Person
from tests.reader import Reader, resolve
from tests.rings import cycle_of


@pytest.fixture(scope="module")
async def reader(market: Market) -> Reader:
    return await Reader.of(market.cast)


async def ask(reader: Reader, door: str, person: Person, name: str, /, **fields: Any) -> Any:
    """`data` of an answer that is as it is described, and no refusal."""
    answer = await (reader.event(person, name, **fields) if door == "socket" else reader.rest(person, name, **fields))
    assert answer["success"], answer
    return answer["data"]


@pytest.mark.parametrize("door", ["socket", "rest"])
async def test_a_market_day_is_as_described(reader: Reader, door: str) -> None:
    alice, bob = await reader.cast.people("Alice", "Bob", connected=True)
    assert await ask(reader, door, alice, "user:me")
    assert await ask(reader, door, alice, "user:update", governorate="Cairo", profileImage=None, locale="ar")
    assert await ask(reader, door, alice, "user:get", userId=bob.id)
    assert await ask(reader, door, alice, "category:list")

    wants = {"categories": ["books"], "keywords": ["atlas"], "valueMin": 10, "condition": "GOOD"}
    words = {"description": "It works.", "category": "electronics", "condition": "LIKE_NEW", "lookingFor": "credits"}
    camera = await ask(reader, door, alice, "item:create", title="A camera", wants=wants, estimatedValue=1500.5, **words)
    radio = await ask(reader, door, alice, "item:create", title="A radio", **words)
    bicycle = await ask(reader, door, bob, "item:create", title="A bicycle", openToGive=True, **words)
    assert await ask(reader, door, alice, "item:update", itemId=camera["id"], title="A good camera", wants=None)
    assert await ask(reader, door, alice, "item:get", itemId=bicycle["id"])
    assert (await ask(reader, door, alice, "item:list", search="bicycle", condition="LIKE_NEW", owner=bob.id, limit=5))["items"]
    assert (await ask(reader, door, alice, "item:mine"))["pagination"]["total"] == 2
    assert (await ask(reader, door, alice, "item:list-for-sale", itemId=radio["id"], price=90))["sale"]
    assert await ask(reader, door, alice, "item:end-sale", itemId=radio["id"])

    offer = {"offeredItem": camera["id"], "requestedItem": bicycle["id"]}
    rival = await ask(reader, door, alice, "trade:request", **offer | {"offeredItem": [radio["id"]]})
    trade = await ask(reader, door, alice, "trade:request", message="Would you?", expiresAt=rival["expiresAt"], **offer)
    one, talk = {"tradeId": trade["id"]}, {"conversationId": trade["conversation"]}
    assert len((await ask(reader, door, alice, "trade:mine", limit=1))["items"]) == 1
    assert len((await ask(reader, door, bob, "trade:incoming"))["items"]) == 2
    assert await ask(reader, door, bob, "trade:interest", **one)

    assert await ask(reader, door, bob, "message:send", text="Gladly.", clientMessageId=f"{door}-1", **talk)
    assert await ask(reader, door, alice, "message:read", **talk)
    assert len(await ask(reader, door, alice, "message:list", afterSeq=1, **talk)) == 3
    assert (await ask(reader, door, bob, "conversation:get", **talk))["lastMessage"]
    assert (await ask(reader, door, bob, "conversation:list"))["items"]
    assert (await ask(reader, door, bob, "presence:get", userIds=[alice.id]))[alice.id]["online"]

    assert await ask(reader, door, bob, "trade:confirm", revision=trade["revision"], **one)
    assert await ask(reader, door, bob, "trade:dispute", reason="It does not ring.", **one)
    assert await ask(reader, door, bob, "trade:complete", **one)
    assert (await ask(reader, door, alice, "trade:complete", **one))["status"] == "completed"
    assert (await ask(reader, door, bob, "trade:get", tradeId=rival["id"]))["reason"]
    assert len(await ask(reader, door, bob, "item:history", itemId=camera["id"])) == 2
    assert await ask(reader, door, alice, "item:delete", itemId=radio["id"]) == {}
    assert (await ask(reader, door, alice, "sync"))["conversations"]
    assert (await reader.event(alice, "session:renew", token=alice.token))["data"]["expiresAt"]

    for event, body in alice.heard + bob.heard:
        reader.hears(event, body)


async def test_every_push_is_as_described(reader: Reader) -> None:
    """All but `session:expiring`, which comes a minute before a session ends."""
    alice, bob, carol = await reader.cast.people("Alice", "Bob", "Carol")
    swap = {"offeredItem": await alice.lists("A camera"), "requestedItem": await bob.lists("A bicycle")}
    trade = await ask(reader, "rest", alice, "trade:request", **swap)
    offer = {"offeredItemId": await alice.lists("A lamp"), "requestedItemId": swap["requestedItem"]}
    talk = {"conversationId": trade["conversation"]}

    await ask(reader, "socket", bob, "presence:watch", userIds=[alice.id])
    await alice.connect()
    assert (await bob.hears("presence:changed"))["online"]
    await ask(reader, "socket", bob, "trade:interest", tradeId=trade["id"])
    await ask(reader, "socket", bob, "message:send", text="Gladly.", clientMessageId="pushes-1", **talk)
    await ask(reader, "socket", bob, "typing", typing=True, **talk)
    await ask(reader, "socket", bob, "message:read", **talk)
    await ask(reader, "rest", alice, "offer:create", **offer)
    await cycle_of(alice, bob, carol)
    for event in ("trade:changed", "offer:changed", "chain:changed", "message:new", "typing", "message:read"):
        await alice.hears(event)
    await reader.rest(None, "postAuthLogout", refreshToken=alice.refresh_token)
    await alice.hears("session:ended")

    for event, body in alice.heard + bob.heard:
        reader.hears(event, body)
    assert {event for event, _ in alice.heard + bob.heard} == reader.pushes().keys() - {"session:expiring"}


async def test_an_account_is_as_described(reader: Reader) -> None:
    account = {"email": "nadia@described.example", "password": PASSWORD}
    assert (await reader.rest(None, "postAuthRegister", name="Nadia", **account))["success"]
    signed_in = await reader.rest(None, "postAuthLogin", **account)
    renewed = await reader.rest(None, "postAuthRefresh", refreshToken=signed_in["data"]["refreshToken"])
    assert renewed["data"]["user"]["name"] == "Nadia"
    assert (await reader.rest(None, "postAuthForgotPassword", email=account["email"]))["success"]
    reset = await reader.rest(None, "postAuthResetPassword", token="nobody's", newPassword=PASSWORD)
    assert reset["error"]["code"] == "RESET_INVALID"
    assert (await reader.rest(None, "postAuthLogin", **account | {"password": "wrong"}))["error"][
        "code"
    ] == "INVALID_CREDENTIALS"
    assert (await reader.rest(None, "postAuthRegister", name="Nadia", **account))["error"]["code"] == "EMAIL_TAKEN"


@pytest.mark.parametrize("name", [name for name, action in ACTIONS.items() if action.event is not None])
async def test_the_example_of_an_event_is_one_it_takes(reader: Reader, name: str) -> None:
    """What comes back is mostly a refusal, since its ids name nothing; that is as it is described, too."""
    person = await reader.cast.person()
    asked, _ = reader.event_described(name)
    answer = await reader.event(person, name, **asked["examples"][0]["payload"])
    assert answer["success"] or answer["error"]["code"] != "INVALID_REQUEST", answer


async def test_the_example_of_a_request_is_one_it_takes(reader: Reader) -> None:
    person = await reader.cast.person()
    for _, _, operation in reader.operations():
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            parameters = [resolve(reader.openapi, one) for one in operation["parameters"]]
            ids = {one["name"]: person.id for one in parameters if one["in"] == "path"}
            name = str(operation.get("x-event", operation["operationId"]))
            answer = await reader.rest(person, name, **ids, **body["example"])
            assert answer["success"] or answer["error"]["code"] != "INVALID_REQUEST", answer


async def test_refusals_are_as_described(reader: Reader) -> None:
    alice, bob = await reader.cast.people("Alice", "Bob")
    camera, bicycle = await alice.lists("A camera"), await bob.lists("A bicycle")
    swap = {"offeredItem": camera, "requestedItem": bicycle}

    async def code(person: Person | None, name: str, headers: dict[str, str] | None = None, /, **fields: Any) -> str:
        return str((await reader.rest(person, name, headers, **fields))["error"]["code"])

    assert await code(None, "item:list") == "UNAUTHENTICATED"
    assert await code(alice, "item:get", itemId=alice.id) == "NOT_FOUND"
    assert await code(alice, "trade:request", **swap | {"offeredItem": bicycle}) == "INVALID_REQUEST"
    assert await code(bob, "trade:request", **swap) == "NOT_OWNER"
    key = {"Idempotency-Key": "described-1"}
    trade = await reader.rest(alice, "trade:request", key, **swap)
    assert await reader.rest(alice, "trade:request", key, **swap) == trade
    assert await code(alice, "trade:request", key, message="Please?", **swap) == "IDEMPOTENCY_MISMATCH"
    assert await code(alice, "trade:request", **swap) == "DUPLICATE_OFFER"
    one = {"tradeId": trade["data"]["id"]}
    assert await code(alice, "trade:interest", **one) == "FORBIDDEN"
    assert await code(bob, "trade:confirm", **one) == "INVALID_STATE"
    assert await code(bob, "trade:confirm", revision=7, **one) == "STALE_REVISION"

    problem = await reader.rest(alice, "item:get", {"Accept": "application/problem+json"}, itemId=alice.id)
    assert (problem["title"], problem["status"]) == ("NOT_FOUND", 404)


async def test_a_body_that_is_no_json_is_refused_as_described(reader: Reader) -> None:
    alice = await reader.cast.person("Alice")
    path, method, operation = reader.operation("item:create")
    for body, kind, code in (
        (b"x" * 70_000, "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 400),
    ):
        headers = {"Content-Type": kind}
        status, answer, sent = await reader.cast.answer(
            method.upper(), path, token=alice.token, headers=headers, prefix="", data=body
        )
        assert status == code
        reader.fits_operation(operation, status, sent, answer)


async def test_a_refused_connection_is_as_described(reader: Reader) -> None:
    client = socketio.AsyncClient(reconnection=False)
    refused: list[Any] = []
    client.on("connect_error", refused.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(reader.cast.url, auth={"token": "nobody's"}, transports=["websocket"])
    _, answers = reader.event_described("CONNECT")
    described = next(answer["payload"] for answer in answers if answer["name"] == "CONNECT_ERROR")
    assert refused[0]["data"]["code"] in described["properties"]["data"]["properties"]["code"]["enum"]


async def test_health_is_as_described(reader: Reader) -> None:
    for path in ("/healthz", "/readyz"):
        operation = reader.openapi["paths"][path]["get"]
        status, answer, headers = await reader.cast.answer("GET", path, prefix="")
        reader.fits_operation(operation, status, headers, answer)
        assert status == 200
