"""A market that was generated, as `swaploop sample` makes it: people, items, trades, conversations."""

import contextlib
import io
from typing import NamedTuple
from uuid import UUID

import asyncpg

from server.sampling import fill_market
from tests.bench.servers import Stock


class Somebody(NamedTuple):
    id: UUID
    email: str


def stocked(items: int) -> Stock:
    """What fills a database with so many items, and as many messages."""

    async def fill(database_url: str) -> None:
        with contextlib.redirect_stderr(io.StringIO()):  # it tells people who can sign in
            await fill_market(database_url, items, items)

    return fill


async def people_of(database_url: str, count: int) -> list[Somebody]:
    """So many of its people. Raises RuntimeError where there are fewer."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT id, email FROM users ORDER BY id LIMIT $1", count)
    finally:
        await connection.close()
    if len(rows) < count:
        raise RuntimeError(f"the market has {len(rows)} people, and {count} are needed")
    return [Somebody(row["id"], row["email"]) for row in rows]
