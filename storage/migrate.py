"""Migrations: numbered SQL files, applied once, in order, and never edited afterwards."""

import asyncio
import hashlib
from pathlib import Path

import asyncpg

FOLDER = Path(__file__).parent / "migrations"
LOCK = 727_001  # any number, the same for all who migrate this database


class MigrationEdited(Exception):
    """A migration was edited after it had been applied."""


def migrations(folder: Path = FOLDER) -> list[tuple[str, str, str]]:
    """Each migration's name, SQL and digest, in order."""
    files = sorted(folder.glob("*.sql"))
    assert files, f"no migrations in {folder}"
    return [
        (file.stem, sql, hashlib.sha256(sql.encode()).hexdigest())
        for file, sql in ((file, file.read_text(encoding="utf-8")) for file in files)
    ]


async def migrate(url: str, folder: Path = FOLDER) -> list[str]:
    """Apply what has not been applied yet, and name it. Safe to run from many processes at once."""
    connection = await asyncpg.connect(url)
    try:
        # Polled: one that waits inside pg_advisory_lock holds a snapshot for as long, and with it what vacuum could clear.
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            await asyncio.sleep(0.1)
        return await _apply(connection, folder)
    finally:
        await connection.close()


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", folder: Path) -> list[str]:
    await connection.execute(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    applied: dict[str, str] = {
        row["name"]: row["sha256"] for row in await connection.fetch("SELECT name, sha256 FROM schema_migrations")
    }
    fresh: list[str] = []
    for name, sql, sha256 in migrations(folder):
        if name in applied:
            if applied[name] != sha256:
                raise MigrationEdited(f"{name}.sql was edited after it had been applied")
            continue
        async with connection.transaction():
            await connection.execute(sql)
            await connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", name, sha256)
        fresh.append(name)
    return fresh
