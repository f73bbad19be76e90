"""Fill an empty database with the demo market of `listings.py`, through the actions themselves.

Safe to be killed at any point: every step has an idempotency key, so that the next start does what is missing and
nothing twice. The guest's account is made last: where it is, the market is complete.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import structlog

import handlers  # noqa: F401 - registers the actions
from handlers.app import App
from handlers.dispatch import Answer, Refused, Request, dispatch
from handlers.notices import Notice
from handlers.tokens import Caller
from matching.refusals import EmailTaken, Internal, Unavailable
from server.demo.listings import GUEST, LISTINGS, PASSWORD, PEOPLE, TALKS, Listing, Person, Talk
from server.demo.motifs import picture_of
from server.pictures import Pictures
from storage.people import is_empty, user_by_email

log = structlog.get_logger()

# Keys are remembered for 24 hours (contract.md), so an interrupted loading is only taken up again well before that.
RESUMED_HOURS_MAX = 20
PAINTERS = 2
OWN_FAILINGS = {Internal.code, Unavailable.code}


@dataclass(frozen=True, slots=True)
class DemoMarket:
    """Who is in it, by key: people and items."""

    people: dict[str, UUID]
    items: dict[str, UUID]


class DemoMarketFailed(Exception):
    """An action refused what it should not: a bug in the demo market or in the action."""

    def __init__(self, what: str, no: Refused) -> None:
        super().__init__(f"{what}: {no.message}")
        self.code = no.error.code


async def load_demo_market(app: App, pictures: Pictures) -> DemoMarket | None:
    """Load the demo market, or what is missing of it. None: it is complete already, or other people live here.

    Safe to call at every start, and from several processes. Takes about two seconds. Raises DemoMarketFailed.
    """
    if not await _is_due(app):
        return None
    market = DemoMarket({}, {})
    loading = _Loading(app, pictures, market)
    residents = [person for person in PEOPLE if person.key != GUEST]
    for person in residents:
        await loading.settle(person)
    for listing in LISTINGS:
        market.items[listing.key] = await loading.list_item(listing)
    await loading.paint_all()
    for talk in TALKS:
        with _left_out_if_refused():
            await loading.talk(talk)
    for person in PEOPLE[len(residents) :]:
        await loading.settle(person)
    return market


async def _is_due(app: App) -> bool:
    async with app.database.connection() as tx:
        first = await user_by_email(tx, PEOPLE[0].email)
        if first is None:
            return await is_empty(tx)
        if await user_by_email(tx, PEOPLE[-1].email) is not None:
            return False
        age: timedelta = datetime.now(UTC) - first["created_at"]
        return age < timedelta(hours=RESUMED_HOURS_MAX)


@contextmanager
def _left_out_if_refused() -> Iterator[None]:
    """The server answers while its market is loaded: whoever signs in may trade a thing, edit it, sell it or take it down
    before it has its picture, or its part in a talk. Another process that loads it may be first, with a picture of its own.
    """
    try:
        yield
    except DemoMarketFailed as no:
        if no.code in OWN_FAILINGS:
            raise
        log.warning("demo.left_out", what=str(no))


class _Loading:
    def __init__(self, app: App, pictures: Pictures, market: DemoMarket) -> None:
        self._app = app
        self._pictures = pictures
        self._market = market

    async def settle(self, person: Person) -> None:
        """Register, and fill in the profile."""
        account = {"name": person.name, "email": person.email, "password": PASSWORD}
        answer = await dispatch(self._app, Request("POST /auth/register", account, door="demo"))
        if isinstance(answer.body, Refused) and answer.body.error.code != EmailTaken.code:
            raise DemoMarketFailed(person.email, answer.body)
        async with self._app.database.connection() as tx:
            row = await user_by_email(tx, person.email)
        assert row is not None, "registered just now, or before"
        self._market.people[person.key] = row["id"]
        profile: dict[str, Any] = {"governorate": person.governorate, "locale": person.locale}
        if person.key != GUEST:
            profile["mailOff"] = list(Notice)  # nobody reads at their addresses
        await self._do(person.key, "user:update", profile, key="demo profile")

    async def list_item(self, listing: Listing) -> UUID:
        owner = next(person for person in PEOPLE if person.key == listing.owner)
        item = {
            "title": listing.title,
            "description": listing.description,
            "category": listing.category,
            "condition": listing.condition,
            "lookingFor": listing.looking_for,
            "estimatedValue": listing.value,
            "governorate": owner.governorate,
            "wants": listing.wants,
            "openToGive": listing.open_to_give,
        }
        made = await self._do(listing.owner, "item:create", item, key=f"demo item {listing.key}")
        return UUID(made["id"])

    async def paint_all(self) -> None:
        """A picture for every listing that has none yet: a few are painted at a time, in threads."""
        places = asyncio.Semaphore(PAINTERS)
        with tempfile.TemporaryDirectory(prefix="swaploop-demo-") as directory:
            async with asyncio.TaskGroup() as group:
                for listing in LISTINGS:
                    group.create_task(self._paint(listing, Path(directory) / listing.key, places))

    async def _paint(self, listing: Listing, source: Path, places: asyncio.Semaphore) -> None:
        async with places:
            with _left_out_if_refused():
                await self._paint_now(listing, source)

    async def _paint_now(self, listing: Listing, source: Path) -> None:
        item_id = str(self._market.items[listing.key])
        if (await self._do(listing.owner, "item:get", {"itemId": item_id}))["images"]:
            return
        await asyncio.to_thread(lambda: source.write_bytes(picture_of(listing.category, listing.key)))
        picture = await self._pictures.make(source)
        asked = {
            "itemId": item_id,
            "images": [{"name": picture.name, "width": picture.width, "height": picture.height}],
        }
        try:
            await self._do(listing.owner, "POST /items/{item_id}/images", asked, key=f"demo picture {listing.key}")
        except DemoMarketFailed:
            await self._pictures.discard([picture.name])
            raise

    async def talk(self, talk: Talk) -> None:
        """Open a trade and its conversation, and let people say and do what they do."""
        key = f"demo trade {talk.offered}"
        requester = next(listing.owner for listing in LISTINGS if listing.key == talk.offered)
        asked = {
            "offeredItem": str(self._market.items[talk.offered]),
            "requestedItem": str(self._market.items[talk.requested]),
            "message": talk.message,
        }
        trade = await self._do(requester, "trade:request", asked, key=key)
        for number, (who, step) in enumerate(talk.steps, start=1):
            if step.startswith(":"):
                await self._do(who, step[1:], {"tradeId": trade["id"]}, key=f"{key} {number}")
            else:
                said = {"conversationId": trade["conversation"], "text": step, "clientMessageId": f"{key} {number}"}
                await self._do(who, "message:send", said)

    async def _do(self, who: str, name: str, raw: dict[str, Any], key: str | None = None) -> Any:
        """What the action answers as data. Raises DemoMarketFailed where it refuses."""
        body = (await self._ask(who, name, raw, key)).body
        if isinstance(body, Refused):
            raise DemoMarketFailed(f"{name} by {who}", body)
        return msgspec.json.decode(body if isinstance(body, msgspec.Raw) else msgspec.json.encode(body))["data"]

    async def _ask(self, who: str, name: str, raw: dict[str, Any], key: str | None) -> Answer:
        caller = Caller(self._market.people[who], uuid4(), datetime.now(UTC) + timedelta(minutes=1))
        answer = await dispatch(self._app, Request(name, raw, door="demo", caller=caller, key=key))
        # A refusal with a key is stored and comes back as it was encoded.
        if isinstance(answer.body, msgspec.Raw) and answer.status >= 400:
            return Answer(answer.status, msgspec.json.decode(answer.body, type=Refused), answer.headers)
        return answer
