"""What fails: the list of faults, each of which begins, lasts a while and is healed by itself."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import redis.exceptions

from tests.faults.proxy import Link
from tests.faults.servers import Server
from tests.faults.site import Site


@dataclass(slots=True)
class Felt:
    """What a fault did: a fault that hits nothing proves nothing."""

    times: int = 0


Failing = Callable[[Felt], AbstractAsyncContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`target` is what it happens to: two at a time have different ones.

    `silences`: while it lasts, and shortly after, a push may be late; nothing may be lost.
    `loses_marks`: the read marks of the last second may fall back.
    """

    name: str
    target: str
    fail: Failing
    seconds_max: float = 5.0
    silences: bool = True
    loses_marks: bool = False
    server: int | None = None  # the only one that it happens to
    kills: bool = False  # that server, at once

    @property
    def spares_mail(self) -> bool:
        """Whether letters are sent as if nothing had happened."""
        return "Redis" in self.name or "clients" in self.name


def all_faults(site: Site, chance: random.Random) -> list[Fault]:
    """Every kind of fault, each on a server or link picked at random."""

    def server() -> Server:
        return chance.choice(site.servers)

    mortal = [one for one in site.servers if not one.is_witness]

    faults = [
        Fault("Redis killed", "redis", _in(_redis_killed, site), 4.0, loses_marks=True),
        Fault("Redis flushed", "redis", _in(_redis_flushed, site), 1.0, silences=False, loses_marks=True),
        Fault("Redis pub/sub connections killed", "redis", _in(_pubsub_killed, site)),
        Fault("PostgreSQL backends terminated", "postgresql", _in(_backends_terminated, site), 2.0),
        Fault("PostgreSQL restarted at once", "postgresql", _in(_postgres_restarted, site), 2.0),
        Fault("a row locked from outside", "postgresql", _in(_row_locked, site), 6.0),
        Fault("pool exhausted", "postgresql", _in(_pool_exhausted, site), 4.0),
        Fault("mail server away", "mail", _in(_mail_away, site), 6.0, silences=False),
    ]
    for one in mortal:  # the hardest: each of them
        faults.append(_of_server(one, "killed (kill -9)", _killed(one), 2.0, silences=False, kills=True))
        if one.workers > 1:
            faults.append(_of_server(one, "of workers: one killed (kill -9)", _worker_killed(one, chance), 2.0, silences=False))
            faults.append(_of_server(one, "of workers: one frozen (SIGSTOP)", _worker_frozen(one, chance), 5.0))
    faults.append(_of_server(one := chance.choice(mortal), "asked to end (SIGTERM)", _ended(one), 3.0, silences=False))
    faults.append(_of_server(one := chance.choice(mortal), "frozen (SIGSTOP)", _frozen(one), 5.0))
    for what in (_delayed, _black_holed, _reset):
        faults += [_of_link(one := server(), link, what.__name__.strip("_"), _on(what, link(one))) for link in LINKS]
    faults.append(_of_link(one := server(), LINKS[1], "reset after COMMIT", _cut(one.database, b"COMMIT", 0.5)))
    faults.append(_of_link(one := server(), LINKS[1], "reset before the answer", _cut(one.database, b"", 0.03)))
    faults.append(_of_link(one := server(), LINKS[0], "reset before the answer", _cut(one.front, b"", 0.1)))
    return faults


LINKS: tuple[Callable[[Server], Link], ...] = (lambda one: one.front, lambda one: one.database, lambda one: one.cache)
SIDES = ("clients", "PostgreSQL", "Redis")


def _of_server(server: Server, what: str, fail: Failing, seconds_max: float, **traits: bool) -> Fault:
    return Fault(f"server {what}", f"server {server.number}", fail, seconds_max, server=server.number, **traits)


def _of_link(server: Server, link: Callable[[Server], Link], what: str, fail: Failing) -> Fault:
    side = SIDES[LINKS.index(link)]
    return Fault(f"server and {side}: {what}", link(server).name, fail, server=server.number)


def _on(what: Callable[[Link, Felt], AbstractAsyncContextManager[Any]], link: Link) -> Failing:
    return lambda felt: what(link, felt)


def _in(what: Callable[[Site, Felt], AbstractAsyncContextManager[Any]], site: Site) -> Failing:
    return lambda felt: what(site, felt)


# Servers


def _killed(server: Server) -> Failing:
    @asynccontextmanager
    async def failing(felt: Felt) -> AsyncIterator[None]:
        server.held = True
        workers = server.worker_pids()
        felt.times += server.signal(signal.SIGKILL)
        try:
            yield
        finally:
            server.outlived(workers)
            server.held = False

    return failing


def _ended(server: Server) -> Failing:
    @asynccontextmanager
    async def failing(felt: Felt) -> AsyncIterator[None]:
        felt.times += server.signal(signal.SIGTERM)
        yield  # it is started again as soon as it has ended

    return failing


def _frozen(server: Server) -> Failing:
    @asynccontextmanager
    async def failing(felt: Felt) -> AsyncIterator[None]:
        felt.times += server.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            server.signal(signal.SIGCONT)

    return failing


