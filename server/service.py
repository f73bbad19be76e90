"""The composition root: everything a server process is made of, started and stopped in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web

import handlers  # noqa: F401 - registers the actions
from handlers.app import App
from handlers.matchmaker import Matchmaker
from handlers.passwords import Passwords
from handlers.tokens import Tokens
from server.config import Config
from server.descriptions import add_description_routes
from server.logs import action_lines
from server.mail import Mailer
from server.metrics import Metrics
from server.notifier import Notifier
from server.orders import Place
from server.pictures import Pictures
from server.plain import Health, add_plain_routes
from server.relay import Relay
from server.rest import BODY_BYTES_MAX, RestDoor, middleware
from server.sockets import SocketDoor
from server.stopping import DRAIN_SECONDS_MAX, Stopping
from server.upkeep import Upkeep
from server.uploads import UPLOAD, upload_handler
from storage.cache import Cache
from storage.categories import load_categories
from storage.database import Database
from storage.items import shown_images
from storage.limits import Limits
from storage.marks import Marks
from storage.migrate import migrate
from storage.opportunities import ShownOpportunities
from storage.presence import Presence

log = structlog.get_logger()

READY_SECONDS_MAX = 5.0
SETTLE_SECONDS_MAX = 2.0
HANG_UP_SECONDS_MAX = 1.0
SWEEP_SECONDS = 3600.0


class CannotListen(Exception):
    """HOST:PORT is somebody else's, or no address of this machine."""

    def __init__(self, cause: OSError) -> None:
        self.cause = cause


@dataclass(slots=True)
class Service:
    """A running server."""

    app: App
    door: SocketDoor
    pictures: Pictures
    port: int


@asynccontextmanager
async def running(config: Config, database_url: str, redis_url: str, place: Place | None = None) -> AsyncIterator[Service]:
    """A server on the given PostgreSQL and Redis, migrated and listening; stopped at the end of the block.

    `place`: where it is one of several that share the port. Raises CannotListen, and OSError where PostgreSQL is away.
    """
    await migrate(database_url)
    async with AsyncExitStack() as stack:
        database = await Database.connect(database_url)
        stack.push_async_callback(database.close)
        cache = Cache(redis_url)
        stack.push_async_callback(cache.close)
        pictures = Pictures(config.upload_dir)
        stack.push_async_callback(pictures.close)
        passwords = Passwords()
        stack.callback(passwords.close)
        relay = Relay(database, redis_url)
        stack.push_async_callback(relay.bus.close)
        async with database.connection() as tx:
            categories = await load_categories(tx)
        matchmaker = Matchmaker(categories)
        stack.callback(matchmaker.close)
        stopping = Stopping()
        app = App(
            database=database,
            marks=Marks(cache),
            presence=Presence(cache),
            limits=Limits(cache),
            categories=categories,
            passwords=passwords,
            tokens=Tokens(config.secret_key, config.access_token_lifetime),
            matchmaker=matchmaker,
            shown=ShownOpportunities(cache),
            live=relay,
            discard_pictures=pictures.discard,
            refresh_lifetime=config.refresh_token_lifetime,
            rate_limits=config.rate_limits,
            tell=action_lines(config.log_level, config.log_format),
        )
        door = SocketDoor(app, config)
        relay.attach(door)
        upkeep = Upkeep(app, door)
        await upkeep.load_revoked()
        mailer = Mailer(
            database,
            smtp_url=config.smtp_url,
            sender=config.mail_from,
            folder=config.data_dir / "mail",
            public_url=config.public_url,
        )
        loops = [
            relay.audience.run(),
            relay.run(),
            relay.run_publisher(),
            relay.run_marker(),
            relay.run_left_over(),
            relay.run_gap(),
            relay.bus.run(),
            mailer.run(),
            Notifier(database, relay).run(),
            matchmaker.run(database),
            *upkeep.loops(),
            _sweep_pictures(pictures, database),
        ]
        tasks = [asyncio.ensure_future(loop) for loop in loops]
        stack.push_async_callback(_cancel, tasks)
        for task in tasks:
            task.add_done_callback(_ended)
        health = Health(database, cache, relay.bus, tasks, stopping, place)
        metrics = Metrics(door, place)
        runner = web.AppRunner(
            _application(app, config, door, health, metrics, pictures),
            access_log=None,
            shutdown_timeout=HANG_UP_SECONDS_MAX,  # all that counts has been waited for by then
            handler_cancellation=False,
            auto_decompress=False,  # a body is bounded as it comes; nobody needs to send a compressed one
        )
        stack.push_async_callback(relay.settle, SETTLE_SECONDS_MAX)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, config.host, config.port, backlog=1024, reuse_port=place is not None)
        try:
            await site.start()
        except OSError as error:
            raise CannotListen(error) from error
        if place is not None:
            stack.push_async_callback(await _answer_siblings(place, metrics))
        port = runner.addresses[0][1]

        async def finish() -> None:
            stopping.begun = True
            await site.stop()
            await asyncio.gather(door.finish(DRAIN_SECONDS_MAX), mailer.finish(DRAIN_SECONDS_MAX), stopping.requests_answered())

        stack.push_async_callback(finish)
        await _until_heard(relay)
        yield Service(app, door, pictures, port)


async def _answer_siblings(place: Place, metrics: Metrics) -> Callable[[], Awaitable[None]]:
    """Tell the other workers what they ask for; what ends that."""
    application = web.Application()
    application.router.add_get("/metrics", metrics.tell_sibling)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=HANG_UP_SECONDS_MAX)
    await runner.setup()
    await web.UnixSite(runner, place.socket(place.number)).start()
    return runner.cleanup


def _application(
    app: App, config: Config, door: SocketDoor, health: Health, metrics: Metrics, pictures: Pictures
) -> web.Application:
    application = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[middleware(config, health.stopping)])
    RestDoor(app, config).add_routes(application, {UPLOAD: upload_handler(pictures)})
    add_description_routes(application, config)
    add_plain_routes(application, health, metrics, pictures)
    door.server.attach(application)
    return application


def _ended(task: "asyncio.Future[None]") -> None:
    """A loop only ends when it is cancelled. Readiness is red from now on."""
    if not task.cancelled():
        log.critical("service.loop_ended", error=repr(task.exception()))


async def _until_heard(relay: Relay) -> None:
    """Wait a moment for the listener, so that who is told that the server is ready finds it so."""
    for _ in range(int(READY_SECONDS_MAX / 0.02)):
        if relay.bus.hears:
            return
        await asyncio.sleep(0.02)
    log.warning("bus.not_heard_yet")


async def _sweep_pictures(pictures: Pictures, database: Database) -> None:
    async def known(names: list[str]) -> set[str]:
        async with database.connection() as tx:
            return await shown_images(tx, names)

    while True:
        try:
            await pictures.sweep(known)
        except Exception:
            log.exception("pictures.sweep_failed")
        await asyncio.sleep(SWEEP_SECONDS)


async def _cancel(tasks: "Sequence[asyncio.Future[None]]") -> None:
    """Until they have ended: a cancellation that arrives while a connection is being made can be swallowed on its way."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.5)
    await asyncio.gather(*tasks, return_exceptions=True)
