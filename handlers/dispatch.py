"""The one road, whichever door a request came in by: check what was asked, do it once, and always answer."""

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog

from handlers.action import ACTIONS, ADDRESS_RATE, RATES, Action, Call, Limit, Work
from handlers.app import App
from handlers.asking import read_input, unstorable
from handlers.tally import TALLY
from handlers.tokens import Caller
from matching.refusals import (
    IdempotencyMismatch,
    Internal,
    InvalidRequest,
    NotFound,
    RateLimited,
    Refusal,
    TokenExpired,
    Unauthenticated,
    Unavailable,
)
from storage.answers import StoredAnswer, find_answer, keep_answer
from storage.database import CONFLICTS, Tx

log = structlog.get_logger()

# What every line that is logged meanwhile says: structlog takes it from the variables that are named like this.
_REQUEST_ID: ContextVar[str] = ContextVar("structlog_request_id")
_ACTION: ContextVar[str] = ContextVar("structlog_action")
_USER: ContextVar[str | None] = ContextVar("structlog_user")

_PROCESS = secrets.token_hex(10)
_numbers = count(secrets.randbits(40))

TRIES_MAX = 5
KEY_LENGTH_MAX = 64
# What any action may answer; all else it must name.
ALWAYS = (InvalidRequest, Unauthenticated, TokenExpired, RateLimited, IdempotencyMismatch, Unavailable, Internal)
# Not the action's answer but the road's: the same key may well be answered otherwise a moment later.
# InvalidRequest too: who mends what was not understood may keep its key, whether its shape or its action found that out.
PASSING = (RateLimited, Unavailable, Internal, Unauthenticated, TokenExpired, IdempotencyMismatch, InvalidRequest)


def new_request_id() -> str:
    """32 hexadecimal digits, the first 20 the process's own. To tell requests apart; nothing is granted for knowing one."""
    return f"{_PROCESS}{next(_numbers) & 0xFFFFFFFFFFFF:012x}"


@dataclass(slots=True)
class Request:
    """A request as its door read it. `raw` has REST's path, query and body, or an event's payload, as one object; or it is
    the refusal that reading it came to, which is told once it is known who asks, and the request is counted (C41).
    """

    name: str
    raw: object
    door: str
    caller: Caller | None = None
    turned_away: Refusal | None = None  # why there is no caller
    key: str | None = None
    address: str = ""
    socket_id: str | None = None
    fingerprint: bytes | None = None  # of a body that `raw` does not have: an upload's files
    receive: "Callable[[Request], Awaitable[None]] | None" = None  # reads such a body, once the request has been counted
    lenient: bool = False  # a query's values are all text: "20" is a number
    request_id: str = field(default_factory=new_request_id)


class Success(msgspec.Struct, frozen=True):
    success: Literal[True]
    message: str
    data: Any


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    code: str
    field: str | None = None
    details: Mapping[str, Any] | None = None


class Refused(msgspec.Struct, frozen=True, rename="camel"):
    success: Literal[False]
    message: str
    error: ErrorBody
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What either door says. `body` is what msgspec encodes; `headers` are REST's alone."""

    status: int
    body: Success | Refused | msgspec.Raw
    headers: dict[str, str] = field(default_factory=dict)
    repeated: bool = False  # it is the first answer to this key, once more


class _Replayed(Exception):
    """Another call with this key was first; this one is rolled back and answers the same."""


def refusal(no: Refusal, request_id: str) -> Answer:
    headers = {}
    if isinstance(no, RateLimited) and no.details:
        seconds, limit = str(no.details["retryAfter"]), str(no.details["limit"])
        headers = {"Retry-After": seconds, "RateLimit-Limit": limit, "RateLimit-Remaining": "0", "RateLimit-Reset": seconds}
    return Answer(no.status, Refused(False, no.message, ErrorBody(no.code, no.field, no.details), request_id), headers)


