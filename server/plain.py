"""What is neither an action nor a description of one: pictures, health, readiness, metrics.

Health and readiness are the process's that answers, where there are several.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from aiohttp import web

from server.metrics import Metrics
from server.orders import Place
from server.pictures import CONTENT_TYPE, Pictures
from server.stopping import Stopping
from storage.bus import Bus
from storage.cache import Cache
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Health:
    """What readiness asks: the stores, the listener, whether every background loop still runs, and whether they shall."""

    database: Database
    cache: Cache
    bus: Bus
    loops: "Sequence[asyncio.Future[None]]"
    stopping: Stopping
    place: Place | None

    async def parts(self) -> dict[str, bool]:
        return {
            "postgresql": await self.database.ping(),
            "redis": await self.cache.ping(),
            "listener": self.bus.hears,
            "background": not any(loop.done() for loop in self.loops),
        }


def add_plain_routes(application: web.Application, health: Health, metrics: Metrics, pictures: Pictures) -> None:
    who = {} if health.place is None else {"worker": health.place.number}

    async def healthz(_: web.Request) -> web.Response:
        """The process is alive, and its event loop runs."""
        return _json({"status": "ok"} | who)

    async def readyz(_: web.Request) -> web.Response:
        """PostgreSQL and Redis have answered now, and the listener has lately heard its own ping."""
        parts = await health.parts()
        ready = all(parts.values()) and not health.stopping.begun
        status = "stopping" if health.stopping.begun else "ready" if ready else "not ready"
        return _json({"status": status} | parts | who, 200 if ready else 503)

    async def media(request: web.Request) -> web.StreamResponse:
        """A picture. Its name cannot be guessed and never names another one, so it may be kept for ever."""
        path = pictures.find(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(
            path,
            headers={
                "Content-Type": CONTENT_TYPE,
                "Cache-Control": "public, max-age=31536000, immutable",
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "Cross-Origin-Resource-Policy": "cross-origin",
            },
        )

    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", metrics.tell)
    application.router.add_get("/media/{name}", media)


def _json(value: object, status: int = 200) -> web.Response:
    # A line of its own, for who asks with curl
    return web.Response(body=msgspec.json.encode(value) + b"\n", status=status, content_type="application/json")
