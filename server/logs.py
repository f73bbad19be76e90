"""Structured logs: a line per action, with its request id. To standard error, for people or for machines.

What is written for every action has to cost little: one processor makes the line, and lines that only inform are written
together, a moment later. Whatever is worse is written at once, after them.
"""

import asyncio
import atexit
import io
import logging
import re
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import msgspec
import structlog

from handlers.app import Tell, tell_by_structlog

# Of either set, with the line ends that only some terminals know, and what turns the direction of writing around
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
QUOTED = re.compile("[ \t=\"'\r\n]")
EVENT_WIDTH = 30

WAIT_SECONDS_MAX = 0.1
LINES_MAX = 1_000


class Lines:
    """Where lines go: standard error. By the names of the levels, as structlog calls it."""

    def __init__(self, *_: object) -> None:
        self._waiting: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        atexit.register(self.write_out)

    def info(self, line: str) -> None:
        self._waiting.append(line)
        if len(self._waiting) >= LINES_MAX:
            self.write_out()
        elif self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(WAIT_SECONDS_MAX, self.write_out)
            except RuntimeError:  # no loop runs that could come back to it
                self.write_out()

    def warning(self, line: str) -> None:
        self._waiting.append(line)
        self.write_out()

    def write_out(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._waiting = self._waiting, []
        if lines:
            sys.stderr.write("\n".join(lines) + "\n")
            sys.stderr.flush()

    debug = info
    error = critical = exception = fatal = msg = warn = warning


LINES = Lines()


def configure_logs(level: str, form: str) -> None:
    """`level`: debug to error; `form`: console or json."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _as_json if form == "json" else _console()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: LINES,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)


def action_lines(level: str, form: str) -> Tell:
    """What tells of an action, the line there are most of: as structlog would write it, at a fifth of the cost."""
    if logging.getLevelNamesMapping()[level.upper()] > logging.INFO:
        return _say_nothing
    if sys.stderr.isatty() and form != "json":
        return tell_by_structlog

    def as_json(action: str, door: str, code: str, seconds: float, request_id: str, user: str | None) -> None:
        told: dict[str, object] = {
            "event": "action",
            "level": "info",
            "timestamp": _now(),
            "action": action,
            "door": door,
            "code": code,
        }
        told |= {"ms": round(seconds * 1000, 1), "request_id": request_id, "user": user}
        LINES.info(msgspec.json.encode(told).decode())

    def as_text(action: str, door: str, code: str, seconds: float, request_id: str, user: str | None) -> None:
        LINES.info(
            f"{_now()} [info     ] {'action':<{EVENT_WIDTH}} action={_shown(action)} code={code} door={door} "
            f"ms={round(seconds * 1000, 1)} request_id={request_id} user={user}"
        )

    return as_json if form == "json" else as_text


def _say_nothing(action: str, door: str, code: str, seconds: float, request_id: str, user: str | None) -> None:
    pass


def _now() -> str:
    second, fraction = divmod(time.time(), 1)
    return f"{_until_second(int(second))}.{int(fraction * 1_000_000):06d}Z"


@lru_cache(maxsize=2)
def _until_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _console() -> structlog.typing.Processor:
    """Lines for people: structlog's own on a terminal, with colours; elsewhere the same without, made faster."""
    colored = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_write_traceback)
    on_terminal = sys.stderr.isatty()

    def render(logger: Any, level: str, event: structlog.typing.EventDict) -> str:
        if on_terminal or not event.keys().isdisjoint(("exc_info", "exception", "stack")):
            event["level"], event["timestamp"] = level.replace("exception", "error"), _now()
            return str(colored(logger, level, {name: _escaped(value) for name, value in event.items()}))
        head = f"{_now()} [{level:<9}] {_escaped(str(event.pop('event', ''))):<{EVENT_WIDTH}}"
        return f"{head} {' '.join([f'{name}={_shown(event[name])}' for name in sorted(event)])}".rstrip()

    return render


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return repr(value)
    text: str = _escaped(value)
    return repr(text) if QUOTED.search(text) else text


def _escaped(value: Any) -> Any:
    """What a caller sent may be in a line, and must neither steer the terminal nor make a line of its own."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), value)


def _write_traceback(to: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    """Plain: rich tracebacks show local variables, and a password or a token may be one. Its lines stay lines."""
    written = io.StringIO()
    structlog.dev.plain_traceback(written, exc_info)
    to.write("\n".join(map(_escaped, written.getvalue().split("\n"))))


def _as_json(logger: Any, level: str, event: structlog.typing.EventDict) -> str:
    if "exc_info" in event:
        event = structlog.processors.format_exc_info(logger, level, event)
    event["level"], event["timestamp"] = level.replace("exception", "error"), _now()
    return msgspec.json.encode(event, enc_hook=str).decode()
