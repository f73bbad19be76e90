"""Rate limits: per class and person, shared by both doors and all servers; what holds without Redis (C42 to C45)."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from handlers.action import ACTIONS, RATES, Limit
from tests.conftest import Market, OpenMarket
from tests.people import PASSWORD, Cast, Person
from tests.trading import BOTH_DOORS, once_by, refused, trade_between
from tests.valkeys import own_valkey

WRONG = "not the password"


@pytest.fixture(scope="module")
async def limited(open_market: OpenMarket) -> AsyncIterator[Market]:
    """A server with its limits on."""
    async with open_market(RATE_LIMITS="on") as market:
        yield market


@pytest.fixture
def few_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three reads an hour, so that a test gets there."""
    monkeypatch.setitem(RATES, Limit.READ, (3, 3600))


async def login(cast: Cast, email: str, password: str = WRONG, **more: Any) -> tuple[int, Any, dict[str, str]]:
    return await cast.answer("POST", "/auth/login", {"email": email, "password": password}, **more)


def test_the_classes_are_as_large_as_was_decided() -> None:  # C43, C44
    assert RATES[Limit.AUTH] == (10, 15 * 60)
    assert RATES[Limit.PROPOSE] == (60, 3600)
    assert RATES[Limit.CREATE] == (10, 3600)
    assert RATES[Limit.SEARCH] == (100, 3600)
    assert RATES[Limit.READ] == (1000, 3600)
    assert RATES[Limit.MUTATE] == (120, 3600)
    assert RATES[Limit.MESSAGE] == (60, 60)
    assert RATES[Limit.UPLOAD] == (60, 3600)
    classes = {name: action.limit for name, action in ACTIONS.items()}
    assert classes["POST /auth/login"] is classes["POST /auth/forgot-password"] is Limit.AUTH
    assert classes["trade:request"] is Limit.PROPOSE
    assert classes["offer:counter"] is Limit.PROPOSE
    assert classes["offer:create"] is classes["chain:create"] is Limit.CREATE
    assert classes["barter:items"] is classes["barter:matches"] is classes["barter:opportunities"] is Limit.SEARCH
    assert classes["message:send"] is Limit.MESSAGE
    assert classes["item:list"] is Limit.READ
    assert classes["POST /items/{item_id}/images"] is Limit.UPLOAD


async def test_passwords_cannot_be_guessed_at(limited: Market) -> None:  # C44
    alice = await limited.cast.person("Alice")  # who has signed up and in: two of ten
    for _ in range(8):
        status, body, _ = await login(limited.cast, alice.email)
        assert (status, body["error"]["code"]) == (401, "INVALID_CREDENTIALS")
    status, body, headers = await login(limited.cast, alice.email, PASSWORD)
    assert (status, body["error"]["code"]) == (429, "RATE_LIMITED"), "not even with the right one"
    seconds = body["error"]["details"]["retryAfter"]
    assert headers["Retry-After"] == str(seconds)
    assert 0 < seconds <= 15 * 60, "until the first of ten slides out of the window"
    bob = await limited.cast.person("Bob")
    assert (await login(limited.cast, bob.email, PASSWORD))[0] == 200, "others are not kept out"


async def test_an_address_written_otherwise_is_the_same_account(limited: Market) -> None:
    alice = await limited.cast.person("Alice")
    ways = [alice.email.upper(), f" {alice.email}", f"{alice.email}  ", f"\t{alice.email.title()}\n"] * 2
    assert [(await login(limited.cast, way))[0] for way in ways] == [401] * 8
    for way in ways:
        assert (await login(limited.cast, way))[0] == 429


async def test_a_forwarded_address_is_not_believed_from_just_anybody(limited: Market) -> None:
    alice = await limited.cast.person("Alice")
    for number in range(8):
        await login(limited.cast, alice.email, headers={"X-Forwarded-For": f"203.0.113.{number}"})
    assert (await login(limited.cast, alice.email, headers={"X-Forwarded-For": "203.0.113.99"}))[0] == 429


async def test_behind_a_trusted_proxy_each_client_has_its_own_limit(open_market: OpenMarket) -> None:
    async with open_market(RATE_LIMITS="on", TRUSTED_PROXIES="127.0.0.1") as market:
        alice = await market.cast.person("Alice")
        for _ in range(10):
            await login(market.cast, alice.email, headers={"X-Forwarded-For": "203.0.113.1"})
        assert (await login(market.cast, alice.email, headers={"X-Forwarded-For": "203.0.113.1"}))[0] == 429
        assert (await login(market.cast, alice.email, headers={"X-Forwarded-For": "203.0.113.2"}))[0] == 401
        forged = {"X-Forwarded-For": "203.0.113.77, 203.0.113.1"}  # what a client wrote stands before what the proxy adds
        assert (await login(market.cast, alice.email, headers=forged))[0] == 429


