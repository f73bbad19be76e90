"""What goes over the wire: the envelope, the ways a call can fail, and the REST route of every action."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

Data = dict[str, Any]


class Refused(Exception):
    """The server said no. `code` is one of the contract's codes, `message` is a sentence for people."""

    def __init__(self, code: str, message: str, field: str | None = None, details: Data | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.field = field
        self.details = details or {}


class NoAnswer(Exception):
    """The connection broke or nothing came in time; whether the call took effect is unknown. Repeat it, same key."""


class Unreachable(Exception):
    """Every attempt within the patience given ended without an answer."""


class Route(NamedTuple):
    """Where an action lives on REST, below `/api`. `{names}` in the path are fields of the payload."""

    method: str
    path: str

    @property
    def mutates(self) -> bool:
        return self.method != "GET"


ROUTES: Mapping[str, Route] = {
    event: Route(*line.split())
    for event, line in {
        "user:me": "GET /auth/me",
        "user:update": "PATCH /auth/me",
        "user:get": "GET /users/{userId}",
        "category:list": "GET /categories",
        "item:list": "GET /items",
        "item:mine": "GET /items/mine",
        "item:get": "GET /items/{itemId}",
        "item:create": "POST /items",
        "item:update": "PUT /items/{itemId}",
        "item:delete": "DELETE /items/{itemId}",
        "item:history": "GET /items/{itemId}/history",
        "item:list-for-sale": "POST /items/{itemId}/listing",
        "item:end-sale": "POST /items/{itemId}/listing/close",
        "trade:request": "POST /trades/request",
        "trade:mine": "GET /trades/myrequests",
        "trade:incoming": "GET /trades/requests-for-me",
        "trade:get": "GET /trades/{tradeId}",
        "trade:interest": "POST /trades/{tradeId}/interest",
        "trade:confirm": "POST /trades/{tradeId}/confirm",
        "trade:complete": "POST /trades/{tradeId}/complete",
        "trade:reject": "POST /trades/{tradeId}/reject",
        "trade:cancel": "POST /trades/{tradeId}/cancel",
        "trade:dispute": "POST /trades/{tradeId}/dispute",
        "offer:create": "POST /barter/offers",
        "offer:mine": "GET /barter/offers/my",
        "offer:get": "GET /barter/offers/{offerId}",
        "offer:accept": "POST /barter/offers/{offerId}/accept",
        "offer:reject": "POST /barter/offers/{offerId}/reject",
        "offer:counter": "POST /barter/offers/{offerId}/counter",
        "offer:cancel": "POST /barter/offers/{offerId}/cancel",
        "offer:complete": "POST /barter/offers/{offerId}/complete",
        "barter:items": "GET /barter/items",
        "barter:matches": "GET /barter/matches/{itemId}",
        "barter:opportunities": "GET /barter/opportunities/{itemId}",
        "chain:create": "POST /barter/chains",
        "chain:mine": "GET /barter/chains/my",
        "chain:pending": "GET /barter/chains/pending",
        "chain:stats": "GET /barter/chains/stats",
        "chain:get": "GET /barter/chains/{chainId}",
        "chain:respond": "POST /barter/chains/{chainId}/respond",
        "chain:execute": "POST /barter/chains/{chainId}/execute",
        "chain:cancel": "DELETE /barter/chains/{chainId}",
        "chain:withdraw": "POST /barter/chains/{chainId}/withdraw",
        "chain:dispute": "POST /barter/chains/{chainId}/dispute",
        "conversation:list": "GET /conversations",
        "conversation:get": "GET /conversations/{conversationId}",
        "message:list": "GET /conversations/{conversationId}/messages",
        "message:send": "POST /conversations/{conversationId}/messages",
        "message:read": "POST /conversations/{conversationId}/read",
        "notification:list": "GET /notifications",
        "notification:read": "POST /notifications/read",
        "presence:get": "GET /presence",
        "sync": "GET /sync",
    }.items()
}


class RestCall(NamedTuple):
    """An action put into REST's words."""

    method: str
    path: str
    query: dict[str, str]
    body: Data | None
    key: str | None


def as_rest(route: Route, payload: Data) -> RestCall:
    """`payload` taken apart into path, query or body, and the idempotency key's header."""
    rest = dict(payload)
    key = rest.pop("idempotencyKey", None)
    path = re.sub(r"\{(\w+)\}", lambda name: quote(str(rest.pop(name[1])), safe=""), route.path)
    if route.method in ("POST", "PUT", "PATCH"):
        return RestCall(route.method, path, {}, rest, key)
    query = {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in rest.items()
        if value is not None
    }
    return RestCall(route.method, path, query, None, key)


def new_key() -> str:
    """An idempotency key: one per act of a person, the same on every repetition of it."""
    return str(uuid4())


def with_key(event: str, payload: Data) -> Data:
    """The payload with the key that makes a repetition harmless, when the action changes something."""
    route = ROUTES.get(event)
    if route is None or not route.mutates:
        return payload
    if event == "message:send":
        return {"clientMessageId": new_key()} | payload
    return {"idempotencyKey": new_key()} | payload


def data_of(body: object) -> Any:
    """The `data` of an envelope. Raises Refused for a refusal, NoAnswer for no envelope (a proxy's error page)."""
    if not isinstance(body, dict) or not isinstance(body.get("success"), bool):
        raise NoAnswer("the answer is not an envelope")
    if body["success"]:
        return body.get("data")
    error = body.get("error")
    if not isinstance(error, dict):
        error = {}
    raise Refused(
        str(error.get("code", "INTERNAL")),
        str(body.get("message", "")),
        error.get("field"),
        error.get("details"),
    )
