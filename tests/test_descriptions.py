"""The descriptions say all that there is, and only that: OpenAPI, AsyncAPI, and the pages."""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from handlers.action import ACTIONS, Work
from handlers.app import PushBody
from handlers.pushes import PUSHES
from matching.refusals import Refusal
from server.descriptions.markup import html, inline
from tests.conftest import OpenMarket
from tests.people import Cast
from tests.reader import Reader, resolve

PAGES = ("/", "/docs", "/reset-password")
VOID = {"meta", "link", "input", "br", "path"}


@pytest.fixture(scope="module")
async def reader(market: Any) -> Reader:
    return await Reader.of(market.cast)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(inner)


def test_every_route_is_in_openapi_and_every_path_there_is_a_route(reader: Reader) -> None:
    described = {(path, method) for path, method, _ in reader.operations() if path.startswith("/api/")}
    camel = [re.sub(r"_(\w)", lambda found: found[1].upper(), action.path or "") for action in ACTIONS.values()]
    routed = {
        (f"/api{path}", action.method.lower()) for path, action in zip(camel, ACTIONS.values(), strict=True) if action.method
    }
    assert described == routed
    assert {action.event for action in ACTIONS.values() if action.event and action.path} == {
        operation["x-event"] for _, _, operation in reader.operations() if "x-event" in operation
    }


def test_every_event_and_every_push_is_in_asyncapi(reader: Reader) -> None:
    for name in [action.event for action in ACTIONS.values() if action.event]:
        asked, replies = reader.event_described(name)
        assert len(replies) == 1, "an event has one acknowledgement"
        assert asked["payload"]
    assert reader.pushes().keys() == PUSHES.keys()


def test_every_push_that_can_be_sent_is_in_the_table() -> None:
    def kinds(base: type[PushBody]) -> Iterator[type[PushBody]]:
        for kind in base.__subclasses__():
            yield kind
            yield from kinds(kind)

    assert {kind.event: kind for kind in kinds(PushBody)} == PUSHES


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_every_reference_resolves_and_every_schema_is_one(reader: Reader, name: str) -> None:
    document = getattr(reader, name)
    for node in nodes(document):
        if isinstance(node.get("$ref"), str):
            assert resolve(document, node)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    named = [node["$ref"].rpartition("/")[2] for node in nodes(document) if "$ref" in node and "/schemas/" in node["$ref"]]
    assert set(named) == set(document["components"]["schemas"]), "what nothing leads to is not described"


def test_operation_ids_are_unique_and_every_place_in_a_path_is_a_parameter(reader: Reader) -> None:
    ids = Counter(operation["operationId"] for _, _, operation in reader.operations())
    assert ids.most_common(1)[0][1] == 1
    for path, _, operation in reader.operations():
        declared = [
            resolve(reader.openapi, one)
            for one in operation.get("parameters", reader.openapi["paths"][path].get("parameters", []))
        ]
        assert set(re.findall(r"{(\w+)}", path)) == {one["name"] for one in declared if one["in"] == "path"}
        assert len({(one["in"], one["name"]) for one in declared}) == len(declared)


def test_every_operation_says_what_it_refuses_and_who_may_call_it(reader: Reader) -> None:
    for action in ACTIONS.values():
        if action.path is None:
            continue
        name = action.event or next(o["operationId"] for p, m, o in reader.operations() if (m, p) == _rest(action))
        _, _, operation = reader.operation(name)
        assert operation.get("security") == ([] if action.public else None)
        codes = {
            code
            for response in operation["responses"].values()
            for code in resolve(reader.openapi, response)["content"]["application/json"].get("examples", ())
        }
        assert {kind.code for kind in action.refuses} | {"INVALID_REQUEST", "RATE_LIMITED", "INTERNAL", "UNAVAILABLE"} <= codes
        assert ("TOKEN_EXPIRED" in codes) is not action.public
        assert ("IDEMPOTENCY_MISMATCH" in codes) is (action.work is Work.CHANGE or action.event == "message:send")
        assert {"$ref": "#/components/parameters/IdempotencyKey"} in operation["parameters"] or action.work is not Work.CHANGE
        assert list(operation["responses"]["429"].values()) == ["#/components/responses/RATE_LIMITED"]
    assert "Retry-After" in reader.openapi["components"]["responses"]["RATE_LIMITED"]["headers"]


def _rest(action: Any) -> tuple[str, str]:
    path = re.sub(r"_(\w)", lambda found: found[1].upper(), action.path)
    return action.method.lower(), f"/api{path}"