def _worker_killed(server: Server, chance: random.Random) -> Failing:
    @asynccontextmanager
    async def failing(felt: Felt) -> AsyncIterator[None]:
        felt.times += _tell_one_worker(server, chance, signal.SIGKILL) is not None
        yield  # who looks after the workers starts it again

    return failing


def _worker_frozen(server: Server, chance: random.Random) -> Failing:
    @asynccontextmanager
    async def failing(felt: Felt) -> AsyncIterator[None]:
        pid = _tell_one_worker(server, chance, signal.SIGSTOP)
        felt.times += pid is not None
        try:
            yield
        finally:
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    return failing


def _tell_one_worker(server: Server, chance: random.Random, number: signal.Signals) -> int | None:
    workers = server.worker_pids()
    if not workers:
        return None
    pid = chance.choice(workers)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return pid
    return None


# Redis


@asynccontextmanager
async def _redis_killed(site: Site, felt: Felt) -> AsyncIterator[None]:
    site.redis_held = True
    with contextlib.suppress(ProcessLookupError):
        os.kill(site.valkey.pid, signal.SIGKILL)
        felt.times += 1
    try:
        yield
    finally:
        site.redis_held = False


@asynccontextmanager
async def _redis_flushed(site: Site, felt: Felt) -> AsyncIterator[None]:
    with contextlib.suppress(redis.exceptions.RedisError, OSError):
        async with site.cache() as client:
            felt.times += await client.dbsize()
            await client.flushall()
    yield


@asynccontextmanager
async def _pubsub_killed(site: Site, felt: Felt) -> AsyncIterator[None]:
    async def kill_again_and_again() -> None:
        while True:
            with contextlib.suppress(redis.exceptions.RedisError, OSError):
                async with site.cache() as client:
                    felt.times += await client.client_kill_filter(_type="pubsub")
            await asyncio.sleep(1.0)

    async with _meanwhile(kill_again_and_again()):
        yield


# PostgreSQL


@asynccontextmanager
async def _backends_terminated(site: Site, felt: Felt) -> AsyncIterator[None]:
    with _may_be_away():
        async with site.sql() as sql:
            told = await sql.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'swaploop'")
            felt.times += len(told)
    yield


@asynccontextmanager
async def _postgres_restarted(site: Site, felt: Felt) -> AsyncIterator[None]:
    """Immediately: as after a power cut it has its log alone, and replays it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(site.postgres.pid, signal.SIGQUIT)
        felt.times += 1
    yield


@asynccontextmanager
async def _row_locked(site: Site, felt: Felt) -> AsyncIterator[None]:
    """The item that most deals are about, and a busy conversation."""

    async def lock() -> None:
        with _may_be_away():
            async with site.sql() as sql, sql.transaction():
                await sql.execute(
                    "SELECT FROM items WHERE id IN (SELECT item_id FROM legs GROUP BY item_id ORDER BY count(*) DESC LIMIT 2) "
                    "ORDER BY id FOR UPDATE"
                )
                await sql.execute("SELECT FROM conversations ORDER BY last_seq DESC LIMIT 1 FOR UPDATE")
                felt.times += 1
                await asyncio.sleep(60)

    async with _meanwhile(lock()):
        yield


@asynccontextmanager
async def _pool_exhausted(site: Site, felt: Felt) -> AsyncIterator[None]:
    """Whatever changes a conversation waits, until all connections of all pools do."""

    async def lock() -> None:
        with _may_be_away():
            async with site.sql() as sql, sql.transaction():
                await sql.execute("LOCK TABLE conversations IN EXCLUSIVE MODE")
                felt.times += 1
                await asyncio.sleep(60)

    async with _meanwhile(lock()):
        yield


# Mail


@asynccontextmanager
async def _mail_away(site: Site, felt: Felt) -> AsyncIterator[None]:
    before = site.mailbox.turned_away
    site.mailbox.away = True
    try:
        yield
    finally:
        site.mailbox.away = False
        felt.times += site.mailbox.turned_away - before


# Connections


@asynccontextmanager
async def _delayed(link: Link, felt: Felt) -> AsyncIterator[None]:
    felt.times += len(link)
    link.delay_seconds = 0.4
    try:
        yield
    finally:
        link.delay_seconds = 0.0


@asynccontextmanager
async def _black_holed(link: Link, felt: Felt) -> AsyncIterator[None]:
    felt.times += len(link)
    link.stall()
    try:
        yield
    finally:
        link.heal()


@asynccontextmanager
async def _reset(link: Link, felt: Felt) -> AsyncIterator[None]:
    felt.times += len(link)
    link.refusing = True
    link.reset()
    try:
        yield
    finally:
        link.refusing = False


def _cut(link: Link, after: bytes, share: float) -> Failing:
    @asynccontextmanager
    async def failing(felt: Felt) -> AsyncIterator[None]:
        before = link.cuts
        link.cut_after, link.cut_share = after, share
        try:
            yield
        finally:
            link.cut_after = None
            felt.times += link.cuts - before

    return failing


@contextlib.contextmanager
def _may_be_away() -> Iterator[None]:
    """The other fault of the pair may have taken PostgreSQL away."""
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        yield


@asynccontextmanager
async def _meanwhile(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        while not task.done():  # a cancellation can be swallowed while a connection is being made
            task.cancel()
            await asyncio.wait([task], timeout=0.5)
        await asyncio.gather(task, return_exceptions=True)
