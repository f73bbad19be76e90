"""Migrations: applied once, in order, by however many at once, whole or not at all; an edited one is refused (stack.md)."""

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from storage.migrate import FOLDER, MigrationEdited, migrate, migrations
from tests.conftest import Parts

NAMES = [name for name, _, _ in migrations()]


@pytest.fixture
async def empty_database(parts: Parts) -> str:
    name = f"empty_{next(parts.names)}"
    connection = await asyncpg.connect(parts.postgres.url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return parts.url_of(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations, to be changed."""
    return Path(shutil.copytree(FOLDER, tmp_path / "migrations"))


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()
    return {row["tablename"] for row in rows}


async def test_they_are_applied_in_order_and_a_second_time_does_nothing(empty_database: str) -> None:
    assert await migrate(empty_database) == NAMES == sorted(NAMES)
    assert {"users", "items", "deals", "entries", "outbox"} <= await tables(empty_database)
    assert await migrate(empty_database) == []


async def test_three_who_migrate_at_once_do_it_once(empty_database: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(3)))
    assert sorted(applied) == [[], [], NAMES]


async def test_an_edited_one_is_refused_and_nothing_newer_is_applied(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    edited = folder / f"{NAMES[1]}.sql"
    edited.write_text(edited.read_text() + "\n-- a remark\n")
    (folder / "9999_newer.sql").write_text("CREATE TABLE newer ();")
    with pytest.raises(MigrationEdited, match=edited.stem):
        await migrate(empty_database, folder)
    assert "newer" not in await tables(empty_database)


async def test_a_new_one_is_added_to_those_that_are_there(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    (folder / "9999_newer.sql").write_text("CREATE TABLE newer ();")
    assert await migrate(empty_database, folder) == ["9999_newer"]
    assert "newer" in await tables(empty_database)


async def test_one_that_fails_leaves_nothing_and_can_be_mended(empty_database: str, folder: Path) -> None:
    broken = folder / "9999_broken.sql"
    broken.write_text("CREATE TABLE half (); CREATE TABLE half ();")
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(empty_database, folder)
    assert "half" not in await tables(empty_database)
    broken.write_text("CREATE TABLE whole ();")
    assert await migrate(empty_database, folder) == ["9999_broken"], "those before it had been applied"
