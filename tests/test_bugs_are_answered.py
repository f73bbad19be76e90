"""A handler that breaks: the caller learns nothing but an id, and by that id the log has everything (S1.8, D13)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict, Processor

from handlers.action import ACTIONS, Call, Done, Input, action
from tests.conftest import Market, OpenMarket
from tests.trading import BOTH_DOORS

SECRET = "the password of the database"
NAME = "test:break"


class Break(Input):
    name: str = "Changed"


@pytest.fixture(scope="module")
async def breakable(open_market: OpenMarket) -> AsyncIterator[Market]:
    """A server with one more action, which writes and then breaks."""

    @action(NAME, route="POST /test/break")
    async def breaks(call: Call, ask: Break) -> Done:
        """Break, after having changed something."""
        await call.tx.execute("UPDATE users SET name = $2 WHERE id = $1", call.user_id, ask.name)
        raise RuntimeError(SECRET)

    try:
        async with open_market() as market:
            yield market
    finally:
        del ACTIONS[NAME]


def logged(logs: list[EventDict]) -> EventDict:
    (bug,) = [entry for entry in logs if entry["event"] == "action.bug"]
    return bug


@BOTH_DOORS
@pytest.mark.parametrize("key", [None, "key-1"])
async def test_a_bug_is_answered_by_its_id_alone_and_logged_by_it_in_full(
    breakable: Market, door: str, key: str | None
) -> None:
    alice = await breakable.cast.person("Alice", connected=True)
    processors: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info]
    with capture_logs(processors) as logs:
        if door == "socket":
            body = await alice.answer(NAME, **({"idempotencyKey": key} if key else {}))
        else:
            headers = {"Idempotency-Key": key} if key else {}
            status, body, _ = await breakable.cast.answer("POST", "/test/break", {}, token=alice.token, headers=headers)
            assert status == 500
    assert body.keys() == {"success", "message", "error", "requestId"}
    assert body["error"] == {"code": "INTERNAL"}
    said = json.dumps(body)
    assert not any(word in said for word in (SECRET, "RuntimeError", "Traceback", ".py"))

    bug = logged(logs)
    assert bug["request_id"] == body["requestId"]
    assert (bug["action"], bug["user"], bug["log_level"]) == (NAME, alice.id, "error")
    assert "Traceback" in bug["exception"]
    assert SECRET in bug["exception"]
    assert (await alice.does("user:me"))["name"] == "Alice", "what it had written is rolled back, and the server goes on"


@BOTH_DOORS
async def test_a_bug_is_not_remembered_by_its_key(breakable: Market, door: str) -> None:
    alice = await breakable.cast.person("Alice", connected=True)

    async def request_id() -> Any:
        if door == "socket":
            return (await alice.answer(NAME, idempotencyKey="key-1"))["requestId"]
        headers = {"Idempotency-Key": "key-1"}
        return (await breakable.cast.answer("POST", "/test/break", {}, token=alice.token, headers=headers))[1]["requestId"]

    with capture_logs():
        assert await request_id() != await request_id(), "once it is mended, the same key works"


async def test_a_problem_tells_no_more(breakable: Market) -> None:
    alice = await breakable.cast.person("Alice")
    headers = {"Accept": "application/problem+json"}
    with capture_logs():
        status, body, _ = await breakable.cast.answer("POST", "/test/break", {}, token=alice.token, headers=headers)
    assert (status, body["status"], body["code"]) == (500, 500, "INTERNAL")
    assert SECRET not in json.dumps(body)


async def test_a_traceback_on_the_console_has_no_local_variables(breakable: Market, capsys: pytest.CaptureFixture[str]) -> None:
    """They may hold a password or a token."""
    alice = await breakable.cast.person("Alice")
    processors = structlog.get_config()["processors"]
    factory = structlog.get_config()["logger_factory"]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory())
    try:
        await breakable.cast.answer("POST", "/test/break", {"name": "a name that nobody else has"}, token=alice.token)
    finally:
        structlog.configure(logger_factory=factory, processors=processors)
    printed = capsys.readouterr().out
    assert SECRET in printed
    assert "a name that nobody else has" not in printed
