"""Pages of a market of 20,000 items, by socket and by REST, beside the same statements by pgbench.

Pages of the newest items, by category, by words, by condition and place, the first and the next ones, each with its count. The
statements are those that the product executes, noted while it does; pgbench has its settings, and plans each anew as it does.
It does them by as many connections as there are people, and by as few as the product has to PostgreSQL: on two cores fewer are
faster. The floor is the better of the two.
"""

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

from asyncpg.connection import LoggedQuery

from client_demo.load import listing
from client_demo.load.asking import Asker
from client_demo.load.catalogue import Catalogue
from client_demo.load.connecting import ignore
from client_demo.load.people import Account
from client_demo.load.tally import Tally
from client_demo.load.wire import Server as Place
from client_demo.load.wire import connect
from handlers.types import PAGE_SIZE
from storage.categories import CategoryTree, load_categories
from storage.database import POOL_SIZE, Database
from storage.items import ItemFilter, list_items
from tests.bench.pgbench import Floor, floor
from tests.bench.report import Figure, Report, spoken
from tests.bench.servers import product
from tests.bench.stocked import people_of, stocked

ITEMS = 20_000
SECONDS = 3
ROUNDS = 3
CONNECTIONS = 32
PAGES = 12  # different ones; pgbench prepares each on each connection


@dataclass(slots=True)
class Scripts:
    """The statements of some pages for pgbench: a script for each, and the values of their parameters."""

    texts: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def add(self, query: LoggedQuery, types: Sequence[str]) -> None:
        """`types`: of each parameter. pgbench makes each place of a parameter one of its own, so each needs to be told."""
        text = query.query
        for place in range(len(query.args), 0, -1):
            name = f"p{len(self.texts)}_{place}"
            text = text.replace(f"${place}", f":{name}::{types[place - 1]}")
            self.variables[name] = _text(query.args[place - 1])
        self.texts.append(f"{text.strip()};\n")


def _text(value: Any) -> str:
    return "{" + ",".join(map(str, value)) + "}" if isinstance(value, list) else str(value)


async def executed(database_url: str, pages: Sequence[dict[str, Any]]) -> tuple[Scripts, str]:
    """What the product executes for these pages, and where pgbench finds the database with the product's settings."""
    scripts = Scripts()
    database = await Database.connect(database_url, pool_size=1)
    try:
        async with database.connection() as tx:
            categories = await load_categories(tx)
            noted: list[LoggedQuery] = []
            with tx.query_logger(noted.append):
                for page in pages:
                    offset = (page.get("page", 1) - 1) * PAGE_SIZE
                    await list_items(tx, _filter(page, categories), limit=PAGE_SIZE, offset=offset)
            await asyncio.sleep(0)  # asyncpg tells of a query a moment later
            for query in noted:
                scripts.add(query, [kind.name for kind in (await tx.prepare(query.query)).get_parameters()])
            rows = await tx.fetch(
                "SELECT name, setting || COALESCE(unit, '') AS setting FROM pg_settings WHERE source = 'client'"
            )
    finally:
        await database.close()
    options = " ".join(
        f"-c {row['name']}={row['setting']}" for row in rows if row["name"] not in ("application_name", "TimeZone")
    )
    return scripts, f"{database_url}{'&' if '?' in database_url else '?'}options={quote(options)}"


def _filter(page: dict[str, Any], categories: CategoryTree) -> ItemFilter:
    category = categories.find(page["category"]) if "category" in page else None
    below: list[UUID] | None = categories.with_descendants(category) if category else None
    return ItemFilter(
        search=page.get("search"), category_ids=below, condition=page.get("condition"), governorate=page.get("governorate")
    )


async def run(
    items: int = ITEMS, seconds: int = SECONDS, rounds: int = ROUNDS, connections: int = CONNECTIONS, pages: int = PAGES
) -> Report:
    report = Report(f"Listing: pages of {PAGE_SIZE} items of a market of {items:,}, {connections} connections")
    async with product(before=stocked(items)) as made:
        place = Place(made.server.port)
        accounts = [
            Account(str(one.id), one.email, "", made.server.auth(one.id)["token"])
            for one in await people_of(made.database_url, connections)
        ]
        wires = await connect(place, [account.auth for account in accounts], ignore)
        chance = random.Random(1)
        catalogue = await Catalogue.of(Asker(wires[0], Tally()))
        asked = [catalogue.page(chance) for _ in range(pages)]
        scripts, url = await executed(made.database_url, asked)
        turns = itertools.cycle(asked)
        floors: dict[int, list[Floor]] = {connections: [], POOL_SIZE: []}
        by_socket, by_rest, shares = [], [], {}
        for _ in range(rounds):
            for clients in (connections, POOL_SIZE):
                measured = await floor(url, scripts.texts, clients, seconds=seconds, variables=scripts.variables)
                floors[clients].append(measured)
            before = made.spent()
            by_socket.append(await listing.by_socket(wires, lambda: next(turns), seconds))
            shares["socket"] = made.spent().since(before)
            before = made.spent()
            by_rest.append(await listing.by_rest(place, accounts, lambda: next(turns), seconds))
            shares["REST"] = made.spent().since(before)
        for wire in wires:
            wire.close()
    best = [max(one.rate for one in measured) for measured in zip(*floors.values(), strict=True)]
    for name, tallies in (("socket", by_socket), ("REST", by_rest)):
        report.took(f"by {name}", [seconds for tally in tallies for seconds in tally.everything])
        report.add(Figure(f"pages a second by {name}", [tally.rate for tally in tallies], best, "pgbench", ""))
        report.note(f"CPU by {name}, in shares of one core: {shares[name]}.")
        for tally in tallies:
            if tally.refused:
                report.fail(f"refused by {name}: {dict(tally.refused)}")
    for clients, rounds_of in floors.items():
        name = f"by pgbench, {clients} connections"
        report.took(name, [seconds for one in rounds_of for seconds in one.latencies])
        report.note(f"Pages a second {name}: {spoken([one.rate for one in rounds_of], '')}.")
    report.note(f"{pages} different pages, each as often as the others.")
    return report