async def test_people_behind_one_address_go_on_with_their_sessions(limited: Market) -> None:
    alice = await limited.cast.person("Alice")
    for _ in range(30):
        tokens = await limited.cast.call("POST", "/auth/refresh", {"refreshToken": alice.refresh_token})
        alice.refresh_token = tokens["refreshToken"]


@pytest.mark.usefixtures("few_reads")
async def test_the_headers_count_down(limited: Market) -> None:  # C42
    alice = await limited.cast.person("Alice")
    for left in ("2", "1", "0"):
        status, _, headers = await limited.cast.answer("GET", "/auth/me", token=alice.token)
        assert (status, headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == (200, "3", left)
        assert 0 < int(headers["RateLimit-Reset"]) <= 3600
    told = int(headers["RateLimit-Reset"])
    status, body, headers = await limited.cast.answer("GET", "/auth/me", token=alice.token)
    assert status == 429
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("3", "0")
    assert headers["RateLimit-Reset"] == headers["Retry-After"] == str(body["error"]["details"]["retryAfter"])
    assert 0 <= told - int(headers["RateLimit-Reset"]) <= 5, "the last one that was allowed had said so already"


@pytest.mark.usefixtures("few_reads")
@pytest.mark.parametrize(("first", "then"), [("socket", "rest"), ("rest", "socket")])
async def test_both_doors_share_one_limit(limited: Market, first: str, then: str) -> None:
    alice, bob = await limited.cast.people("Alice", "Bob")
    for _ in range(3):
        await alice.through(first, "user:me")
    for door in (then, first):
        no = await refused(alice.through(door, "item:mine"), "RATE_LIMITED")
        assert 0 < no.body["error"]["details"]["retryAfter"] <= 3600
    await bob.through(then, "user:me")


@pytest.mark.usefixtures("few_reads")
async def test_two_servers_share_one_limit(open_market: OpenMarket, limited: Market) -> None:
    secret_key = (limited.data_dir / "secret_key").read_text()
    shared = {"DATABASE_URL": limited.database_url, "REDIS_URL": limited.redis_url, "SECRET_KEY": secret_key}
    async with open_market(RATE_LIMITS="on", **shared) as other:
        alice = await limited.cast.person("Alice")
        for cast in (limited.cast, other.cast, other.cast):
            assert (await cast.answer("GET", "/auth/me", token=alice.token))[0] == 200
        for cast in (limited.cast, other.cast):
            assert (await cast.answer("GET", "/auth/me", token=alice.token))[0] == 429


@BOTH_DOORS
async def test_of_a_burst_exactly_as_many_as_allowed_get_through(limited: Market, door: str) -> None:
    alice, bob = await limited.cast.people("Alice", "Bob", connected=True)
    trade = await trade_between(alice, bob)

    async def sends(number: int) -> bool:
        say = {"conversationId": trade["conversation"], "text": "Hello", "clientMessageId": f"m-{number}"}
        return (await answered(alice, door, "message:send", **say)) == "OK"

    sent = await asyncio.gather(*(sends(number) for number in range(80)))
    assert sum(sent) == 60  # of the class of messages, in a minute
    log = await alice.does("message:list", conversationId=trade["conversation"], limit=100)
    assert len(log) == 61, "with the request itself"


async def answered(person: Person, door: str, event: str, /, **payload: Any) -> str:
    """OK, or the refusal's code."""
    if door == "socket":
        body = await person.answer(event, **payload)
    else:
        path = f"/conversations/{payload.pop('conversationId')}/messages"
        _, body, _ = await person.cast.answer("POST", path, payload, token=person.token)
    return "OK" if body["success"] else str(body["error"]["code"])


async def test_who_waits_as_told_gets_through(limited: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RATES, Limit.READ, (4, 2))
    alice = await limited.cast.person("Alice", connected=True)
    started = time.monotonic()
    for _ in range(2):
        for _ in range(9):  # what is refused is not counted, so trying on does not make the wait longer
            body = await alice.answer("user:me")
        assert body["error"]["code"] == "RATE_LIMITED"
        await asyncio.sleep(body["error"]["details"]["retryAfter"])
        assert (await alice.answer("user:me"))["success"]
    assert time.monotonic() - started < 5


@BOTH_DOORS
async def test_the_rate_is_looked_at_before_the_request(limited: Market, monkeypatch: pytest.MonkeyPatch, door: str) -> None:
    monkeypatch.setitem(RATES, Limit.MUTATE, (2, 3600))  # C41
    alice = await limited.cast.person("Alice")
    for _ in range(2):
        await refused(alice.through(door, "item:create", colour="red"), "INVALID_REQUEST", "colour")
    await refused(alice.through(door, "item:create", colour="red"), "RATE_LIMITED")


async def test_a_refusal_for_the_rate_is_not_remembered_by_its_key(limited: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = await limited.cast.person("Alice")
    monkeypatch.setitem(RATES, Limit.MUTATE, (0, 3600))
    await refused(alice.does("user:update", name="Alicia", idempotencyKey="key-1"), "RATE_LIMITED")
    monkeypatch.setitem(RATES, Limit.MUTATE, (10, 3600))
    assert (await alice.does("user:update", name="Alicia", idempotencyKey="key-1"))["name"] == "Alicia"


async def test_what_was_not_signed_is_counted_by_address(limited: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.dispatch.ADDRESS_RATE", (5, 3600))
    answers = [await login(limited.cast, f"nobody{number}@example.org") for number in range(8)]
    statuses = [status for status, _, _ in answers]
    assert statuses[-1] == 429, "many accounts from one address are not many limits"
    alice_free = await limited.cast.answer("GET", "/auth/me")
    assert alice_free[0] == 401


@pytest.mark.usefixtures("few_reads")
async def test_without_redis_guessing_is_still_limited_and_reading_is_open(open_market: OpenMarket) -> None:  # C45
    with own_valkey() as valkey:
        async with open_market(RATE_LIMITS="on", REDIS_URL=valkey.url) as market:
            alice = await market.cast.person("Alice")
            valkey.stop()
            statuses = [(await login(market.cast, alice.email))[0] for _ in range(12)]
            assert statuses == [401] * 10 + [429] * 2, "counted here, from nothing"
            for door in ("rest", "socket"):
                for _ in range(5):
                    assert (await alice.through(door, "user:me"))["id"] == alice.id
            assert (await alice.by_rest("user:update", name="Alicia"))["name"] == "Alicia"


async def test_what_cannot_be_read_counts_and_is_told_of_the_limit_first(
    limited: Market, monkeypatch: pytest.MonkeyPatch
) -> None:  # C41
    monkeypatch.setitem(RATES, Limit.MUTATE, (3, 3600))
    alice = await limited.cast.person("Alice")
    json = {"Content-Type": "application/json"}
    asked = [await limited.cast.answer("POST", "/items", token=alice.token, data=b"{", headers=json) for _ in range(4)]
    assert [status for status, _, _ in asked] == [400, 400, 400, 429]


async def test_who_has_uploaded_too_much_is_told_before_the_pictures_are_read(
    limited: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RATES, Limit.UPLOAD, (2, 3600))
    alice = await limited.cast.person("Alice")
    path = f"/items/{await alice.lists()}/images"
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    asked = [await limited.cast.answer("POST", path, token=alice.token, data=b"", headers=form) for _ in range(3)]
    assert [status for status, _, _ in asked] == [400, 400, 429], "each counts once, also what was no picture"


@BOTH_DOORS
async def test_who_may_ask_no_more_still_gets_the_answer_to_what_they_asked(
    limited: Market, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # contract.md, "Retrying is safe"; C41
    monkeypatch.setitem(RATES, Limit.CREATE, (2, 3600))
    alice, bob = await limited.cast.people("Alice", "Bob")
    wanted = [await bob.lists() for _ in range(3)]
    offered = await alice.lists()
    first, second, third = [{"offeredItemId": offered, "requestedItemId": item} for item in wanted]
    offer = await once_by(alice, door, "one", "offer:create", **first)
    assert await once_by(alice, door, "one", "offer:create", **first) == offer, "a repeat is not counted"
    await once_by(alice, door, "two", "offer:create", **second)
    await refused(once_by(alice, door, "three", "offer:create", **third), "RATE_LIMITED")
    assert await once_by(alice, door, "one", "offer:create", **first) == offer
    await refused(once_by(alice, door, "one", "offer:create", **third), "RATE_LIMITED")
    await refused(once_by(alice, door, "four", "offer:create", offeredItemId="?"), "RATE_LIMITED")
