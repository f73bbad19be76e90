"""`python -m tests.bench.bare_server`: a bare aiohttp WebSocket on uvloop that says back what it is told; prints its port."""

import asyncio

import uvloop
from aiohttp import WSMsgType, web


async def echo(request: web.Request) -> web.WebSocketResponse:
    websocket = web.WebSocketResponse(compress=False)
    await websocket.prepare(request)
    async for message in websocket:
        if message.type is WSMsgType.TEXT:
            await websocket.send_str(message.data)
    return websocket


async def serve() -> None:
    application = web.Application()
    application.router.add_get("/", echo)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201 - this is what it is asked for
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
