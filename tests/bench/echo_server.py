"""`python -m tests.bench.echo_server`: python-socketio as it comes, answering what it is sent; prints its port.

On uvloop and orjson, or msgspec where orjson is not installed.
"""

import asyncio
from types import ModuleType
from typing import Any

import msgspec
import socketio
import uvloop
from aiohttp import web

try:
    orjson: ModuleType | None = __import__("orjson")
except ImportError:
    orjson = None


class FastJson:
    """By the names that python-socketio calls."""

    JSONDecodeError = ValueError
    name = "orjson" if orjson else "msgspec"
    encode = orjson.dumps if orjson else msgspec.json.encode
    decode = orjson.loads if orjson else msgspec.json.decode

    @classmethod
    def dumps(cls, value: Any, *_: Any, **__: Any) -> str:
        return str(cls.encode(value), "utf-8")

    @classmethod
    def loads(cls, text: str, *_: Any, **__: Any) -> Any:
        return cls.decode(text)


async def serve() -> None:
    server = socketio.AsyncServer(
        async_mode="aiohttp", transports=["websocket"], cors_allowed_origins=["http://localhost"], json=FastJson
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


if __name__ == "__main__":
    uvloop.run(serve())
