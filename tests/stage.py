"""Where a table of moves is played on a real server: its people, and a deal in each of its states, come to by real moves.

Only time is moved by SQL, since nobody wants to wait; and the sweeper does not come by, so that what is late and not yet swept
can be looked at.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
import pytest

import server.upkeep
from handlers.app import App
from handlers.upkeep import expire_deals
from tests.conftest import Market
from tests.people import Person, Refused
from tests.promises import broken_promises
from tests.raw_socket import raw_socket
from tests.rings import chain_of, cycle_of
from tests.tables import OFFER, RING, RING_WORDS, S1_WORDS, S2_WORDS, TRADE, Cell, Row, Table

TIME = {
    "expiry": "UPDATE deals SET created_at = now() - interval '8 days', expires_at = now() - interval '1 s' WHERE id = $1",
    "deadline": "UPDATE deals SET complete_by = now() - interval '1 s' WHERE id = $1",
}
# Items by id: who owns them, and how they are. Legs: who gives which item to whom, by the latest terms.
EVERYTHING = """
    SELECT to_jsonb(deal) - 'reminded_at' AS deal,
           (SELECT jsonb_agg(to_jsonb(party) ORDER BY position) FROM parties AS party WHERE deal_id = deal.id) AS parties,
           (SELECT count(*) FROM revisions WHERE deal_id = deal.id) AS revisions,
           (SELECT last_seq FROM conversations WHERE deal_id = deal.id) AS last_seq,
           (SELECT jsonb_agg(item_id ORDER BY item_id) FROM item_holds WHERE deal_id = deal.id) AS held,
           (SELECT count(*) FROM ownership WHERE deal_id = deal.id) AS ledger_lines,
           (SELECT jsonb_object_agg(id, jsonb_build_array(owner_id, status)) FROM items WHERE id = ANY(deal.item_ids)) AS items,
           (SELECT jsonb_agg(jsonb_build_array(item_id, giver_id, receiver_id) ORDER BY item_id)
              FROM legs WHERE deal_id = deal.id AND revision = deal.revision) AS legs
      FROM deals AS deal WHERE deal.id = $1
"""
# The moves of trades and offers that only one model has, or by which the two say different things (`tests.tables`).
EVENTS = {
    "interest": "trade:interest",
    "confirm": "trade:confirm",
    "accept": "offer:accept",
    "counter": "offer:counter",
    "cancel": "offer:cancel",
    "let-go": "trade:cancel",
    "dispute": "trade:dispute",
}
ANSWERS = {"accept": True, "reject": False}
Everything = dict[str, Any]
StageOf = TypeVar("StageOf", bound="Stage")


class Stage(ABC):
    """The people of one table, and a deal in each state that only refusals touch."""

    names: tuple[str, ...]  # who acts in the table, but for those who have no business in it
    table: Table

    def __init__(self, market: Market, people: dict[str, Person], connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.market = market
        self.people = people
        self.connection = connection
        self.untouched: dict[str, str] = {}

    @abstractmethod
    async def proposes(self) -> str:
        """A new deal's id."""

    @abstractmethod
    async def asks(self, person: Person, door: str, move: str, deal_id: str) -> Any:
        """Make the move, and have its answer."""

    async def deal_that_is(self, state: str) -> str:
        """A new deal that has come to this state; its id."""
        deal_id = await self.proposes()
        for step in self.table.comes_by[state].split():
            who, what = step.split(":")
            if who != "time":
                await self.asks(self.people[who], "rest", what, deal_id)
            elif what == "sweep":
                await expire_deals(self.market.service.app)
            else:
                await self.connection.execute(TIME[what], deal_id)
        return deal_id

    async def everything_about(self, deal_id: str) -> Everything:
        row = await self.connection.fetchrow(EVERYTHING, deal_id)
        assert row is not None
        return {name: json.loads(value) if isinstance(value, str) else value for name, value in row.items()}

    async def refusals(self, row: Row, door: str) -> dict[str, str]:
        """The code that each of the row's moves is refused with. Who has not signed in gets no socket to ask by."""
        codes: dict[str, str] = {}
        if (row.who, door) == ("nobody", "socket"):
            async with raw_socket(self.market.cast) as raw:
                packet = await raw.connect({})
            assert packet is not None
            return dict.fromkeys(row.refused, json.loads(packet.removeprefix("44"))["data"]["code"])
        for move in row.refused:
            with pytest.raises(Refused) as no:
                await self.asks(self.people[row.who], door, move, self.untouched[row.state])
            codes[move] = no.value.code
        return codes

    async def refuses(self, row: Row, door: str) -> None:
        """All of the row's moves, each with its code; and nothing has changed."""
        before = await self.everything_about(self.untouched[row.state])
        assert await self.refusals(row, door) == row.refused
        assert await self.everything_about(self.untouched[row.state]) == before

    async def makes(self, cell: Cell, door: str) -> Any:
        """The cell's move, made on a new deal, and what it must bring by the table; its answer."""
        deal_id = await self.deal_that_is(cell.state)
        before = await self.everything_about(deal_id)
        answered = await self.asks(self.people[cell.who], door, cell.move, deal_id)
        after = await self.everything_about(deal_id)
        status = before["deal"]["status"] if cell.answer in ("asked", "again") else cell.answer
        assert answered["status"] == self.said(cell.move, status)
        if cell.answer == "again":
            assert after == before, "who says it twice has said it once"
            return answered
        assert after["deal"]["status"] == status
        assert after["last_seq"] == before["last_seq"] + 1
        assert after["revisions"] == before["revisions"] + (cell.move == "counter"), "every round is kept (C35)"
        assert after == after | due(after), "items are held, freed or moved as the status says, all or none (C33)"
        return answered

    @abstractmethod
    def said(self, move: str, status: str) -> str:
        """What the door that the move goes through prints for the engine's status."""