async def dispatch(app: App, request: Request) -> Answer:
    """Answer the request. Nothing it can hold makes this raise."""
    started = time.perf_counter()
    act = ACTIONS.get(request.name)
    if act is not None and act.event is None and request.door == "socket":
        act = None  # REST's alone; its name is no event, and an upload's input is trusted to come from the upload door
    id_before = _REQUEST_ID.set(request.request_id)
    action_before = _ACTION.set(request.name[:80])
    user = request.caller.user if request.caller else None
    user_before = _USER.set(user)
    try:
        try:
            answer = await _answer(app, act, request)
        except Refusal as no:
            if act is not None and not isinstance(no, (*act.refuses, *ALWAYS)):
                log.error("action.undeclared_refusal", code=no.code)
            answer = refusal(no, request.request_id)
        except Exception:
            log.exception("action.bug")
            answer = refusal(Internal(), request.request_id)
        code = answer.body.error.code if isinstance(answer.body, Refused) else "OK"
        seconds = time.perf_counter() - started
        TALLY.count(act.name if act else "unknown", request.door, code, seconds)
        if request.door != "demo":
            app.tell(request.name[:80], request.door, code, seconds, request.request_id, user)
        return answer
    finally:
        _REQUEST_ID.reset(id_before)
        _ACTION.reset(action_before)
        _USER.reset(user_before)


async def _answer(app: App, act: Action | None, request: Request) -> Answer:
    if act is None:
        raise NotFound(f"There is no action '{request.name[:80]}'.")
    if request.caller is None and not act.public:
        raise request.turned_away or Unauthenticated()
    if request.caller is not None and request.caller.session_id in app.revoked:
        raise Unauthenticated("This session has ended. Please sign in again.")
    try:
        headers = await _count(app, act, request)
    except RateLimited:
        repeated = await _first_answer(app, act, request)
        if repeated is None:
            raise
        return repeated
    if isinstance(request.raw, Refusal):
        raise request.raw
    if request.receive is not None:
        await request.receive(request)
    ask = read_input(act, request.raw, lenient=request.lenient)
    if request.key is not None and not _is_key(request.key):
        raise InvalidRequest(f"A key has 1 to {KEY_LENGTH_MAX} characters, none of them NUL.", field="idempotencyKey")

    caller = request.caller
    call = Call(
        app,
        request.request_id,
        caller.user_id if caller else None,
        caller.session_id if caller else None,
        request.socket_id,
        request.key,
    )
    if act.work is Work.CHANGE:
        answer = await _change(act, call, ask, request.key, request.fingerprint or msgspec.json.encode(ask))
    else:
        answer = await _run(act, call, ask)
    if answer.repeated and headers:
        await _give_back(app, act, request)
        headers["RateLimit-Remaining"] = str(int(headers["RateLimit-Remaining"]) + 1)
    if call.announced:
        app.live.announce(call.announced)
    if call.notified:
        app.live.notify()
    for person, told in call.presence_told:
        app.live.push_presence(person, told)
    if call.discarded:
        await app.discard_pictures(call.discarded)
    return Answer(answer.status, answer.body, headers, answer.repeated)


async def _run(act: Action, call: Call, ask: object) -> Answer:
    if act.work is Work.OWN:
        return await _answered(act, call, ask)
    async with call.app.database.connection() as call.connection:
        return await _answered(act, call, ask)


async def _change(act: Action, call: Call, ask: object, key: str | None, asked: bytes) -> Answer:
    """Run in one transaction; with a key, at most once, and the same answer every time (contract.md, "Retrying is safe")."""
    request_sha256 = _sha256(act, asked)
    for left in range(TRIES_MAX - 1, -1, -1):
        call.begin_again()
        try:
            async with call.app.database.transaction() as call.connection:
                if key is None:
                    return await _answered(act, call, ask)
                earlier = await _earlier(call.tx, call.user_id, key, request_sha256)
                if earlier is not None:
                    return earlier
                answer = await _answered(act, call, ask)
                body = msgspec.json.encode(answer.body)
                if not await keep_answer(call.tx, call.user_id, key, StoredAnswer(request_sha256, answer.status, body)):
                    raise _Replayed
                return Answer(answer.status, answer.body if call.refused else msgspec.Raw(body))
        except CONFLICTS:
            if left == 0:
                raise Unavailable from None
        except _Replayed:
            pass  # the next round finds the answer
        except Refusal as no:
            call.begin_again()
            if key is None or isinstance(no, PASSING):
                raise
            return await _keep_refusal(call, key, request_sha256, no)
    raise Unavailable


