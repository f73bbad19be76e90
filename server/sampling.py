"""`swaploop sample`: fill a market with generated people, items, trades and conversations, next to what is there."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from handlers.passwords import Passwords
from server.sample_market import Plan, make_batch
from server.sample_words import THINGS
from storage.migrate import migrate
from storage.sampling import (
    EMAIL_DOMAIN,
    AlreadyFilling,
    Bulk,
    Rows,
    add_rows,
    bulk_connection,
    category_ids,
    database_now,
    last_number,
    tidy,
)

PASSWORD = "swap-loop-sample"  # noqa: S105 - everyone may know it
SEED = "swaploop"  # the same size in an empty database gives the same market, but for the time of day
ITEMS_A_PERSON = 8
BATCH_ITEMS = 5_000
MESSAGES_AN_ITEM_MAX = 1_000
LISTED_FOR = timedelta(days=730)


async def fill_market(database_url: str, items: int, messages: int) -> None:
    """Add `items` items and `messages` messages, migrating first. Batches are committed whole: it may be stopped any time.

    Its own progress bar goes to standard error, its summary too. Raises ClickException where it cannot be done.
    """
    await migrate(database_url)
    messages = min(messages, items * MESSAGES_AN_ITEM_MAX)
    passwords = Passwords()
    try:
        password_hash = await passwords.hash(PASSWORD)
    finally:
        passwords.close()
    try:
        async with bulk_connection(database_url) as connection:
            first = await last_number(connection) + 1
            categories = await category_ids(connection, list(THINGS))
            plans = list(_plans(items, messages, first, await database_now(connection), categories, password_hash))
            added = await _add(connection, plans)
            await tidy(connection)
    except AlreadyFilling:
        raise click.ClickException("Somebody else is filling this database; wait for them, or stop them.") from None
    last = plans[-1].first_person + plans[-1].people - 1
    counts = ", ".join(f"{added[table]:,} {table}" for table in ("users", "items", "deals", "conversations", "messages"))
    click.echo(f"Added {counts}.", err=True)
    click.echo(
        f"Each of them can sign in: person.{first}@{EMAIL_DOMAIN} to person.{last}@{EMAIL_DOMAIN}, "
        f"all with the password {PASSWORD} (one hash for all).",
        err=True,
    )


def _plans(
    items: int, messages: int, first_person: int, now: datetime, categories: dict[str, UUID], password_hash: str
) -> Iterator[Plan]:
    """Equal batches; later ones have what was listed later, as a market that grew would have it."""
    count = -(-items // BATCH_ITEMS)
    for number in range(count):
        listed = _part(items, count, number)
        people = max(2, round(listed / ITEMS_A_PERSON))
        yield Plan(
            seed=SEED,
            first_person=first_person,
            people=people,
            items=listed,
            messages=_part(messages, count, number),
            since=now - LISTED_FOR * (1 - number / count),
            until=now - LISTED_FOR * (1 - (number + 1) / count),
            now=now,
            categories=categories,
            password_hash=password_hash,
        )
        first_person += people


def _part(total: int, count: int, number: int) -> int:
    return total * (number + 1) // count - total * number // count


async def _add(connection: Bulk, plans: list[Plan]) -> dict[str, int]:
    """Add the batches, the next one being made while PostgreSQL takes one in; how many rows each table has got."""
    added: dict[str, int] = {"messages": 0}
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("items", total=sum(plan.items for plan in plans))
        coming = asyncio.create_task(asyncio.to_thread(make_batch, plans[0]))
        try:
            for place, plan in enumerate(plans):
                rows: Rows = await coming
                if place + 1 < len(plans):
                    coming = asyncio.create_task(asyncio.to_thread(make_batch, plans[place + 1]))
                async with connection.transaction():
                    await add_rows(connection, rows)
                for table in rows:
                    added[table] = added.get(table, 0) + len(rows[table])
                added["messages"] += sum(entry[5] is not None for entry in rows["entries"])
                progress.advance(bar, plan.items)
        except asyncio.CancelledError:
            click.echo(f"Stopped: {added.get('items', 0):,} items and what belongs to them are in.", err=True)
            raise
        finally:
            coming.cancel()
    return added
