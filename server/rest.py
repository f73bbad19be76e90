"""The REST door: each action's route, under /api and /api/v1, through the one road."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from handlers.action import ACTIONS, Action, camel
from handlers.app import App
from handlers.dispatch import Answer, Refused, Request, dispatch, new_request_id, refusal
from handlers.tokens import Caller
from matching.refusals import (
    Internal,
    InvalidRequest,
    NotFound,
    Refusal,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from server.address import client_address
from server.config import Config
from server.stopping import Stopping

log = structlog.get_logger()

PREFIXES = ("/api", "/api/v1")
SOCKET_PATH = "/socket.io/"
BODY_BYTES_MAX = 64 * 1024
EXPOSED = "Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id"
REQUEST_ID = web.RequestKey("request_id", str)

OwnHandler = Callable[["RestDoor", Action, web.Request], Awaitable[web.StreamResponse]]


class Problem(msgspec.Struct, frozen=True):
    """A refusal as RFC 9457 has it, for who accepts `application/problem+json`. (C10)"""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    field: str | None


class RestDoor:
    def __init__(self, app: App, config: Config) -> None:
        self.app = app
        self.config = config

    def add_routes(self, application: web.Application, own: Mapping[str, OwnHandler]) -> None:
        """A route per action; `own`: by name, those whose body is not JSON."""
        routed = [action for action in ACTIONS.values() if action.path is not None]
        # aiohttp takes the first route that fits: /offers/my before /offers/{offer_id} (C50)
        for action in sorted(routed, key=lambda action: (action.path or "").count("{")):
            handler = self._handler(action, own.get(action.name))
            for prefix in PREFIXES:
                application.router.add_route(action.method or "", prefix + (action.path or ""), handler)

    def _handler(self, action: Action, own: OwnHandler | None) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if own is not None:
                return await own(self, action, request)
            raw: object
            try:
                raw, lenient = await _read(action, request)
            except Refusal as no:
                raw, lenient = no, False
            return await self.answer(action, request, raw, lenient=lenient)

        return handle

    async def answer(
        self,
        action: Action,
        request: web.Request,
        raw: object,
        *,
        lenient: bool = False,
        receive: Callable[[Request], Awaitable[None]] | None = None,
    ) -> web.Response:
        caller, turned_away = None, None
        if not action.public:
            try:
                caller = self._caller(request)
            except Refusal as no:
                turned_away = no
        answer = await dispatch(
            self.app,
            Request(
                name=action.name,
                raw=raw,
                door="rest",
                caller=caller,
                turned_away=turned_away,
                key=request.headers.get("Idempotency-Key") if action.method != "GET" else None,
                address=client_address(request, self.config.trusted_proxies),
                receive=receive,
                lenient=lenient,
                request_id=request[REQUEST_ID],
            ),
        )
        return respond(request, answer)

    def _caller(self, request: web.Request) -> Caller:
        """Who the bearer token says. Raises Unauthenticated or TokenExpired."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated
        return self.app.tokens.read(token.strip())


async def _read(action: Action, request: web.Request) -> tuple[dict[str, Any], bool]:
    """Path, query and body as one object, and whether its values are all text."""
    path = _path(request)
    if action.method in ("GET", "DELETE"):
        return _query(action, request) | path, True
    if request.query_string:
        raise InvalidRequest("This request has its fields in its body, not in its query.", field=next(iter(request.query)))
    body = await _json(request)
    for name in path:
        if name in body:
            raise InvalidRequest("This field stands in the path.", field=name)
    return body | path, False


def _path(request: web.Request) -> dict[str, str]:
    return {camel(place): value for place, value in request.match_info.items()}


def _query(action: Action, request: web.Request) -> dict[str, Any]:
    raw: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        if name in action.list_fields:
            raw[name] = [word for value in values for word in value.split(",") if word]
        elif len(values) > 1:
            raise InvalidRequest("This field is given twice.", field=name)
        else:
            raw[name] = values[0]
    return raw


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"A body has at most {BODY_BYTES_MAX} bytes.") from None
    except (web.RequestPayloadError, ConnectionResetError):
        raise InvalidRequest("The body breaks off, or does not come as its headers say.") from None
    if not body:
        return {}
    if request.content_type not in ("application/json", "text/json"):
        raise UnsupportedMedia("The body must be JSON, with Content-Type: application/json.")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidRequest("The body must be one JSON object.")
    return value


def respond(request: web.Request, answer: Answer) -> web.Response:
    """An answer as HTTP. Refusals are RFC 9457 problems for who asks for them (C10)."""
    headers = answer.headers | {"Cache-Control": "no-store"}
    if isinstance(answer.body, Refused) and "application/problem+json" in request.headers.get("Accept", ""):
        problem = Problem(
            type="about:blank",
            title=answer.body.error.code,
            status=answer.status,
            detail=answer.body.message,
            instance=f"urn:request:{answer.body.request_id}",
            code=answer.body.error.code,
            field=answer.body.error.field,
        )
        body, content_type = msgspec.json.encode(problem), "application/problem+json"
    else:
        body, content_type = msgspec.json.encode(answer.body), "application/json"
    return web.Response(body=body, status=answer.status, content_type=content_type, headers=headers)


def middleware(config: Config, stopping: Stopping) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Around every request: its id, the headers of safety and of CORS, and our own words for aiohttp's refusals."""
    origins = frozenset(config.cors_origins)

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(SOCKET_PATH):  # a socket lasts
            return await answered(request, handler)
        stopping.requests += 1
        try:
            response = await answered(request, handler)
        finally:
            stopping.requests -= 1
        if stopping.begun:
            response.force_close()
        return response

    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[REQUEST_ID] = new_request_id()
        origin = request.headers.get("Origin")
        if request.method == "OPTIONS" and origin in origins and "Access-Control-Request-Method" in request.headers:
            response: web.StreamResponse = web.Response(status=204)
        else:
            response = await _handled(request, handler)
        if not response.prepared:  # a WebSocket has sent its headers
            response.headers["X-Request-Id"] = request[REQUEST_ID]
            response.headers["X-Content-Type-Options"] = "nosniff"
            if origin in origins and "Access-Control-Allow-Origin" not in response.headers:
                response.headers["Access-Control-Allow-Origin"] = origin or ""
                response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
                response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key"
                response.headers["Access-Control-Expose-Headers"] = EXPOSED
                response.headers["Vary"] = ", ".join([*response.headers.getall("Vary", ()), "Origin"])
        return response

    return around


async def _handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        no: Refusal = TooLarge()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        no = NotFound(f"There is nothing at {request.method} {request.path[:200]}.")
    except ConnectionResetError:  # who asked has hung up, as in the middle of a WebSocket's handshake; nobody hears this
        no = Unavailable()
    except Exception:
        log.exception("rest.bug", request_id=request[REQUEST_ID], path=request.path[:200])
        no = Internal()
    return respond(request, refusal(no, request[REQUEST_ID]))
