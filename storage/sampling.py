"""Generated people, items, trades and conversations, by COPY, which checks every promise of the schema as ever."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import asyncpg

if TYPE_CHECKING:
    Bulk: TypeAlias = asyncpg.Connection[asyncpg.Record]  # generic in its stubs only
else:
    Bulk = asyncpg.Connection

EMAIL_DOMAIN = "sample.swaploop.example"
LOCK = 727_002  # any number, the same for all who fill this database

# In the order of their foreign keys. What is not named here has the table's default.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "users": ("id", "name", "email", "password_hash", "governorate", "locale", "last_seen_at", "created_at", "updated_at"),
    "items": (
        *("id", "owner_id", "title", "description", "category_id", "condition", "looking_for", "estimated_value"),
        *("governorate", "wants", "open_to_give", "sale_price", "status", "version", "deleted_at", "created_at", "updated_at"),
    ),
    "deals": (
        *("id", "kind", "status", "item_ids", "party_ids", "proposer_id", "reason", "expires_at", "confirmed_at"),
        *("complete_by", "reminded_at", "completed_at", "closed_at", "created_at", "updated_at"),
    ),
    "ownership": ("item_id", "seq", "from_id", "to_id", "deal_id", "at"),
    "parties": ("deal_id", "user_id", "position", "answers", "read_seq"),
    "revisions": ("deal_id", "revision", "made_by", "move", "created_at"),
    "legs": ("deal_id", "revision", "item_id", "giver_id", "receiver_id", "snapshot"),
    "item_holds": ("item_id", "deal_id"),
    "conversations": ("id", "deal_id", "last_seq", "closes_at", "created_at", "updated_at"),
    "entries": ("conversation_id", "seq", "id", "kind", "sender_id", "text", "client_message_id", "change", "created_at"),
}

Rows = dict[str, list[tuple[Any, ...]]]  # by table, in the order of its COLUMNS; jsonb as text


class AlreadyFilling(Exception):
    """Somebody else is filling this database at the moment."""


@asynccontextmanager
async def bulk_connection(url: str) -> AsyncIterator[Bulk]:
    """A connection without the time limits that requests have. Raises AlreadyFilling where another has one."""
    connection = await asyncpg.connect(url, server_settings={"application_name": "swaploop sample", "jit": "off"})
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            raise AlreadyFilling
        yield connection
    finally:
        await connection.close(timeout=10)


async def last_number(connection: Bulk) -> int:
    """The number of the last generated person; 0 where there is none."""
    number: int = await connection.fetchval(
        """
        SELECT COALESCE(max(substring(email FROM '^person\\.([0-9]{1,9})@')::integer), 0)
          FROM users WHERE email LIKE 'person.%@' || $1::text
        """,
        EMAIL_DOMAIN,
    )
    return number


async def database_now(connection: Bulk) -> datetime:
    now: datetime = await connection.fetchval("SELECT now()")
    return now


async def category_ids(connection: Bulk, slugs: Sequence[str]) -> dict[str, UUID]:
    rows = await connection.fetch("SELECT slug, id FROM categories WHERE slug = ANY($1)", slugs)
    return {row["slug"]: row["id"] for row in rows}


async def add_rows(connection: Bulk, rows: Rows) -> None:
    """Add all of it. In the caller's transaction: it is there whole, or not at all."""
    assert rows.keys() == COLUMNS.keys()
    for table, columns in COLUMNS.items():
        await connection.copy_records_to_table(table, records=rows[table], columns=columns)


async def tidy(connection: Bulk) -> None:
    """Let the planner know what is there now, and index-only scans that all of it is visible."""
    for table in COLUMNS:
        await connection.execute(f"VACUUM (ANALYZE) {table}")