class SwapStage(Stage):
    """Trades and offers: both models' moves, made on what one of them has opened."""

    names = ("requester", "owner")
    model: str  # which opened it, and makes the moves that both have

    def event(self, move: str) -> str:
        return EVENTS.get(move, f"{self.model}:{move}")

    def said(self, move: str, status: str) -> str:
        by_trades = self.event(move).startswith("trade:")
        return S1_WORDS.get(status, status) if by_trades else S2_WORDS.get(status, status.upper())

    async def asks(self, person: Person, door: str, move: str, deal_id: str) -> Any:
        event = self.event(move)
        ask = {"tradeId" if event.startswith("trade:") else "offerId": deal_id}
        if move == "counter":
            # Each puts an item of their own on the table, so that nothing but whose turn it is can be wrong with it.
            ask["counterOfferItemId"] = await (person if person.token else self.people["owner"]).lists("Another thing")
        return await person.through(door, event, **ask)


class TradeStage(SwapStage):
    model = "trade"
    table = TRADE

    async def proposes(self) -> str:
        requester, owner = self.people["requester"], self.people["owner"]
        items = {"offeredItem": await requester.lists(), "requestedItem": await owner.lists()}
        return str((await requester.by_rest("trade:request", **items))["id"])


class OfferStage(SwapStage):
    model = "offer"
    table = OFFER

    async def proposes(self) -> str:
        requester, owner = self.people["requester"], self.people["owner"]
        items = {"offeredItemId": await requester.lists(), "requestedItemId": await owner.lists()}
        return str((await requester.by_rest("offer:create", **items))["id"])


class CycleStage(Stage):
    names = ("initiator", "second", "third")
    table = RING

    async def proposes(self) -> str:
        return str((await cycle_of(*(self.people[name] for name in self.names)))["id"])

    def said(self, move: str, status: str) -> str:
        return RING_WORDS.get(status, status.upper())

    async def asks(self, person: Person, door: str, move: str, deal_id: str) -> Any:
        if move in ANSWERS:
            return await person.through(door, "chain:respond", chainId=deal_id, accept=ANSWERS[move])
        return await person.through(door, f"chain:{move}", chainId=deal_id)


class ChainStage(CycleStage):
    async def proposes(self) -> str:
        return str((await chain_of(*(self.people[name] for name in self.names)))["id"])


def due(deal: Everything) -> Everything:
    """What must be so by the deal's status: who has the items of its terms, how these are, and which of them it holds."""
    status = deal["deal"]["status"]
    held, moved = status in ("confirmed", "disputed"), status == "completed"
    return {
        "held": [item for item, _, _ in deal["legs"]] if held else None,
        "ledger_lines": len(deal["legs"]) if moved else 0,
        "items": {
            item: [receiver if moved else giver, "traded" if held or moved else "available"]
            for item, giver, receiver in deal["legs"]
        },
    }


@asynccontextmanager
async def set_up(made: type[StageOf], market: Market) -> AsyncIterator[StageOf]:
    """The stage with its deals; afterwards, no promise is broken."""
    async with market.sql() as connection:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(server.upkeep, "expire_deals", _nothing)
            names = (*made.names, "stranger")
            people = dict(zip(names, await market.cast.people(*names, connected=True), strict=True))
            stage = made(market, people | {"nobody": Person(market.cast, "nobody", "")}, connection)
            # First what is expired: the sweep that makes it takes all that is late.
            for state in sorted(made.table.comes_by, key=lambda state: state != "expired"):
                stage.untouched[state] = await stage.deal_that_is(state)
            for state, deal_id in stage.untouched.items():
                now = (await stage.everything_about(deal_id))["deal"]["status"]
                assert (now == "expired") == (state == "expired"), f"{state} is {now}"
            yield stage
            assert await broken_promises(connection) == []


async def _nothing(_: App) -> int:
    return 0
