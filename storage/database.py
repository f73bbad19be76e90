"""The way to PostgreSQL: a bounded pool, transactions, and which errors mean "try again".

Every other function in `storage` takes a `Tx` first, which is a connection somebody else opened a transaction on (or, for
an action that only reads, a plain connection); none opens one itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import msgspec

from matching.refusals import Unavailable

if TYPE_CHECKING:
    Tx: TypeAlias = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]  # generic in its stubs only
else:
    Tx = asyncpg.pool.PoolConnectionProxy
Row: TypeAlias = asyncpg.Record

POOL_SIZE = 10
ACQUIRE_SECONDS_MAX = 5.0


class Conflict(Exception):
    """What was locked is not what must be locked: something was changed while we waited for it."""


# Another transaction was in the way; the same one, begun again, will see what it left behind.
CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, Conflict)

# PostgreSQL is away, stopping, or too busy: the caller may try again, and a mutating call has its key for that.
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.TooManyConnectionsError,
    ConnectionError,
    OSError,
    asyncio.TimeoutError,
)


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )
    # asyncpg asks what an array type is when it first meets it, with queries that are slower than those they hold up.
    await connection.prepare("SELECT $1::uuid[], $2::integer[], $3::text[], $4::jsonb[], $5::boolean[]")


async def _leave_as_it_is(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nobody changes a session (no SET, LISTEN or lock outlives its transaction), and to reset it is a round trip."""


class Database:
    """A pool of connections. Raises Unavailable where PostgreSQL cannot answer now."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, pool_size: int = POOL_SIZE) -> "Database":
        pool = await asyncpg.create_pool(
            url,
            min_size=min(2, pool_size),
            max_size=pool_size,
            init=_prepare,
            reset=_leave_as_it_is,
            command_timeout=15,
            server_settings={
                "application_name": "swaploop",
                "timezone": "UTC",  # what to_jsonb writes times in; a database may have another
                "statement_timeout": "10s",
                "lock_timeout": "5s",
                "idle_in_transaction_session_timeout": "15s",
                "jit": "off",
                "work_mem": "16MB",  # a search for a common word marks a hundred thousand rows of a large market
                # Every query is to find its rows by an index. Where LIMIT or old statistics make reading a whole table look
                # cheap, it is so on average only: what is looked for may be at the end of it.
                "enable_seqscan": "off",
            },
        )
        assert pool is not None
        return cls(pool)

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        """A connection without a transaction: for reading, and for what is one statement."""
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS_MAX)
        except AWAY as error:
            raise Unavailable from error
        except asyncpg.InterfaceError as error:
            if self._pool.is_closing():  # what took longer than the server's farewell: another server may be asked
                raise Unavailable from error
            raise
        try:
            yield connection
        except AWAY as error:
            raise Unavailable from error
        except asyncpg.InternalClientError as error:
            # PostgreSQL has said that it ends this connection, and has not hung up yet.
            connection.terminate()
            raise Unavailable from error
        except asyncpg.InterfaceError as error:
            if _is_lost(connection):
                raise Unavailable from error
            raise
        finally:
            # It may break on its way back, when all is done and perhaps committed: the pool has taken it back by then.
            with contextlib.suppress(asyncpg.InternalClientError, *AWAY):
                await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """A READ COMMITTED transaction: committed at the end of the block, rolled back when it raises."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def ping(self) -> bool:
        try:
            async with self.connection() as connection:
                return bool(await connection.fetchval("SELECT true"))
        except Unavailable:
            return False


def _is_lost(connection: Tx) -> bool:
    """Whether the connection broke between two statements. The pool may have taken it back already: it then refuses to tell."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


def rows_changed(tag: str) -> int:
    """How many rows a command changed, by its tag: 'UPDATE 1' → 1."""
    return int(tag.rsplit(" ", 1)[-1])