def test_bounds_patterns_and_words_are_described(reader: Reader) -> None:
    shapes = reader.openapi["components"]["schemas"]
    assert shapes["CreateItem"]["properties"]["title"] == {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"\S"}
    assert shapes["Condition"]["enum"] == ["NEW", "LIKE_NEW", "GOOD", "FAIR", "POOR"]
    assert shapes["Trade"]["properties"]["status"]["enum"] == ["proposed", "negotiating", "confirmed", "completed", "rejected"]
    limit = next(one for one in reader.operation("item:list")[2]["parameters"] if one.get("name") == "limit")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    upload = reader.operation("postItemsImages")[2]["requestBody"]["content"]["multipart/form-data"]
    assert resolve(reader.openapi, upload["schema"])["properties"]["image"]["maxItems"] == 10


def test_a_refusal_that_is_described_is_one_we_have(reader: Reader) -> None:
    texts = {kind.code: kind().message for kind in Refusal.__subclasses__()}
    for response in reader.openapi["components"]["responses"].values():
        for code, example in response["content"]["application/json"]["examples"].items():
            assert example["value"]["error"]["code"] == code
            assert example["value"]["message"] == texts[code]


async def test_no_description_names_requirements_or_python(cast: Cast) -> None:
    """Their readers have neither."""
    for path in ("/openapi.json", "/asyncapi.json", *PAGES):
        text = await _text(cast, path)
        assert not re.findall(r"\((?:[SCD]\d[\d.]*\b[^)]*)\)|\bNone\b|UNSET", text)


class Tags(HTMLParser):
    """The elements of a page, which all have to be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)
        assert not self.open, f"{self.open} is never closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_whole_and_runs_nothing_but_its_own(cast: Cast, path: str) -> None:
    async with cast.session.get(cast.url + path) as response:
        text, headers = await response.text(), response.headers
    assert response.status == 200
    tags = Tags(text)
    assert len(set(tags.ids)) == len(tags.ids)
    assert {link[1:] for link in tags.links if link.startswith("#")} <= set(tags.ids), "every link leads somewhere"
    assert not [
        link for link in tags.links if "//" in link.removeprefix("data:image/svg+xml,") and not link.startswith("data:")
    ]
    assert not {name for name in tags.attributes if name == "style" or name.startswith("on")}

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["style-src"] == _hashes("style", text)
    assert policy.get("script-src", "") == _hashes("script", text)
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def _hashes(tag: str, text: str) -> str:
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return " ".join(f"'sha256-{b64encode(sha256(one.encode()).digest()).decode()}'" for one in found)


async def test_the_page_shows_every_action_by_both_doors(cast: Cast) -> None:
    text = await _text(cast, "/docs")
    for action in ACTIONS.values():
        if action.event is not None:
            assert f"emitWithAck(&quot;{action.event}&quot;" in text
        if action.path is not None:
            method, path = _rest(action)
            assert f'<span class="method {method}">{action.method}</span> <code>{path}</code>' in text
            assert f"curl{'' if method == 'get' else f' -X {action.method}'} &quot;$server/api" in text
        for kind in action.refuses:
            assert f'href="#{kind.code}"' in text
    for event in PUSHES:
        assert f"socket.on(&quot;{event}&quot;" in text


def test_what_goes_into_a_page_is_escaped() -> None:
    wrong = "<script>alert('\"&')</script>"
    for made in (html("<p>$text</p>", text=wrong), html('<p title="$text">', text=wrong), inline(wrong), inline(f"`{wrong}`")):
        assert "<script>" not in made
        assert "&lt;script&gt;" in made
    assert html("$outer", outer=html("<b>$inner</b>", inner="<")) == "<b>&lt;</b>"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/asyncapi.json"])
async def test_a_description_is_sent_small_and_once(cast: Cast, path: str) -> None:
    async with cast.session.get(cast.url + path, headers={"Accept-Encoding": "identity"}) as plain:
        whole = await plain.read()
    async with cast.session.get(cast.url + path, headers={"Accept-Encoding": "gzip"}) as packed:
        assert int(packed.headers["Content-Length"]) < len(whole) / 4
        assert await packed.read() == whole
    async with cast.session.get(cast.url + path, headers={"If-None-Match": packed.headers["Etag"]}) as again:
        assert again.status == 304
        assert await again.read() == b""


async def test_the_socket_door_is_where_people_reach_the_server(open_market: OpenMarket) -> None:
    async with open_market(PUBLIC_URL="https://swap.example/market") as market:
        _, document, _ = await market.cast.answer("GET", "/asyncapi.json", prefix="")
    server = document["servers"]["main"]
    assert (server["protocol"], server["host"], server["pathname"]) == ("wss", "swap.example", "/market/socket.io/")


async def _text(cast: Cast, path: str) -> str:
    async with cast.session.get(cast.url + path) as response:
        return await response.text()
