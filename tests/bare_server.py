"""`python -m tests.bare_server`: our socket server without our handlers, for the protocols' own test suites.

The suites are in the repository socketio/socket.io, below docs/engine.io-protocol/v4-test-suite and
docs/socket.io-protocol/v5-test-suite; they look for a server on port 3000. tests/test_protocol.py has their cases in Python.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click
from aiohttp import web

from server.packets import PacketServer
from server.sockets import bare_server

SUITES_PORT = 3000
PING_SECONDS, PING_TIMEOUT_SECONDS = 0.3, 0.2
CONNECT_SECONDS = 1.0
MAX_PAYLOAD = 1_000_000


class Echo:
    """What the suites expect of a Socket.IO application, in the namespaces '/' and '/custom'."""

    def __init__(self, server: PacketServer) -> None:
        self.server = server
        for namespace in ("/", "/custom"):
            self._serve(namespace)

    def _serve(self, namespace: str) -> None:
        async def connect(sid: str, _: dict[str, Any], auth: object = None) -> None:
            await self.server.emit("auth", auth or {}, to=sid, namespace=namespace)

        async def event(name: str, sid: str, *arguments: object) -> object:
            if name == "message":
                await self.server.emit("message-back", arguments, to=sid, namespace=namespace)
            return arguments

        self.server.on("connect", connect, namespace=namespace)
        self.server.on("*", event, namespace=namespace)


@asynccontextmanager
async def serving(ping_seconds: float = PING_SECONDS, port: int = 0) -> AsyncIterator[tuple[PacketServer, str]]:
    """Engine.IO alone (it sends every message back) at /engine.io/, Socket.IO at /socket.io/; and the URL."""
    options: dict[str, Any] = {
        "ping_interval": ping_seconds,
        "ping_timeout": PING_TIMEOUT_SECONDS,
        "connect_seconds_max": CONNECT_SECONDS,
        "max_http_buffer_size": MAX_PAYLOAD,
        "cors_allowed_origins": ["http://localhost:3000"],
    }
    server, application = bare_server(**options)
    Echo(server)
    # Not as a second application: Engine.IO alone, with the same sockets
    engine = bare_server(**options | {"connect_seconds_max": 3600.0})[0].eio
    engine.hear = lambda socket, data: socket.put(*((b"4" + data.encode(), 1) if isinstance(data, str) else (data, 2)))
    engine.attach(application, "engine.io")
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield server, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        for one in (server.eio, engine):
            for socket in list(one.sockets.values()):
                await socket.close(abort=True)
        await runner.cleanup()


async def serve(port: int, ping_seconds: float) -> None:
    async with serving(ping_seconds, port) as (_, url):
        click.echo(f"{url}, pings every {ping_seconds} s")
        await asyncio.Event().wait()


@click.command()
@click.option("--port", default=SUITES_PORT, show_default=True)
@click.option("--ping-seconds", default=PING_SECONDS, show_default=True, help="Slower ones hide nothing that should be closed.")
def main(port: int, ping_seconds: float) -> None:
    """Serve on the loopback until interrupted."""
    asyncio.run(serve(port, ping_seconds))


if __name__ == "__main__":
    main()
