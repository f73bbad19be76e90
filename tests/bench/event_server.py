"""`python -m tests.bench.event_server ours|echo`: one of the two servers that `events` compares, in a process of its own.

It prints its port. `echo`: python-socketio as it comes, on uvloop and orjson (msgspec where orjson is not installed), with an
event that answers what it is sent. `ours`: the product on the PostgreSQL and Redis of DATABASE_URL and REDIS_URL, with the
settings of the environment, and an action that does nothing.
"""

import asyncio
import gc
import sys
from types import ModuleType
from typing import Any

import msgspec
import socketio
import uvloop
from aiohttp import web

from handlers.action import Call, Done, Input, Limit, Work, action
from server.cli import GC_THRESHOLDS
from server.config import read_config
from server.logs import configure_logs
from server.memory import keep_no_large_blocks
from server.service import running


class Something(Input):
    text: str
    number: int
    flags: list[bool]


@action("bench:nothing", route=None, limit=Limit.SIGNAL, work=Work.OWN)
async def do_nothing(call: Call, ask: Something) -> Done:
    """Done."""
    return Done()


def fast_json() -> Any:
    """orjson where it is installed, else msgspec, by the names that python-socketio calls."""
    try:
        orjson: ModuleType | None = __import__("orjson")
    except ImportError:
        orjson = None
    dumps, loads = (orjson.dumps, orjson.loads) if orjson else (msgspec.json.encode, msgspec.json.decode)

    class Json:
        JSONDecodeError = ValueError
        name = "orjson" if orjson else "msgspec"

        @staticmethod
        def dumps(value: Any, *_: Any, **__: Any) -> str:
            return str(dumps(value), "utf-8")

        @staticmethod
        def loads(text: str, *_: Any, **__: Any) -> Any:
            return loads(text)

    return Json


async def serve_echo() -> None:
    server = socketio.AsyncServer(
        async_mode="aiohttp", transports=["websocket"], cors_allowed_origins=["http://localhost"], json=fast_json()
    )

    async def connect(sid: str, environ: object, auth: object = None) -> None:
        pass

    async def echo(sid: str, payload: object) -> object:
        return payload

    server.on("connect", connect)
    server.on("bench:nothing", echo)
    application = web.Application()
    server.attach(application)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201 - this is what it is asked for
    await asyncio.Event().wait()


async def serve_ours() -> None:
    config = read_config()
    configure_logs(config.log_level, config.log_format)
    assert config.database_url is not None, "the bench has made one"
    assert config.redis_url is not None, "the bench has started one"
    async with running(config, config.database_url, config.redis_url) as service:
        print(service.port, flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        gc.set_threshold(*GC_THRESHOLDS)  # as `swaploop serve` does
        keep_no_large_blocks()
    uvloop.run(serve_ours() if sys.argv[1] == "ours" else serve_echo())