def _sha256(act: Action, asked: bytes) -> bytes:
    return hashlib.sha256(f"{act.name} ".encode() + asked).digest()


async def _answered(act: Action, call: Call, ask: object) -> Answer:
    data = await act.run(call, ask)
    if call.refused is not None:
        return refusal(call.refused, call.request_id)
    assert call.says is None or call.says in act.says, "the descriptions list what an action can say"
    return Answer(act.status, Success(True, call.says or act.says[0], data))


async def _earlier(tx: Tx, user_id: UUID, key: str, request_sha256: bytes) -> Answer | None:
    found = await find_answer(tx, user_id, key)
    if found is None:
        return None
    if found.request_sha256 != request_sha256:
        raise IdempotencyMismatch
    if found.status >= 400:  # read again, so that its door can tell a refusal, and print it as it was asked to
        return Answer(found.status, msgspec.json.decode(found.answer, type=Refused), repeated=True)
    return Answer(found.status, msgspec.Raw(found.answer), repeated=True)


def _is_key(key: str) -> bool:
    return 0 < len(key) <= KEY_LENGTH_MAX and unstorable(key, "") is None


async def _first_answer(app: App, act: Action, request: Request) -> Answer | None:
    """What was answered to this key before, for who may do nothing new at the moment (contract.md: "Retrying is safe").

    It is counted as reading. None where there is none, or where the key is no key, or came with another body.
    """
    if request.key is None or request.caller is None or act.work is not Work.CHANGE or request.receive is not None:
        return None
    try:
        if not _is_key(request.key):
            return None
        ask = read_input(act, request.raw, lenient=request.lenient)
        if not (await app.limits.take(f"{Limit.READ}:{request.caller.user_id}", *RATES[Limit.READ])).allowed:
            return None
        async with app.database.connection() as tx:
            return await _earlier(tx, request.caller.user_id, request.key, _sha256(act, msgspec.json.encode(ask)))
    except Refusal:
        return None


async def _give_back(app: App, act: Action, request: Request) -> None:
    assert request.caller is not None, "a key is somebody's"
    await app.limits.give_back(f"{act.limit}:{request.caller.user_id}")


async def _keep_refusal(call: Call, key: str, request_sha256: bytes, no: Refusal) -> Answer:
    """A refusal is the first answer too. Its transaction is gone, so it gets one of its own; who is first is right."""
    answer = refusal(no, call.request_id)
    async with call.app.database.transaction() as tx:
        body = msgspec.json.encode(answer.body)
        if await keep_answer(tx, call.user_id, key, StoredAnswer(request_sha256, answer.status, body)):
            return answer
        return await _earlier(tx, call.user_id, key, request_sha256) or answer


async def _count(app: App, act: Action, request: Request) -> dict[str, str]:
    """Count the request against its class; the headers that say what is left. Raises RateLimited (C41: before all else)."""
    if not app.rate_limits:
        return {}
    if request.caller is None:
        everything = await app.limits.take(f"address:{request.address}", *ADDRESS_RATE, needed=True)
        if not everything.allowed:
            raise RateLimited(details={"retryAfter": everything.reset_seconds, "limit": everything.limit})
    limit, window_seconds = RATES[act.limit]
    who = str(request.caller.user_id) if request.caller else request.address
    if act.limit is Limit.AUTH and isinstance(request.raw, Mapping):
        who = f"{str(request.raw.get('email', '')).strip().lower()[:254]}@{request.address}"
    taken = await app.limits.take(f"{act.limit}:{who}", limit, window_seconds, needed=act.limit is Limit.AUTH)
    if not taken.allowed:
        raise RateLimited(details={"retryAfter": taken.reset_seconds, "limit": taken.limit})
    return {
        "RateLimit-Limit": str(taken.limit),
        "RateLimit-Remaining": str(taken.remaining),
        "RateLimit-Reset": str(taken.reset_seconds),
    }
