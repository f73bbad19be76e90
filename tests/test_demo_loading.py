"""Loading the demo market into real stores: once, whole, and also after the process was killed in the middle of it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from handlers.app import Announcement, App, PushBody
from handlers.matchmaker import Matchmaker
from handlers.passwords import Passwords
from handlers.tokens import Tokens
from server.demo.listings import LISTINGS, PASSWORD, PEOPLE, TALKS
from server.demo.market import DemoMarket, _Loading, load_demo_market
from server.embedded import Parts, start_parts
from server.pictures import Pictures
from storage.cache import Cache
from storage.categories import load_categories
from storage.database import Database
from storage.limits import Limits
from storage.marks import Marks
from storage.migrate import migrate
from storage.opportunities import ShownOpportunities
from storage.people import user_by_email
from storage.presence import Presence

FAST = ("fsync=off", "full_page_writes=off")
# A server that loads the market and says when it begins.
LOADER = """
import asyncio, sys
from pathlib import Path
from tests.test_demo_loading import stores
from server.demo.market import load_demo_market

async def main():
    async with stores(*sys.argv[1:3], Path(sys.argv[3])) as (app, pictures):
        print("begins", flush=True)
        await load_demo_market(app, pictures)

asyncio.run(main())
"""


class NobodyListens:
    """There are no sockets while the market is loaded."""

    def announce(self, announcements: Iterable[Announcement]) -> None: ...

    def notify(self) -> None: ...

    def push(self, body: PushBody, people: Iterable[UUID]) -> None: ...

    def push_presence(self, user_id: UUID, body: PushBody) -> None: ...

    async def watch(self, socket_id: str, user_ids: Iterable[UUID]) -> None: ...

    def renew(self, socket_id: str, session_id: UUID, expires_at: datetime) -> None: ...


@contextlib.asynccontextmanager
async def stores(database_url: str, redis_url: str, uploads: Path) -> AsyncIterator[tuple[App, Pictures]]:
    database, cache, pictures = await Database.connect(database_url), Cache(redis_url), Pictures(uploads)
    async with database.connection() as tx:
        categories = await load_categories(tx)
    app = App(
        database=database,
        marks=Marks(cache),
        presence=Presence(cache),
        limits=Limits(cache),
        categories=categories,
        passwords=Passwords(),
        tokens=Tokens("a key for tests, of more than 32 bytes", timedelta(minutes=15)),
        matchmaker=Matchmaker(categories),
        shown=ShownOpportunities(cache),
        live=NobodyListens(),
        discard_pictures=pictures.discard,
        refresh_lifetime=timedelta(days=30),
    )
    try:
        yield app, pictures
    finally:
        await pictures.close()
        await cache.client.aclose()
        await database.close()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with start_parts(tmp_path_factory.mktemp("demo"), postgres_options=FAST) as parts:
        yield parts


@pytest.fixture
async def urls(parts: Parts, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A database of its own, migrated, and Redis."""
    assert parts.database_url
    assert parts.redis_url
    name = f"demo_{abs(hash(request.node.name))}"
    database = await Database.connect(parts.database_url)
    async with database.connection() as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    await database.close()
    url = urlsplit(parts.database_url)._replace(path=f"/{name}").geturl()
    await migrate(url)
    return url, parts.redis_url


async def counts(app: App) -> dict[str, int]:
    """How much of what there is."""
    async with app.database.connection() as tx:
        row = await tx.fetchrow(
            """
            SELECT (SELECT count(*) FROM users) AS people, (SELECT count(*) FROM items) AS items,
                   (SELECT count(*) FROM items WHERE jsonb_array_length(images) = 1) AS pictured,
                   (SELECT count(*) FROM deals) AS deals, (SELECT count(*) FROM conversations) AS conversations,
                   (SELECT count(*) FROM entries WHERE kind = 'message') AS messages,
                   (SELECT count(*) FROM entries WHERE kind <> 'message') AS moves
            """
        )
    assert row is not None
    return dict(row.items())


