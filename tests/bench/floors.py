"""What the figures are held against: one look-up by primary key in the product's own PostgreSQL, and the market to look in."""

import json
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg

from client_demo.load.quantiles import Quantiles
from matching.wants import Listing, Wants
from server.embedded import EmbeddedPostgres
from storage.database import Database
from storage.migrate import migrate

# The rows are made up, so that a crash may lose them; how long a reading takes is the same.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
LOOK_UP = "SELECT * FROM items WHERE id = $1"
COLUMNS = (
    "id", "owner_id", "title", "description", "category_id", "condition", "looking_for", "estimated_value", "wants",
    "open_to_give",
)  # fmt: skip


@asynccontextmanager
async def fresh_database(*options: str, durable: bool = False) -> AsyncIterator[str]:
    """The URL of a migrated and empty database, on a PostgreSQL that is there for this alone.

    `durable`: a commit is on the disk, as in the product. `options`: PostgreSQL's, as name=value.
    """
    with tempfile.TemporaryDirectory(prefix="swaploop-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as root, PostgreSQL runs as another user, who has to get here
        postgres = EmbeddedPostgres(Path(folder), options if durable else FAST + options)
        postgres.start()
        try:
            await migrate(postgres.url)
            yield postgres.url
        finally:
            postgres.stop()


async def stock(connection: "asyncpg.Connection[asyncpg.Record]", listings: Sequence[Listing]) -> None:
    """Have the listings and their owners in the database, as after a night's vacuum."""
    await insert(connection, listings)
    await connection.execute("VACUUM ANALYZE items")


async def insert(connection: "asyncpg.Connection[asyncpg.Record]", listings: Sequence[Listing]) -> None:
    category: dict[str, UUID] = {row["slug"]: row["id"] for row in await connection.fetch("SELECT slug, id FROM categories")}
    await connection.execute(
        """
        INSERT INTO users (id, name, email, password_hash)
        SELECT id, 'Somebody', id || '@example.org', 'none' FROM unnest($1::uuid[]) AS id ON CONFLICT DO NOTHING
        """,
        list({listing.owner for listing in listings}),
    )
    await connection.copy_records_to_table("items", records=rows(listings, category), columns=COLUMNS)


def rows(listings: Iterable[Listing], category: dict[str, UUID]) -> list[tuple[Any, ...]]:
    """The listings as rows of `items`: their COLUMNS. `category`: the id of each slug."""
    return [
        (
            one.item,
            one.owner,
            one.title,
            one.description,
            category[one.category],
            one.condition,
            "flexible" if one.flexible else "item_swap" if one.takes_items else "credits",
            None if one.value is None else Decimal(str(one.value)),
            None if one.wants is None else json.dumps(stored(one.wants)),
            one.open_to_give,
        )
        for one in listings
    ]


def stored(wants: Wants) -> dict[str, Any]:
    """`wants` as an item stores it."""
    return {
        "items": [str(item) for item in wants.items],
        "categories": wants.categories,
        "keywords": wants.keywords,
        "valueMin": wants.value_min,
        "valueMax": wants.value_max,
        "condition": wants.condition,
    }


class LookUps:
    """One look-up of an item by its primary key, one after the other: the median, seconds."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", database: Database, item_ids: Sequence[UUID]) -> None:
        self._connection = connection
        self._database = database
        self._item_ids = item_ids

    async def seconds(self) -> float:
        """The floor: by asyncpg, on a connection that is at hand."""
        return await self._median(lambda item_id: self._connection.fetchrow(LOOK_UP, item_id))

    async def pooled_seconds(self) -> float:
        """What an action pays for the same: it gets a connection of the product's pool first, and gives it back."""

        async def look_up(item_id: UUID) -> object:
            async with self._database.connection() as tx:
                return await tx.fetchrow(LOOK_UP, item_id)

        return await self._median(look_up)

    async def _median(self, look_up: Callable[[UUID], Awaitable[object]]) -> float:
        taken = []
        for item_id in self._item_ids:
            begun = perf_counter()
            found = await look_up(item_id)
            taken.append(perf_counter() - begun)
            assert found is not None
        return Quantiles.of(taken).p50
