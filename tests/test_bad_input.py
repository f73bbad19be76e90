"""Whatever comes by REST gets an answer in the one envelope, and what is refused changes nothing (C10, C47 to C50, D13)."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Market
from tests.people import PASSWORD, Cast, Person, Refused
from tests.trading import BOTH_DOORS, trade_between

ITEM = {"title": "A camera", "description": "", "category": "cameras", "condition": "GOOD", "lookingFor": "flexible"}
PROBLEM = {"Accept": "application/problem+json"}
JSON = {"Content-Type": "application/json"}


async def counts(market: Market) -> list[int]:
    """How many rows there are of what people make."""
    async with market.sql() as sql:
        tables = ("users", "items", "deals", "entries", "idempotency_keys")
        return [await sql.fetchval(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608 - its own names


@pytest.fixture(scope="module")
async def someone(market: Market) -> Person:
    """For what is refused or only read: it leaves no trace of who asked."""
    return await market.cast.person("Someone", connected=True)


@pytest.fixture
async def unchanged(market: Market, someone: Person) -> AsyncIterator[None]:
    """Asserts that a test has left every table as it was."""
    before = await counts(market)
    yield
    assert await counts(market) == before


async def refusal_of(
    cast: Cast, token: str, body: bytes, headers: dict[str, str], path: str = "/items"
) -> tuple[int, str, Any]:
    """Status, code and field of what `POST path` answers to these bytes."""
    status, answer, _ = await cast.answer("POST", path, data=body, token=token, headers=headers)
    assert answer.keys() == {"success", "message", "error", "requestId"}
    assert answer["success"] is False
    return status, answer["error"]["code"], answer["error"].get("field")


# Bodies

NO_JSON = {
    "half": b'{"title": "A camera"',
    "a list": b"[1]",
    "a text": b'"text"',
    "a number": b"5",
    "null": b"null",
    "a single quote": b"{'title': 'A camera'}",
    "two objects": b"{}{}",
    "not UTF-8": b'{"title": "\xff\xfe"}',
    "UTF-16": json.dumps(ITEM).encode("utf-16"),
    "half of a surrogate pair": b'{"title": "\\ud800"}',
    "not a number": b'{"estimatedValue": NaN}',
    "beyond numbers": b'{"estimatedValue": 1e999}',
    "thirty thousand brackets": b"[" * 30_000 + b"]" * 30_000,
    "a deep object": b'{"title":' * 6_000 + b"1" + b"}" * 6_000,
    "only brackets": b"{" * 60_000,
    "a form": b"title=A+camera",
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", NO_JSON)
async def test_a_body_is_one_json_object(cast: Cast, someone: Person, what: str) -> None:
    assert await refusal_of(cast, someone.token, NO_JSON[what], JSON) == (400, "INVALID_REQUEST", None)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data; boundary=x"]
)
async def test_a_body_says_that_it_is_json(cast: Cast, someone: Person, content_type: str) -> None:
    body = json.dumps(ITEM).encode()
    headers = {"Content-Type": content_type}
    assert await refusal_of(cast, someone.token, body, headers) == (415, "UNSUPPORTED_MEDIA", None)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("way", ["at once", "in chunks"])
async def test_a_huge_body_is_refused_before_it_is_held(cast: Cast, someone: Person, way: str) -> None:
    body = json.dumps(ITEM | {"description": "x" * 900_000}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    sent: Any = body if way == "at once" else chunks()
    assert await refusal_of(cast, someone.token, sent, JSON) == (413, "TOO_LARGE", None)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", ["a bomb", "a good one", "not even compressed"])
async def test_a_compressed_body_is_not_unpacked(cast: Cast, someone: Person, what: str) -> None:
    item = json.dumps(ITEM).encode()
    sent = {"a bomb": gzip.compress(b" " * 10_000_000 + item), "a good one": gzip.compress(item), "not even compressed": b"x"}[
        what
    ]
    headers = JSON | {"Content-Encoding": "gzip"}
    assert await refusal_of(cast, someone.token, sent, headers) == (400, "INVALID_REQUEST", None)


@pytest.mark.usefixtures("unchanged")
async def test_a_body_that_does_not_come_as_it_says_is_refused(cast: Cast, someone: Person) -> None:
    head = (
        f"POST /api/items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {someone.token}\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n{}\r\n0\r\n\r\n"
    )
    status, body = await by_hand(cast, head.encode())
    assert (status, b"Traceback" in body) == (400, False)


@pytest.mark.usefixtures("unchanged")
async def test_no_body_is_an_empty_one(cast: Cast, someone: Person) -> None:
    assert await refusal_of(cast, someone.token, b"", {}) == (400, "INVALID_REQUEST", "title")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"": 1}, ""),
        ({"isAdmin": True}, "isAdmin"),
        ({"looking_for": "credits"}, "looking_for"),
        ({"title": "a\0b"}, "title"),
        ({"wants": {"keywords": ["fine", "a\0b"]}}, "wants.keywords[1]"),
        ({"a\0b": 1}, None),
        ({"title": ["A camera"]}, "title"),
        ({"estimatedValue": "5"}, "estimatedValue"),
        ({"openToGive": 1}, "openToGive"),
        ({"wants": {"valueMin": None, "items": {}}}, "wants.items"),
    ],
)
async def test_what_is_wrong_with_a_body_is_named(cast: Cast, someone: Person, more: dict[str, Any], field: str | None) -> None:
    body = json.dumps(ITEM | more).encode()
    assert await refusal_of(cast, someone.token, body, JSON) == (400, "INVALID_REQUEST", field or None)


# Paths and queries


@BOTH_DOORS
@pytest.mark.parametrize(
    "malformed", ["abc123", "", "0", "null", "00000000-0000-4000-8000-00000000000", "g" * 32, "x" * 2000, "%00"]
)
async def test_a_malformed_id_is_a_thing_that_is_not_there(someone: Person, door: str, malformed: str) -> None:  # C47
    for event, name in [("item:get", "itemId"), ("trade:get", "tradeId"), ("conversation:get", "conversationId")]:
        with pytest.raises(Refused) as no:
            await someone.through(door, event, **{name: malformed})
        assert (no.value.code, no.value.field) == ("NOT_FOUND", None)


@BOTH_DOORS
@pytest.mark.parametrize("malformed", ["abc123", "", None, 5, [], ["abc123"], {}])
async def test_a_malformed_id_in_a_body_is_named(cast: Cast, door: str, malformed: Any) -> None:  # C47
    alice, bob = await cast.people("Alice", "Bob")
    items = {"offeredItem": await alice.lists("A camera"), "requestedItem": await bob.lists("A bicycle")}
    for field in items:
        with pytest.raises(Refused) as no:
            await alice.through(door, "trade:request", **items | {field: malformed})
        assert no.value.code == "INVALID_REQUEST"
        assert str(no.value.field).startswith(field)


@pytest.mark.usefixtures("unchanged")
async def test_a_field_stands_in_one_place(cast: Cast, someone: Person) -> None:
    body = json.dumps(ITEM).encode()
    assert await refusal_of(cast, someone.token, body, JSON, "/items?title=Other") == (400, "INVALID_REQUEST", "title")
    both = json.dumps({"itemId": str(uuid4())}).encode()
    path = f"/trades/{uuid4()}/interest"
    assert await refusal_of(cast, someone.token, json.dumps({"tradeId": "x"}).encode(), JSON, path) == (
        400,
        "INVALID_REQUEST",
        "tradeId",
    )
    assert (await refusal_of(cast, someone.token, both, JSON, path))[2] == "itemId"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=1&page=2", "page"),
        ("colour=red", "colour"),
        ("search=%00", "search"),
        ("%00=1", None),
        ("page=%F0%9F%A6%8A", "page"),
        ("page=1.5", "page"),
        ("owner[]=x", "owner[]"),
        ("search[$ne]=", "search[$ne]"),
    ],
)
async def test_what_is_wrong_with_a_query_is_named(cast: Cast, someone: Person, query: str, field: str | None) -> None:
    status, body, _ = await cast.answer("GET", f"/items?{query}", token=someone.token)
    assert (status, body["error"]["code"], body["error"].get("field")) == (400, "INVALID_REQUEST", field)


@pytest.mark.parametrize("query", ["search=%ff", "search=%ed%a0%80", "search=%", "search=%zz", "&&&", "search=a+b%20c", "="])
async def test_any_bytes_in_a_query_are_answered(cast: Cast, someone: Person, query: str) -> None:
    head = f"GET /api/items?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {someone.token}\r\nConnection: close\r\n\r\n"
    status, body = await by_hand(cast, head.encode())
    assert status in (200, 400)
    assert json.loads(body)["success"] is (status == 200)


async def by_hand(cast: Cast, request: bytes) -> tuple[int, bytes]:
    """Status and body of what is answered to these bytes, after which the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(cast.url.rpartition(":")[2]))
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nope"),
        ("GET", "/"),
        ("GET", ""),
        ("POST", "/nope"),
        ("DELETE", "/items"),
        ("PATCH", "/items"),
        ("PUT", "/auth/me"),
        ("POST", "/auth/me"),
        ("GET", "/auth/login"),
        ("GET", "/trades/request"),
        ("GET", "/items/mine/"),
        ("GET", "/items//history"),
        ("GET", "/items/../auth/me/../../../etc/passwd"),
        ("GET", "/v2/items"),
    ],
)
async def test_where_nothing_is_the_envelope_says_so(cast: Cast, someone: Person, method: str, path: str) -> None:  # S2.96
    status, body, headers = await cast.answer(method, path, token=someone.token)
    assert (status, body["error"]["code"]) == (404, "NOT_FOUND")
    assert body["requestId"]
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /api/items/" + b"x" * 20_000 + b" HTTP/1.1",
        b"GET /api/items HTTP/9.9",
        b"GET",
        b"FOO /api/items HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /api/items HTTP/1.1\r\nContent-Length: -1",
        b"POST /api/items HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"GET /api/items HTTP/1.1\r\nX: " + b"y" * 20_000,
        b"GET /api/it\xff\xfems HTTP/1.1",
    ],
)
async def test_what_is_not_http_is_refused_without_a_word_about_us(cast: Cast, request_line: bytes) -> None:
    status, body = await by_hand(cast, request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert 400 <= status < 500
    assert b"Traceback" not in body
    assert b".py" not in body
    assert (await cast.person("Alice")).id, "the server goes on"


# Problems (RFC 9457)


async def test_who_asks_for_a_problem_gets_one(cast: Cast, someone: Person) -> None:  # C10
    asked = [
        ("POST", "/items", {"title": ""}, (400, "INVALID_REQUEST", "title")),
        ("GET", "/nope", None, (404, "NOT_FOUND", None)),
        ("GET", f"/items/{uuid4()}", None, (404, "NOT_FOUND", None)),
        ("POST", "/auth/login", {"email": "a@example.org", "password": "x"}, (401, "INVALID_CREDENTIALS", None)),
        ("POST", "/items", ITEM | {"description": "x" * 70_000}, (413, "TOO_LARGE", None)),
    ]
    for method, path, body, (status, code, field) in asked:
        answered, problem, headers = await cast.answer(method, path, body, token=someone.token, headers=PROBLEM)
        assert headers["Content-Type"] == "application/problem+json"
        assert answered == problem["status"] == status
        assert (problem["code"], problem.get("field")) == (code, field)
        assert problem.keys() >= {"type", "title", "detail", "instance"}
    status, body, headers = await cast.answer("GET", "/auth/me", token=someone.token, headers=PROBLEM)
    assert (status, body["success"], headers["Content-Type"]) == (200, True, "application/json")


# The road itself


async def test_every_answer_has_its_headers_of_safety(cast: Cast, someone: Person) -> None:
    for path in ("/auth/me", "/nope", "/items?page=0"):
        _, body, headers = await cast.answer("GET", path, token=someone.token)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        shown = {name.lower(): value for name, value in headers.items()}
        assert len(shown["x-request-id"]) == 32
        assert body.get("requestId", shown["x-request-id"]) == shown["x-request-id"]


async def test_other_sites_are_not_let_in(cast: Cast) -> None:
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        async with cast.session.options(f"{cast.url}/api/items", headers=preflight) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
        account = {"name": "X", "email": f"{uuid4().hex}@example.org", "password": PASSWORD}
        status, _, headers = await cast.answer("POST", "/auth/register", account, headers={"Origin": origin})
        assert status == 201
        assert "Access-Control-Allow-Origin" not in headers


async def test_a_trade_is_as_it_was_after_all_that_is_wrong_has_been_tried_on_it(market: Market, cast: Cast) -> None:
    alice, bob = await cast.people("Alice", "Bob")
    trade = await trade_between(alice, bob)
    before = await counts(market)
    for move in ("interest", "confirm", "complete", "reject", "cancel", "dispute"):
        for body in (
            b"[",
            b'{"revision": "1"}',
            b'{"reason": 5}',
            b'{"nobodyKnows": 1}',
            b'{"revision": 7}',
            b'{"reason": "a\\u0000"}',
        ):
            status, _, _ = await cast.answer("POST", f"/trades/{trade['id']}/{move}", data=body, headers=JSON, token=bob.token)
            assert status in (400, 409), (move, body)
    assert await counts(market) == before
    assert await alice.does("trade:get", tradeId=trade["id"]) == trade


# Who asks comes before what they ask (C41)


@pytest.mark.parametrize("body", [b"{", b"[]", b'"' + b"x" * 70_000 + b'"'], ids=["no JSON", "no object", "too large"])
async def test_a_stranger_s_body_is_not_judged(cast: Cast, body: bytes) -> None:
    for token in (None, "nonsense"):
        status, answer, _ = await cast.answer("POST", "/items", token=token, data=body, headers=JSON)
        assert (status, answer["error"]["code"]) == (401, "UNAUTHENTICATED")


async def test_what_is_refused_at_the_door_is_counted_in_the_metrics(cast: Cast, someone: Person) -> None:
    async def counted(code: str) -> float:
        async with cast.session.get(f"{cast.url}/metrics") as response:
            text = await response.text()
        wanted = f'swaploop_actions_total{{action="item:create",code="{code}",door="rest"}} '
        return sum(float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted))

    for token, code in ((None, "UNAUTHENTICATED"), (someone.token, "INVALID_REQUEST")):
        before = await counted(code)
        _, answer, _ = await cast.answer("POST", "/items", token=token, data=b"{", headers=JSON)
        assert (answer["error"]["code"], await counted(code)) == (code, before + 1)