STEPS = [step for talk in TALKS for _, step in talk.steps]
WHOLE = {
    "people": len(PEOPLE),
    "items": len(LISTINGS),
    "pictured": len(LISTINGS),
    "deals": len(TALKS),
    "conversations": len(TALKS),
    "messages": len(TALKS) + sum(not step.startswith(":") for step in STEPS),
    "moves": len(TALKS) + sum(step.startswith(":") for step in STEPS),
}


async def test_it_is_loaded_once_with_its_pictures(urls: tuple[str, str], tmp_path: Path) -> None:
    async with stores(*urls, tmp_path) as (app, pictures):
        market = await load_demo_market(app, pictures)
        assert market is not None
        assert len(market.items) == len(LISTINGS)
        assert await counts(app) == WHOLE
        async with app.database.connection() as tx:
            rows = await tx.fetch("SELECT images -> 0 ->> 'name' AS name FROM items")
            mona = await user_by_email(tx, "mona@demo.swaploop.example")
        shown = {pictures.path(row["name"], thumbnail).name for row in rows for thumbnail in (False, True)}
        assert shown == {*os.listdir(tmp_path)}
        assert mona is not None
        assert mona["governorate"] == "Cairo"
        assert (await app.passwords.verify(PASSWORD, mona["password_hash"]))[0]

        assert await load_demo_market(app, pictures) is None
        assert await counts(app) == WHOLE


async def test_it_leaves_a_database_alone_where_people_live(urls: tuple[str, str], tmp_path: Path) -> None:
    async with stores(*urls, tmp_path) as (app, pictures):
        async with app.database.transaction() as tx:
            await tx.execute("INSERT INTO users (name, email, password_hash) VALUES ('A', 'a@example.org', '')")
        assert await load_demo_market(app, pictures) is None
        assert (await counts(app))["people"] == 1


async def test_two_processes_load_it_once(urls: tuple[str, str], tmp_path: Path) -> None:
    async with stores(*urls, tmp_path) as (one, pictures), stores(*urls, tmp_path) as (other, more_pictures):
        await asyncio.gather(load_demo_market(one, pictures), load_demo_market(other, more_pictures))
        assert await counts(one) == WHOLE
        assert len(os.listdir(tmp_path)) == 2 * len(LISTINGS)


async def test_killed_again_and_again_it_is_whole_in_the_end(urls: tuple[str, str], tmp_path: Path) -> None:
    killed = []
    for seconds in (0.1, 0.3, 0.5, 0.4):
        loader = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", LOADER, *urls, str(tmp_path)),
            cwd=Path(__file__).parents[1],
            stdout=asyncio.subprocess.PIPE,
        )
        assert loader.stdout is not None
        assert await loader.stdout.readline() == b"begins\n"
        await asyncio.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):  # a fast machine may have finished by the last round
            loader.kill()
        killed.append(await loader.wait() == -signal.SIGKILL)
    assert any(killed)
    async with stores(*urls, tmp_path) as (app, pictures):
        await load_demo_market(app, pictures)
        assert await counts(app) == WHOLE


async def test_what_people_do_meanwhile_does_not_stop_it(urls: tuple[str, str], tmp_path: Path) -> None:
    gone, swapped = TALKS[0].offered, TALKS[1].requested
    async with stores(*urls, tmp_path) as (app, pictures):
        loading = _Loading(app, pictures, DemoMarket({}, {}))
        for person in PEOPLE[:-1]:
            await loading.settle(person)
        items = {listing.key: await loading.list_item(listing) for listing in LISTINGS}
        owner = next(listing.owner for listing in LISTINGS if listing.key == gone)
        await loading._do(owner, "item:delete", {"itemId": str(items[gone])})
        async with app.database.connection() as tx:  # as when it was swapped: its owner is somebody else, and it is not listed
            await tx.execute(
                """
                UPDATE items SET status = 'traded', owner_id = (SELECT id FROM users WHERE id <> owner_id LIMIT 1) WHERE id = $1
                """,
                items[swapped],
            )
        assert await load_demo_market(app, pictures) is not None
        now = await counts(app)
        assert now["people"] == WHOLE["people"], "it is complete, and is not begun again"
        assert now["pictured"] == WHOLE["pictured"] - 2
        assert now["deals"] == WHOLE["deals"] - 2
        assert len(os.listdir(tmp_path)) == 2 * now["pictured"], "no picture is left that nothing shows"
