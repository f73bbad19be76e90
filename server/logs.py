"""Structured logs: a line per action, with its request id. To standard error, for people or for machines."""

import io
import logging
import re
import sys
from typing import TextIO

import msgspec
import structlog

# Of either set, with the line ends that only some terminals know, and what turns the direction of writing around
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def configure_logs(level: str, form: str) -> None:
    """`level`: debug to error; `form`: console or json."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if form == "json":
        shared += [structlog.processors.format_exc_info, _as_json]
    else:
        shared.append(_without_control_characters)
        shared.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_write_traceback))
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)


def _without_control_characters(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What a caller sent may be in a line, and must neither steer the terminal nor make a line of its own."""
    return {name: _escaped(value) if isinstance(value, str) else value for name, value in event.items()}


def _escaped(value: str) -> str:
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), value)


def _write_traceback(to: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    """Plain: rich tracebacks show local variables, and a password or a token may be one. Its lines stay lines."""
    written = io.StringIO()
    structlog.dev.plain_traceback(written, exc_info)
    to.write("\n".join(map(_escaped, written.getvalue().split("\n"))))


def _as_json(_: object, __: str, event: structlog.typing.EventDict) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode() if event else "{}"
